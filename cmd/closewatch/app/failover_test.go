package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/tiering"
)

// TestAFailoverDrill kills the primary of a real cluster and promotes its
// standby. What writes is a real insert on whichever server takes writes, and the
// cluster is watched by the collector of the daemon.
func TestAFailoverDrill(t *testing.T) {
	d := newDrill(t)
	d.until(t, "all is well", func(now *Tick) string {
		if db := d.component(now, "db"); db.State.String() != "ok" {
			return fmt.Sprintf("db is %s: %v", db.State, db.Evidence)
		}
		if inc := open(now); inc != nil {
			return "an incident is open: " + incidentLine(inc)
		}
		if ev, _ := now.evidenceOf(d.posting); len(ev.Recovery.Copies) == 0 {
			return "no copy of db is measured"
		}
		return ""
	})

	if err := d.primary.Kill(); err != nil {
		t.Fatal(err)
	}
	d.until(t, "one page, because of the database", func(now *Tick) string {
		inc := open(now)
		switch {
		case inc == nil:
			return "no incident"
		case inc.Pages != 1 || inc.Cause == nil || inc.Cause.Component != "db":
			return fmt.Sprintf("%d pages: %s", inc.Pages, incidentLine(inc))
		}
		return lacks(inc, "writable")
	})

	d.application.set(false) // it holds on to the old primary
	if err := d.primary.Standby.Exec(t.Context(), "postgres", "postgres", "SELECT pg_promote()"); err != nil {
		t.Fatal(err)
	}
	d.until(t, "the database is back, the outcome is not", func(now *Tick) string {
		inc := open(now)
		if inc == nil {
			return "no incident is open any more"
		}
		if c := check(inc, "writable"); c.State != incident.Passed {
			return "writable: " + c.Text
		}
		return lacks(inc, "invoice-posting")
	})
	mended := d.last.At

	d.application.set(true)
	d.until(t, "recovered, without a copy", func(now *Tick) string {
		inc := open(now)
		switch {
		case inc == nil:
			t.Fatal("recovery is said without a word about the copy")
		case !inc.LeadMember().Remains:
			return incidentLine(inc)
		}
		return ""
	})
	inc := open(d.last)
	if c := check(inc, "invoice-posting"); c.State != incident.Passed || !inc.Mended.Before(d.last.At) {
		t.Errorf("recovered with %+v", c)
	}
	if said := inc.LeadMember().Impact.Headline(); inc.Tier() != tiering.Degradation || !strings.Contains(said, "without a copy") {
		t.Errorf("it remains %s because %q", inc.Tier(), said)
	}
	posting := inc.Members[slices.IndexFunc(inc.Members, func(m incident.Member) bool { return m.Impact.Key == d.posting })]
	if v := posting.RTO.Verdict(); v != incident.Met || posting.RTO.Stopped.Before(mended) {
		t.Errorf("clock %+v: %s, want it met, and stopped after the flows passed", posting.RTO, v)
	}
	if v := posting.RPO.Verdict(); v == incident.NotMeasured || posting.RPO.Worst > time.Minute {
		t.Errorf("at risk %+v: %s; a standby streamed when the primary was killed", posting.RPO, v)
	}
	if inc.Pages != 1 {
		t.Errorf("%d pages, want 1", inc.Pages)
	}
}

// lacks reports a check that recovery should wait for and does not.
func lacks(inc *incident.Incident, name string) string {
	if c := check(inc, name); !c.Holds() {
		return fmt.Sprintf("%s is %s: %s", name, c.State, c.Text)
	}
	return ""
}

func check(inc *incident.Incident, name string) incident.Check {
	i := slices.IndexFunc(inc.Checks, func(c incident.Check) bool { return c.Name == name })
	if i < 0 {
		return incident.Check{Name: name, Text: "there is no such check"}
	}
	return inc.Checks[i]
}

// open is the incident that is open and more than informational; nil when none
// is.
func open(t *Tick) *incident.Incident {
	i := slices.IndexFunc(t.Incidents, func(inc *incident.Incident) bool { return inc.Open() && serious(inc) })
	if i < 0 {
		return nil
	}
	return t.Incidents[i]
}

// A drill decides on a real cluster at ticks of a quarter of a second, with holds
// a five-hundredth of production's.
type drill struct {
	primary     *lab.Postgres
	application *application
	decider     *decider
	runner      *collector.Runner
	posting     tiering.Key
	last        *Tick
}

func newDrill(t *testing.T) *drill {
	t.Helper()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{Standby: true, Settings: map[string]string{"autovacuum": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Exec(t.Context(), "postgres", "postgres", "CREATE ROLE mon LOGIN; GRANT pg_monitor TO mon; CREATE TABLE moves (n int)"); err != nil {
		t.Fatal(err)
	}
	if err := p.AwaitStreaming(t.Context(), p.Standby); err != nil {
		t.Fatal(err)
	}
	hosts := fmt.Sprintf("%s:%d,%s:%d", p.Host, p.Port, p.Standby.Host, p.Standby.Port)
	plan := planOf(t, fmt.Sprintf(`components:
  db: {postgres: {dsn: "postgres://mon@%s/postgres", interval: 1s}}
%stiming: {tick: 250ms, scale: 0.002}
`, hosts, odoo("erp", "prod", "")))
	d := &drill{primary: p, application: &application{dsn: "postgres://postgres@" + hosts + "/postgres?target_session_attrs=read-write&connect_timeout=2", works: true}}
	if d.decider, err = newDecider(plan, newCalendars(plan.Estate, entities(plan.Estate, plan.tenants))); err != nil {
		t.Fatal(err)
	}
	d.posting = d.decider.assembler.subjects[slices.IndexFunc(d.decider.assembler.subjects, func(s subject) bool { return s.key.Process == "invoice-posting" })].key
	d.runner = collector.New(collector.Settings{})
	db := plan.components[slices.IndexFunc(plan.components, func(c plannedComponent) bool { return c.Name == "db" })]
	if err := d.runner.Add(db.Open(plan.site(db, slog.New(slog.DiscardHandler), time.Now, t.TempDir()))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { d.runner.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return d
}

func (d *drill) component(t *Tick, name string) componentState {
	return t.Components[slices.IndexFunc(t.Components, func(c componentState) bool { return c.Name == name })]
}

// until ticks until want says nothing any more.
func (d *drill) until(t *testing.T, what string, want func(*Tick) string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		d.application.post(t)
		at := time.Now().UTC().Truncate(time.Millisecond)
		d.last = d.decider.decide(at, given{published: d.runner.Sampled(at).Named, flows: d.application, warm: true})
		missing := want(d.last)
		if missing == "" {
			return
		}
		select {
		case <-late:
			t.Fatalf("%s: after a minute: %s", what, missing)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// An application posts, on whichever server takes writes, unless it holds on to
// one that is dead.
type application struct {
	dsn   string
	works bool
	say   tiering.Flow
}

func (a *application) set(works bool) { a.works = works }

func (a *application) post(t *testing.T) {
	t.Helper()
	began := time.Now().UTC()
	if err := a.insert(t.Context()); err == nil {
		a.say = tiering.Flow{State: tiering.FlowPassing, LastRun: began}
		return
	}
	first := began
	if a.say.State == tiering.FlowFailing {
		first = a.say.FirstFailure
	}
	a.say = tiering.Flow{State: tiering.FlowFailing, Failures: a.say.Failures + 1, FirstFailure: first, Previous: a.say.LastRun, LastRun: began, Step: "post-invoice", Kind: fault.Unavailable}
}

func (a *application) insert(ctx context.Context) error {
	if !a.works {
		return context.DeadlineExceeded
	}
	conn, err := pgconn.Connect(ctx, a.dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "INSERT INTO moves VALUES (1)").ReadAll()
	_ = conn.Close(ctx) // nothing is held back
	return err
}

// Flow implements flowEvidence: every flow posts.
func (a *application) Flow(_, _, name string, _ time.Time) (tiering.Flow, []flow.Run) {
	out := a.say
	out.Name = name
	return out, nil
}
