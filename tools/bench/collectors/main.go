// Bench-collectors measures what watching PostgreSQL and Redis costs, ours beside
// Debian's prometheus-postgres-exporter and prometheus-redis-exporter, on the same
// servers in the same run.
//
// The servers are a PostgreSQL with many databases and tables, a full
// pg_stat_statements and autovacuum switched off, so that the processor time of
// its processes is that of questions, and a Redis with a million keys. What they
// use while nobody asks is measured first and taken off.
//
// Ours is measured twice. Each task of a collector runs through the daemon's own
// runner (collected, checked, labelled, published), one run right after the other,
// as the exporters are scraped; a slow task every two seconds. Its cost is this process' and the server's CPU time
// over the runs, less what the sampler costs meanwhile, which has been measured
// alone, at its own cadence. A quick task is one that comes at least once in
// fifteen seconds: together they are the fast tier. All tasks by their own cadence
// are the whole, per fifteen seconds. Then the daemon itself runs at its default
// cadence on an estate of these two servers, beside one on an estate of neither:
// that is more, since whoever works rarely pays for waking up and for cold caches.
//
// The last line is of key=value words: milliseconds of CPU time per fifteen
// seconds or per scrape, counts, megabytes, and how many times ours each peer
// takes. Something that failed is told before it and ends the program with 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
)

// options are how large the servers are and how long is measured.
type options struct {
	program   string
	databases int
	tables    int
	keys      int
	window    time.Duration
	only      string
}

func main() {
	var o options
	flag.StringVar(&o.program, "closewatch", "bin/closewatch", "the daemon's program")
	flag.IntVar(&o.databases, "databases", 20, "databases of the PostgreSQL server")
	flag.IntVar(&o.tables, "tables", 200, "tables of each")
	flag.IntVar(&o.keys, "keys", 1_000_000, "keys of the Redis server")
	flag.DurationVar(&o.window, "window", 45*time.Second, "how long the daemon itself is measured")
	flag.StringVar(&o.only, "only", "", "postgres or redis: only the tasks of that collector, and no last line")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-collectors:", err)
		os.Exit(1)
	}
}

// say tells a person who waits what is going on.
func say(format string, args ...any) { fmt.Printf("bench-collectors: "+format+"\n", args...) }

func bench(ctx context.Context, o options) (err error) {
	l, err := lab.New(lab.Options{Progress: func(s string) { say("%s", s) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }() //nolint:contextcheck // stops servers also after an interrupt
	s, err := newServers(ctx, l, o)
	if err != nil {
		return err
	}
	defer s.close() //nolint:contextcheck // closes within a time of its own
	if o.only != "" {
		return s.measureOnly(ctx, o.only)
	}
	var r report
	if r.postgres, err = measure(ctx, s.watchedPostgres()); err != nil {
		return err
	}
	if r.redis, err = measure(ctx, s.watchedRedis()); err != nil {
		return err
	}
	if r.peers, err = s.measurePeers(ctx, l); err != nil {
		return err
	}
	if r.daemon, err = s.measureDaemon(ctx, l, o); err != nil {
		return err
	}
	r.print(os.Stdout)
	return r.failed()
}

// measureOnly is for whoever works on one collector.
func (s *servers) measureOnly(ctx context.Context, name string) error {
	for _, w := range []watched{s.watchedPostgres(), s.watchedRedis()} {
		if w.name != name {
			continue
		}
		m, err := measure(ctx, w)
		if err != nil {
			return err
		}
		m.print(os.Stdout)
		return m.failed()
	}
	return fmt.Errorf("there is no collector %q to measure", name)
}

// wait lets time pass, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
