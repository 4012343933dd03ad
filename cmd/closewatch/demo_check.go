package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/closewatch/closewatch/internal/lab"
)

// An expectation is what a fault must bring about, read from the real
// Alertmanager's API and nowhere else.
type expectation struct {
	fault   string
	lead    string   // process; "" expects nothing, or no more than atMost
	or      []string // processes that may lead instead: chance decides which flow meets the fault first
	tier    string
	sev     string // of the lead: page or ticket
	row     string // of the decision table, somewhere in the alert's reason
	cause   string // component; "" does not matter
	single  bool   // everything it brings about is one incident
	within  time.Duration
	then    *expectation  // an escalation that follows
	watch   time.Duration // with lead "": how long nothing may come
	resolve time.Duration // after mending
}

const (
	tierCritical = "business-critical"
	tierDegraded = "degradation"
	tierInfo     = "informational"
)

// matrix is the promise of the demo.
func matrix() []expectation {
	alike := []string{"payment-registration", "e-invoicing"} // as critical as invoice-posting, and tried as well
	return []expectation{
		{fault: "standby-paused", lead: "invoice-posting", tier: tierCritical, sev: "page", row: "recovery-point-lost", within: 150 * time.Second, resolve: 90 * time.Second},
		{fault: "primary-killed", lead: "invoice-posting", or: alike, tier: tierCritical, sev: "page", row: "failing", cause: "db", single: true, within: 60 * time.Second, resolve: 150 * time.Second},
		{fault: "redis-stalled", lead: "invoice-posting", or: alike, tier: tierCritical, sev: "page", row: "failing", cause: "cache", single: true, within: 90 * time.Second, resolve: 120 * time.Second},
		{fault: "posting-fails", lead: "invoice-posting", tier: tierCritical, sev: "page", row: "failing-confirmed", single: true, within: 90 * time.Second, resolve: 120 * time.Second},
		{fault: "posting-slow", lead: "invoice-posting", tier: tierDegraded, sev: "ticket", row: "slow", within: 300 * time.Second, resolve: 240 * time.Second},
		{
			fault: "jobrunner-deaf", lead: "e-invoicing", tier: tierDegraded, sev: "ticket", row: "work-missing", single: true, within: 90 * time.Second, resolve: 120 * time.Second,
			then: &expectation{lead: "e-invoicing", tier: tierCritical, sev: "page", row: "failing", within: 120 * time.Second}, // its flow tells it, too
		},
		{fault: "cron-deactivated", lead: "subscription-billing", tier: tierDegraded, sev: "ticket", row: "work-missing", within: 120 * time.Second, resolve: 90 * time.Second},
		{fault: "traefik-stopped", lead: "invoice-posting", or: alike, tier: tierCritical, sev: "page", row: "failing", cause: "ingress", single: true, within: 60 * time.Second, resolve: 120 * time.Second},
		{fault: "idle-primary", watch: 60 * time.Second, resolve: 60 * time.Second},
		{fault: "cpu-burn", watch: 60 * time.Second, resolve: 60 * time.Second},
	}
}

// An outcome is what came.
type outcome struct {
	got      string
	seconds  string
	resolved string
	failed   string // why it fell short; "" when it passed
}

// check runs the matrix and prints it. It fails when one falls short.
func (d *demo) check(ctx context.Context, only string) error {
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
	t.AppendHeader(table.Row{"fault", "lead process", "expected", "got", "seconds to alert", "resolved"})
	passed, failed := 0, 0
	for i, e := range chosen {
		fmt.Fprintf(d.out, "(%d/%d) %s\n", i+1, len(chosen), e.fault)
		o := d.try(ctx, e)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.AppendRow(table.Row{e.fault, dash(e.lead), e.words(), o.got, dash(o.seconds), dash(o.resolved)})
		if o.failed == "" {
			passed++
		} else {
			failed++
			fmt.Fprintf(d.out, "      fell short: %s\n", o.failed)
		}
	}
	t.Render()
	fmt.Fprintf(d.out, "demo-check: %d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return &findings{}
	}
	return nil
}

func (e expectation) words() string {
	switch {
	case e.lead == "" && e.fault == "cpu-burn":
		return "informational at most"
	case e.lead == "":
		return "nothing"
	case e.then != nil:
		return e.tier + " " + e.sev + ", then " + e.then.tier + " " + e.then.sev
	default:
		return e.tier + " " + e.sev
	}
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
	if e.lead == "" {
		seen.follow(ctx, e.watch, func([]lab.Alert) bool { return false })
	} else {
		for want := &e; want != nil; want = want.then {
			if !seen.follow(ctx, want.within-time.Since(began), want.met) {
				short("no %s %s led by %s within %s", want.tier, want.sev, want.lead, want.within)
				break
			}
			o.seconds = strings.TrimPrefix(fmt.Sprintf("%s, %.0f", o.seconds, time.Since(began).Seconds()), ", ")
		}
	}
	if d.world.Active() != nil {
		if err := d.world.Clear(ctx); err != nil {
			return short("%v", err)
		}
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
			if t := a.Labels["tier"]; e.fault != "cpu-burn" || t != tierInfo {
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
	from *lab.Alertmanager
	all  map[string]lab.Alert // by fingerprint, as they were last
	now  []string
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
			l.now = nil
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
