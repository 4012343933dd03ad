package redis

import (
	"context"
	"log/slog"
	"time"

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
	return &instance{
		settings: s, log: s.Log.With("component", s.Component), latency: newLatency(),
		pings: newClient(s.Config.URL, timeout), infos: newClient(s.Config.URL, timeout),
	}
}

type instance struct {
	settings     Settings
	log          *slog.Logger
	latency      *latency
	pings, infos *client // one connection each, so that INFO never delays a PING
}

// serverEvery is the cadence of what reads memory only.
const serverEvery = 5 * time.Second

// Tasks implements collector.Instance.
func (i *instance) Tasks() []collector.Task {
	cfg := i.settings.Config
	stale := 2*cfg.PingInterval.D() + cfg.Timeout.D()
	return []collector.Task{
		i.task("server", Server{func() View { return i.latency.view(i.settings.Now(), stale) }}, min(serverEvery, cfg.Interval.D())),
		i.task("info", Info{Role: cfg.Role, Ask: i.infos.info, Now: i.settings.Now}, cfg.Interval.D()),
	}
}

func (i *instance) task(name string, c collector.Collector, every time.Duration) collector.Task {
	return collector.Task{
		Component: i.settings.Component, Environment: i.settings.Environment,
		Kind: "redis", Name: name, Collector: c,
		Interval: every, Timeout: min(every, 5*time.Second),
	}
}

// Run implements collector.Instance: it pings until ctx is done.
func (i *instance) Run(ctx context.Context) error {
	ticker := time.NewTicker(i.settings.Config.PingInterval.D())
	defer ticker.Stop()
	var failing error
	for {
		err := i.ping(ctx)
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

func (i *instance) ping(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, i.settings.Config.Timeout.D())
	defer cancel()
	begun := i.settings.Now()
	err := i.pings.ping(bounded)
	now := i.settings.Now()
	if ctx.Err() == nil {
		i.latency.record(now, now.Sub(begun), err)
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
}
