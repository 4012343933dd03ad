package traefik

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/logtail"
)

// Kind is the component kind this package watches, as an estate writes it.
const Kind = "traefik"

// Settings is what the daemon passes besides the user's Config.
type Settings struct {
	Component   string
	Environment string
	Config      Config
	// Tenants maps request hosts to tenants as far as the estate knows them
	// from elsewhere, such as the URLs of its Odoo components. Config.Tenants
	// and Config.DefaultTenant win.
	Tenants       map[string]string
	DefaultTenant string
	Log           *slog.Logger
	StateDir      string // where log positions are kept; "" keeps them in memory
	Now           func() time.Time
}

// instance watches one Traefik.
type instance struct {
	s        Settings
	client   *http.Client // keeps its connections
	strange  *http.Client // keeps none
	sighting *sighting
	follower *logtail.Follower[counted]   // nil without an access log
	own      *logtail.Follower[ownCounts] // nil without Traefik's own log
}

// New returns what watches one Traefik. It does no I/O but reading the log
// position.
func New(s Settings) collector.Instance {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	i := &instance{s: s, client: newClient(true), strange: newClient(false), sighting: &sighting{entryPoints: s.Config.EntryPoints}}
	if c := s.Config; c.AccessLog != "" {
		hosts := maps.Clone(s.Tenants)
		if hosts == nil {
			hosts = map[string]string{}
		}
		maps.Copy(hosts, c.Tenants)
		fallback := c.DefaultTenant
		if fallback == "" {
			fallback = s.DefaultTenant
		}
		t := newTally(newClassifier(c.Operations, c.Rules), newTenants(hosts, fallback))
		i.follower = logtail.New(logtail.Options{
			Path: c.AccessLog, State: logtail.StateFile(s.StateDir, "accesslog", s.Component), Name: "access log",
			Hint:  "check accessLog against Traefik's accessLog.filePath, and that the directory is mounted here",
			Every: max(time.Second, c.Interval.D()/5), Now: s.Now, Log: s.Log,
		}, &reader{newParser(c.Format), t})
		i.sighting.lines = func() (uint64, bool) { return linesRead(i.follower.Snapshot()) }
	}
	if c := s.Config; c.Log != "" {
		i.own = logtail.New(logtail.Options{
			Path: c.Log, State: logtail.StateFile(s.StateDir, "traefiklog", s.Component), Name: "Traefik's log",
			Hint:  "check log against Traefik's log.filePath, and that the directory is mounted here",
			Every: max(time.Second, c.Interval.D()/5), Now: s.Now, Log: s.Log,
		}, &ownReader{now: s.Now})
	}
	return i
}

// metricsWaiting is what a Traefik with many services needs at most to tell its
// metrics.
const metricsWaiting = 2 * time.Second

// Tasks implements collector.Instance.
func (i *instance) Tasks() []collector.Task {
	c := i.s.Config
	task := func(name string, what collector.Collector, maxSeries int) collector.Task {
		return collector.Task{
			Component: i.s.Component, Environment: i.s.Environment, Name: name, Kind: Kind, Collector: what,
			Interval: c.Interval.D(), Timeout: min(c.Interval.D(), 10*time.Second), MaxSeries: maxSeries,
		}
	}
	var tasks []collector.Task
	if c.Metrics != "" {
		metrics := task("metrics", &scrape{url: c.Metrics, client: i.client, now: i.s.Now, sighting: i.sighting}, 5000)
		metrics.Budget, metrics.Fresh = collector.Budget{Requests: 1, Waiting: metricsWaiting}, fresh
		tasks = append(tasks, metrics)
	}
	if len(c.Ping) > 0 {
		tasks = append(tasks, task("ping", ping{urls: c.Ping, client: i.strange, now: i.s.Now}, 10*maxPings))
	}
	if i.follower != nil {
		tasks = append(tasks, task("accesslog", &accessLog{follower: i.follower, sighting: i.sighting, now: i.s.Now}, 20000))
	}
	if i.own != nil {
		tasks = append(tasks, task("log", &ownLog{follower: i.own, sighting: i.sighting, now: i.s.Now}, 50))
	}
	return tasks
}

// Run implements collector.Instance: it follows the logs.
func (i *instance) Run(ctx context.Context) error {
	var following sync.WaitGroup
	if i.follower != nil {
		following.Go(func() { i.follower.Run(ctx) })
	}
	if i.own != nil {
		following.Go(func() { i.own.Run(ctx) })
	}
	following.Wait()
	return nil
}

// Close implements collector.Instance.
func (i *instance) Close() { i.client.CloseIdleConnections() }

// newClient returns a client of its own that follows no redirect and keeps one
// connection, or none.
func newClient(keep bool) *http.Client {
	return &http.Client{
		Transport: collector.Transport(&http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, MaxConnsPerHost: 2, IdleConnTimeout: 90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true, DisableKeepAlives: !keep,
		}),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
