package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
)

// closes reads "fiscalyear 2026-11-30, hard 2026-10-31" as lock dates; "open to
// everyone" and "open to one" are exceptions to the lock for everyone.
func closes(t *testing.T, said string) calendar.Locks {
	t.Helper()
	l := calendar.Locks{Dates: map[calendar.LockKind]calendar.Date{}}
	for part := range strings.SplitSeq(said, ", ") {
		if who, is := strings.CutPrefix(part, "open to "); is {
			l.Exceptions = append(l.Exceptions, calendar.LockException{Kind: calendar.FiscalYearLock, Everyone: who == "everyone"})
			continue
		}
		lock, day, _ := strings.Cut(part, " ")
		d, err := calendar.ParseDate(day)
		if err != nil {
			t.Fatal(err)
		}
		l.Dates[calendar.LockKind(lock+"_lock_date")] = d
	}
	return l
}

// TestACloseEndsWhenItsPeriodIsLocked follows the close of November, planned to
// end with 7 December, through what its lock dates say at one time after
// another, and asks where the calendar is then.
func TestACloseEndsWhenItsPeriodIsLocked(t *testing.T) {
	const open, locked = "fiscalyear 2026-10-31", "fiscalyear 2026-11-30"
	type step struct {
		at, locks string // no locks: they cannot be read
		want      string
	}
	tests := map[string][]step{
		"as planned": {
			{"2026-11-27T12:00:00Z", open, "pre-close of 2026-11 until 2026-11-30 23:00Z"},
			{"2026-12-02T12:00:00Z", open, "close of 2026-11 until 2026-12-07 23:00Z"},
			{"2026-12-07T22:59:30Z", locked, "tail of 2026-11, closed early until 2026-12-10 23:00Z, planned 2026-12-07 23:00Z"},
		},
		"early": {
			{"2026-12-02T12:00:00Z", open, "close of 2026-11 until 2026-12-07 23:00Z"},
			{"2026-12-04T12:00:00Z", locked, "tail of 2026-11, closed early until 2026-12-10 23:00Z, planned 2026-12-07 23:00Z"},
			{"2026-12-11T12:00:00Z", locked, "normal days until 2026-12-28 23:00Z"},
		},
		"late": {
			{"2026-12-07T12:00:00Z", open, "close of 2026-11 until 2026-12-07 23:00Z"},
			{"2026-12-07T23:00:00Z", open, "close of 2026-11, past its planned end until a lock is set, planned 2026-12-07 23:00Z"},
			{"2026-12-12T23:00:00Z", open, "close of 2026-11, past its planned end until a lock is set, planned 2026-12-07 23:00Z"},
			{"2026-12-14T09:00:00Z", locked, "normal days until 2026-12-28 23:00Z"},
		},
		"the lock dates cannot be read when it should end": {
			{"2026-12-07T12:00:00Z", open, "close of 2026-11 until 2026-12-07 23:00Z"},
			{"2026-12-08T12:00:00Z", "", "close of 2026-11, past its planned end until a lock is set, planned 2026-12-07 23:00Z"},
			{"2026-12-09T12:00:00Z", locked, "tail of 2026-11 until 2026-12-10 23:00Z"},
		},
		"opened again before its planned end": {
			{"2026-12-02T12:00:00Z", open, "close of 2026-11 until 2026-12-07 23:00Z"},
			{"2026-12-03T12:00:00Z", locked, "tail of 2026-11, closed early until 2026-12-10 23:00Z, planned 2026-12-07 23:00Z"},
			{"2026-12-04T12:00:00Z", open, "close of 2026-11, opened again until a lock is set, planned 2026-12-07 23:00Z"},
			{"2026-12-07T23:30:00Z", open, "close of 2026-11, opened again until a lock is set, planned 2026-12-07 23:00Z"},
			{"2026-12-08T12:00:00Z", locked, "tail of 2026-11 until 2026-12-10 23:00Z"},
		},
		"opened again long after": {
			{"2026-12-04T12:00:00Z", locked, "tail of 2026-11, closed early until 2026-12-10 23:00Z, planned 2026-12-07 23:00Z"},
			{"2026-12-21T12:00:00Z", open, "close of 2026-11, opened again until a lock is set, planned 2026-12-07 23:00Z"},
			{"2026-12-21T14:00:00Z", locked, "normal days until 2026-12-28 23:00Z"},
		},
		"an exception for everyone opens it": {
			{"2026-12-08T12:00:00Z", locked, "tail of 2026-11 until 2026-12-10 23:00Z"},
			{"2026-12-09T12:00:00Z", locked + ", open to everyone", "close of 2026-11, opened again until a lock is set, planned 2026-12-07 23:00Z"},
			{"2026-12-09T13:00:00Z", locked + ", open to one", "tail of 2026-11 until 2026-12-10 23:00Z"},
		},
		"nothing opens the hard lock": {
			{"2026-12-08T12:00:00Z", "hard 2026-11-30, open to everyone", "tail of 2026-11 until 2026-12-10 23:00Z"},
		},
		"first seen when it is closed": {
			{"2026-12-09T12:00:00Z", locked, "tail of 2026-11 until 2026-12-10 23:00Z"},
		},
		"first seen when it is late": {
			{"2026-12-09T12:00:00Z", open, "close of 2026-11, past its planned end until a lock is set, planned 2026-12-07 23:00Z"},
		},
		"locked by the lock for all but advisers": {
			{"2026-12-08T12:00:00Z", "fiscalyear 2025-12-31, period 2026-10-31", "close of 2026-11, past its planned end until a lock is set, planned 2026-12-07 23:00Z"},
			{"2026-12-09T12:00:00Z", "fiscalyear 2025-12-31, period 2026-11-30", "tail of 2026-11 until 2026-12-10 23:00Z"},
		},
		"locked once a year: the plan counts": {
			{"2026-12-04T12:00:00Z", "fiscalyear 2025-12-31", "close of 2026-11 until 2026-12-07 23:00Z"},
			{"2026-12-08T12:00:00Z", "fiscalyear 2025-12-31", "tail of 2026-11 until 2026-12-10 23:00Z"},
		},
		"no lock dates known: the plan counts": {
			{"2026-12-04T12:00:00Z", "", "close of 2026-11 until 2026-12-07 23:00Z"},
			{"2026-12-08T12:00:00Z", "", "tail of 2026-11 until 2026-12-10 23:00Z"},
		},
		"late into the next pre-close, which comes second": {
			{"2026-12-29T12:00:00Z", open, "close of 2026-11, past its planned end until a lock is set, planned 2026-12-07 23:00Z"},
		},
	}
	plan := november(t)
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			from, to := calendar.Horizon(instantOf(t, "2026-12-01T00:00:00Z"))
			tl := calendar.Compile(plan, from, to)
			closing, ok := tl.Closing("2026-11", "")
			if !ok {
				t.Fatal("November is not planned")
			}
			var a calendar.Actual
			for _, s := range steps {
				at := instantOf(t, s.at)
				if s.locks == "" {
					a = a.Elapse(closing, at)
				} else {
					a = a.Observe(closing, closes(t, s.locks), at)
				}
				live := tl.With([]calendar.Actual{a})
				if got := placed(live.At(at)); got != s.want {
					t.Errorf("%s: %s, want %s", s.at, got, s.want)
				}
			}
		})
	}
}

// november is closed by the default plan in Amsterdam, whose clocks are an hour
// before UTC then.
func november(t *testing.T) calendar.Plan {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	plan := calendar.DefaultClosePlan()
	return calendar.Plan{Entity: "acme", Zone: zone, Close: &plan}
}

func placed(p calendar.Place) string {
	const minute = "2006-01-02 15:04Z"
	said := p.String() + " until a lock is set"
	if !p.Ends.IsZero() {
		said = p.String() + " until " + p.Ends.Format(minute)
	}
	if !p.Planned.IsZero() {
		said += ", planned " + p.Planned.Format(minute)
	}
	return said
}

func instantOf(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// What is tied to the end of the close moves with it: windows of working days and
// freezes that end with the close, or go on beyond it. What ends before does not.
func TestWhatIsTiedToTheCloseMovesWithIt(t *testing.T) {
	plan := november(t)
	mark := func(s string) calendar.Mark {
		m, err := calendar.ParseMark(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	plan.Freezes = []calendar.Freeze{
		{ID: "whole", From: mark("WD-2 00:00"), To: mark("WD+5 18:00"), Level: calendar.HardFreeze},
		{ID: "start", From: mark("WD-2 00:00"), To: mark("WD+2 18:00"), Level: calendar.HardFreeze},
	}
	from, to := calendar.Horizon(instantOf(t, "2026-12-01T00:00:00Z"))
	planned := calendar.Compile(plan, from, to)
	closing, _ := planned.Closing("2026-11", "")
	observed := func(at, locks string) *calendar.Timeline {
		return planned.With([]calendar.Actual{calendar.Actual{}.Observe(closing, closes(t, locks), instantOf(t, at))})
	}
	overrun, early := observed("2026-12-08T00:00:00Z", "fiscalyear 2026-10-31"), observed("2026-12-03T12:00:00Z", "fiscalyear 2026-11-30")
	window := func(from, to int) []calendar.Window {
		return []calendar.Window{{Kind: calendar.WorkingDays, From: from, To: to}}
	}
	tests := map[string]struct {
		tl       *calendar.Timeline
		at       string
		windows  []calendar.Window
		critical bool
		frozen   string
	}{
		"planned, in time":                   {planned, "2026-12-07T12:00:00Z", window(-2, 5), true, "whole"},
		"planned, after":                     {planned, "2026-12-08T12:00:00Z", window(-2, 5), false, ""},
		"overrun, the window of the close":   {overrun, "2026-12-20T12:00:00Z", window(-2, 5), true, "whole"},
		"overrun, a window beyond its end":   {overrun, "2026-12-20T12:00:00Z", window(2, 6), true, "whole"},
		"overrun, a window that ended":       {overrun, "2026-12-20T12:00:00Z", window(1, 3), false, "whole"},
		"overrun, a process without windows": {overrun, "2026-12-20T12:00:00Z", nil, true, "whole"},
		"early, the window of the close":     {early, "2026-12-04T12:00:00Z", window(-2, 5), false, ""},
		"early, a window beyond its end":     {early, "2026-12-04T12:00:00Z", window(2, 6), true, ""},
		"early, a window of its own":         {early, "2026-12-03T13:00:00Z", window(1, 3), true, ""},
		"early, a process without windows":   {early, "2026-12-04T12:00:00Z", nil, false, ""},
		"early, and not yet":                 {early, "2026-12-02T12:00:00Z", nil, true, "whole, start"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			at := instantOf(t, tt.at)
			if got := tt.tl.Critical("x", tt.windows, at); got.Critical != tt.critical {
				t.Errorf("critical %+v, want %v", got, tt.critical)
			}
			if got := tt.tl.At(at).Frozen; got != tt.frozen {
				t.Errorf("frozen %q, want %q", got, tt.frozen)
			}
		})
	}
}

// Whatever the locks say and whenever they are read: what the plan has critical
// stays so until the period is closed, a period that is open past its planned end
// is critical, other periods are as planned, and looking again changes nothing.
func TestAnOpenPeriodIsNeverLessCriticalThanPlanned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := planOf(t)
		from, to := calendar.Horizon(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
		planned := calendar.Compile(plan, from, to)
		closing, ok := planned.Closing("2026-11", "")
		if !ok {
			t.Fatal("November is not planned")
		}
		var a calendar.Actual
		at := closing.End.Add(-72 * time.Hour)
		for range rapid.IntRange(1, 12).Draw(t, "looks") {
			at = at.Add(time.Duration(rapid.IntRange(1, 40*3600).Draw(t, "seconds later")) * time.Second)
			if rapid.Bool().Draw(t, "unread") {
				a = a.Elapse(closing, at)
			} else {
				locked := calendar.Date{Year: 2026, Month: time.Month(rapid.IntRange(10, 11).Draw(t, "month") + 1), Day: 1}.Add(-1)
				a = a.Observe(closing, calendar.Locks{Dates: map[calendar.LockKind]calendar.Date{calendar.FiscalYearLock: locked}}, at)
			}
			live := planned.With([]calendar.Actual{a})
			place, was := live.At(at), planned.At(at)
			if a.Known() && !a.Closed() && !at.Before(closing.End) && !place.Critical() {
				t.Fatalf("%s: %s although the period is open: %+v", at, place, a)
			}
			if !a.Closed() && was.Critical() && !place.Critical() {
				t.Fatalf("%s: %s, planned %s, and nothing is closed: %+v", at, place, was, a)
			}
			if was.Critical() && was.Period != "2026-11" && !place.Critical() {
				t.Fatalf("%s: another period's %s became %s", at, was, place)
			}
			if diff := cmp.Diff(live.Spans(), live.With([]calendar.Actual{a}).Spans()); diff != "" {
				t.Fatalf("looking again changes something:\n%s", diff)
			}
		}
	})
}
