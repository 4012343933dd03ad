package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
)

// A daemon is what the whole program costs.
type daemon struct {
	used   cost    // per tier, on the two servers
	idle   float64 // milliseconds per tier on an estate of neither
	redis  float64 // milliseconds of the Redis server's per tier
	tick   float64 // milliseconds per tier that waking once a second takes
	memory float64 // megabytes
	series int     // at /metrics

	scrapeCPU, scrapeP50, scrapeP99 float64 // milliseconds of one scrape
}

const watchingBoth = `apiVersion: closewatch/v1
kind: Estate
metadata: {name: bench}
components:
  db: {postgres: {dsn: %q}}
  cache: {redis: {url: %q}}
`

// watchingNeither has the least that an estate may: one endpoint that nobody
// serves, tried once in five minutes.
const watchingNeither = `apiVersion: closewatch/v1
kind: Estate
metadata: {name: bench}
components:
  nothing: {endpoint: {class: documents, checks: [{name: nothing, interval: 5m, http: {url: "http://127.0.0.1:9/"}}]}}
`

// scrapes are how often the daemon is scraped for the time that takes.
const scrapes = 200

// measureDaemon runs the daemon at its default cadence, scraped once per tier,
// beside one that watches neither server.
func (s *servers) measureDaemon(ctx context.Context, l *lab.Lab, o options) (d daemon, err error) {
	db, cache := s.watchedPostgres(), s.watchedRedis()
	for _, w := range []*watched{&db, &cache} {
		if err := w.measureIdle(ctx); err != nil {
			return d, err
		}
	}
	if d.tick, err = measureTick(ctx); err != nil {
		return d, err
	}
	both, err := l.Daemon(ctx, o.program, fmt.Sprintf(watchingBoth, s.postgres.DSN(ownRole, "postgres"), s.redis.URL()))
	if err != nil {
		return d, err
	}
	neither, err := l.Daemon(ctx, o.program, watchingNeither)
	if err != nil {
		return d, err
	}
	// Until then every slow task has had its first run.
	if err := wait(ctx, tier); err != nil {
		return d, err
	}
	say("measuring the daemon at its default cadence for %v", o.window)
	if err := d.window(ctx, db, cache, both, neither, o.window); err != nil {
		return d, err
	}
	memory, err := both.Memory()
	if err != nil {
		return d, err
	}
	d.memory = float64(memory) / 1e6
	say("scraping the daemon %d times", scrapes)
	if err := d.scraped(ctx, both); err != nil {
		return d, err
	}
	for _, e := range []*lab.Endpoint{both, neither} {
		if err := e.Stop(ctx); err != nil {
			return d, err
		}
	}
	return d, nil
}

// measureTick measures what it takes on this machine to wake up and go back to
// sleep: no program that does something every second costs less.
func measureTick(ctx context.Context) (float64, error) {
	const every, ticks = 200 * time.Millisecond, 25
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	before, err := ownCPU()
	if err != nil {
		return 0, err
	}
	for range ticks {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-ticker.C:
		}
	}
	after, err := ownCPU()
	return milliseconds(after-before) / ticks * tier.Seconds(), err
}

// window measures both daemons and what they ask of the servers.
func (d *daemon) window(ctx context.Context, db, cache watched, both, neither *lab.Endpoint, length time.Duration) error {
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	begin, err := db.begin(ctx)
	if err != nil {
		return err
	}
	read := func() (used [3]time.Duration, err error) {
		for i, server := range []*lab.Server{both.Server, neither.Server, cache.server} {
			if used[i], err = server.CPU(); err != nil {
				return used, err
			}
		}
		return used, nil
	}
	before, err := read()
	if err != nil {
		return err
	}
	for passed := time.Duration(0); passed < length; passed += tier {
		if err := wait(ctx, tier); err != nil {
			return err
		}
		for _, e := range []*lab.Endpoint{both, neither} {
			if _, _, err := scrape(ctx, client, e.URL); err != nil {
				return err
			}
		}
	}
	after, err := read()
	if err != nil {
		return err
	}
	used, took, err := db.since(ctx, begin)
	if err != nil {
		return err
	}
	perTier := float64(tier) / float64(took)
	d.used = used.times(perTier)
	d.used.own = milliseconds(after[0]-before[0]) * perTier
	d.idle = milliseconds(after[1]-before[1]) * perTier
	d.redis = max(milliseconds(after[2]-before[2])*perTier-cache.idle*tier.Seconds(), 0)
	return nil
}

// scraped measures how long /metrics takes, one scrape after another.
func (d *daemon) scraped(ctx context.Context, e *lab.Endpoint) error {
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	before, err := e.CPU()
	if err != nil {
		return err
	}
	var times []time.Duration
	for range scrapes {
		body, took, err := scrape(ctx, client, e.URL)
		if err != nil {
			return err
		}
		d.series = seriesIn(body)
		times = append(times, took)
	}
	after, err := e.CPU()
	if err != nil {
		return err
	}
	slices.Sort(times)
	d.scrapeCPU = milliseconds(after-before) / scrapes
	d.scrapeP50, d.scrapeP99 = milliseconds(times[scrapes/2]), milliseconds(times[scrapes*99/100])
	return nil
}
