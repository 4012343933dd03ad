package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/alerts/routing"
	"github.com/closewatch/closewatch/collectors"
	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/scenario"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/synthetic"
)

// A Trial is a scenario with its estate: ready to be run, any number of times.
type Trial struct {
	Scenario *scenario.Scenario
	plan     *Plan
	cals     *calendars
	ground   scenario.Ground
	start    time.Time
	end      time.Time
	times    []time.Time // of the steps
	clock    scenario.Clock
	routing  *routing.Config // nil: nothing is expected of routes
}

// LoadTrial reads a scenario and the estate that it names. Secrets of the estate
// are not needed. The error is estate.Mistakes: those of the scenario, or else
// those of its estate, or else what the scenario names and the estate lacks.
func LoadTrial(file string) (*Trial, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	s, err := scenario.Parse(file, data)
	if err != nil {
		return nil, err
	}
	p, err := loadFrom(func(o estate.Options) (*estate.Estate, error) {
		o.Offline, o.WebFile = true, nil
		if !s.Inline.IsZero() {
			return s.Inline.Estate(o)
		}
		name := s.Estate
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		return estate.Load(name, o)
	})
	if err != nil {
		return nil, err
	}
	return newTrial(s, p)
}

func unreadable(file string, err error) estate.Mistakes {
	return estate.Mistakes{{
		File: file, Line: 1, Column: 1, Path: "scenario", What: fmt.Sprintf("cannot be read: %v", unwrapPath(err)), Remedy: "name a file that may be read",
	}}
}

// unwrapPath drops the path from an error that is shown beside it.
func unwrapPath(err error) error {
	if pe, ok := err.(*os.PathError); ok { //nolint:errorlint // as os returns it
		return pe.Err
	}
	return err
}

// newTrial places a scenario in its estate.
func newTrial(s *scenario.Scenario, p *Plan) (*Trial, error) {
	if s.Tick > 0 {
		e := *p.Estate
		e.Timing.Tick = s.Tick
		changed := *p
		changed.Estate, p = &e, &changed
	}
	t := &Trial{Scenario: s, plan: p, cals: &calendars{plans: p.Estate.CalendarPlans(entities(p.Estate, p.tenants))}}
	t.clock = scenario.Clock{Zone: s.Zone.Location(), Mark: t.mark}
	if s.Zone.IsZero() {
		t.clock.Zone = p.Estate.Timezone.Location()
	}
	t.ground = p.ground(t.clock.Zone)
	start, _ := t.clock.On(s.Start, time.Time{}) // Parse has seen that it is absolute
	t.clock.Start = start.Truncate(p.Estate.Timing.Tick.D()).UTC()
	t.start = t.clock.Start
	err := t.route()
	if err != nil {
		return nil, err
	}
	if t.times, err = s.Check(t.ground, t.clock); err != nil {
		return nil, err
	}
	t.end = t.lastLook()
	return t, nil
}

// Local is an instant for people: in the scenario's zone, and after its start.
func (t *Trial) Local(at time.Time) string {
	return fmt.Sprintf("%s (+%s)", at.In(t.clock.Zone).Format("Mon 2 Jan 15:04:05 MST"), model.Duration(at.Sub(t.start)))
}

// mark finds a place in the close of the scenario's entity.
func (t *Trial) mark(m calendar.Mark, from time.Time) (time.Time, bool) {
	plans := t.cals.plans
	i := slices.IndexFunc(plans, func(p calendar.Plan) bool { return p.Entity == t.Scenario.Entity })
	if len(plans) == 0 {
		return time.Time{}, false
	}
	tl := t.cals.around(from).of[plans[max(i, 0)].Entity]
	return tl.Next(m, from)
}

// lastLook is when the clock stops: with what is expected last.
func (t *Trial) lastLook() time.Time {
	last := t.start
	for i, at := range t.times {
		step := t.Scenario.Steps[i]
		until, _ := t.clock.On(step.Expect.Until, at)
		for _, x := range []time.Time{at, at.Add(step.Expect.Within.D()), until} {
			if x.After(last) {
				last = x
			}
		}
	}
	if end, ok := t.clock.On(t.Scenario.End.At, last); ok {
		return end
	}
	return last
}

// ground is the estate as a scenario knows it.
func (p *Plan) ground(zone *time.Location) scenario.Ground {
	e := p.Estate
	g := scenario.Ground{
		Environment: e.Environment, Zone: zone, Entities: map[string]string{}, Operations: map[string]string{}, Flows: synthetic.Names(),
		Buckets: durations(thresholds()),
	}
	kinds := map[string][]signal.Definition{}
	for _, k := range collectors.Catalog(nil) {
		kinds[k.Name] = k.Signals()
	}
	for _, c := range p.components {
		known := scenario.Component{Name: c.Name, Kind: c.Kind, Environment: c.Environment, Class: c.Class(), Signals: kinds[c.Kind]}
		if c.Signals != nil {
			known.Signals = slices.Concat(known.Signals, c.Signals(c.Name))
		}
		g.Components = append(g.Components, known)
	}
	for _, t := range p.tenants {
		g.Tenants = append(g.Tenants, scenario.Tenant{Name: t.name, Environment: t.environment, Component: t.component, Ingress: p.ingress(t.environment)})
	}
	for _, ent := range entities(e, p.tenants) {
		g.Entities[ent.Name] = ent.Tenant
	}
	for _, pr := range e.Catalog(process.Catalog()) {
		g.Processes = append(g.Processes, pr.Name)
		if len(pr.Operations) > 0 {
			g.Operations[pr.Name] = pr.Operations[0]
		}
	}
	return g
}

func durations(all []time.Duration) []float64 {
	out := make([]float64, len(all))
	for i, d := range all {
		out[i] = d.Seconds()
	}
	return out
}

// ingress is the component that sees the users of an environment.
func (p *Plan) ingress(environment string) string {
	for _, c := range p.components {
		if c.Kind == process.Traefik && c.Environment == environment {
			return c.Name
		}
	}
	return ""
}

// A Moment is one thing that happened in a scenario.
type Moment struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
	// Detail is the page as people get it, or why a tier was reached.
	Detail string `json:"detail,omitempty"`
}

// A Sent is an alert that began to fire.
type Sent struct {
	At       time.Time    `json:"at"`
	Key      tiering.Key  `json:"impact"`
	Name     string       `json:"alertname"`
	Tier     tiering.Tier `json:"tier"`
	Severity string       `json:"severity"`
	Incident string       `json:"incident"`
	Title    string       `json:"title"`
}

// A Report is how a scenario went.
type Report struct {
	File     string        `json:"file"`
	Name     string        `json:"name"`
	Passed   bool          `json:"passed"`
	Took     time.Duration `json:"took_ns"`
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	Ticks    int           `json:"ticks"`
	Failures []Failure     `json:"failures,omitempty"`
	Sent     []Sent        `json:"sent"`
	Timeline []Moment      `json:"timeline"`
}

// A Failure is one thing that was expected and did not come.
type Failure struct {
	Line  int       `json:"line"`  // of the scenario
	Field string    `json:"field"` // "steps[3].expect.pages"
	At    time.Time `json:"at"`
	What  string    `json:"what"` // "invoice-posting/acme-uk"
	Want  []string  `json:"want"`
	Got   []string  `json:"got"`
	Why   []string  `json:"why,omitempty"` // what speaks for what came: reasons, and the row that decided
}

// Run runs the scenario from its start on the estate's grid.
func (t *Trial) Run() (*Report, error) {
	cals := &calendars{plans: t.cals.plans} // of its own: they learn how closes really went
	d, err := newDecider(t.plan, cals)
	if err != nil {
		return nil, err
	}
	r, err := newCourse(t, d, cals)
	if err != nil {
		return nil, err
	}
	tick := t.plan.Estate.Timing.Tick.D()
	warmup := warmupOf(t.plan)
	for at := t.start; ; at = at.Add(tick) {
		r.advance(at)
		now := d.decide(at, given{published: r.published(at), flows: r, told: r.told(), warm: at.Sub(t.start) >= warmup})
		r.look(now)
		if !at.Before(t.end) {
			break
		}
	}
	return r.report(), nil
}

// warmupOf is how long after a start nothing is judged yet.
func warmupOf(p *Plan) time.Duration {
	return max(3*p.Estate.Timing.Tick.D(), scaled(time.Minute, p.Estate.Timing.Scale))
}
