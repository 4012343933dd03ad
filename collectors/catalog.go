// Package collectors is the shelf of collectors: reading Catalog tells what is
// compiled in.
package collectors

import (
	"log/slog"
	"time"

	"github.com/closewatch/closewatch/collectors/certificate"
	"github.com/closewatch/closewatch/collectors/endpoint"
	"github.com/closewatch/closewatch/collectors/odoo"
	"github.com/closewatch/closewatch/collectors/postgres"
	"github.com/closewatch/closewatch/collectors/prometheus"
	"github.com/closewatch/closewatch/collectors/recovery"
	"github.com/closewatch/closewatch/collectors/redis"
	"github.com/closewatch/closewatch/collectors/traefik"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/signal"
)

// A Kind is a kind of component that can be watched.
type Kind struct {
	Name    string // of the section in the estate: "postgres"
	Signals func() []signal.Definition
	// Decode reads a component's section, strictly, and returns how to watch
	// it.
	Decode func(estate.Section) (Watch, estate.Mistakes)
}

// A Watch is what a component's section says.
type Watch struct {
	Open Opener
	// Signals defines those that the section itself declares, beside its
	// kind's; nil when it cannot.
	Signals func(component string) []signal.Definition
}

// An Opener starts watching a component; nothing is asked of it before its
// runner runs.
type Opener func(Site) collector.Instance

// A Site is what the program gives a collector.
type Site struct {
	Component   string
	Environment string
	Log         *slog.Logger
	Now         func() time.Time
	StateDir    string // for what must outlive the process
	// Tenants maps request hosts to tenants, as the estate's Odoo components
	// tell; DefaultTenant is that of any other host.
	Tenants       map[string]string
	DefaultTenant string
	// DSN is that of the environment's PostgreSQL, for an Odoo database without
	// one of its own; Companies are those the estate names elsewhere, and
	// DefaultEntity stands for the others.
	DSN           secret.Value
	Superuser     bool // its role may be one in production
	Companies     []odoo.Company
	DefaultEntity string
}

// Catalog lists every kind. The section of an Odoo component is shared with the
// flows, so the program decodes it and hands over the collectors' half.
func Catalog(odooSection func(estate.Section) (odoo.Config, estate.Mistakes)) []Kind {
	identities := &odoo.Identities{} // of all environments, so that copies of production are recognised
	return []Kind{
		{"postgres", postgres.Signals, decode(func(s Site, c postgres.Config) collector.Instance {
			return postgres.New(postgres.Settings{Component: s.Component, Environment: s.Environment, Config: c, Log: s.Log, StateDir: s.StateDir, Now: s.Now})
		})},
		{"redis", redis.Signals, decode(func(s Site, c redis.Config) collector.Instance {
			return redis.New(redis.Settings{Component: s.Component, Environment: s.Environment, Config: c, Log: s.Log, Now: s.Now})
		})},
		{"traefik", traefik.Signals, decode(func(s Site, c traefik.Config) collector.Instance {
			return traefik.New(traefik.Settings{
				Component: s.Component, Environment: s.Environment, Config: c, Log: s.Log, StateDir: s.StateDir, Now: s.Now,
				Tenants: s.Tenants, DefaultTenant: s.DefaultTenant,
			})
		})},
		{certificate.Kind, certificate.Signals, decode(func(s Site, c certificate.Config) collector.Instance {
			return certificate.New(certificate.Settings{Component: s.Component, Environment: s.Environment, Config: c, Log: s.Log, Now: s.Now})
		})},
		{endpoint.Kind, endpoint.Signals, decode(func(s Site, c endpoint.Config) collector.Instance {
			return endpoint.New(endpoint.Settings{Component: s.Component, Environment: s.Environment, Config: c, Now: s.Now})
		})},
		{prometheus.Kind, prometheus.Signals, decode(func(s Site, c prometheus.Config) collector.Instance {
			return prometheus.New(prometheus.Settings{Component: s.Component, Environment: s.Environment, Config: c, Now: s.Now})
		})},
		{recovery.Kind, recovery.Signals, decode(func(s Site, c recovery.Config) collector.Instance {
			return recovery.New(recovery.Settings{Component: s.Component, Environment: s.Environment, Config: c, Log: s.Log, StateDir: s.StateDir, Now: s.Now})
		})},
		{"odoo", odoo.Signals, func(section estate.Section) (Watch, estate.Mistakes) {
			c, mistakes := odooSection(section)
			return Watch{Open: func(s Site) collector.Instance {
				return odoo.New(odoo.Settings{Component: s.Component, Environment: s.Environment, Config: c, Log: s.Log, StateDir: s.StateDir, Now: s.Now, DSN: s.DSN, AllowSuperuser: s.Superuser, Companies: s.Companies, DefaultEntity: s.DefaultEntity, Identities: identities})
			}}, mistakes
		}},
	}
}

// LogTo has the libraries of collectors that log on their own log to l, for the
// whole process. It is called before the first collector is opened.
func LogTo(l *slog.Logger) { redis.LogTo(l) }

// A declarer is a configuration that declares signals of its own.
type declarer interface {
	Signals(component string) []signal.Definition
}

// decode pairs a configuration with what it configures.
func decode[C any](open func(Site, C) collector.Instance) func(estate.Section) (Watch, estate.Mistakes) {
	return func(section estate.Section) (Watch, estate.Mistakes) {
		var c C
		mistakes := section.Decode(&c)
		w := Watch{Open: func(s Site) collector.Instance { return open(s, c) }}
		if d, ok := any(c).(declarer); ok {
			w.Signals = d.Signals
		}
		return w, mistakes
	}
}
