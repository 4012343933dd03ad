package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// recoveryChecks are what must hold again before recovery from an incident is
// said, as found at a tick, by the suite of its cause. Without a cause the
// outcomes speak for themselves.
func recoveryChecks(t *Tick, inc *incident.Incident) []incident.Check {
	if inc.Cause == nil {
		return nil
	}
	all := suites()
	i := slices.IndexFunc(all, func(s suite) bool {
		return s.kind == inc.Cause.Kind && (s.part == "" || s.part == inc.Cause.Part)
	})
	if i < 0 {
		return nil
	}
	w := newWard(t, inc)
	var out []incident.Check
	for _, c := range all[i].works {
		out = append(out, w.cause(c))
	}
	for _, then := range all[i].then {
		out = append(out, then(w)...)
	}
	return out
}

// A ward is one incident at a tick, and what is known of whom it concerns.
type ward struct {
	inc       *incident.Incident
	component string // that is the cause
	checked   []checkedSignal
	subjects  []*tiering.Evidence // that need the component
	members   []*tiering.Evidence // of those, the incident's own that last
	books     []checkedSignal     // of the applications that they need
}

func newWard(t *Tick, inc *incident.Incident) *ward {
	w := &ward{inc: inc, component: inc.Cause.Component}
	for i := range t.Evidence {
		ev := &t.Evidence[i]
		if ev.Environment != inc.Environment || !slices.ContainsFunc(ev.Needs, func(n tiering.Need) bool { return n.Component == w.component }) {
			continue
		}
		w.subjects = append(w.subjects, ev)
		if slices.ContainsFunc(inc.Members, func(m incident.Member) bool { return m.Active() && m.Impact.Key == ev.Key }) {
			w.members = append(w.members, ev)
		}
	}
	for _, c := range t.Components {
		if c.Name == w.component {
			w.checked = c.Checked
		}
		uses := func(ev *tiering.Evidence) bool {
			return slices.ContainsFunc(ev.Needs, func(n tiering.Need) bool { return n.Component == c.Name && n.Kind == process.Odoo })
		}
		if slices.ContainsFunc(w.subjects, uses) {
			w.books = append(w.books, c.Checked...)
		}
	}
	return w
}

// cause asks a signal of the component.
func (w *ward) cause(c causeCheck) incident.Check {
	out := incident.Check{Name: c.name, Cause: true, State: incident.NotChecked, Text: "nothing here tells whether " + w.component + " " + c.yes}
	i := slices.IndexFunc(w.checked, func(x checkedSignal) bool { return x.Name == c.signal })
	if i < 0 {
		return out
	}
	switch w.checked[i].State {
	case signal.OK:
		out.State, out.Text = incident.Passed, w.component+" "+c.yes
	case signal.Warning, signal.Critical:
		out.State, out.Text = incident.Waiting, w.component+" "+c.no
	case signal.Unknown:
		out.State, out.Text = incident.Unknown, "nobody can tell whether "+w.component+" "+c.yes
	}
	return out
}

// since reports whether something happened since the cause is mended.
func (w *ward) since(at time.Time) bool { return !w.inc.Mended.IsZero() && at.After(w.inc.Mended) }

// until says what a check waits for.
func (w *ward) until(what string) string {
	if w.inc.Mended.IsZero() {
		return what + " is asked for once " + w.component + " works"
	}
	return what + " has not been seen since " + w.component + " works again"
}

// had reports whether a check has been judged in this incident before.
func (w *ward) had(name string) bool {
	return slices.ContainsFunc(w.inc.Checks, func(c incident.Check) bool { return c.Name == name && c.State != incident.NotChecked })
}

// copied asks whether the database has a copy again that is as near as the
// recovery point objectives ask, on a standby that follows it.
func copied(w *ward) []incident.Check {
	out := incident.Check{Name: "copy", Remains: true, State: incident.NotChecked, Text: "no standby of " + w.component + " is watched"}
	beyond := time.Duration(-1)
	for _, ev := range w.subjects {
		for _, c := range ev.Recovery.Copies {
			if c.Archive || c.Component != w.component {
				continue
			}
			if out.State == incident.NotChecked {
				out.State, out.Text = incident.Passed, "a standby follows "+w.component
			}
			if rpo := ev.Process.RecoveryIn(ev.Critical).RPO; rpo > 0 && c.Exposure > rpo {
				beyond = max(beyond, c.Exposure)
			}
		}
	}
	switch {
	case beyond >= 0:
		out.State, out.Text = incident.Waiting, fmt.Sprintf("the best standby of %s lacks up to %s of committed work", w.component, beyond.Round(time.Second))
	case out.State == incident.NotChecked && w.had(out.Name):
		out.State, out.Text = incident.Unknown, w.component+" runs without a copy: no standby follows it any more"
	}
	return []incident.Check{out}
}

// flowsPass asks whether each flow of the incident's processes has passed since.
func flowsPass(w *ward) []incident.Check {
	var out []incident.Check
	tenants := map[string]bool{}
	for _, ev := range w.members {
		tenants[ev.Tenant] = true
	}
	for _, ev := range w.members {
		for _, f := range ev.Flows {
			c := w.flow(f)
			if len(tenants) > 1 {
				c.Name, c.Text = ev.Tenant+"/"+c.Name, ev.Tenant+": "+c.Text
			}
			if !slices.ContainsFunc(out, func(x incident.Check) bool { return x.Name == c.Name }) {
				out = append(out, c)
			}
		}
	}
	return out
}

func (w *ward) flow(f tiering.Flow) incident.Check {
	c := incident.Check{Name: f.Name, State: incident.Waiting}
	switch f.State {
	case tiering.FlowPassing:
		if w.since(f.LastRun) {
			c.State, c.Text = incident.Passed, "test transaction "+f.Name+" passes"
		} else {
			c.Text = w.until("a passing run of " + f.Name)
		}
	case tiering.FlowFailing:
		c.Text = "test transaction " + f.Name + " fails at step " + f.Step
	case tiering.FlowStale:
		c.State, c.Text = incident.Unknown, "test transaction "+f.Name+" should have run and did not"
	case tiering.FlowBlocked:
		c.State, c.Text = incident.NotChecked, "test transaction "+f.Name+" is held back"
	case tiering.FlowNever:
		c.State, c.Text = incident.NotChecked, "test transaction "+f.Name+" has never run"
	}
	return c
}

// jobsTaken asks whether the job runner has taken a job since.
func jobsTaken(w *ward) []incident.Check {
	out := incident.Check{Name: "job-runner", State: incident.NotChecked, Text: "no job has been there to take"}
	var waits []string
	taken := false
	for _, ev := range w.subjects {
		for _, x := range ev.Work {
			switch {
			case x.Source != process.QueueJobs:
			case w.since(x.Done) && !x.Missing:
				taken = true
			case x.Missing:
				waits = appendNew(waits, x.Why)
			case x.Count > 0 && !x.Oldest.IsZero():
				waits = appendNew(waits, w.until("a job that is taken from "+x.Name))
			}
		}
		for _, f := range ev.Flows {
			taken = taken || f.Name == roundtrip && f.State == tiering.FlowPassing && w.since(f.LastRun)
		}
	}
	switch {
	case len(waits) > 0:
		out.State, out.Text = incident.Waiting, waits[0]
	case taken:
		out.State, out.Text = incident.Passed, "jobs are taken"
	}
	return []incident.Check{out}
}

// actionsAdvance asks whether a scheduled action has run since, and none is
// missing that was not before.
func actionsAdvance(w *ward) []incident.Check {
	out := incident.Check{Name: "scheduled-actions", State: incident.NotChecked, Text: "no scheduled action is watched"}
	var waits []string
	ran := false
	for _, ev := range w.subjects {
		for _, x := range ev.Work {
			if x.Source != process.ScheduledAction {
				continue
			}
			switch {
			case x.Missing && (x.Since.IsZero() || x.Since.Before(w.inc.Opened)):
				out.Text = x.Name + " was missing before"
			case x.Missing:
				waits = appendNew(waits, x.Name+": "+x.Why)
			case w.since(x.Done):
				ran = true
			case !x.Due.IsZero():
				out.Text = "no scheduled action has been due since"
			}
		}
	}
	switch {
	case len(waits) > 0:
		out.State, out.Text = incident.Waiting, waits[0]
	case ran:
		out.State, out.Text = incident.Passed, "scheduled actions run"
	}
	return []incident.Check{out}
}

// booksAddUp asks whether the ledgers are as they were: the flow that adds up the
// trial balance must have passed since, and no entry may be wrong that was right
// when the incident was raised. What is wrong from before holds nothing up.
func booksAddUp(w *ward) []incident.Check {
	out := incident.Check{Name: "books", State: incident.NotChecked, Text: "nothing here adds up the books"}
	var bad, unknown []string
	for _, x := range w.books {
		switch {
		case !slices.Contains(booksSignals(), x.Name):
		case x.State == signal.Unknown:
			unknown = appendNew(unknown, x.Name)
		case x.State != signal.OK:
			bad = appendNew(bad, x.Name)
		default:
			out.Text = "nothing has added up the books since; when they were last read, they did"
		}
	}
	i := slices.IndexFunc(w.inc.Checks, func(c incident.Check) bool { return c.Name == out.Name })
	before := i < 0 || w.inc.Checks[i].Before
	added, adds := w.trialBalance()
	switch {
	case len(bad) > 0 && before:
		out.Before, out.Text = true, "the books were wrong before: "+strings.Join(bad, ", ")
	case len(bad) > 0:
		out.State, out.Text = incident.Waiting, "the books do not add up: "+strings.Join(bad, ", ")
	case added:
		out.State, out.Text = incident.Passed, "the trial balance adds up"
	case adds:
		out.State, out.Text = incident.Waiting, w.until("a trial balance that adds up")
	case len(unknown) > 0:
		out.State, out.Text = incident.Unknown, "nobody has added up the books since"
	}
	return []incident.Check{out}
}

// trialBalance reports whether a flow has added up the trial balance since, and
// whether there is one that does.
func (w *ward) trialBalance() (added, adds bool) {
	for _, ev := range w.subjects {
		for _, f := range ev.Flows {
			if f.Name == trialBalance && f.State != tiering.FlowBlocked && f.State != tiering.FlowNever {
				adds = true
				added = added || f.State == tiering.FlowPassing && w.since(f.LastRun)
			}
		}
	}
	return added, adds
}

// appendNew appends what is not there yet.
func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// riskOf is how much committed work of a subject is at risk at a tick. While the
// database does not answer nothing is written to it: what is at risk then is what
// was when it ceased.
func riskOf(t *Tick, k tiering.Key) incident.Risk {
	ev, ok := t.evidenceOf(k)
	if !ok {
		return incident.Risk{}
	}
	r := incident.Risk{Known: ev.Recovery.Known, Exposure: ev.Recovery.Exposure, Postings: ev.Recovery.Postings, Objective: ev.Process.RecoveryIn(ev.Critical).RPO}
	for _, n := range ev.Needs {
		if n.Component == ev.Recovery.Component && n.Kind == process.Postgres && n.State == signal.Critical {
			r.Exposure = max(0, r.Exposure-t.At.Sub(n.Since))
		}
	}
	return r
}
