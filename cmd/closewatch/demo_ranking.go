package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	matrixcase "github.com/closewatch/closewatch/internal/lab/matrix"
)

// printRanking judges what was kept of each fault again, alone and in pairs, and
// prints the pairs whose cause is not where it must be.
func printRanking(out io.Writer, dir string) error {
	cases, err := matrixcase.Load(dir)
	if err != nil {
		return err
	}
	first := 0
	for _, c := range cases {
		if _, right := c.First(); right {
			first++
		}
	}
	pairs := matrixcase.Pairs(cases)
	pairsFirst := 0
	t := newTable(out)
	t.AppendHeader(table.Row{"two faults at once", "process", "first", "second", "what is wrong"})
	for _, p := range pairs {
		if p.Right {
			pairsFirst++
			continue
		}
		t.AppendRow(table.Row{p.A + " and " + p.B, p.Process, dash(p.First), dash(p.Second), p.Why})
	}
	if pairsFirst < len(pairs) {
		t.Render()
	}
	fmt.Fprintf(out, "test-causes: faults=%d first=%d share=%s pairs=%d pairs_first=%d pairs_share=%s\n",
		len(cases), first, share(first, len(cases)), len(pairs), pairsFirst, share(pairsFirst, len(pairs)))
	return nil
}

// share is a part of a whole in percent, rounded down to a tenth.
func share(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	tenths := part * 1000 / whole
	return fmt.Sprintf("%d.%d%%", tenths/10, tenths%10)
}
