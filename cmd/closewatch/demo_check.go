package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

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
	process  string            // whose verdict was looked at
	failed   string            // why it fell short; "" when it passed
}

// chosen are the faults of the matrix that are named, or all that are wanted
// unless some are named.
func chosen(only string, wanted func(expectation) bool) ([]expectation, error) {
	var out []expectation
	for _, e := range matrix() {
		if only == "" && wanted(e) || slices.Contains(strings.Split(only, ","), e.fault) {
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("--only %s names no fault; see closewatch demo fault", only)
	}
	return out, nil
}

// check breaks the estate in the ways that tell most, or in those that are
// named, and prints what came of each. It fails when one falls short.
func (d *demo) check(ctx context.Context, only string) error {
	all, err := chosen(only, func(e expectation) bool { return e.alerts })
	if err != nil {
		return err
	}
	t := newTable(nil)
	t.AppendHeader(table.Row{"fault", "lead process", "expected", "got", "seconds to alert", "resolved", "expected cause", "ranked first", "confidence"})
	passed, failed := 0, 0
	for i, e := range all {
		fmt.Fprintf(d.out, "(%d/%d) %s\n", i+1, len(all), e.fault)
		o := d.try(ctx, e)
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
	fmt.Fprintln(d.out, t.Render())
	fmt.Fprintf(d.out, "demo-check: %d passed, %d failed\n", passed, failed)
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
func (d *demo) try(ctx context.Context, e expectation) (o outcome) {
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
	began := time.Now()
	if err := d.world.Inject(ctx, e.fault); err != nil {
		return short("%v", err)
	}
	o.process = e.about
	if e.lead == "" {
		seen.follow(ctx, e.watch, func([]lab.Alert) bool { return false })
	} else {
		for want := &e; want != nil; want = want.then {
			if !seen.follow(ctx, want.within-time.Since(began), want.met) {
				short("no %s %s led by %s within %s", want.tier, want.sev, want.lead, want.within)
				break
			}
			o.process = cmp.Or(o.process, seen.lead(*want))
			o.seconds = strings.TrimPrefix(fmt.Sprintf("%s, %.0f", o.seconds, time.Since(began).Seconds()), ", ")
		}
	}
	if len(e.behind) > 0 && o.process != "" {
		if err := d.judge(ctx, e, began, d.daemon.Newest().At, "", &o); err != nil {
			short("%v", err)
		}
	}
	if err := d.world.Clear(ctx); err != nil {
		return short("%v", err)
	}
	mended := time.Now()
	gone := seen.follow(ctx, e.resolve, func(now []lab.Alert) bool { return len(now) == 0 })
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
			if tier := a.Labels["tier"]; e.atMost == "" || tier != e.atMost && tier != tierInfo {
				return short("%s came", describe(a))
			}
		}
	}
	return o
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

// awaitQuiet waits until nothing but the watchdog fires.
func (d *demo) awaitQuiet(ctx context.Context, patience time.Duration) error {
	log := newAlertLog(d.world.Alertmanager)
	if !log.follow(ctx, patience, func(now []lab.Alert) bool { return len(now) == 0 }) {
		return fmt.Errorf("the estate does not get quiet: %s", strings.Join(log.now, ", "))
	}
	return nil
}

// An alertLog remembers every alert Alertmanager held while it was followed.
type alertLog struct {
	from   *lab.Alertmanager
	all    map[string]lab.Alert // by fingerprint, as they were last
	firing []lab.Alert
	now    []string
}

func newAlertLog(am *lab.Alertmanager) *alertLog {
	return &alertLog{from: am, all: map[string]lab.Alert{}}
}

// follow reads Alertmanager until done says so, or patience ends.
func (l *alertLog) follow(ctx context.Context, patience time.Duration, done func([]lab.Alert) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		alerts, err := l.from.Alerts(ctx)
		if err == nil {
			alerts = slices.DeleteFunc(alerts, func(a lab.Alert) bool { return a.Labels["alertname"] == "ClosewatchWatchdog" })
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
