package main

import (
	"fmt"
	"io"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
)

// checked is what check says for machines.
type checked struct {
	app.Resolved
	Pages app.Lint `json:"pages"`
}

// printLint prints what is wrong with the pages, and how many to expect.
func printLint(out io.Writer, l app.Lint) {
	for _, f := range l.Findings {
		kind := "advice"
		if f.Refused {
			kind = "refused"
		}
		fmt.Fprintf(out, "%s (%s, %s)\n", f.Mistake, f.Rule, kind)
	}
	fmt.Fprintf(out, "Pages: %.1f in a shift of 12 h, were every objective only just met; people bear %d.\n", l.Pages, l.Bearable)
}
