package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	matrixcase "github.com/closewatch/closewatch/internal/lab/matrix"
	"github.com/closewatch/closewatch/internal/tiering"
)

// causes breaks the estate in every way, or in those that are named, and prints
// which cause is ranked first when the verdict is there. Each fault meets a
// daemon that has seen no other. What each was judged by is kept in a directory,
// from which every two of them are judged together.
func (d *demo) causes(ctx context.Context, only, keep string) error {
	all, err := chosen(only, func(e expectation) bool { return len(e.behind) > 0 || e.about != "" })
	if err != nil {
		return err
	}
	t := newTable(d.out)
	t.AppendHeader(table.Row{"fault", "process", "expected tier", "got", "expected cause", "ranked first", "confidence", "seconds to verdict"})
	failed := 0
	for i, e := range all {
		if i > 0 {
			if err := d.afresh(ctx, i); err != nil {
				return err
			}
		}
		o := d.findCause(ctx, e, keep)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fmt.Fprintf(d.out, "(%d/%d) %s: %s after %ss, %s first\n", i+1, len(all), e.fault, dash(o.got), dash(o.seconds), dash(matrixcase.Name(o.first)))
		t.AppendRow(table.Row{
			e.fault, dash(o.process), e.tierWords(), dash(o.got), dash(strings.Join(e.behind, " or ")), dash(matrixcase.Name(o.first)),
			dash(string(o.first.Confidence)), dash(o.seconds),
		})
		if o.failed != "" {
			failed++
			fmt.Fprintf(d.out, "      fell short: %s\n", o.failed)
		}
	}
	t.Render()
	if err := printRanking(d.out, keep); err != nil {
		return err
	}
	if failed > 0 {
		return &findings{}
	}
	return nil
}

// findCause injects one fault, waits for the verdict, sees what is ranked first,
// and mends it.
func (d *demo) findCause(ctx context.Context, e expectation, keep string) (o outcome) {
	short := func(format string, args ...any) {
		if o.failed == "" {
			o.failed = fmt.Sprintf(format, args...)
		}
	}
	if err := d.awaitHealthy(ctx, 3*time.Minute); err != nil {
		short("%v", err)
		return o
	}
	began := time.Now()
	if err := d.world.Inject(ctx, e.fault); err != nil {
		short("%v", err)
		return o
	}
	o.process = e.about
	var verdict *app.Tick
	waited := d.follow(ctx, max(e.within, e.watch), func(t *app.Tick) bool {
		verdict = t
		if e.lead == "" {
			return len(e.behind) > 0 && slices.Contains(e.behind, rankedAt(t, e.about))
		}
		process, ok := e.reached(t)
		if ok {
			o.process = process
		}
		return ok
	})
	if waited {
		o.seconds = fmt.Sprintf("%.0f", time.Since(began).Seconds())
	}
	if o.process == "" {
		o.process = e.lead
	}
	switch {
	case waited:
	case e.lead != "":
		short("no %s of %s by %s within %s", e.tier, e.lead, e.row, e.within)
	case len(e.behind) > 0:
		short("%s is not ranked first within %s", strings.Join(e.behind, " or "), e.watch)
	}
	if verdict != nil {
		if err := d.judge(ctx, e, began, verdict.At, keep, &o); err != nil {
			short("%v", err)
		}
	}
	if err := d.world.Clear(ctx); err != nil {
		short("%v", err)
	}
	return o
}

// follow looks at each tick until done says so, or patience ends.
func (d *demo) follow(ctx context.Context, patience time.Duration, done func(*app.Tick) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last time.Time
	for {
		if t := d.daemon.Newest(); t != nil && t.At.After(last) {
			last = t.At
			if done(t) {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// rankedAt names what is ranked first for a process; "" when nothing is.
func rankedAt(t *app.Tick, process string) string {
	for _, im := range t.Impacts {
		if im.Process == process && len(im.Candidates) > 0 {
			return matrixcase.Name(im.Candidates[0])
		}
	}
	return ""
}

// recorded reads a tick from the record, into which it comes shortly after it is
// decided.
func (d *demo) recorded(ctx context.Context, at time.Time) (*app.Tick, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		t, err := app.RecordedTick(d.data, at)
		if err == nil && t.At.Equal(at) {
			return t, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("the tick of %s is not recorded", at.Format(time.RFC3339)), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// judge reads a tick from the record, says what is ranked first for the process
// that is looked at, and keeps what it was judged by.
func (d *demo) judge(ctx context.Context, e expectation, injected, at time.Time, keep string, o *outcome) error {
	t, err := d.recorded(ctx, at)
	if err != nil {
		return err
	}
	c := matrixcase.Case{Fault: e.fault, Causes: e.behind, Process: o.process, Injected: injected.UTC(), At: t.At, Rules: tiering.DefaultRules().Scale(d.daemon.Scale())}
	for i, im := range t.Impacts {
		if im.Process == o.process || len(im.Candidates) > 0 && len(t.Evidence[i].Flows) > 0 {
			c.Seen = append(c.Seen, matrixcase.Reduce(t.Evidence[i]))
		}
		if im.Process == o.process {
			o.got = im.Tier.String()
			if len(im.Candidates) > 0 {
				o.first = im.Candidates[0]
			}
		}
	}
	if e.lead == "" && o.got != tiering.None.String() && o.got != tierInfo && o.got != e.atMost {
		return fmt.Errorf("%s is %s, want %s", o.process, o.got, e.words())
	}
	if len(e.behind) == 0 {
		if name := matrixcase.Name(o.first); name != "" {
			return fmt.Errorf("%s is ranked first for %s, want nothing", name, o.process)
		}
		return nil
	}
	if keep != "" {
		if err := c.Save(keep); err != nil {
			return err
		}
	}
	if !slices.Contains(e.behind, matrixcase.Name(o.first)) {
		return fmt.Errorf("%s is ranked first for %s, want %s", dash(matrixcase.Name(o.first)), o.process, strings.Join(e.behind, " or "))
	}
	return nil
}

// tierWords say which tier must come.
func (e expectation) tierWords() string {
	if e.lead == "" {
		return e.words()
	}
	return e.tier
}

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
