package tiering_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

var now = time.Date(2026, 11, 17, 14, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// posting is a healthy invoice-posting subject; each case breaks it.
func posting(change ...func(*tiering.Evidence)) tiering.Evidence {
	e := tiering.Evidence{
		Key:      tiering.Key{Process: "invoice-posting", Entity: "acme", Tenant: "prod", Environment: "production"},
		Process:  process.Process{Name: "invoice-posting", Tier: process.Critical, CloseTier: process.Critical, Recovery: process.Recovery{RTO: time.Hour, RPO: time.Minute}},
		Place:    calendar.Place{Phase: calendar.Normal},
		Flows:    []tiering.Flow{{Name: "invoice-posting", Level: "L3", State: tiering.FlowPassing, LastRun: ago(10 * time.Second)}},
		Progress: tiering.Progress{Known: true, Advanced: ago(time.Second)},
		Recovery: tiering.Recovery{Known: true, Component: "db", Exposure: time.Second},
		Needs: []tiering.Need{
			{Component: "db", Kind: "postgres", Role: process.Hard, State: signal.OK},
			{Component: "erp", Kind: "odoo", Role: process.Hard, State: signal.OK},
			{Component: "ingress", Kind: "traefik", Role: process.Hard, State: signal.OK},
		},
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func flowFails(times int, first time.Time) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		f := &e.Flows[0]
		f.State, f.Failures, f.FirstFailure, f.Previous, f.Kind, f.Step = tiering.FlowFailing, times, first, first, fault.Rejected, "post"
	}
}

func flowIs(s tiering.FlowState) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) { e.Flows[0].State, e.Flows[0].LastRun = s, ago(10*time.Minute) }
}

// unhurried has half the RTO in its critical window.
func unhurried(e *tiering.Evidence) {
	e.Process.CriticalRecovery = process.Recovery{RTO: 30 * time.Minute, RPO: time.Minute}
}

func ledgerStandsStill(e *tiering.Evidence) { e.Progress.Advanced = ago(time.Minute) }

func important(e *tiering.Evidence) {
	e.Process.Tier, e.Process.CloseTier = process.Important, process.Important
}

func inClose(e *tiering.Evidence) {
	e.Place = calendar.Place{Phase: calendar.Close, Period: "2026-10"}
	e.Critical, e.CriticalWhy = true, "close of 2026-10"
}

func sick(component, why string, since time.Time) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		for i := range e.Needs {
			if e.Needs[i].Component == component {
				e.Needs[i].State, e.Needs[i].Since, e.Needs[i].Evidence = signal.Critical, since, []string{why}
			}
		}
	}
}

func burn(indicator, source string, fast bool) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Burns = append(e.Burns, tiering.Burn{Indicator: indicator, Source: source, Fast: fast, Firing: true, Rate: 15, Bad: 30, Total: 40, Window: "2% in 1h"})
	}
}

func workMissing(due time.Time) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Work = append(e.Work, tiering.Work{Name: "root.einvoice", Says: "e-invoices waiting to be sent", Count: 31, Due: due, Missing: true, Why: "31 jobs pending, none taken for 3m"})
	}
}

func fewerThanUsual(e *tiering.Evidence) {
	e.Work = append(e.Work, tiering.Work{
		Source: process.History, Name: "entries posted", Says: "entries posted", Missing: true, Lacks: 136, Why: "12 by 11:00, where 148 are usual by then on WD+2",
	})
}

func exposed(lasting time.Duration) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Recovery.Exposure, e.Recovery.BeyondSince = lasting+time.Minute, ago(lasting)
	}
}

func deadlineIn(d time.Duration) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Deadlines = []calendar.Deadline{{ID: "ap", Title: "AP cut-off", At: now.Add(d)}}
	}
}

// shows is a signal that is a symptom.
func shows(s tiering.Symptom, state signal.State, since time.Time) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Findings = append(e.Findings, tiering.Finding{Symptom: s, Signal: "a_signal", Component: "db", State: state, Since: since, Text: "what the signal says"})
	}
}

func onHoliday(e *tiering.Evidence) { e.Holiday = "Christmas Day" }

func inPreClose(e *tiering.Evidence) {
	e.Place = calendar.Place{Phase: calendar.PreClose, Period: "2026-11"}
}

// inOwnWindow is a critical window on normal days.
func inOwnWindow(e *tiering.Evidence) {
	e.Critical, e.CriticalWhy = true, "4 h before the payment cut-off"
}

func budgetLeft(permille int64) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Budgets = append(e.Budgets, tiering.Budget{Objective: "o", Indicator: "availability", Source: "users", Of: "30d", Left: permille})
	}
}

// within makes the burns those of a window of a length.
func within(d time.Duration) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		for i := range e.Burns {
			e.Burns[i].Length = d
		}
	}
}

// lately has failures in the short windows of what burns.
func lately(e *tiering.Evidence) {
	for i := range e.Burns {
		e.Burns[i].Lately, e.Burns[i].Length = 1, time.Hour
	}
}

// backlog drains, and takes a while.
func backlog(catchUp time.Duration, due time.Time) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) {
		e.Work = append(e.Work, tiering.Work{Source: process.QueueJobs, Name: "root.einvoice", Says: "e-invoices waiting to be sent", Count: 900, Drains: true, CatchUp: catchUp, Due: due})
	}
}

// standsStill is a backlog that nothing has been done of for a while.
func standsStill(lasting time.Duration) func(*tiering.Evidence) {
	return func(e *tiering.Evidence) { e.Work[len(e.Work)-1].Stalled = ago(lasting) }
}

func unseen(e *tiering.Evidence) { e.Flows, e.Burns, e.Progress = nil, nil, tiering.Progress{} }

var cases = map[string]struct {
	evidence tiering.Evidence
	want     tiering.Tier
	row      string // of the first reason
}{
	"healthy":                               {posting(), tiering.None, ""},
	"one failing run":                       {posting(flowFails(1, ago(5*time.Second)), ledgerStandsStill), tiering.Informational, "failing-unconfirmed"},
	"two failing runs, ledger stands still": {posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill), tiering.BusinessCritical, "failing-confirmed"},
	"five failing runs, entries stopped after the first": {posting(flowFails(5, ago(time.Minute)), func(e *tiering.Evidence) {
		e.Flows[0].Previous, e.Progress.Advanced = ago(18*time.Second), ago(50*time.Second)
	}), tiering.BusinessCritical, "failing-confirmed"},
	"two failing runs, users still post":    {posting(flowFails(2, ago(20*time.Second))), tiering.Degradation, "failing-users-fine"},
	"one failing run and its database down": {posting(flowFails(1, ago(5*time.Second)), ledgerStandsStill, sick("db", "does not answer", ago(10*time.Second))), tiering.BusinessCritical, "failing-confirmed"},
	"important process fails":               {posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, important), tiering.Degradation, "failing-confirmed"},
	"important process fails before a cut-off it cannot meet": {
		posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, important, deadlineIn(30*time.Minute)), tiering.BusinessCritical, "failing-out-of-time",
	},
	"important process fails in close, where it is critical": {
		posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, inClose, func(e *tiering.Evidence) { e.Process.Tier = process.Important }), tiering.BusinessCritical, "failing-confirmed",
	},
	"real users fail, nothing else known":                       {posting(burn("availability", "users", true)), tiering.Degradation, "burning-fast"},
	"real users fail and the flow too":                          {posting(burn("availability", "users", true), flowFails(1, ago(time.Second))), tiering.BusinessCritical, "failing-confirmed"},
	"slow but working":                                          {posting(burn("latency", "users", true), burn("latency", "synthetic", true)), tiering.Degradation, "slow"},
	"slow with the cut-off already missed":                      {posting(burn("latency", "users", true), deadlineIn(time.Minute), workMissing(ago(time.Second))), tiering.BusinessCritical, "work-out-of-time"},
	"slow past its deadline":                                    {posting(burn("latency", "users", true), deadlineIn(-time.Second)), tiering.BusinessCritical, "slow-out-of-time"},
	"budget burns slowly":                                       {posting(burn("availability", "users", false)), tiering.Informational, "burning"},
	"budget burns slowly in close":                              {posting(burn("availability", "users", false), inClose, important), tiering.Degradation, "burning-in-window"},
	"exposure beyond RPO for a moment":                          {posting(exposed(10 * time.Second)), tiering.None, ""},
	"exposure beyond RPO and prolonged":                         {posting(exposed(3 * time.Minute)), tiering.BusinessCritical, "recovery-point-lost"},
	"work missing with time left":                               {posting(workMissing(now.Add(4 * time.Hour))), tiering.Degradation, "work-missing"},
	"work missing, less than RTO to go":                         {posting(workMissing(now.Add(30 * time.Minute))), tiering.BusinessCritical, "work-out-of-time"},
	"work missing in close, little time":                        {posting(workMissing(now.Add(90*time.Minute)), inClose), tiering.BusinessCritical, "work-short-of-time"},
	"fewer entries than usual in close, hours before a cut-off": {posting(fewerThanUsual, inClose, deadlineIn(time.Minute)), tiering.Informational, "work-unusual"},
	"fewer entries than usual, flow stopped running in close":   {posting(fewerThanUsual, flowIs(tiering.FlowStale), inClose), tiering.BusinessCritical, "blind-in-close"},
	"database unhealthy, outcome fine":                          {posting(sick("db", "checkpoints are slow", ago(time.Minute))), tiering.Informational, "cause-on-the-path"},
	"redundant part lost, outcome fine": {posting(sick("db", "standby gone", ago(time.Minute)), func(e *tiering.Evidence) {
		e.Needs[0].Role = process.Soft
	}), tiering.None, ""},
	"flow stopped running":          {posting(flowIs(tiering.FlowStale)), tiering.Informational, "blind"},
	"flow stopped running in close": {posting(flowIs(tiering.FlowStale), inClose), tiering.BusinessCritical, "blind-in-close"},
	"no flow, users seen to succeed": {posting(func(e *tiering.Evidence) {
		e.Flows, e.Burns = nil, []tiering.Burn{{Indicator: "availability", Source: "users", Total: 12}}
	}), tiering.None, ""},
	"no flow, and work declared for this morning was done": {posting(func(e *tiering.Evidence) {
		e.Flows, e.Work = nil, []tiering.Work{{Source: process.Schedule, Name: "BNK1", Says: "bank statement"}}
	}), tiering.None, ""},
	"flow stopped running, and work declared for this morning was done": {posting(flowIs(tiering.FlowStale), func(e *tiering.Evidence) {
		e.Work = []tiering.Work{{Source: process.Schedule, Name: "BNK1", Says: "bank statement"}}
	}), tiering.Informational, "blind"},
	"books do not balance":                       {posting(shows(tiering.Integrity, signal.Critical, now)), tiering.BusinessCritical, "integrity-broken"},
	"books do not balance, on a holiday":         {posting(shows(tiering.Integrity, signal.Critical, now), onHoliday), tiering.BusinessCritical, "integrity-broken"},
	"a number is missing in a journal":           {posting(shows(tiering.Integrity, signal.Warning, now)), tiering.Degradation, "integrity-doubtful"},
	"two servers take writes, all tests pass":    {posting(shows(tiering.SplitBrain, signal.Critical, now)), tiering.BusinessCritical, "split-brain"},
	"two failing runs on a holiday":              {posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, onHoliday), tiering.Degradation, "failing-on-holiday"},
	"two failing runs on a holiday in close":     {posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, onHoliday, inClose), tiering.BusinessCritical, "failing-confirmed"},
	"two failing runs on a holiday, cut-off now": {posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, onHoliday, deadlineIn(30*time.Minute)), tiering.BusinessCritical, "failing-out-of-time"},
	"users fail within the hour, database down": {
		posting(burn("availability", "users", true), within(time.Hour), sick("db", "does not answer", ago(time.Minute))), tiering.BusinessCritical, "burning-fast-confirmed",
	},
	"users fail within six hours, database down": {
		posting(burn("availability", "users", true), within(6*time.Hour), sick("db", "does not answer", ago(time.Minute))), tiering.Degradation, "burning-fast",
	},
	"users fail within six hours, database down, in the window": {
		posting(burn("availability", "users", true), within(6*time.Hour), sick("db", "does not answer", ago(time.Minute)), inOwnWindow), tiering.BusinessCritical, "burning-fast-in-window",
	},
	"users fail within the hour, database down, on a holiday": {
		posting(burn("availability", "users", true), within(time.Hour), sick("db", "does not answer", ago(time.Minute)), onHoliday), tiering.Degradation, "burning-fast-on-holiday",
	},
	"users fail, database down, less than the RTO to go": {
		posting(burn("availability", "users", true), within(6*time.Hour), sick("db", "does not answer", ago(time.Minute)), deadlineIn(30*time.Minute)), tiering.BusinessCritical, "burning-fast-out-of-time",
	},
	"tests fail often and now, users still post": {
		posting(burn("availability", "synthetic", true), within(time.Hour), flowFails(2, ago(20*time.Second))), tiering.Degradation, "failing-users-fine",
	},
	"tests and users fail often, the newest test passed": {
		posting(burn("availability", "synthetic", true), burn("availability", "users", true), within(time.Hour)), tiering.BusinessCritical, "burning-fast-confirmed",
	},
	"posting in the background fails and fails": {posting(shows(tiering.FailedPosting, signal.Critical, now)), tiering.BusinessCritical, "failed-posting"},
	"some jobs fail":               {posting(shows(tiering.FailedPosting, signal.Warning, now)), tiering.Informational, "failed-posting-some"},
	"some jobs fail in the window": {posting(shows(tiering.FailedPosting, signal.Warning, now), inOwnWindow), tiering.Degradation, "failed-posting-some-in-window"},
	"one failing run while posting in the background fails": {
		posting(flowFails(1, ago(time.Second)), ledgerStandsStill, shows(tiering.FailedPosting, signal.Critical, now), important), tiering.Degradation, "failing-confirmed",
	},
	"primary lost, tests still pass": {posting(shows(tiering.PrimaryLost, signal.Critical, now)), tiering.Degradation, "primary-lost"},
	"primary lost, and an important process fails twice": {
		posting(shows(tiering.PrimaryLost, signal.Critical, now), flowFails(2, ago(time.Minute)), ledgerStandsStill, important), tiering.BusinessCritical, "primary-lost-confirmed",
	},
	"primary lost for long, Odoo down, nobody tests": {
		posting(unseen, shows(tiering.PrimaryLost, signal.Critical, ago(15*time.Minute)), sick("erp", "does not answer", ago(15*time.Minute))), tiering.BusinessCritical, "primary-lost-for-long",
	},
	"primary lost just now, Odoo down, nobody tests": {
		posting(unseen, shows(tiering.PrimaryLost, signal.Critical, ago(15*time.Minute-1)), sick("erp", "does not answer", ago(15*time.Minute))), tiering.Degradation, "primary-lost",
	},
	"primary lost for long, Odoo down, tests pass": {
		posting(shows(tiering.PrimaryLost, signal.Critical, ago(time.Hour)), sick("erp", "does not answer", ago(time.Hour))), tiering.Degradation, "primary-lost",
	},
	"jobs stand still, hours to go": {posting(workMissing(now.Add(4*time.Hour)), standsStill(15*time.Minute-1)), tiering.Degradation, "work-missing"},
	"jobs have stood still for too long, hours to go": {
		posting(workMissing(now.Add(4*time.Hour)), standsStill(15*time.Minute)), tiering.BusinessCritical, "work-out-of-time",
	},
	"a backlog that fits twice into the time left":   {posting(backlog(30*time.Minute, now.Add(time.Hour))), tiering.None, ""},
	"a backlog that fits, but not twice":             {posting(backlog(2*time.Hour, now.Add(210*time.Minute))), tiering.Informational, "deadline-near"},
	"that backlog in the window":                     {posting(backlog(2*time.Hour, now.Add(210*time.Minute)), inOwnWindow), tiering.Degradation, "deadline-near-in-window"},
	"a backlog that leaves less than the RTO":        {posting(backlog(2*time.Hour, now.Add(170*time.Minute))), tiering.Degradation, "deadline-short"},
	"that longer backlog in the window":              {posting(backlog(2*time.Hour, now.Add(170*time.Minute)), inOwnWindow), tiering.BusinessCritical, "deadline-short-in-window"},
	"a backlog that takes longer than there is":      {posting(backlog(2*time.Hour, now.Add(110*time.Minute))), tiering.BusinessCritical, "deadline-gone"},
	"a backlog that takes exactly as long":           {posting(backlog(2*time.Hour, now.Add(2*time.Hour))), tiering.Degradation, "deadline-short"},
	"two backlogs of one channel, one after another": {posting(backlog(time.Hour, now.Add(110*time.Minute)), backlog(time.Hour, now.Add(110*time.Minute))), tiering.BusinessCritical, "deadline-gone"},
	"a backlog due long after the process's own cut-off": {
		posting(backlog(2*time.Hour, now.Add(9*time.Hour)), deadlineIn(110*time.Minute)), tiering.BusinessCritical, "deadline-gone",
	},
	"budget burns slowly before the close": {posting(burn("availability", "users", false), inPreClose), tiering.Degradation, "burning-before-close"},
	"tests and users burn the last quarter slowly, in the window": {
		posting(burn("availability", "users", false), burn("availability", "synthetic", false), lately, budgetLeft(249), inOwnWindow), tiering.BusinessCritical, "burning-last-quarter",
	},
	"tests and users burnt the last quarter, and it was mended": {
		posting(burn("availability", "users", false), burn("availability", "synthetic", false), budgetLeft(249), inOwnWindow), tiering.Degradation, "burning-in-window",
	},
	"tests and users burn slowly, a quarter is left, in the window": {
		posting(burn("availability", "users", false), burn("availability", "synthetic", false), lately, budgetLeft(250), inOwnWindow), tiering.Degradation, "burning-in-window",
	},
	"users alone burn the last quarter slowly, in the window": {
		posting(burn("availability", "users", false), budgetLeft(10), inOwnWindow), tiering.Degradation, "burning-in-window",
	},
	"flow stopped running in its window":  {posting(flowIs(tiering.FlowStale), inOwnWindow), tiering.Degradation, "blind-in-window"},
	"flow stopped a moment ago, in close": {posting(flowIs(tiering.FlowStale), inClose, func(e *tiering.Evidence) { e.Flows[0].LastRun = ago(5*time.Minute - 1) }), tiering.None, ""},
	"blind for a tenth of a short RTO": {posting(flowIs(tiering.FlowStale), inClose, func(e *tiering.Evidence) {
		e.Process.Recovery.RTO, e.Flows[0].LastRun = 20*time.Minute, ago(2*time.Minute)
	}), tiering.BusinessCritical, "blind-in-close"},
	"blind where the calendar is in doubt": {posting(flowIs(tiering.FlowStale), inOwnWindow, func(e *tiering.Evidence) { e.Place.Doubt = "stale" }), tiering.BusinessCritical, "blind-in-close"},
	"database unhealthy in the window, outcome fine": {
		posting(sick("db", "checkpoints are slow", ago(time.Minute)), inOwnWindow), tiering.Informational, "cause-on-the-path",
	},
	"database unhealthy in the window, outcome fine, a cut-off near": {
		posting(sick("db", "checkpoints are slow", ago(time.Minute)), inOwnWindow, deadlineIn(90*time.Minute)), tiering.Degradation, "cause-before-deadline",
	},
	"a number is not as usual": {posting(func(e *tiering.Evidence) {
		e.Unusual = []tiering.Anomaly{{Signal: "a_signal", Text: "cache hits are down"}}
	}), tiering.Informational, "unusual"},
	"important process fails exactly an RTO before its cut-off": {
		posting(flowFails(2, ago(20*time.Second)), ledgerStandsStill, important, deadlineIn(time.Hour)), tiering.Degradation, "failing-confirmed",
	},
	"work missing, due sooner than people take who need not hurry":    {posting(unhurried, workMissing(now.Add(90*time.Minute)), inOwnWindow), tiering.Degradation, "work-missing"},
	"work missing, due in less than twice what people take who hurry": {posting(unhurried, workMissing(now.Add(50*time.Minute)), inOwnWindow), tiering.BusinessCritical, "work-short-of-time"},
	"work missing, due in less, on a quiet day":                       {posting(unhurried, workMissing(now.Add(50*time.Minute))), tiering.Degradation, "work-missing"},
	"work missing, due sooner than even a hurried recovery":           {posting(unhurried, workMissing(now.Add(29*time.Minute))), tiering.BusinessCritical, "work-out-of-time"},
	"flow held back by a person":                                      {posting(flowIs(tiering.FlowBlocked)), tiering.None, ""},
	"flow has not run yet":                                            {posting(flowIs(tiering.FlowNever)), tiering.None, ""},
}

func TestDecide(t *testing.T) {
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			v := tiering.Decide(now, tt.evidence, tiering.DefaultRules())
			row := ""
			if len(v.Reasons) > 0 {
				row = v.Reasons[0].Row
			}
			if v.Tier != tt.want || row != tt.row {
				t.Errorf("Decide = %s by %q, want %s by %q\ntrace: %+v", v.Tier, row, tt.want, tt.row, v.Trace)
			}
			if v.Tier > tiering.None && v.Headline() == "works" {
				t.Error("an impact without a headline")
			}
		})
	}
}

// TestEveryRowIsReached keeps the table free of rows nothing can reach.
func TestEveryRowIsReached(t *testing.T) {
	reached := map[string]bool{"unusual": true} // by TestWhatIsUnusualIsTold
	for _, tt := range cases {
		for _, s := range tiering.Decide(now, tt.evidence, tiering.DefaultRules()).Trace {
			reached[s.Row] = reached[s.Row] || s.Matched
		}
	}
	for _, row := range tiering.Table() {
		if !reached[row.ID] {
			t.Errorf("row %s is matched by no case", row.ID)
		}
	}
}

func TestDecideIsAFunctionOfItsArguments(t *testing.T) {
	for name, tt := range cases {
		a, b := tiering.Decide(now, tt.evidence, tiering.DefaultRules()), tiering.Decide(now, tt.evidence, tiering.DefaultRules())
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: two decisions on the same evidence differ:\n%s", name, diff)
		}
	}
}

func TestCauseIsTheDeepestUnhealthyDependency(t *testing.T) {
	tests := map[string]struct {
		evidence tiering.Evidence
		want     string
	}{
		"the database explains the ERP":      {posting(sick("erp", "health check fails", ago(time.Minute)), sick("db", "does not answer", ago(30*time.Second))), "db"},
		"the ingress explains the ERP":       {posting(sick("erp", "unreachable", ago(time.Minute)), sick("ingress", "refuses connections", ago(time.Minute))), "ingress"},
		"work exposed by a healthy database": {posting(exposed(3 * time.Minute)), "db"},
		"what stands behind explains the ingress": {posting(sick("erp", "health check fails", ago(time.Minute)), sick("ingress", "does not answer", ago(time.Minute)),
			sick("db", "sessions wait for locks", ago(30*time.Second))), "db"},
		"an ingress before an ERP that answers": {posting(sick("ingress", "does not answer", ago(time.Minute)), sick("db", "the volume is full soon", ago(30*time.Second))), "ingress"},
		"the ERP alone":                         {posting(sick("erp", "health check is slow", ago(time.Minute))), "erp"},
		"of two, the one that fell first":       {posting(sick("db", "does not answer", ago(10*time.Second)), sick("ingress", "refuses", ago(20*time.Second))), "ingress"},
		"nothing unhealthy, no cause is made":   {posting(flowFails(2, ago(time.Minute))), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			v := tiering.Decide(now, tt.evidence, tiering.DefaultRules())
			if v.Cause != nil {
				got = v.Cause.Component
			}
			if got != tt.want {
				t.Errorf("cause = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReasonsAreInWords(t *testing.T) {
	v := tiering.Decide(now, posting(exposed(3*time.Minute)), tiering.DefaultRules())
	want := "recovery point: 4m of committed work is not on any standby of db (objective 60s)"
	if got := v.Headline(); got != want {
		t.Errorf("headline = %q, want %q", got, want)
	}
	for where, copies := range map[string][]tiering.Copy{
		"neither on a standby of db nor archived": {{Component: "db"}, {Component: "backups", Archive: true}},
		"not archived by db":                      {{Component: "db", Archive: true}},
	} {
		e := posting(exposed(3 * time.Minute))
		e.Recovery.Copies = copies
		if got := tiering.Decide(now, e, tiering.DefaultRules()).Headline(); !strings.Contains(got, "of committed work is "+where+" (") {
			t.Errorf("headline = %q, want it to say %q", got, where)
		}
	}
	v = tiering.Decide(now, posting(flowIs(tiering.FlowBlocked)), tiering.DefaultRules())
	if !v.Paused || !strings.Contains(v.Headline(), "held back") {
		t.Errorf("a held-back flow reads %q (paused %v), want to be told so", v.Headline(), v.Paused)
	}
}

func TestNothingSeenIsUnknown(t *testing.T) {
	unseen := posting(func(e *tiering.Evidence) {
		e.Flows, e.Burns = nil, []tiering.Burn{{Indicator: "availability", Source: "users"}}
	})
	if v := tiering.Decide(now, unseen, tiering.DefaultRules()); !v.Unknown || v.Headline() == "works" {
		t.Errorf("without a flow and without traffic: unknown=%v headline %q, want unknown", v.Unknown, v.Headline())
	}
}

// A freeze or maintenance in force tells people what not to change. It changes
// no verdict: not its tier, not its reasons.
func TestFreezesAndMaintenanceChangeNoVerdict(t *testing.T) {
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			during := tt.evidence
			during.Place.Freeze, during.Place.Frozen, during.Place.Maintenance = calendar.HardFreeze, "close-freeze", "weekly-patching"
			want, got := tiering.Decide(now, tt.evidence, tiering.DefaultRules()), tiering.Decide(now, during, tiering.DefaultRules())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("a freeze and maintenance change the verdict (-without +with):\n%s", diff)
			}
		})
	}
}

// What the phase is called decides nothing: the window does, and it may be open
// on normal days, or because nobody can tell.
func TestTheWindowCountsNotThePhase(t *testing.T) {
	doubtful := posting(workMissing(now.Add(30*time.Minute)), func(e *tiering.Evidence) {
		e.Process.Tier, e.Process.CloseTier = process.Standard, process.Critical
		e.Place.Doubt, e.Critical, e.CriticalWhy = "stale", true, "the calendar is in doubt: stale"
	})
	v := tiering.Decide(now, doubtful, tiering.DefaultRules())
	if v.Tier != tiering.BusinessCritical || v.ServiceTier != process.Critical || v.CriticalWhy == "" {
		t.Errorf("in doubt: %s at service tier %s (%q), want business-critical at A", v.Tier, v.ServiceTier, v.CriticalWhy)
	}
	quiet := posting(workMissing(now.Add(30*time.Minute)), func(e *tiering.Evidence) {
		e.Process.Tier, e.Process.CloseTier = process.Standard, process.Critical
		e.Place.Phase = calendar.Close // of no consequence to this process
	})
	if v := tiering.Decide(now, quiet, tiering.DefaultRules()); v.ServiceTier != process.Standard {
		t.Errorf("outside its own window the service tier is %s, want C", v.ServiceTier)
	}
}
