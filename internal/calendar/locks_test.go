package calendar_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
)

// Semantic (d): the state of a period is what the locks say, in the versions of
// Odoo that have them, and what differs from the plan is a finding.
func TestLocksAgainstThePlan(t *testing.T) {
	p := monthly(time.UTC, nil)
	p.Close.Milestones = []calendar.Milestone{{ID: "ap-cutoff", Due: mark(t, "WD+1 17:00"), SoftClose: calendar.PurchaseLock}}
	tl := compiled(p)
	end, october := date(t, "2026-11-30"), date(t, "2026-10-31")
	set := func(pairs ...any) calendar.Locks {
		l := calendar.Locks{Dates: map[calendar.LockKind]calendar.Date{}}
		for i := 0; i < len(pairs); i += 2 {
			l.Dates[pairs[i].(calendar.LockKind)] = pairs[i+1].(calendar.Date)
		}
		return l
	}
	with := func(l calendar.Locks, x calendar.LockException) calendar.Locks {
		l.Exceptions = append(l.Exceptions, x)
		return l
	}
	const before, during, after = "2026-11-27T12:00:00Z", "2026-12-02T12:00:00Z", "2026-12-08T00:00:00Z"
	tests := map[string]struct {
		locks   calendar.Locks
		reached calendar.State
		at      string
		state   calendar.State
		want    []string
	}{
		"v18: open before the end":              {set(calendar.FiscalYearLock, october), "", before, calendar.Open, nil},
		"v18: soft closed as planned":           {set(calendar.PurchaseLock, end), "", during, calendar.SoftClosed, nil},
		"v18: soft close is late":               {set(), "", during, calendar.Open, []string{"not-locked purchase_lock_date"}},
		"v18: soft close is early":              {set(calendar.PurchaseLock, end), "", before, calendar.SoftClosed, []string{"locked-early purchase_lock_date"}},
		"v18: closed hard in time":              {set(calendar.FiscalYearLock, end), "", during, calendar.HardClosed, nil},
		"v18: the hard lock closes too":         {set(calendar.HardLock, end), "", after, calendar.HardClosed, nil},
		"v18: target passed":                    {set(calendar.PurchaseLock, end), "", after, calendar.SoftClosed, []string{"not-locked fiscalyear_lock_date"}},
		"nothing at all is locked":              {set(), "", after, calendar.Open, []string{"not-locked fiscalyear_lock_date", "not-locked purchase_lock_date"}},
		"v17: advisers only, target passed":     {set(calendar.PeriodLock, end, calendar.TaxLock, end, calendar.PurchaseLock, end), "", after, calendar.SoftClosed, []string{"not-locked fiscalyear_lock_date"}},
		"v17: closed hard":                      {set(calendar.PeriodLock, end, calendar.FiscalYearLock, end), "", after, calendar.HardClosed, nil},
		"closed hard before the period is over": {set(calendar.FiscalYearLock, end), "", before, calendar.HardClosed, []string{"locked-early fiscalyear_lock_date"}},
		"a later lock covers it":                {set(calendar.FiscalYearLock, date(t, "2026-12-31")), "", after, calendar.HardClosed, nil},
		"reopened":                              {set(calendar.FiscalYearLock, october, calendar.PurchaseLock, end), calendar.HardClosed, after, calendar.Reopened, []string{"reopened "}},
		"reopened stays reopened":               {set(calendar.PurchaseLock, end), calendar.Reopened, after, calendar.Reopened, []string{"reopened "}},
		"closed again":                          {set(calendar.FiscalYearLock, end), calendar.Reopened, after, calendar.HardClosed, nil},
		"an exception for ever for everyone": {
			with(set(calendar.FiscalYearLock, end), calendar.LockException{Kind: calendar.FiscalYearLock, Everyone: true}), "", after, calendar.HardClosed, []string{"exception fiscalyear_lock_date"},
		},
		"an exception to a lock that is not the one for everyone": {
			with(set(calendar.FiscalYearLock, end), calendar.LockException{Kind: calendar.SaleLock}), "", after, calendar.HardClosed, nil,
		},
		"nothing opens the hard lock": {
			with(set(calendar.FiscalYearLock, end, calendar.HardLock, end), calendar.LockException{Kind: calendar.FiscalYearLock}), "", after, calendar.HardClosed, nil,
		},
		"an exception that has ended": {
			with(set(calendar.FiscalYearLock, end), calendar.LockException{Kind: calendar.FiscalYearLock, Until: utc(t, "2026-12-01T00:00:00Z")}), "", after, calendar.HardClosed, nil,
		},
		"an exception for later periods": {
			with(set(calendar.FiscalYearLock, end), calendar.LockException{Kind: calendar.FiscalYearLock, From: date(t, "2026-12-01")}), "", after, calendar.HardClosed, nil,
		},
		"an exception while it is open is ordinary": {
			with(set(calendar.PurchaseLock, end), calendar.LockException{Kind: calendar.PurchaseLock}), "", during, calendar.SoftClosed, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, ok := tl.Closing("2026-11", tt.reached)
			if !ok {
				t.Fatal("2026-11 is not planned")
			}
			if got := tt.locks.State(c.Period, tt.reached); got != tt.state {
				t.Errorf("state = %s, want %s", got, tt.state)
			}
			var got []string
			for _, f := range calendar.Against(c, tt.locks, utc(t, tt.at)) {
				got = append(got, string(f.Kind)+" "+string(f.Lock))
				if f.Text == "" || f.Remedy == "" {
					t.Errorf("finding without words: %+v", f)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
		})
	}
	if _, ok := tl.Closing("1999-01", ""); ok {
		t.Error("a period outside the compiled time has a closing")
	}
}

func TestClosingsAreThoseThatMatterNow(t *testing.T) {
	tl := compiled(monthly(time.UTC, nil))
	var got []string
	for _, c := range tl.Closings(utc(t, "2026-12-02T12:00:00Z")) {
		got = append(got, c.Period.Name)
	}
	if diff := cmp.Diff([]string{"2026-10", "2026-11", "2026-12"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p := monthly(time.UTC, nil)
	p.Close = nil
	if got := compiled(p).Closings(utc(t, "2026-12-02T12:00:00Z")); len(got) > 0 {
		t.Errorf("no close is planned, got %v", got)
	}
}
