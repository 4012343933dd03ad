package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// Settings is what code says about one server.
type Settings struct {
	Component, Environment string
	Config                 Config
	Log                    *slog.Logger     // nil discards
	Now                    func() time.Time // time.Now
}

// New prepares the watch over one server. It does not connect and does not
// fail: a server that cannot be asked is the finding of its tasks.
func New(s Settings) collector.Instance {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	timeout := s.Config.Timeout.D()
	i := &instance{
		settings: s, log: s.Log.With("component", s.Component),
		ping: newLatency(recent), read: newLatency(recentReads),
		pings: newClient(s.Config.URL, timeout), infos: newClient(s.Config.URL, timeout),
	}
	if c := s.Config.Sentinels; c != nil {
		i.sentinels = &sentinels{master: c.Master}
		for _, url := range c.URLs {
			i.sentinels.clients = append(i.sentinels.clients, newClient(url, timeout))
		}
		i.pings.target, i.infos.target = i.sentinels.current, i.sentinels.current
	}
	if c := s.Config.Scan; c != nil {
		i.scanner = newScanner(*c, i.infos.database(), i.infos.ask, s.Now)
	}
	return i
}

type instance struct {
	settings     Settings
	log          *slog.Logger
	ping, read   *latency
	pings, infos *client // one connection each, so that INFO never delays a PING
	sentinels    *sentinels
	scanner      *scanner // nil when nothing is scanned

	mu     sync.Mutex
	rights rights // of the sampler
}

const (
	// serverEvery is the cadence of what reads memory only.
	serverEvery = 5 * time.Second
	// readEvery is how many PINGs there are to a GET: what a GET waits for beyond
	// a PING changes rarely, and each is a miss in the server's statistics.
	readEvery = 5
	// recentReads is the time over which the worst GET is told.
	recentReads = time.Minute
)

// Bounds on one run of the task "info": INFO and what is asked with it, an
// answer about each key, and what a healthy server needs for it.
const (
	infoCommands = 64
	infoWaiting  = 250 * time.Millisecond
	infoCPU      = 100 * time.Millisecond
)

// metered is a task that reads memory, with what it costs to fill that.
type metered struct {
	collector.Collector
	collector.Spender
}

// Tasks implements collector.Instance.
func (i *instance) Tasks() []collector.Task {
	cfg, now := i.settings.Config, i.settings.Now
	stale := 2*cfg.PingInterval.D() + cfg.Timeout.D()
	server := Server{
		Ping: func() View { return i.ping.view(now(), stale) },
		Read: func() View { return i.read.view(now(), readEvery*stale) },
		Own:  i.own,
	}
	info := NewInfo(cfg.Tolerance, cfg.Keys, i.infos.ask, now)
	info.Database, info.Explain, info.Refused = i.infos.database(), i.infos.explain, i.refused
	tasks := []collector.Task{
		i.task("server", metered{server, i.pings.cost}, min(serverEvery, cfg.Interval.D())),
		i.task("info", info, cfg.Interval.D()),
	}
	tasks[1].Budget = collector.Budget{Requests: uint64(infoCommands + 3*len(cfg.Keys)), Waiting: infoWaiting, CPU: infoCPU}
	if i.sentinels != nil {
		tasks = append(tasks, i.task("sentinels", i.sentinels, min(serverEvery, cfg.Interval.D())))
	}
	if i.scanner != nil {
		tasks = append(tasks, i.task("patterns", i.scanner, cfg.Interval.D()))
	}
	return tasks
}

func (i *instance) task(name string, c collector.Collector, every time.Duration) collector.Task {
	return collector.Task{
		Component: i.settings.Component, Environment: i.settings.Environment,
		Kind: "redis", Name: name, Collector: c, Fresh: slow,
		Interval: every, Timeout: min(every, 5*time.Second),
	}
}

// own are the commands sent to the server so far.
func (i *instance) own() map[string]uint64 {
	counts := map[string]uint64{}
	i.pings.cost.counted(counts)
	i.infos.cost.counted(counts)
	return counts
}

func (i *instance) refused(ch chan<- prometheus.Metric) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rights.publish(ch)
}

// Run implements collector.Instance: it pings, asks the Sentinels and scans
// until ctx is done.
func (i *instance) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if i.sentinels != nil {
		i.sentinels.look(ctx, i.settings.Config.Timeout.D()) // the first PING goes to the primary
		wg.Go(func() { i.askSentinels(ctx) })
	}
	if i.scanner != nil {
		wg.Go(func() { i.scanner.run(ctx) })
	}
	ticker := time.NewTicker(i.settings.Config.PingInterval.D())
	defer ticker.Stop()
	var failing error
	for n := 0; ; n++ {
		err := i.sample(ctx, n%readEvery == 0)
		if ctx.Err() != nil {
			return nil
		}
		i.report(ctx, failing, err)
		failing = err
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (i *instance) askSentinels(ctx context.Context) {
	ticker := time.NewTicker(min(sentinelsEvery, i.settings.Config.Interval.D()))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		before := i.sentinels.current()
		i.sentinels.look(ctx, i.settings.Config.Timeout.D())
		if after := i.sentinels.current(); after != before {
			i.log.WarnContext(ctx, "the Sentinels name another primary", "before", before, "after", after)
		}
	}
}

// sample measures one PING and, when it was answered and it is time, one GET. It
// returns the error of the PING.
func (i *instance) sample(ctx context.Context, withRead bool) error {
	err := i.measure(ctx, i.ping, i.pings.ping)
	if err != nil || !withRead || ctx.Err() != nil {
		return err
	}
	i.mu.Lock()
	allowed := i.rights.allowed("GET", i.settings.Now())
	i.mu.Unlock()
	if !allowed {
		return nil
	}
	var refusal error
	_ = i.measure(ctx, i.read, func(ctx context.Context) error {
		err := i.pings.read(ctx)
		if refusedBecause(err) != "" {
			refusal = err
			return errRefused
		}
		return i.pings.explain(err)
	})
	i.mu.Lock()
	i.rights.learn("GET", refusal, i.settings.Now())
	i.mu.Unlock()
	return nil
}

// errRefused marks an answer that is no measurement.
var errRefused = errors.New("refused")

// measure times one question, within the timeout.
func (i *instance) measure(ctx context.Context, into *latency, question func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, i.settings.Config.Timeout.D())
	defer cancel()
	begun := i.settings.Now()
	err := question(bounded)
	now := i.settings.Now()
	if ctx.Err() == nil && !errors.Is(err, errRefused) {
		into.record(now, now.Sub(begun), err)
	}
	return err
}

// report logs the beginning, change and end of a failure, not every second of
// it.
func (i *instance) report(ctx context.Context, before, err error) {
	switch {
	case err != nil && (before == nil || fault.KindOf(err) != fault.KindOf(before)):
		i.log.WarnContext(ctx, "server does not answer", "kind", string(fault.KindOf(err)), "err", err)
	case err == nil && before != nil:
		i.log.InfoContext(ctx, "server answers again")
	}
}

// Close implements collector.Instance.
func (i *instance) Close() {
	i.pings.close()
	i.infos.close()
	if i.sentinels != nil {
		for _, c := range i.sentinels.clients {
			c.close()
		}
	}
}
