package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/lab"
	matrixcase "github.com/closewatch/closewatch/internal/lab/matrix"
	"github.com/closewatch/closewatch/internal/tiering"
)

// An outcome is what came.
type outcome struct {
	got      string
	seconds  string
	resolved string
	first    tiering.Candidate // ranked first when the verdict was there
	causes   bool              // it is the one that was injected
	failed   string            // why it fell short; "" when it passed
}

// check runs the matrix and prints it. It fails when one falls short. What each
// fault was judged by is kept in a directory, if one is given, and their pairs
// are judged from there.
func (d *demo) check(ctx context.Context, only, keep string) error {
	var chosen []expectation
	for _, e := range matrix() {
		if only == "" || slices.Contains(strings.Split(only, ","), e.fault) {
			chosen = append(chosen, e)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("--only %s names no fault; see closewatch demo fault", only)
	}
	t := newTable(d.out)
	t.AppendHeader(table.Row{"fault", "lead process", "expected", "got", "seconds to alert", "resolved", "expected cause", "ranked first", "confidence"})
	passed, failed := 0, 0
	for i, e := range chosen {
		fmt.Fprintf(d.out, "(%d/%d) %s\n", i+1, len(chosen), e.fault)
		if i > 0 {
			if err := d.afresh(ctx, i); err != nil {
				return err
			}
		}
		o := d.try(ctx, e, keep)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.AppendRow(table.Row{
			e.fault, dash(e.lead), e.words(), o.got, dash(o.seconds), dash(o.resolved),
			dash(strings.Join(e.behind, " or ")), dash(matrixcase.Name(o.first)), dash(string(o.first.Confidence)),
		})
		if o.failed == "" {
			passed++
		} else {
			failed++
			fmt.Fprintf(d.out, "      fell short: %s\n", o.failed)
		}
	}
	t.Render()
	fmt.Fprintf(d.out, "demo-check: %d passed, %d failed\n", passed, failed)
	if keep != "" {
		if err := printRanking(d.out, keep); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &findings{}
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// try injects one fault, waits for what it must bring about, mends it and waits
// for that to be said.
func (d *demo) try(ctx context.Context, e expectation, keep string) (o outcome) {
	short := func(format string, args ...any) outcome {
		if o.failed == "" {
			o.failed = fmt.Sprintf(format, args...)
		}
		return o
	}
	if err := d.awaitHealthy(ctx, 3*time.Minute); err != nil {
		return short("%v", err)
	}
	if err := d.awaitQuiet(ctx, 3*time.Minute); err != nil {
		return short("%v", err)
	}
	seen := newAlertLog(d.world.Alertmanager)
	seen.forget(ctx)
	began := time.Now()
	if err := d.world.Inject(ctx, e.fault); err != nil {
		return short("%v", err)
	}
	about := e.about
	if e.lead == "" {
		if !seen.follow(ctx, e.watch, func([]lab.Alert) bool { return e.about != "" && d.suspects(e, e.about) }) && len(e.behind) > 0 {
			short("%s is not suspected first within %s", strings.Join(e.behind, " or "), e.watch)
		}
	} else {
		for want := &e; want != nil; want = want.then {
			if !seen.follow(ctx, want.within-time.Since(began), want.met) {
				short("no %s %s led by %s within %s", want.tier, want.sev, want.lead, want.within)
				break
			}
			if about == "" {
				about = seen.lead(*want)
			}
			o.seconds = strings.TrimPrefix(fmt.Sprintf("%s, %.0f", o.seconds, time.Since(began).Seconds()), ", ")
		}
	}
	if len(e.behind) > 0 {
		if err := d.judge(e, cmp.Or(about, e.lead), keep, &o); err != nil {
			short("%v", err)
		}
	}
	if err := d.world.Clear(ctx); err != nil {
		return short("%v", err)
	}
	mended := time.Now()
	gone := seen.follow(ctx, e.resolve, quiet)
	o.got = seen.words()
	switch {
	case !gone:
		o.resolved = "no"
		return short("still firing %s after mending: %s", time.Since(mended).Round(time.Second), strings.Join(seen.now, ", "))
	case e.lead != "":
		o.resolved = fmt.Sprintf("after %.0fs", time.Since(mended).Seconds())
	}
	pages := seen.pages()
	wantPages := 0
	for want := &e; want != nil; want = want.then {
		if want.sev == "page" {
			wantPages++
		}
	}
	if len(pages) != wantPages {
		return short("%d pages, want %d: %s", len(pages), wantPages, strings.Join(pages, ", "))
	}
	if n := seen.incidents(); e.single && n != 1 {
		return short("%d incidents, want 1", n)
	}
	if e.lead == "" {
		for _, a := range seen.all {
			if e.atMost == "" || a.Labels["tier"] != e.atMost {
				return short("%s came", describe(a))
			}
		}
	}
	return o
}

// suspects reports whether the cause is ranked first for a process now.
func (d *demo) suspects(e expectation, process string) bool {
	return slices.Contains(e.behind, d.ranked(process))
}

// ranked names what is ranked first for a process now; "" when nothing is.
func (d *demo) ranked(process string) string {
	if t := d.daemon.Newest(); t != nil {
		for _, im := range t.Impacts {
			if im.Process == process && len(im.Candidates) > 0 {
				return matrixcase.Name(im.Candidates[0])
			}
		}
	}
	return ""
}

// judge reads the newest tick from the record, says what is ranked first for a
// process, and keeps what it was judged by.
func (d *demo) judge(e expectation, process, keep string, o *outcome) error {
	t, err := app.RecordedTick(d.data, d.daemon.Newest().At)
	if err != nil {
		return err
	}
	c := matrixcase.Case{Fault: e.fault, Causes: e.behind, Process: process, At: t.At, Rules: tiering.DefaultRules().Scale(d.daemon.Scale())}
	for i, im := range t.Impacts {
		if im.Process == process || len(im.Candidates) > 0 && len(t.Evidence[i].Flows) > 0 {
			c.Seen = append(c.Seen, matrixcase.Reduce(t.Evidence[i]))
		}
		if im.Process == process && len(im.Candidates) > 0 {
			o.first, o.causes = im.Candidates[0], slices.Contains(e.behind, matrixcase.Name(im.Candidates[0]))
		}
	}
	if keep != "" {
		if err := c.Save(keep); err != nil {
			return err
		}
	}
	if !o.causes {
		return fmt.Errorf("%s is ranked first for %s, want %s", dash(matrixcase.Name(o.first)), process, strings.Join(e.behind, " or "))
	}
	return nil
}

// met reports whether the expected alert is among those firing.
func (e *expectation) met(now []lab.Alert) bool {
	return slices.ContainsFunc(now, func(a lab.Alert) bool {
		leads := a.Labels["process"] == e.lead || slices.Contains(e.or, a.Labels["process"])
		return leads && a.Labels["tier"] == e.tier && a.Labels["severity"] == e.sev &&
			strings.Contains(a.Annotations["reason"], e.row) && (e.cause == "" || a.Annotations["cause_component"] == e.cause)
	})
}

// lead names the process of the alert that was expected.
func (l *alertLog) lead(e expectation) string {
	for _, a := range l.firing {
		if e.met([]lab.Alert{a}) {
			return a.Labels["process"]
		}
	}
	return e.lead
}

// quiet reports whether nothing is left that anybody has to look at: a budget
// that was spent goes on being told for information.
func quiet(now []lab.Alert) bool {
	return !slices.ContainsFunc(now, func(a lab.Alert) bool { return a.Labels["tier"] != tierInfo })
}

// awaitQuiet waits until nothing fires that anybody has to look at.
func (d *demo) awaitQuiet(ctx context.Context, patience time.Duration) error {
	log := newAlertLog(d.world.Alertmanager)
	if !log.follow(ctx, patience, quiet) {
		return fmt.Errorf("the estate does not get quiet: %s", strings.Join(log.now, ", "))
	}
	return nil
}

// An alertLog remembers every alert Alertmanager held while it was followed.
type alertLog struct {
	from   *lab.Alertmanager
	old    map[string]bool      // fingerprints of what fired before
	all    map[string]lab.Alert // by fingerprint, as they were last
	firing []lab.Alert
	now    []string
}

func newAlertLog(am *lab.Alertmanager) *alertLog {
	return &alertLog{from: am, all: map[string]lab.Alert{}}
}

// forget leaves out what fires already.
func (l *alertLog) forget(ctx context.Context) {
	old := map[string]bool{}
	l.follow(ctx, 10*time.Second, func(now []lab.Alert) bool {
		for _, a := range now {
			old[a.Fingerprint] = true
		}
		return true
	})
	*l = *newAlertLog(l.from)
	l.old = old
}

// follow reads Alertmanager until done says so, or patience ends.
func (l *alertLog) follow(ctx context.Context, patience time.Duration, done func([]lab.Alert) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		alerts, err := l.from.Alerts(ctx)
		if err == nil {
			alerts = slices.DeleteFunc(alerts, func(a lab.Alert) bool { return a.Labels["alertname"] == "ClosewatchWatchdog" || l.old[a.Fingerprint] })
			l.now, l.firing = nil, alerts
			for _, a := range alerts {
				l.all[a.Fingerprint] = a
				l.now = append(l.now, describe(a))
			}
			if done(alerts) {
				return true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// incidents counts what the alerts were in the end: those that turn out to share
// a cause become one.
func (l *alertLog) incidents() int {
	ids := map[string]bool{}
	for _, a := range l.all {
		ids[a.Annotations["incident"]] = true
	}
	return len(ids)
}

func (l *alertLog) pages() []string {
	var out []string
	for _, a := range l.all {
		if a.Labels["severity"] == "page" {
			out = append(out, describe(a))
		}
	}
	slices.Sort(out)
	return out
}

// words sums up all that came: pages in full, the rest by count.
func (l *alertLog) words() string {
	if len(l.all) == 0 {
		return "nothing"
	}
	var parts []string
	count := map[string]int{}
	for _, a := range l.all {
		if a.Labels["severity"] == "page" {
			parts = append(parts, "page "+a.Labels["process"])
		} else {
			count[a.Labels["severity"]]++
		}
	}
	slices.Sort(parts)
	for _, s := range []string{"ticket", "info"} {
		if n := count[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(parts, ", ")
}

func describe(a lab.Alert) string {
	return fmt.Sprintf("%s %s %s", a.Labels["process"], a.Labels["tier"], a.Labels["severity"])
}
