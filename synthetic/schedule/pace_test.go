package schedule_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// vienna is a calendar with a close, nights, weekends and a hard freeze, as a
// pace.
func vienna(t *testing.T, from, to time.Time) func(process string, at time.Time) schedule.Pace {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	mark := func(s string) calendar.Mark {
		m, err := calendar.ParseMark(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	plan := calendar.DefaultClosePlan()
	tl := calendar.Compile(calendar.Plan{
		Entity: "acme-at", Zone: zone, Close: &plan, Days: calendar.NewDays("at", calendar.MondayToFriday(), nil, nil),
		Freezes: []calendar.Freeze{{ID: "hard-close", From: mark("WD+5 00:00"), To: mark("WD+5 24:00"), Level: calendar.HardFreeze}},
	}, from, to)
	return func(process string, at time.Time) schedule.Pace {
		var p schedule.Pace
		place, local := tl.At(at), at.In(zone)
		switch c := tl.Critical(process, nil, at); {
		case c.Critical:
			p.Tempo, p.Why = schedule.Critical, c.Why
		case local.Hour() < 6 || local.Hour() >= 20 || !tl.IsWorkingDay(calendar.DateOf(local)):
			p.Tempo, p.Why = schedule.Quiet, "night"
		}
		if place.Freeze == calendar.HardFreeze {
			p.Closed = "hard close: " + place.Frozen
		}
		return p
	}
}

// A month and a half on a fake clock, with the end of a month, clocks set
// forward and a hard close: nothing runs beside itself, no gap is longer than
// promised, as many runs as the pace says, and nothing is posted in the hard
// close.
func TestAMonthKeepsPaceWithTheCalendar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := time.Date(2000, 3, 20, 0, 0, 0, 0, time.UTC)
		to := from.AddDate(0, 0, 24)                // clocks are set forward on 26 March
		time.Sleep(time.Until(from.Add(time.Hour))) // the fake clock begins in January
		pace := vienna(t, from.AddDate(0, -2, 0), to.AddDate(0, 2, 0))
		var wrote []string
		w := writer{wrote: &wrote, between: func() { time.Sleep(8 * time.Second) }}
		e := schedule.Entry{Flow: w, Level: flow.L3, Interval: 5 * time.Minute, Quiet: 15 * time.Minute, Critical: 150 * time.Second}
		every := func(at time.Time) time.Duration {
			return map[schedule.Tempo]time.Duration{"": e.Interval, schedule.Quiet: e.Quiet, schedule.Critical: e.Critical}[pace("", at).Tempo]
		}
		runs := runFor(t, schedule.Settings{Entries: []schedule.Entry{e}, Pace: pace}, time.Until(to))

		var want float64
		for at := runs[0].Started; at.Before(to); at = at.Add(time.Minute) {
			want += time.Minute.Seconds() / every(at).Seconds()
		}
		if n := float64(len(runs)); n < 0.98*want || n > 1.02*want {
			t.Errorf("%g runs, want %.0f", n, want)
		}
		tempos, levels := map[schedule.Tempo]int{}, map[string]int{}
		for i, r := range runs {
			p := pace("", r.Started)
			tempos[p.Tempo]++
			levels[string(r.Level)+" "+p.Closed]++
			if (r.Level == flow.L3) != (p.Closed == "") || r.Level == flow.L1 && r.Reason != "at L1 instead of L3: hard close: hard-close" || r.Outcome != flow.Passed {
				t.Errorf("%s: %s at %s: %q", r.Started, r.Outcome, r.Level, r.Reason)
			}
			if i == 0 {
				continue
			}
			before := runs[i-1].Started
			gap := r.Started.Sub(before)
			if gap > 3*max(every(before), every(r.Started))/2 || gap < min(every(before), every(r.Started))/2 {
				t.Errorf("%s after %s, at intervals of %s and %s", gap, before, every(before), every(r.Started))
			}
			if opened := pace("", before).Tempo != schedule.Critical && p.Tempo == schedule.Critical; opened {
				begin := before
				for pace("", begin).Tempo != schedule.Critical {
					begin = begin.Add(time.Second)
				}
				if late := r.Started.Sub(begin); late > e.Critical+15*time.Second {
					t.Errorf("the critical window opened at %s, and the next run came %s later", begin, late)
				}
			}
		}
		for what, n := range map[string]int{"steady": tempos[""], "quiet": tempos[schedule.Quiet], "critical": tempos[schedule.Critical], "L3": levels["L3 "], "L1": levels["L1 hard close: hard-close"]} {
			if n < 100 {
				t.Errorf("only %d runs %s", n, what)
			}
		}
	})
}

// While nothing may be posted, what has a safer level runs at it and what has
// none says that it rests; by hand, nothing is run but what was asked for.
func TestNothingIsPostedInTheHardClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrote []string
		lease := &fakeLease{}
		s := schedule.Settings{
			Entries: []schedule.Entry{
				{Flow: writer{wrote: &wrote}, Level: flow.L3, Interval: time.Minute},
				entry("bank-reconciliation", flow.L3, 0, time.Minute),
				entry("login", flow.L0, 0, time.Minute),
			},
			Pace:  func(string, time.Time) schedule.Pace { return schedule.Pace{Closed: "hard close: year-end"} },
			Lease: lease,
		}
		counts := map[string]int{}
		for _, r := range runFor(t, s, 10*time.Minute) {
			counts[strings.TrimSpace(strings.Join([]string{r.Flow, string(r.Level), string(r.Outcome), r.Reason}, " "))]++
		}
		for what, n := range counts {
			if n < 9 || n > 11 {
				t.Errorf("%d runs in 10 minutes of %s", n, what)
			}
			counts[what] = 1
		}
		if diff := cmp.Diff(map[string]int{
			"invoice-posting L1 passed at L1 instead of L3: hard close: year-end": 1,
			"bank-reconciliation L3 blocked post: hard close: year-end":           1,
			"login L0 passed": 1,
		}, counts); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
		sch, err := schedule.New(s)
		if err != nil {
			t.Fatal(err)
		}
		wrote = nil
		run, err := sch.RunNow(t.Context(), "invoice-posting")
		if err != nil || run.Outcome != flow.Blocked || run.Reason != "post: hard close: year-end" || run.Hint != "run it at L1, or wait until it has ended" || len(wrote) > 0 {
			t.Errorf("by hand: %s: %s (%s), %v; wrote %v", run.Outcome, run.Reason, run.Hint, err, wrote)
		}
		want := []schedule.Status{
			{Flow: "invoice-posting", Level: flow.L1, Interval: time.Minute, Why: "hard close: year-end"},
			{Flow: "bank-reconciliation", Interval: time.Minute, Why: "hard close: year-end"},
			{Flow: "login", Level: flow.L0, Interval: time.Minute},
		}
		if diff := cmp.Diff(want, sch.Status()); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
	})
}

func TestTheIntervalInForceIsPublished(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	e := entry("login", flow.L0, 0, 5*time.Minute)
	e.Quiet, e.Critical = 15*time.Minute, time.Minute
	for tempo, want := range map[schedule.Tempo]string{schedule.Quiet: "900", schedule.Critical: "60", schedule.Steady: "300"} {
		sch, err := schedule.New(schedule.Settings{
			Entries: []schedule.Entry{e}, Run: flow.Settings{Environment: "production", Component: "erp", Tenant: "acme"},
			Pace: func(process string, asked time.Time) schedule.Pace {
				if process != "reporting" || !asked.Equal(at) {
					t.Errorf("asked about %s at %s", process, asked)
				}
				return schedule.Pace{Tempo: tempo}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		m := schedule.NewMetrics(func() time.Time { return at }, sch)
		text := `# HELP closewatch_probe_interval_seconds How often the flow runs at the pace in force.
# TYPE closewatch_probe_interval_seconds gauge
closewatch_probe_interval_seconds{component="erp",environment="production",flow="login",tenant="acme"} ` + want + "\n"
		if err := testutil.CollectAndCompare(m, strings.NewReader(text), "closewatch_probe_interval_seconds"); err != nil {
			t.Error(err)
		}
		if problems, err := testutil.CollectAndLint(m); err != nil || len(problems) > 0 {
			t.Errorf("promlint: %v, %v", problems, err)
		}
	}
}

// A flow that is asked for by hand while it runs waits for itself.
func TestAFlowByHandWaitsForTheRunBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sch, err := schedule.New(schedule.Settings{Entries: []schedule.Entry{entry("login", flow.L0, 10*time.Second, time.Minute)}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		starts := make(chan time.Duration, 3)
		for range 3 {
			go func() {
				r, err := sch.RunNow(t.Context(), "login")
				if err != nil {
					t.Error(err)
				}
				starts <- r.Started.Sub(began)
			}()
		}
		for _, want := range []time.Duration{0, 10 * time.Second, 20 * time.Second} {
			if got := <-starts; got != want {
				t.Errorf("a run began after %s, want %s", got, want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { _, _ = sch.RunNow(t.Context(), "login") }()
		synctest.Wait()
		if r, err := sch.RunNow(ctx, "login"); err != nil || r.Outcome != flow.Unknown {
			t.Errorf("one that has no time to wait: %s, %v", r.Outcome, err)
		}
		time.Sleep(10 * time.Second) // until the other has ended
	})
}
