package main

import (
	"fmt"
	"math/big"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/signal"
	engine "github.com/closewatch/closewatch/internal/slo"
)

// A daemon is the part of ours that measures objectives: what turns published
// samples into events, and events into windows.
type daemon struct {
	engine *engine.Engine
	meter  *engine.Meter
	events []engine.Event
	burns  int
	firing int
}

func newDaemon(slos int) (*daemon, error) {
	target := big.NewRat(999, 1000)
	objectives := make([]engine.Objective, slos)
	countings := make([]engine.Counting, slos)
	for i := range objectives {
		of := map[string]string{"environment": "production", "slo": slo(i)}
		objectives[i] = engine.Objective{ID: objectiveID(i), Target: target, MinBad: 3}
		countings[i] = engine.Counting{
			Total: engine.Selector{Metric: metric, Labels: of},
			Good:  engine.Selector{Metric: metric, Labels: of, Keep: func(l map[string]string) bool { return l["result"] == "success" }},
		}
	}
	e, err := engine.New(engine.Settings{Tick: step, Scale: 1}, objectives)
	if err != nil {
		return nil, err
	}
	return &daemon{engine: e, meter: engine.NewMeter(countings), events: make([]engine.Event, slos), burns: len(engine.BurnWindows())}, nil
}

func objectiveID(i int) string { return "production/prod/invoice-posting/availability/" + slo(i) }

// tick takes what is published at an instant and judges every burn.
func (d *daemon) tick(at time.Time, published signal.Published) {
	d.meter.Read(at, published, d.events)
	d.engine.Advance(at)
	for i, ev := range d.events {
		d.engine.Observe(i, ev)
	}
	for i := range d.events {
		for burn := range d.burns {
			if d.engine.Firing(i, burn) {
				d.firing++
			}
		}
	}
}

// processCPU is the processor time this process has used, of user and system.
func processCPU() time.Duration { return cpuOf(syscall.RUSAGE_SELF) }

// threadCPU is that of this thread.
func threadCPU() time.Duration { return cpuOf(1) } // RUSAGE_THREAD

func cpuOf(who int) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(who, &r); err != nil {
		panic(err) // it cannot fail for this process
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// same runs ours over the history the peer has and returns what a tick of one
// objective took, the making of its counters included, and the error ratio of
// the first objective's last hour.
func same(slos int, history time.Duration) (perTick time.Duration, ratio float64, err error) {
	d, err := newDaemon(slos)
	if err != nil {
		return 0, 0, err
	}
	f := newFeed(slos)
	samples := f.samples()
	published := func(string) []signal.Sample { return samples }
	ticks := 0
	began := processCPU()
	for at := end().Add(-history); !at.After(end()); at = at.Add(step) {
		f.next()
		f.show(at, samples)
		d.tick(at, published)
		ticks++
	}
	perTick = (processCPU() - began) / time.Duration(ticks*slos)
	hour := d.engine.State(0).Burns[0].Long
	return perTick, float64(hour.Bad) / float64(hour.Total), nil
}

// ticked is what ticks of many objectives took on one processor.
type ticked struct {
	p50, p99, wall99 time.Duration
	allocs           float64
}

// recall gives a daemon thirty days of the past, so that all its cells are in
// memory.
func (d *daemon) recall(at time.Time) {
	d.engine.Rebuild(at, func(yield func(engine.Past) bool) {
		for i := range d.events {
			for hour := range 30 * 24 {
				if !yield(engine.Past{Objective: i, End: at.Add(time.Duration(hour-30*24+1) * time.Hour), Width: time.Hour, Bad: 1, Total: 10_000, Observed: 120, Expected: 120}) {
					return
				}
			}
		}
	})
}

// ticks measures so many ticks of a daemon that has run for long.
func (d *daemon) ticks(n int) ticked {
	f := newFeed(len(d.events))
	samples := f.samples()
	published := func(string) []signal.Sample { return samples }
	at := end()
	next := func() {
		at = at.Add(step)
		f.next()
		f.show(at, samples)
	}
	d.recall(at)
	for range 20 {
		next()
		d.tick(at, published)
	}
	runtime.GC()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cpu, wall := make([]time.Duration, n), make([]time.Duration, n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range n {
		next()
		t, c := time.Now(), threadCPU()
		d.tick(at, published)
		cpu[i], wall[i] = threadCPU()-c, time.Since(t)
	}
	runtime.ReadMemStats(&after)
	slices.Sort(cpu)
	slices.Sort(wall)
	at99 := (n*99+99)/100 - 1
	return ticked{cpu[n/2], cpu[at99], wall[at99], float64(after.Mallocs-before.Mallocs) / float64(n)}
}

// published is what measuring took from what collectors leave, for each
// objective and tick, and the memory it took for each: what is held, and with the
// garbage of ticks.
type published struct {
	perTick     time.Duration
	bytes, peak float64
}

// fromFamilies runs a daemon as the process runs one: from the metric families
// that collectors leave, made anew for each tick, to what fires, with all the
// garbage that makes.
func fromFamilies(slos, ticks int) (out published, err error) {
	debug.FreeOSMemory()
	before := resident()
	f := newFeed(slos)
	copies := [2][]*dto.MetricFamily{{f.family()}, {f.family()}}
	n := 0
	runner := collector.New(collector.Settings{})
	left := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return copies[n%2], nil })
	d, err := newDaemon(slos)
	if err != nil {
		return out, err
	}
	at := end()
	d.recall(at)
	run := func(ticks int) {
		for range ticks {
			at, n = at.Add(step), n+1
			f.next()
			d.tick(at, runner.Sampled(at, left).Named)
		}
	}
	run(20)
	began := processCPU()
	run(ticks)
	out.perTick = (processCPU() - began) / time.Duration(ticks*slos)
	out.peak = float64(resident()-before) / float64(slos)
	copies[0], copies[1] = copies[n%2], copies[n%2]
	run(1)
	debug.FreeOSMemory()
	out.bytes = float64(resident()-before) / float64(slos)
	runtime.KeepAlive(copies)
	runtime.KeepAlive(d)
	return out, nil
}

// agree reports whether two ratios of one hour are the same but for what
// Prometheus extrapolates at the ends of a window.
func agree(ours, theirs float64) error {
	if d := ours/theirs - 1; d > 0.05 || d < -0.05 {
		return fmt.Errorf("the last hour has an error ratio of %v by ours and of %v by Prometheus: the two did not measure the same", ours, theirs)
	}
	return nil
}
