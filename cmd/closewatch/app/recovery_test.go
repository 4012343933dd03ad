package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A loss is a database that was lost and is back since noon, with everything
// seen to work on it.
type loss struct {
	cause   tiering.Cause
	mended  time.Time
	checks  []incident.Check // of the tick before
	db, erp []checkedSignal
	posting tiering.Evidence
	other   tiering.Evidence // a process that needs it and is no member
}

func newLoss() *loss {
	ok := func(names ...string) (out []checkedSignal) {
		for _, n := range names {
			out = append(out, checkedSignal{n, signal.OK})
		}
		return out
	}
	key := func(p string) tiering.Key {
		return tiering.Key{Process: p, Entity: "acme", Tenant: "prod", Environment: "production"}
	}
	needs := []tiering.Need{{Component: "db", Kind: process.Postgres, Role: process.Hard}, {Component: "erp", Kind: process.Odoo, Role: process.Hard}}
	rpo := process.Process{Recovery: process.Recovery{RPO: 5 * time.Minute}}
	return &loss{
		cause: tiering.Cause{Component: "db", Kind: process.Postgres}, mended: noon,
		db: ok("postgres_up", "postgres_writable", "postgres_split_brain"), erp: ok(booksSignals()...),
		posting: tiering.Evidence{
			Key: key("invoice-posting"), Process: rpo, Needs: needs,
			Flows:    []tiering.Flow{{Name: "invoice-posting", State: tiering.FlowPassing, LastRun: noon.Add(time.Minute)}},
			Recovery: tiering.Recovery{Known: true, Component: "db", Copies: []tiering.Copy{{Component: "db", Exposure: time.Second}}},
		},
		other: tiering.Evidence{
			Key: key("e-invoicing"), Process: rpo, Needs: needs,
			Flows: []tiering.Flow{{Name: trialBalance, State: tiering.FlowPassing, LastRun: noon.Add(time.Minute)}},
			Work: []tiering.Work{
				{Source: process.QueueJobs, Name: "root.einvoice", Done: noon.Add(time.Minute)},
				{Source: process.ScheduledAction, Name: "Send", Done: noon.Add(time.Minute), Due: noon.Add(time.Hour)},
			},
		},
	}
}

// stands lists what is not passed, as "name state: text".
func (l *loss) stands() []string {
	t := &Tick{
		At: noon.Add(2 * time.Minute), Evidence: []tiering.Evidence{l.posting, l.other},
		Components: []componentState{{Name: "db", Checked: l.db}, {Name: "erp", Checked: l.erp}},
	}
	inc := &incident.Incident{
		Environment: "production", Cause: &l.cause, Opened: noon.Add(-20 * time.Minute), Mended: l.mended, Checks: l.checks,
		Members: []incident.Member{{Impact: tiering.Impact{Verdict: tiering.Verdict{Key: l.posting.Key}}}},
	}
	var out []string
	for _, c := range recoveryChecks(t, inc) {
		if c.State != incident.Passed {
			out = append(out, fmt.Sprintf("%s %s: %s", c.Name, c.State, c.Text))
		}
		if c.Text == "" {
			out = append(out, c.Name+" says nothing")
		}
	}
	return out
}

func TestTheSuiteAfterADatabaseWasLost(t *testing.T) {
	is := func(list []checkedSignal, name string, s signal.State) {
		list[slices.IndexFunc(list, func(x checkedSignal) bool { return x.Name == name })].State = s
	}
	judged := func(name string, s incident.CheckState) incident.Check { return incident.Check{Name: name, State: s} }
	for name, tt := range map[string]struct {
		but  func(*loss)
		want []string
	}{
		"all is seen to work": {func(*loss) {}, nil},
		"it does not answer": {func(l *loss) {
			is(l.db, "postgres_up", signal.Critical)
			is(l.db, "postgres_writable", signal.Unknown)
			l.mended = time.Time{}
		}, []string{
			"answers waiting: db does not answer", "writable unknown: nobody can tell whether db accepts writes",
			"invoice-posting waiting: a passing run of invoice-posting is asked for once db works",
			"job-runner not checked: no job has been there to take", "scheduled-actions not checked: no scheduled action has been due since",
			"books waiting: a trial balance that adds up is asked for once db works",
		}},
		"it is a standby":         {func(l *loss) { is(l.db, "postgres_writable", signal.Critical) }, []string{"writable waiting: db accepts no writes"}},
		"two servers take writes": {func(l *loss) { is(l.db, "postgres_split_brain", signal.Critical) }, []string{"one-primary waiting: db has several servers that accept writes"}},
		"nobody looks at it":      {func(l *loss) { l.db = l.db[:1] }, []string{"writable not checked: nothing here tells whether db accepts writes", "one-primary not checked: nothing here tells whether db has one server that accepts writes"}},
		"no standby follows it any more": {func(l *loss) {
			l.posting.Recovery, l.checks = tiering.Recovery{}, []incident.Check{judged("copy", incident.Passed)}
		}, []string{"copy unknown: db runs without a copy: no standby follows it any more"}},
		"it never had one":          {func(l *loss) { l.posting.Recovery = tiering.Recovery{} }, []string{"copy not checked: no standby of db is watched"}},
		"the archive is no standby": {func(l *loss) { l.posting.Recovery.Copies[0].Archive = true }, []string{"copy not checked: no standby of db is watched"}},
		"the standby is far behind": {func(l *loss) { l.posting.Recovery.Copies[0].Exposure = 5*time.Minute + time.Second }, []string{"copy waiting: the best standby of db lacks up to 5m1s of committed work"}},
		"a flow has not run since":  {func(l *loss) { l.posting.Flows[0].LastRun = noon }, []string{"invoice-posting waiting: a passing run of invoice-posting has not been seen since db works again"}},
		"a flow fails":              {func(l *loss) { l.posting.Flows[0].State, l.posting.Flows[0].Step = tiering.FlowFailing, "post" }, []string{"invoice-posting waiting: test transaction invoice-posting fails at step post"}},
		"a flow should have run":    {func(l *loss) { l.posting.Flows[0].State = tiering.FlowStale }, []string{"invoice-posting unknown: test transaction invoice-posting should have run and did not"}},
		"a flow is held back":       {func(l *loss) { l.posting.Flows[0].State = tiering.FlowBlocked }, []string{"invoice-posting not checked: test transaction invoice-posting is held back"}},
		"a flow has never run":      {func(l *loss) { l.posting.Flows[0].State = tiering.FlowNever }, []string{"invoice-posting not checked: test transaction invoice-posting has never run"}},
		"the job runner went deaf": {func(l *loss) {
			l.other.Work[0] = tiering.Work{Source: process.QueueJobs, Missing: true, Why: "31 jobs wait"}
		}, []string{"job-runner waiting: 31 jobs wait"}},
		"a job has only just come": {func(l *loss) {
			l.other.Work[0] = tiering.Work{Source: process.QueueJobs, Name: "root.einvoice", Count: 1, Oldest: noon}
		}, []string{"job-runner waiting: a job that is taken from root.einvoice has not been seen since db works again"}},
		"no job came": {func(l *loss) { l.other.Work[0].Done = noon.Add(-time.Hour) }, []string{"job-runner not checked: no job has been there to take"}},
		"a job of our own was taken": {func(l *loss) {
			l.other.Work[0].Done = noon.Add(-time.Hour)
			l.other.Flows = append(l.other.Flows, tiering.Flow{Name: roundtrip, State: tiering.FlowPassing, LastRun: noon.Add(time.Minute)})
		}, nil},
		"an action does not run": {func(l *loss) {
			l.other.Work[1] = tiering.Work{Source: process.ScheduledAction, Name: "Send", Missing: true, Since: noon, Why: "it is 8m late"}
		}, []string{"scheduled-actions waiting: Send: it is 8m late"}},
		"an action did not run before": {func(l *loss) {
			l.other.Work[1] = tiering.Work{Source: process.ScheduledAction, Name: "Send", Missing: true, Since: noon.Add(-time.Hour)}
		}, []string{"scheduled-actions not checked: Send was missing before"}},
		"no action was due": {func(l *loss) { l.other.Work[1].Done = noon.Add(-time.Hour) }, []string{"scheduled-actions not checked: no scheduled action has been due since"}},
		"entries do not balance": {func(l *loss) {
			is(l.erp, "odoo_entries_unbalanced", signal.Critical)
			l.checks = []incident.Check{judged("books", incident.Waiting)}
		}, []string{"books waiting: the books do not add up: odoo_entries_unbalanced"}},
		"nor did they before": {func(l *loss) {
			is(l.erp, "odoo_entries_unbalanced", signal.Critical)
		}, []string{"books not checked: the books were wrong before: odoo_entries_unbalanced"}},
		"the trial balance was not made since": {func(l *loss) { l.other.Flows[0].LastRun = noon }, []string{"books waiting: a trial balance that adds up has not been seen since db works again"}},
		"no flow makes one":                    {func(l *loss) { l.other.Flows = nil }, []string{"books not checked: nothing has added up the books since; when they were last read, they did"}},
		"and nobody has read the books": {func(l *loss) {
			l.other.Flows = nil
			is(l.erp, "odoo_hash_chain_broken", signal.Unknown)
		}, []string{"books unknown: nobody has added up the books since"}},
		"nothing adds up the books": {func(l *loss) { l.other.Flows, l.erp = nil, nil }, []string{"books not checked: nothing here adds up the books"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoss()
			tt.but(l)
			if diff := cmp.Diff(tt.want, l.stands()); diff != "" {
				t.Errorf("what is not passed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheSuiteOfOtherCauses(t *testing.T) {
	for name, tt := range map[string]struct {
		cause tiering.Cause
		want  string // names of the checks
	}{
		"the application":   {tiering.Cause{Component: "erp", Kind: process.Odoo}, "answers invoice-posting job-runner scheduled-actions"},
		"its job runner":    {tiering.Cause{Component: "erp", Kind: process.Odoo, Part: "job-runner"}, "job-runner"},
		"its books":         {tiering.Cause{Component: "erp", Kind: process.Odoo, Part: "books"}, "books"},
		"the ingress":       {tiering.Cause{Component: "ingress", Kind: process.Traefik}, "answers reachable invoice-posting"},
		"the session store": {tiering.Cause{Component: "cache", Kind: process.Redis}, "invoice-posting"},
		"a bank":            {tiering.Cause{Component: "bank", Kind: process.Bank}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoss()
			l.posting.Needs = append(l.posting.Needs, tiering.Need{Component: tt.cause.Component, Kind: tt.cause.Kind})
			inc := &incident.Incident{Environment: "production", Cause: &tt.cause, Members: []incident.Member{{Impact: tiering.Impact{Verdict: tiering.Verdict{Key: l.posting.Key}}}}}
			var got []string
			for _, c := range recoveryChecks(&Tick{Evidence: []tiering.Evidence{l.posting}}, inc) {
				got = append(got, c.Name)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("checks %q, want %q", s, tt.want)
			}
		})
	}
	if checks := recoveryChecks(&Tick{}, &incident.Incident{}); checks != nil {
		t.Errorf("without a cause there are checks: %v", checks)
	}
}

// Every signal that a check asks is defined for its kind, and no other is kept.
func TestSuitesAskSignalsThatExist(t *testing.T) {
	kinds := map[string]string{}
	for _, d := range builtIn() {
		kinds[d.Name] = d.Kind
	}
	for _, s := range suites() {
		for _, c := range s.works {
			if kind, is := kinds[c.signal]; !is || kind != "" && kind != s.kind || !slices.Contains(asked(s.kind), c.signal) {
				t.Errorf("the suite of %s asks %s, which is no signal of it", s.kind, c.signal)
			}
		}
	}
	for _, name := range booksSignals() {
		if _, is := kinds[name]; !is {
			t.Errorf("no signal is called %s", name)
		}
	}
}

// While the database is away, what is at risk is what was when it ceased.
func TestWhatIsAtRiskWhileTheDatabaseIsAway(t *testing.T) {
	l := newLoss()
	l.posting.Recovery.Exposure = 3 * time.Minute
	t0 := &Tick{At: noon.Add(2 * time.Minute), Evidence: []tiering.Evidence{l.posting}}
	if r := riskOf(t0, l.posting.Key); r.Exposure != 3*time.Minute || r.Objective != 5*time.Minute || !r.Known {
		t.Errorf("at risk %+v, want 3m of 5m", r)
	}
	l.posting.Needs[0].State, l.posting.Needs[0].Since = signal.Critical, noon
	if r := riskOf(t0, l.posting.Key); r.Exposure != time.Minute {
		t.Errorf("at risk %s two minutes after it was lost, want 1m", r.Exposure)
	}
	t0.At = noon.Add(time.Hour)
	if r := riskOf(t0, l.posting.Key); r.Exposure != 0 {
		t.Errorf("at risk %s, want nothing", r.Exposure)
	}
}
