package app

import (
	"fmt"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// NotYetHealthy lists, in words, what keeps the estate from being healthy as a
// whole: components and exercised processes that do not, or not yet, work. It
// is what a demo or a test waits for.
func (a *App) NotYetHealthy() []string {
	t := a.engine.last.Load()
	if t == nil || !a.warm(t.At) {
		return []string{"the first ticks"}
	}
	var out []string
	for _, c := range t.Components {
		if c.State != signal.OK {
			out = append(out, fmt.Sprintf("%s is %s", c.Name, c.State))
		}
	}
	for i, im := range t.Impacts {
		if im.Tier > tiering.None {
			out = append(out, fmt.Sprintf("%s is %s", im.Process, im.Tier))
		}
		for _, f := range t.Evidence[i].Flows {
			if f.State != tiering.FlowPassing {
				out = append(out, fmt.Sprintf("%s is %s", f.Name, f.State))
			}
		}
	}
	return out
}
