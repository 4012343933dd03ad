package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/wording"
)

// printSignals prints every signal with the limits in force.
func printSignals(out io.Writer, signals []app.SignalShown) {
	t := newTable(out)
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 2, WidthMax: 40, WidthMaxEnforcer: text.WrapSoft},
		{Number: 5, WidthMax: 40, WidthMaxEnforcer: text.WrapSoft},
	})
	t.AppendHeader(table.Row{"signal", "bad when", "holds", "left at", "in the close", "changed in"})
	kind := ""
	for i, s := range signals {
		if i == 0 || s.Kind != kind {
			kind = s.Kind
			if i > 0 {
				t.AppendSeparator()
			}
			t.AppendRow(table.Row{"OF " + cmp.Or(kind, "closewatch itself")})
			t.AppendSeparator()
		}
		name := s.Name
		if s.Component != "" {
			name = "  at " + s.Component
		}
		if s.Off {
			t.AppendRow(table.Row{name, "switched off", "", "", "", s.Changed})
			continue
		}
		t.AppendRow(table.Row{name, s.Words(), holds(s.LimitsShown), s.Exit, inClose(s), s.Changed})
	}
	t.Render()
	fmt.Fprintln(out, "Left at: the share of the threshold at which a state is left again. Other limits: signals in the estate, see docs/signals.md.")
}

func holds(l app.LimitsShown) string {
	if l.For == 0 {
		return "at once"
	}
	return wording.Duration(l.For)
}

// inClose says what is different in the close.
func inClose(s app.SignalShown) string {
	if s.Close == nil {
		return ""
	}
	said := s.Close.Words()
	if s.Close.For != s.For {
		said += ", holds " + holds(*s.Close)
	}
	return said
}
