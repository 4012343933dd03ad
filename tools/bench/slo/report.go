package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"
)

// A report is all that was measured.
type report struct {
	order
	published           published
	tick5000, tick20000 ticked
	start               started
	same                time.Duration // of ours, for a tick of an objective
	sloth, generated    evaluated
}

// ratio is how many times the processor time of ours rules take to judge an
// objective once.
func (r *report) ratio(e evaluated) float64 {
	return e.cpu.Seconds() / float64(r.rules) / max(r.published.perTick, r.same).Seconds()
}

func (r *report) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	row := func(what, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", what, fmt.Sprintf(format, args...)) }
	perSLO := func(e evaluated) time.Duration { return e.cpu / time.Duration(r.rules) }
	row("ours, from what collectors leave to what fires", "%d ns for each objective and tick", r.published.perTick.Nanoseconds())
	row("ours, from samples to what fires, same data as rules", "%d ns for each objective and tick", r.same.Nanoseconds())
	row("ours, resident", "%.1f kB for each objective, %.1f kB with the garbage of ticks", r.published.bytes/1e3, r.published.peak/1e3)
	for _, t := range []struct {
		slos int
		ticked
	}{{5000, r.tick5000}, {20000, r.tick20000}} {
		row(fmt.Sprintf("ours, a tick of %d objectives with 8 counters each", t.slos), "p50 %.2f ms, p99 %.2f ms (by the clock %.2f ms), %.2f allocations",
			milliseconds(t.p50), milliseconds(t.p99), milliseconds(t.wall99), t.allocs)
	}
	row("ours, start from snapshot and 5 minutes of ticks", "%.1f ms for 1,000 objectives (snapshot %.1f MB)", r.start.per1000(r.start.warm), float64(r.start.snapshot)/1e3/float64(r.start.slos))
	row("ours, start from the ledger of 30 days", "%.0f ms for 1,000 objectives", r.start.per1000(r.start.cold))
	for _, x := range []struct {
		what string
		evaluated
	}{{"as sloth writes them", r.sloth}, {"as closewatch generates them", r.generated}} {
		row("Prometheus, rules "+x.what, "%.2f ms for each objective and cycle, %.0f times ours (%d objectives, %d days, %d rules in %d groups)",
			milliseconds(perSLO(x.evaluated)), r.ratio(x.evaluated), r.rules, r.days, x.rules, x.groups)
	}
	if err := w.Flush(); err != nil {
		panic(err) // nobody is left to tell
	}
	replay := "not-measured"
	if r.replay > 0 {
		replay = fmt.Sprintf("%.1f replay_days=%d", r.replay, r.replayed)
	}
	fmt.Printf("bench-slo: ratio_rules=%.0f tick_5000_p99_ms=%.2f tick_20000_ms=%.2f mb_per_1000=%.1f allocs_per_tick=%.2f warm_start_ms_per_1000=%.1f replay_s=%s\n",
		r.ratio(r.sloth), milliseconds(r.tick5000.p99), milliseconds(r.tick20000.p99), r.published.bytes/1e3,
		max(r.tick5000.allocs, r.tick20000.allocs), r.start.per1000(r.start.warm), replay)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

// resident is what this process has in memory, in bytes; 0 where the system does
// not tell.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
