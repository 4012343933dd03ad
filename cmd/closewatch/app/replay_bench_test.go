package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A crowd is an estate of many tenants, as a month goes by: users at work on
// working days from eight to six, a flow of each process every five minutes,
// lag that comes and goes, a cut-off every afternoon, a blip of a flow a day,
// and a database that is lost for half an hour every third day.
type crowd struct {
	random   *rand.Rand
	tenants  int
	evidence []tiering.Evidence
	events   []counted
	readings []signal.Reading
	down     int       // the tenant whose database is lost, or -1
	until    time.Time // it is back
	blip     int       // the subject whose flow failed once, or -1
	changed  []int     // the subjects whose evidence is not what it was
	board    *tiering.Board
}

const (
	crowdProcesses = 20
	crowdSignals   = 30 // of each tenant
)

func newCrowd(tenants int, at time.Time) *crowd {
	c := &crowd{random: rand.New(rand.NewPCG(7, 11)), tenants: tenants, down: -1, blip: -1}
	catalog := process.Catalog()
	for t := range tenants {
		name := fmt.Sprintf("t%02d", t)
		for n := range crowdProcesses {
			p := catalog[n%len(catalog)]
			if n >= len(catalog) {
				p.Name += "-2"
			}
			key := tiering.Key{Process: p.Name, Entity: name, Tenant: name, Environment: "production"}
			ev := tiering.Evidence{
				Key: key, Process: p, Place: calendar.Place{Phase: calendar.Normal},
				Flows:    []tiering.Flow{{Name: "flow-" + strconv.Itoa(n), Level: "L3", State: tiering.FlowPassing, LastRun: at}},
				Recovery: tiering.Recovery{Known: true, Component: "db-" + name, Copies: []tiering.Copy{{Component: "db-" + name}}},
			}
			for _, window := range []string{"1h", "6h", "1d", "3d"} {
				for _, source := range []string{"synthetic", "users"} {
					ev.Burns = append(ev.Burns, tiering.Burn{Indicator: "availability", Source: source, Window: window, Fast: window == "1h" || window == "6h", Total: 100})
				}
			}
			for _, kind := range []string{"postgres", "odoo", "traefik", "backup"} {
				ev.Needs = append(ev.Needs, tiering.Need{Component: kind + "-" + name, Kind: kind, Role: process.Hard, State: signal.OK, Since: at})
			}
			ev.Needs[0].Component = "db-" + name
			c.evidence = append(c.evidence, ev)
			c.events = append(c.events, counted{Objective: "production/" + name + "/" + p.Name + "/availability/users", Observed: true, Phase: calendar.Normal})
		}
		for n := range crowdSignals {
			c.readings = append(c.readings, signal.Reading{
				Signal: "signal_" + strconv.Itoa(n), Environment: "production", Component: "db-" + name, Tenant: name, State: signal.OK, Since: at, Value: float64(n), Text: "fine",
			})
		}
	}
	return c
}

// next is what is known at a tick.
func (c *crowd) next(at time.Time) *Tick {
	sinceMidnight := at.Sub(at.Truncate(24 * time.Hour))
	tick := int(sinceMidnight / (30 * time.Second))
	atWork := at.Weekday() >= time.Monday && at.Weekday() <= time.Friday && sinceMidnight >= 8*time.Hour && sinceMidnight < 18*time.Hour
	c.changed = []int{}
	mended := c.faults(at, tick)
	for i := range c.evidence {
		ev, counts := &c.evidence[i], &c.events[i]
		tenant, n := i/crowdProcesses, i%crowdProcesses
		counts.Bad, counts.Total = 0, 0
		changed := mended == tenant
		if atWork && c.random.IntN(2) == 0 {
			counts.Total = uint64(1 + c.random.IntN(5))
		}
		if (i+tick)%10 == 0 { // the flow runs
			counts.Total++
			c.ran(at, i, counts)
			changed = true
		}
		if atWork && n < 8 && c.random.IntN(3) == 0 {
			ev.Progress = tiering.Progress{Known: true, Advanced: at, PerMinute: float64(c.random.IntN(40)) / 4}
			changed = true
		}
		if atWork && (tenant+tick)%10 == 0 {
			lag := time.Duration(c.random.IntN(900)) * time.Millisecond
			ev.Recovery.Exposure, ev.Recovery.Copies = lag, []tiering.Copy{{Component: ev.Recovery.Component, Exposure: lag}}
			changed = true
		}
		if n == 3 && (tick == 0 || len(ev.Deadlines) == 0 || !ev.Deadlines[0].At.After(at)) {
			day := at.Truncate(24 * time.Hour)
			due := day.Add(14 * time.Hour)
			if !due.After(at) {
				due = due.Add(24 * time.Hour)
			}
			ev.Deadlines = []calendar.Deadline{{ID: "cut-off", Title: "Payment cut-off", Process: ev.Key.Process, At: due}}
			changed = true
		}
		if changed {
			c.changed = append(c.changed, i)
		}
	}
	for i := range c.readings {
		if c.random.IntN(10) == 0 {
			c.readings[i].Value = float64(c.random.IntN(1000)) / 8
		}
	}
	t := &Tick{At: at, Warm: true, Evidence: c.evidence, Events: c.events, Readings: c.readings, board: c.board, changed: c.changed}
	for tenant := range c.tenants {
		need := c.evidence[tenant*crowdProcesses].Needs[0]
		t.Components = append(t.Components, componentState{Name: need.Component, Kind: need.Kind, State: need.State})
	}
	return t
}

// ran is a run of a flow.
func (c *crowd) ran(at time.Time, i int, counts *counted) {
	f := c.evidence[i].Flows[0]
	failed := i/crowdProcesses == c.down || i == c.blip
	switch {
	case failed && f.Failures > 0:
		f.Previous = f.LastRun
		f.Failures++
	case failed:
		f.State, f.Kind, f.Step, f.Reason, f.Failures, f.FirstFailure, f.Previous = tiering.FlowFailing, fault.Unreachable, "post", "connection refused", 1, at, at
	default:
		f = tiering.Flow{Name: f.Name, Level: f.Level, State: tiering.FlowPassing}
	}
	if failed {
		counts.Bad++
	}
	if i == c.blip {
		c.blip = -1
	}
	f.LastRun = at
	c.evidence[i].Flows = []tiering.Flow{f}
}

// faults break and mend databases, and have a flow fail once a day. It returns
// the tenant whose database it broke or mended, or -1.
func (c *crowd) faults(at time.Time, tick int) int {
	touched := -1
	day := at.YearDay()
	if tick == 1200 { // ten o'clock
		c.blip = c.random.IntN(len(c.evidence))
		if day%3 == 0 {
			c.down, c.until = c.random.IntN(c.tenants), at.Add(30*time.Minute)
			c.database(at, signal.Critical, "does not answer")
			touched = c.down
		}
	}
	if c.down >= 0 && !at.Before(c.until) {
		c.database(at, signal.OK)
		touched, c.down = c.down, -1
	}
	return touched
}

func (c *crowd) database(at time.Time, state signal.State, says ...string) {
	for i := c.down * crowdProcesses; i < (c.down+1)*crowdProcesses; i++ {
		needs := append([]tiering.Need(nil), c.evidence[i].Needs...)
		needs[0].State, needs[0].Since, needs[0].Evidence = state, at, says
		c.evidence[i].Needs = needs
	}
}

// recordCrowd records some days of a crowd in a data directory, and returns the
// bytes it took.
func recordCrowd(tb testing.TB, dir string, tenants, days int) (ticks int, stored int64) {
	tb.Helper()
	const grid = 30 * time.Second
	log, _, err := tickrecord.Open(tickrecord.Options{Dir: filepath.Join(dir, "ticks"), Grid: grid, Disk: durabletest.FullAfter(-1).Disk()})
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // holds nothing back
	s, err := newScribe()
	if err != nil {
		tb.Fatal(err)
	}
	at := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	c := newCrowd(tenants, at)
	j := newJudge(tiering.DefaultHolds(), tiering.DefaultRules(), memory{})
	var whole time.Time
	for range days * int(24*time.Hour/grid) {
		at = at.Add(grid)
		var start []byte
		if at.Sub(whole) >= wholeEvery {
			whole = at
			if start, err = j.memory(at.Add(-grid)).pack(); err != nil {
				tb.Fatal(err)
			}
		}
		t := c.next(at)
		j.decide(t)
		c.board = t.board
		payload := s.write(t, j, grid, start)
		if err := log.Append(tickrecord.Record{At: at, Config: "config", Calendar: "calendar", Version: "test", Payload: payload}); err != nil {
			tb.Fatal(err)
		}
		ticks++
	}
	segments, err := filepath.Glob(filepath.Join(dir, "ticks", "*.seg"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, path := range segments {
		info, err := os.Stat(path)
		if err != nil {
			tb.Fatal(err)
		}
		stored += info.Size()
	}
	return ticks, stored
}

// BenchmarkReplay decides thirty days of a thousand objectives again: fifty
// tenants with twenty processes, a tick every half minute. Run it once, on one
// core: GOMAXPROCS=1 go test -run '^$' -bench 'Replay$' -benchtime 1x. The metric
// is replay_s, processor time, so that a busy machine does not show in it.
// CLOSEWATCH_REPLAY_DAYS makes it shorter; replay_s is then what thirty would take.
func BenchmarkReplay(b *testing.B) {
	days := 30
	if text := os.Getenv("CLOSEWATCH_REPLAY_DAYS"); text != "" {
		var err error
		if days, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	dir := durabletest.Dir(b)
	ticks, stored := recordCrowd(b, dir, 50, days)
	before := processorTime(b)
	for b.Loop() {
		r, err := ReplayTicks(b.Context(), ReplayRequest{Data: dir})
		if err != nil {
			b.Fatal(err)
		}
		if !r.Identical() || r.Ticks != ticks || r.Decided.Pages == 0 {
			b.Fatalf("%d of %d ticks are identical, %d pages: %+v", r.Same, ticks, r.Decided.Pages, r.First)
		}
		b.ReportMetric(float64(r.Decided.Pages), "pages")
		b.ReportMetric(float64(r.Decided.Incidents), "incidents")
	}
	b.ReportMetric(float64(stored)/float64(ticks), "bytes/tick")
	b.ReportMetric((processorTime(b)-before).Seconds()/float64(b.N)*30/float64(days), "replay_s")
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPayload writes down ticks of a thousand objectives at work, beside the
// same as one JSON document.
func BenchmarkPayload(b *testing.B) {
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	c := newCrowd(50, at)
	j := newJudge(tiering.DefaultHolds(), tiering.DefaultRules(), memory{})
	s, err := newScribe()
	if err != nil {
		b.Fatal(err)
	}
	start, err := memory{}.pack()
	if err != nil {
		b.Fatal(err)
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close() //nolint:errcheck // holds nothing back
	var plain, packed, document int
	for b.Loop() {
		at = at.Add(30 * time.Second)
		b.StopTimer()
		t := c.next(at)
		j.decide(t)
		b.StartTimer()
		payload := s.write(t, j, 30*time.Second, start)
		b.StopTimer()
		if start == nil {
			plain += len(payload)
			packed += len(z.EncodeAll(payload, nil))
		}
		if start != nil {
			start = nil
			var kept bytes.Buffer
			for i := range t.Evidence {
				if err := json.NewEncoder(&kept).Encode(judged(t.Evidence[i], nil)); err != nil {
					b.Fatal(err)
				}
			}
			if err := json.NewEncoder(&kept).Encode([]any{t.Impacts, t.Events, t.Readings}); err != nil {
				b.Fatal(err)
			}
			document = len(z.EncodeAll(kept.Bytes(), nil))
		}
		b.StartTimer()
	}
	n := max(1, float64(b.N-1))
	b.ReportMetric(float64(plain)/n, "plain-bytes/tick")
	b.ReportMetric(float64(packed)/n, "bytes/tick")
	b.ReportMetric(float64(document), "json-bytes/tick")
}
