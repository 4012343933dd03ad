package odoo

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

var evening = time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC)

// ago is an instant before evening.
func ago(d time.Duration) time.Time { return evening.Add(-d) }

func TestGraceOfAnAction(t *testing.T) {
	for interval, want := range map[time.Duration]time.Duration{
		0:                   time.Hour,
		time.Minute:         10 * time.Minute,
		4 * time.Hour:       24 * time.Minute,
		24 * time.Hour:      time.Hour,
		30 * 24 * time.Hour: time.Hour,
	} {
		if got := (&scheduledAction{interval: interval}).grace(); got != want {
			t.Errorf("grace of an action every %v is %v, want %v", interval, got, want)
		}
	}
}

func TestJudgingScheduledActions(t *testing.T) {
	hourly := func(label string, due time.Duration) scheduledAction {
		return scheduledAction{label: label, active: true, interval: time.Hour, next: ago(due), last: ago(due + time.Hour)}
	}
	reporting := func(a scheduledAction, unended int64, began time.Duration) scheduledAction {
		a.progress = progress{reported: true, unended: unended, began: ago(began)}
		return a
	}
	triggered := hourly("asked for", -30*time.Minute)
	triggered.triggered = ago(time.Hour)
	off := hourly("off", 5*time.Hour)
	off.active = false
	tests := map[string]struct {
		look    actionLook
		state   string
		overdue string // names
		holds   map[string]int
		killed  map[string]int64
	}{
		"all in time":                    {look: actionLook{visible: true, actions: []scheduledAction{hourly("a", -time.Minute), hourly("b", 5*time.Minute), off}}, state: actionsOK},
		"a fresh database":               {look: actionLook{visible: true, actions: []scheduledAction{{label: "a", active: true, next: ago(-time.Hour)}, {label: "b"}}}, state: actionsOK},
		"no action at all":               {look: actionLook{visible: true}, state: actionsOK},
		"nobody runs what is due":        {look: actionLook{visible: true, actions: []scheduledAction{hourly("a", time.Hour), hourly("b", -time.Minute)}}, state: actionsStopped, overdue: "a"},
		"what was asked for is not run":  {look: actionLook{visible: true, actions: []scheduledAction{triggered}}, state: actionsStopped, overdue: "asked for"},
		"sessions cannot be seen":        {look: actionLook{actions: []scheduledAction{hourly("a", time.Hour)}}, state: actionsBehind, overdue: "a"},
		"a module waits to be upgraded":  {look: actionLook{visible: true, waiting: true, actions: []scheduledAction{hourly("a", time.Hour)}}, state: actionsPaused, overdue: "a"},
		"one runs, the others are early": {look: actionLook{visible: true, running: []time.Time{ago(30 * time.Minute)}, actions: []scheduledAction{hourly("a", 31*time.Minute), hourly("b", -time.Minute)}}, state: actionsOK},
		"one runs for long and others wait": {
			look:  actionLook{visible: true, running: []time.Time{ago(30 * time.Minute)}, actions: []scheduledAction{hourly("a", 31*time.Minute), hourly("b", 20*time.Minute), hourly("c", 25*time.Minute)}},
			state: actionsHeldUp, overdue: "b c", holds: map[string]int{"a": 2},
		},
		"before 18, when several were due then": {
			look:  actionLook{visible: true, running: []time.Time{ago(30 * time.Minute)}, actions: []scheduledAction{hourly("a", 31*time.Minute), hourly("b", 32*time.Minute), hourly("c", 25*time.Minute)}},
			state: actionsHeldUp, overdue: "a b c", holds: map[string]int{unknownAction: 2},
		},
		"from 18 on, the one that began tells": {
			look: actionLook{visible: true, running: []time.Time{ago(30 * time.Minute)}, actions: []scheduledAction{
				hourly("a", 31*time.Minute), reporting(hourly("b", 32*time.Minute), 1, 30*time.Minute-time.Second), hourly("c", 25*time.Minute),
			}},
			state: actionsHeldUp, overdue: "a c", holds: map[string]int{"b": 2}, killed: map[string]int64{"b": 0},
		},
		"the worker dies with one again and again": {
			look: actionLook{visible: true, actions: []scheduledAction{
				reporting(hourly("a", 40*time.Minute), 2, 2*time.Minute), hourly("b", 30*time.Minute),
			}},
			state: actionsBehind, overdue: "a b", holds: map[string]int{"a": 1}, killed: map[string]int64{"a": 2},
		},
		"one that was killed before runs now": {
			look: actionLook{visible: true, running: []time.Time{ago(time.Minute)}, actions: []scheduledAction{
				reporting(hourly("a", 5*time.Minute), 2, 59*time.Second),
			}},
			state: actionsOK, killed: map[string]int64{"a": 1},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.look.now = evening
			tt.look.judge()
			if tt.look.state != tt.state {
				t.Errorf("state %s, want %s", tt.look.state, tt.state)
			}
			var overdue []string
			holds, killed := map[string]int{}, map[string]int64{}
			if tt.look.unknownHolds > 0 {
				holds[unknownAction] = tt.look.unknownHolds
			}
			for _, a := range tt.look.actions {
				if a.overdue > 0 {
					overdue = append(overdue, a.label)
				}
				if a.holdsUp > 0 {
					holds[a.label] = a.holdsUp
				}
				if a.reported {
					killed[a.label] = a.timeouts
				}
			}
			if got := strings.Join(overdue, " "); got != tt.overdue {
				t.Errorf("overdue: %q, want %q", got, tt.overdue)
			}
			if tt.holds == nil {
				tt.holds = map[string]int{}
			}
			if tt.killed == nil {
				tt.killed = map[string]int64{}
			}
			if diff := cmp.Diff(tt.holds, holds) + cmp.Diff(tt.killed, killed); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// recurring is an action that a finance process expects.
const recurring = "Generate Recurring Invoices and Payments"

func TestActionsThatAreSwitchedOff(t *testing.T) {
	on := func(id int64, name string) scheduledAction {
		return scheduledAction{id: id, name: name, active: true, last: ago(time.Hour)}
	}
	off := func(a scheduledAction) scheduledAction { a.active = false; return a }
	never := func(a scheduledAction) scheduledAction { a.last = time.Time{}; return a }
	old := func(a scheduledAction) scheduledAction { a.last = ago(100 * 24 * time.Hour); return a }
	once := func(a scheduledAction) scheduledAction { a.once = true; return a }
	itself := func(a scheduledAction) scheduledAction { a.deactivates = true; return a }
	copied := func(change func(scheduledAction) scheduledAction) []scheduledAction {
		var list []scheduledAction
		for i := range int64(8) {
			list = append(list, change(on(i, recurring)))
		}
		return append(list, on(9, "Base: Auto-vacuum"))
	}
	same := func(a scheduledAction) scheduledAction { return a }
	type look = []scheduledAction
	tests := map[string]struct {
		looks []look
		want  int // deactivated at the last
	}{
		"both stay on":                            {[]look{{on(1, "a"), on(2, "b")}, {on(1, "a"), on(2, "b")}}, 0},
		"one is switched off":                     {[]look{{on(1, "a"), on(2, "b")}, {on(1, "a"), off(on(2, "b"))}}, 1},
		"and on again":                            {[]look{{on(1, "a")}, {off(on(1, "a"))}, {on(1, "a")}}, 0},
		"it was off from the beginning":           {[]look{{off(on(1, "a"))}, {off(on(1, "a"))}}, 0},
		"one of finance ran and is off at first":  {[]look{{off(on(1, recurring))}}, 1},
		"one of finance that never ran is off":    {[]look{{never(off(on(1, recurring)))}}, 0},
		"one of finance has been off for months":  {[]look{{old(off(on(1, recurring)))}}, 0},
		"it was called as often as it was to be":  {[]look{{on(1, "a")}, {once(off(on(1, "a")))}}, 0},
		"it switched itself off":                  {[]look{{on(1, "a")}, {itself(off(on(1, "a")))}}, 0},
		"a copy, neutralised before it is seen":   {[]look{copied(off)}, 0},
		"a copy, neutralised while it is watched": {[]look{copied(same), copied(off)}, 0},
		"a new one that is off":                   {[]look{{on(1, "a")}, {on(1, "a"), off(on(2, "b"))}}, 0},
		"one that disappears with its module":     {[]look{{on(1, "a"), on(2, "b")}, {on(1, "a")}}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state", "actions")
			got := 0
			for _, actions := range tt.looks {
				m := actionMemory{keep: keeper{path, "x"}} // each look is one of a new process
				l := actionLook{now: evening, actions: actions}
				if err := m.take(&l); err != nil {
					t.Fatal(err)
				}
				got = 0
				for _, a := range l.actions {
					if a.deactivated {
						got++
					}
				}
			}
			if got != tt.want {
				t.Errorf("%d are deactivated, want %d", got, tt.want)
			}
		})
	}

	t.Run("it is missed for five weeks", func(t *testing.T) {
		var m actionMemory
		if err := m.take(&actionLook{now: evening, actions: look{on(1, "a")}}); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			days int
			want bool
		}{{1, true}, {35, true}, {37, false}} {
			l := actionLook{now: evening.AddDate(0, 0, step.days), actions: look{off(on(1, "a"))}}
			if err := m.take(&l); err != nil || l.actions[0].deactivated != step.want {
				t.Errorf("after %d days: %v, %v", step.days, l.actions[0].deactivated, err)
			}
		}
	})

	t.Run("what is on disk is damaged or cannot be written", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "actions")
		if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
		m := actionMemory{keep: keeper{path, "x"}}
		l := actionLook{now: evening, actions: look{on(1, "a")}}
		if err := m.take(&l); fault.HintOf(err) == "" {
			t.Errorf("take() = %v, want an error with a hint", err)
		}
		if err := m.take(&l); err != nil {
			t.Errorf("the next look: %v", err)
		}
		m = actionMemory{keep: keeper{filepath.Join(path, "below", "a-file"), "x"}}
		if err := m.take(&l); fault.HintOf(err) == "" {
			t.Errorf("take() = %v, want an error with a hint", err)
		}
	})
}

func TestRunsAreCountedAsTheLastCallMoves(t *testing.T) {
	var m actionMemory
	look := func(at, last time.Time, done bool) scheduledAction {
		a := scheduledAction{id: 1, active: true, interval: 24 * time.Hour, last: last}
		a.doneInTheHour = done
		l := actionLook{now: at, actions: []scheduledAction{a}}
		if err := m.take(&l); err != nil {
			t.Fatal(err)
		}
		return l.actions[0]
	}
	if a := look(evening, ago(time.Minute), false); a.runs != 0 || a.extraRuns != 0 {
		t.Errorf("at first: %v runs, %d extra", a.runs, a.extraRuns)
	}
	var a scheduledAction
	for i := range 240 {
		at := evening.Add(time.Duration(i+1) * 15 * time.Second)
		a = look(at, at.Add(-time.Second), false)
	}
	if a.runs != 240 || a.extraRuns < 230 || a.extraRuns > 240 {
		t.Errorf("after an hour: %v runs, %d extra", a.runs, a.extraRuns)
	}
	if a = look(evening.Add(time.Hour), evening.Add(time.Hour-time.Second), true); a.extraRuns != 0 {
		t.Errorf("%d extra runs of an action that does something", a.extraRuns)
	}
	if a = look(evening.Add(3*time.Hour), evening.Add(time.Hour-time.Second), false); a.extraRuns != 0 || a.runs != 240 {
		t.Errorf("two hours later: %v runs, %d extra", a.runs, a.extraRuns)
	}
}

// Actions of a database at work give no finding, whatever they do.
func TestHealthyScheduledActionsGiveNoFinding(t *testing.T) {
	w := newWorkplace(t)
	for name, arrange := range map[string]func(w *workplace){
		"nothing is due": func(*workplace) {},
		"a fresh database": func(w *workplace) {
			w.exec(`UPDATE ir_cron SET lastcall = NULL, nextcall = now() AT TIME ZONE 'utc' + interval '1 minute'`)
		},
		"due a few minutes ago": func(w *workplace) {
			w.exec(`UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'utc' - interval '8 minutes'`)
		},
		"asked for and not yet run": func(w *workplace) {
			w.exec(`INSERT INTO ir_cron_trigger (cron_id, call_at) SELECT id, now() AT TIME ZONE 'utc' - interval '2 minutes' FROM ir_cron`)
		},
		"asked for tomorrow": func(w *workplace) {
			w.exec(`INSERT INTO ir_cron_trigger (cron_id, call_at) SELECT 2, now() AT TIME ZONE 'utc' + interval '1 day' FROM generate_series(1, 5000)`)
		},
		"those inactive by default are overdue": func(w *workplace) {
			w.exec(`UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'utc' - interval '30 days' WHERE NOT active`)
		},
		"a neutralised copy": func(w *workplace) {
			w.exec(`UPDATE ir_cron SET active = false WHERE cron_name <> '%s'`, odoosim.CronAutoVacuum)
		},
		"the mail queue is asked for again and again at month end": func(w *workplace) {
			w.exec(`INSERT INTO ir_cron_progress (cron_id, done, remaining, timed_out_counter, create_date, write_date)
				SELECT 2, 5, 0, 0, t, t + interval '2 seconds' FROM (SELECT now() AT TIME ZONE 'utc' - i * interval '10 seconds' AS t FROM generate_series(360, 1, -1) i) x`)
		},
		"it failed once and recovered": func(w *workplace) {
			w.exec(`INSERT INTO ir_cron_progress (cron_id, done, remaining, timed_out_counter, create_date, write_date)
				VALUES (2, 0, 0, 1, now() AT TIME ZONE 'utc' - interval '2 hours', now() AT TIME ZONE 'utc' - interval '2 hours'), (2, 0, 0, 0, now() AT TIME ZONE 'utc' - interval '1 hour', now() AT TIME ZONE 'utc' - interval '59 minutes')`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			a := &actions{db: w.db}
			w.findings(a)
			arrange(w)
			if found := w.findings(a); len(found) > 0 {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestScheduledActionsThatAreIll(t *testing.T) {
	w := newWorkplace(t)
	tests := map[string]struct {
		arrange func(w *workplace)
		want    []string
	}{
		"the cron workers are dead": {func(w *workplace) {
			w.exec(`UPDATE ir_cron SET lastcall = lastcall - interval '1 day', nextcall = now() AT TIME ZONE 'utc' - interval '2 hours' WHERE id IN (2, 6)`)
			w.exec(`UPDATE ir_cron SET lastcall = now() AT TIME ZONE 'utc' - interval '3 hours' WHERE lastcall IS NOT NULL`)
		}, []string{
			"odoo_scheduled_action_overdue{" + odoosim.CronRecurringInvoices + "} warning", "odoo_scheduled_action_overdue{" + odoosim.CronMailQueue + "} warning",
			"odoo_scheduled_actions_stopped{} critical",
		}},
		"a module waits to be upgraded": {func(w *workplace) {
			w.exec(`UPDATE ir_module_module SET state = 'to upgrade' WHERE name = 'mail'`)
		}, []string{"odoo_scheduled_actions_paused{} warning"}},
		"one is switched off": {func(w *workplace) {
			w.exec(`UPDATE ir_cron SET active = false WHERE cron_name = '%s'`, odoosim.CronSendInvoices)
		}, []string{"odoo_scheduled_action_deactivated{" + odoosim.CronSendInvoices + "} warning"}},
		"one fails": {func(w *workplace) {
			w.exec(`UPDATE ir_cron SET failure_count = 5, first_failure_date = now() AT TIME ZONE 'utc' - interval '2 days' WHERE cron_name = '%s'`, odoosim.CronAutoPost)
		}, []string{"odoo_scheduled_action_failing{" + odoosim.CronAutoPost + "} critical"}},
		"one is killed again and again": {func(w *workplace) {
			w.exec(`INSERT INTO ir_cron_progress (cron_id, done, remaining, timed_out_counter, create_date, write_date)
				SELECT 4, 0, 0, i, now() AT TIME ZONE 'utc' - interval '3 minutes', now() AT TIME ZONE 'utc' - interval '3 minutes' FROM generate_series(1, 2) i;
				UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'utc' - interval '2 hours' WHERE id IN (4, 6)`)
		}, []string{
			"odoo_scheduled_action_holds_up{" + odoosim.CronAutoPost + "} warning", "odoo_scheduled_action_timed_out{" + odoosim.CronAutoPost + "} critical",
			"odoo_scheduled_action_overdue{" + odoosim.CronAutoPost + "} warning", "odoo_scheduled_action_overdue{" + odoosim.CronRecurringInvoices + "} warning",
		}},
		"what was asked for is not run": {func(w *workplace) {
			w.exec(`INSERT INTO ir_cron_trigger (cron_id, call_at) VALUES (2, now() AT TIME ZONE 'utc' - interval '1 hour')`)
		}, []string{"odoo_scheduled_action_overdue{" + odoosim.CronMailQueue + "} warning"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			a := &actions{db: w.db}
			w.findings(a)
			tt.arrange(w)
			got := w.findings(a)
			slices.Sort(got)
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestActionsOfTheStandIn(t *testing.T) {
	w := newWorkplace(t)
	w.exec(`UPDATE ir_cron SET nextcall = '2126-11-22', lastcall = '2026-11-20 10:00:00' WHERE id <> 6;
		UPDATE ir_cron SET nextcall = '2026-11-20 12:00:00', lastcall = '2026-11-20 10:00:00', failure_count = 2, first_failure_date = '2026-11-18 10:00:00' WHERE id IN (4, 6);
		INSERT INTO ir_cron_progress (cron_id, done, remaining, timed_out_counter, create_date, write_date) VALUES
			(1, 0, 0, 0, '2026-11-20 10:00:00', '2026-11-20 10:00:03.5'),
			(4, 0, 0, 0, '2026-11-20 10:00:00', '2026-11-20 10:05:00'), (4, 0, 0, 1, '2026-11-20 12:00:00', '2026-11-20 12:00:00')`)
	if err := collectortest.Golden(t, without{without{&actions{db: w.db}, clockOffset}, actionOverdue}, "actions_work"); err != nil {
		t.Error(err)
	}
}
