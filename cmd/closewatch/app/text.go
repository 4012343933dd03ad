package app

import "github.com/closewatch/closewatch/internal/fault"

// clipText bounds what an error may say on a page.
func clipText(err error) string {
	const limit = 300
	s := []rune(err.Error())
	if len(s) > limit {
		return string(s[:limit-1]) + "…"
	}
	return string(s)
}

func hintText(err error) string { return fault.HintOf(err) }
