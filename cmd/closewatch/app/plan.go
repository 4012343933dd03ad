package app

import (
	"cmp"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/closewatch/closewatch/collectors"
	collectodoo "github.com/closewatch/closewatch/collectors/odoo"
	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/synthetic"
	flows "github.com/closewatch/closewatch/synthetic/odoo"
)

// A Plan is an estate with every section decoded by its owner: nothing in it
// can be wrong any more, short of the world.
type Plan struct {
	Estate     *estate.Estate
	components []plannedComponent
	tenants    []tenant
	postgres   map[string]postgres.Config // the first by environment
	web        *auth.File                 // nil: the estate names none
	closes     *lockWatch                 // how closes really went; nil: nobody has told
}

// A plannedComponent is a component and how to watch it.
type plannedComponent struct {
	estate.Component
	collectors.Watch
	odoo *odooSection // of an Odoo component
}

// Load reads an estate and decodes every section. The error is
// estate.Mistakes: all of them, in the order of the file.
func Load(file string) (*Plan, error) {
	return loadFrom(func(o estate.Options) (*estate.Estate, error) { return estate.Load(file, o) })
}

// loadFrom decodes every section of the estate that open reads.
func loadFrom(open func(estate.Options) (*estate.Estate, error)) (*Plan, error) {
	p := &Plan{postgres: map[string]postgres.Config{}}
	sections := map[string]*odooSection{} // by path
	var current estate.Component          // whose section is being decoded
	catalog := collectors.Catalog(func(s estate.Section) (collectodoo.Config, estate.Mistakes) {
		section := &odooSection{planned: func(o *odooSection) flows.Config { return o.flows(current.Name, p.Estate.Schedule) }}
		mistakes := s.Decode(section)
		sections[s.Path()] = section
		return section.collectors(), mistakes
	})
	var kinds, processes, seen []string
	objectives := map[string][]process.Objective{}
	for _, k := range catalog {
		kinds = append(kinds, k.Name)
		for _, d := range k.Signals() {
			seen = append(seen, d.Name)
		}
	}
	for _, d := range workSignals() {
		seen = append(seen, d.Name)
	}
	definitions := ofKinds()
	for _, pr := range process.Catalog() {
		processes = append(processes, pr.Name)
		objectives[pr.Name] = pr.Objectives
	}
	options := estate.Options{
		LookupEnv: os.LookupEnv, Kinds: kinds, Processes: processes, Flows: synthetic.Names(), Levels: synthetic.Levels(), Thresholds: thresholds(), Histograms: histograms(),
		WebFile: func(file string) (_ estate.WebFile, err error) {
			p.web, err = auth.ReadFile(file)
			return p.web.Facts(), err
		},
		Objectives: objectives, Work: scheduledWork(process.Catalog()), Signals: seen, Definitions: definitions,
	}
	e, err := open(options)
	if err != nil && e != nil { // it may be about a signal that a component itself declares
		if own := declaredSignals(e, catalog); len(own) > 0 {
			options.Definitions = slices.Concat(definitions, own)
			e, err = open(options)
		}
	}
	var mistakes estate.Mistakes
	if ms, ok := err.(estate.Mistakes); ok { //nolint:errorlint // Load returns exactly this type
		mistakes = ms
	}
	if e == nil {
		return nil, mistakes
	}
	p.Estate = e
	for _, c := range e.Components {
		i := slices.IndexFunc(catalog, func(k collectors.Kind) bool { return k.Name == c.Kind })
		if i < 0 {
			continue // told as a mistake of the base document
		}
		current = c
		watch, ms := catalog[i].Decode(c.Section)
		mistakes = append(mistakes, ms...)
		planned := plannedComponent{Component: c, Watch: watch, odoo: sections[c.Section.Path()]}
		p.components = append(p.components, planned)
		if planned.odoo != nil {
			p.tenants = append(p.tenants, tenant{name: planned.odoo.RPC.Database, component: c.Name, environment: c.Environment})
		}
		p.notePostgres(c)
	}
	for name, plan := range e.Schedule.Flows {
		var scratch flows.Config
		mistakes = append(mistakes, scratch.Decode(name, plan.Settings)...)
	}
	if len(mistakes) > 0 {
		slices.SortStableFunc(mistakes, func(a, b estate.Mistake) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, mistakes
	}
	return p, nil
}

// scheduledWork lists what the scheduled work of each process says.
func scheduledWork(processes []process.Process) map[string][]string {
	out := map[string][]string{}
	for _, p := range processes {
		for _, w := range p.Work {
			if w.Source == process.Schedule {
				out[p.Name] = append(out[p.Name], w.Says)
			}
		}
	}
	return out
}

// declaredSignals are those that sections themselves declare, as far as they can
// be read.
func declaredSignals(e *estate.Estate, catalog []collectors.Kind) (out []signal.Definition) {
	for _, c := range e.Components {
		i := slices.IndexFunc(catalog, func(k collectors.Kind) bool { return k.Name == c.Kind && k.Name != "odoo" })
		if i < 0 {
			continue
		}
		if watch, mistakes := catalog[i].Decode(c.Section); len(mistakes) == 0 && watch.Signals != nil {
			out = append(out, watch.Signals(c.Name)...)
		}
	}
	return out
}

// site is what the collector of a component is given.
func (p *Plan) site(c plannedComponent, log *slog.Logger, now func() time.Time, state string) collectors.Site {
	database := p.postgres[c.Environment]
	site := collectors.Site{
		Component: c.Name, Environment: c.Environment, Log: log, Now: now, StateDir: state,
		Tenants: p.hosts(), DefaultTenant: p.defaultTenant(), DSN: database.DSN, Superuser: database.AllowSuperuser,
	}
	if c.odoo != nil {
		site.Companies, site.DefaultEntity = c.odoo.companies(p.Estate), p.defaultEntity(c.odoo.RPC.Database)
	}
	return site
}

// thresholds are the latencies that the histograms of runs and of users'
// requests both tell.
func thresholds() []time.Duration {
	var out []time.Duration
	for _, b := range flow.Buckets() {
		out = append(out, time.Duration(b*float64(time.Second)))
	}
	return out
}

// histograms are those of durations whose buckets are known, by metric.
var histograms = sync.OnceValue(func() map[string]signal.Layout {
	all := collectors.Histograms()
	for _, metric := range flow.Histograms() {
		all[metric] = signal.LayoutOf(flow.Buckets()...)
	}
	return all
})

// notePostgres remembers the first PostgreSQL of each environment: an Odoo
// database without a connection string of its own is read there.
func (p *Plan) notePostgres(c estate.Component) {
	if _, had := p.postgres[c.Environment]; had || c.Kind != "postgres" {
		return
	}
	var config postgres.Config
	if len(c.Section.Decode(&config)) == 0 {
		p.postgres[c.Environment] = config
	}
}

// hosts maps the hosts of Odoo's addresses to tenants, for the ingress.
func (p *Plan) hosts() map[string]string {
	out := map[string]string{}
	for _, c := range p.components {
		if c.odoo != nil {
			out[c.odoo.host()] = c.odoo.RPC.Database
		}
	}
	return out
}

// defaultTenant is the only tenant, when there is one.
func (p *Plan) defaultTenant() string {
	if len(p.tenants) == 1 {
		return p.tenants[0].name
	}
	return ""
}

// defaultEntity is what companies nobody named are called, when a tenant has
// one entity.
func (p *Plan) defaultEntity(tenant string) string {
	name := ""
	for _, ent := range entities(p.Estate, p.tenants) {
		if ent.Tenant == tenant {
			if name != "" {
				return ""
			}
			name = ent.Name
		}
	}
	return name
}

// subjects are the components known to exist, for the signals.
func (p *Plan) subjects() []signal.Subject {
	var out []signal.Subject
	for _, c := range p.components {
		out = append(out, signal.Subject{Kind: c.Kind, Environment: c.Environment, Component: c.Name})
	}
	return out
}

// builtIn are the signals that need no declaration.
func builtIn() []signal.Definition {
	defs := workSignals()
	for _, k := range collectors.Catalog(nil) {
		defs = append(defs, k.Signals()...)
	}
	return slices.Concat(defs, closingSignals(), blindSignals(), deliverySignals(), baselineSignals(), integritySignals(), bucketSignals())
}

// ofKinds are the signals that need no declaration, each with the kind of
// component it is about, also where none is expected to be measured.
func ofKinds() []signal.Definition {
	var defs []signal.Definition
	for _, k := range collectors.Catalog(nil) {
		for _, d := range k.Signals() {
			d.Kind = k.Name
			defs = append(defs, d)
		}
	}
	return slices.Concat(defs, workSignals(), closingSignals(), blindSignals(), deliverySignals(), baselineSignals(), integritySignals(), bucketSignals())
}

// definitions are the signals, those that the estate declares included, with the
// limits it gives them.
func (p *Plan) definitions() []signal.Definition {
	defs := builtIn()
	for _, c := range p.components {
		if c.Signals != nil {
			defs = append(defs, c.Signals(c.Name)...)
		}
	}
	return p.Estate.Signals(defs)
}

// signals are the definitions with their holds scaled.
func (p *Plan) signals(scale float64) []signal.Definition {
	defs := p.definitions()
	for i := range defs {
		defs[i] = defs[i].Scaled(scale)
	}
	return defs
}

func endpoints(e *estate.Estate) []string {
	var out []string
	for _, a := range e.Alertmanagers {
		out = append(out, a.Reveal())
	}
	return out
}

func otlpOf(e *estate.Estate) telemetry.OTLP {
	var o telemetry.OTLP
	o.SetDefaults()
	if e.Telemetry.OTLP != nil {
		o.Endpoint = e.Telemetry.OTLP.Endpoint.Reveal()
	}
	return o
}

func scaled(d time.Duration, scale float64) time.Duration { return time.Duration(float64(d) * scale) }
