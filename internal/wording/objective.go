package wording

import (
	"github.com/closewatch/closewatch/internal/process"
)

// Objective says an objective in words: "95 % within 3s, in the critical window
// within 5s: an entry is posted fast enough to work with".
func Objective(o process.Objective) string {
	normal, critical := goal(o.In(false)), goal(o.In(true))
	text := normal
	switch {
	case o.CriticalOnly:
		text = "in the critical window only " + normal
	case normal != critical:
		text += ", in the critical window " + critical
	}
	if o.Says != "" {
		text += ": " + o.Says
	}
	return text
}

func goal(o process.Objective) string {
	text := "every time"
	if !o.Every {
		text = Percent(o.Target.Float())
	}
	if o.Threshold > 0 {
		text += " within " + Duration(o.Threshold)
	}
	return text
}
