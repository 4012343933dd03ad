// Bench-slo measures what it costs to follow objectives: by our streaming
// engine, and by Prometheus' own rule manager and query engine evaluating rules
// for the same objectives, on the same data, in the same run.
//
// The data are counters as an Odoo would publish them: for each objective four
// instances with successes and errors, every 30 s, for 30 days, the same in every
// run. Prometheus has them in a database of its own, with what its rules would
// have recorded, compacted as it would be. It evaluates rules of the shape that
// sloth writes, and those that closewatch generates, every group once in a cycle; ours has them tick by tick, and is charged for making samples of what
// collectors leave. A cycle is compared with a tick: each judges everything once.
// Both must find the same error ratio.
//
// Speed is processor time, of user and system, so that other work on the machine
// counts as little as possible. The ticks of many objectives are timed one by one
// on one processor. Memory is what this process has resident more than before,
// once the garbage of ticks is collected.
// What is written is read from disk again, so a start is charged for reading it.
//
// The last line is of key=value words.
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

	engine "github.com/closewatch/closewatch/internal/slo"
)

// An order is what to measure.
type order struct {
	dir         string
	rules, days int // objectives and history that rules are evaluated on
	cycles      int
	ticks       int
	starts      int
	replay      float64
	replayed    int // days
}

func main() {
	var o order
	flag.StringVar(&o.dir, "dir", "", "where files are made; by default where the system keeps temporary ones")
	flag.IntVar(&o.rules, "rules", 20, "objectives that rules are evaluated for")
	flag.IntVar(&o.days, "days", 30, "days of history they are evaluated on")
	flag.IntVar(&o.cycles, "cycles", 3, "evaluations of every rule")
	flag.IntVar(&o.ticks, "ticks", 250, "ticks that are timed")
	flag.IntVar(&o.starts, "starts", 1000, "objectives that are taken up by a start")
	flag.Float64Var(&o.replay, "replay", 0, "seconds that a replay of 30 days of 1,000 objectives took, for the last line: make bench-slo measures it")
	flag.IntVar(&o.replayed, "replay-days", 30, "days that it was measured on, for the last line")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-slo:", err)
		os.Exit(1)
	}
}

// say tells a person who waits what is going on.
func say(format string, args ...any) { fmt.Printf("bench-slo: "+format+"\n", args...) }

func bench(ctx context.Context, o order) (err error) {
	dir, err := os.MkdirTemp(o.dir, "closewatch-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var r report
	if r.published, err = fromFamilies(1000, 200); err != nil { // first, while the process is small
		return err
	}
	say("memory of 1,000 objectives measured")
	for _, t := range []struct {
		slos int
		of   *ticked
	}{{5000, &r.tick5000}, {20000, &r.tick20000}} {
		d, err := newDaemon(t.slos)
		if err != nil {
			return err
		}
		*t.of = d.ticks(o.ticks)
		say("%d objectives: %d ticks timed", t.slos, o.ticks)
	}
	if r.start, err = start(dir, o.starts, engine.Period); err != nil { //nolint:contextcheck // opening a ledger reads it to its end
		return err
	}
	say("starts of %d objectives measured", o.starts)
	history := time.Duration(o.days) * 24 * time.Hour
	var ratio float64
	if r.same, ratio, err = same(o.rules, history); err != nil {
		return err
	}
	p, err := openPeer(ctx, dir, o.rules, history)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.db.Close()) }()
	say("%d days of %d objectives are in Prometheus' database", o.days, o.rules)
	theirs, err := p.hour(ctx, slo(0))
	if err == nil {
		err = agree(ratio, theirs)
	}
	if err != nil {
		return err
	}
	r.order = o
	own, err := generated(o.rules)
	if err != nil {
		return err
	}
	if r.generated, err = p.evaluate(ctx, "generated", own, o.cycles); err != nil {
		return err
	}
	say("our own rules evaluated")
	if r.sloth, err = p.evaluate(ctx, "sloth", sloth(o.rules), o.cycles); err != nil {
		return err
	}
	r.print()
	return nil
}
