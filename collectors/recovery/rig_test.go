package recovery

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/signal"
)

// What testdata/repository tells: a full backup with segment 2, an incremental
// one with 3 and 4, of this system. It was made by pgBackRest 2.45.
const (
	fullLabel        = "20261126-193121F"
	incrementalLabel = "20261126-193121F_20261126-193129I"
	system           = "7712565026036870467"
	segmentSize      = 16 << 20
)

var (
	fullEnd        = time.Unix(1795721488, 0)
	incrementalEnd = time.Unix(1795721490, 0)
	// Segment n was archived n minutes after madeAt.
	madeAt = fullEnd.Truncate(time.Minute)
	noon   = fullEnd.Add(2 * time.Hour).Truncate(time.Hour)
)

func archivedAt(n int) time.Time { return madeAt.Add(time.Duration(n) * time.Minute) }

// A rig is a watch over files of its own, at a time of its own.
type rig struct {
	t      *testing.T
	dir    string
	now    time.Time
	config Config
	watch  *watch
	log    bytes.Buffer
}

// newRig watches what configure declares.
func newRig(t *testing.T, configure func(r *rig)) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), now: noon}
	r.config.SetDefaults()
	r.config.Stanza, r.config.SystemIdentifier = "main", system
	configure(r)
	if ps := r.config.Validate(); len(ps) > 0 {
		t.Fatal(ps)
	}
	r.restart()
	return r
}

// restart forgets what the process remembers.
func (r *rig) restart() {
	r.watch = newWatch(Settings{
		Component: "backups", Environment: "test", Config: r.config, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Now: func() time.Time { return r.now }, StateDir: filepath.Join(r.dir, "state"),
	})
}

// repository declares the repository local, with segments 1 to 5, archived a minute apart.
func (r *rig) repository() {
	root := filepath.Join(r.dir, "local")
	for from, to := range map[string]string{"backup.info": "backup/main/backup.info", "archive.info": "archive/main/archive.info"} {
		text := r.read(filepath.Join("testdata/repository", from))
		r.write(filepath.Join(root, to), text)
		r.write(filepath.Join(root, to+".copy"), text)
		r.touch(filepath.Join(root, to), madeAt)
		r.touch(filepath.Join(root, to+".copy"), madeAt)
	}
	for n := 1; n <= 5; n++ {
		r.segment(n)
	}
	r.config.Repositories = append(r.config.Repositories, Repository{Name: "local", Path: root})
}

func (r *rig) segmentPath(n int) string {
	return filepath.Join(r.dir, "local/archive/main/15-1/0000000100000000", fmt.Sprintf("00000001%016X-%040x", n, n))
}

func (r *rig) segment(n int) {
	path := r.segmentPath(n)
	r.write(path, nil)
	if err := os.Truncate(path, segmentSize); err != nil {
		r.t.Fatal(err)
	}
	r.touch(path, archivedAt(n))
}

func (r *rig) info(of string) string {
	return filepath.Join(r.dir, "local", of, "main", of+".info")
}

func (r *rig) read(path string) []byte {
	r.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func (r *rig) write(path string, text []byte) string {
	r.t.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *rig) touch(path string, at time.Time) {
	r.t.Helper()
	if err := os.Chtimes(path, at, at); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) remove(paths ...string) {
	r.t.Helper()
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			r.t.Fatal(err)
		}
	}
}

// drop declares a drop with backups, generated at a time.
func (r *rig) drop(name string, generated time.Time, backups ...string) {
	text := fmt.Sprintf(`{"format": %q, "tool": "restic", "generatedAt": %q, "backups": [%s]}`, DropFormat, generated.UTC().Format(time.RFC3339), strings.Join(backups, ","))
	path := r.write(name+".json", []byte(text))
	for _, d := range r.config.Drops {
		if d.Name == name {
			return
		}
	}
	r.config.Drops = append(r.config.Drops, DropFile{name, path})
}

func dropped(id string, of part, end time.Time) string {
	return fmt.Sprintf(`{"id": %q, "part": %q, "type": "full", "startedAt": %q, "finishedAt": %q, "sizeBytes": 4096, "ok": true}`,
		id, of, end.Add(-time.Minute).UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339))
}

// A seen is what one turn published.
type seen struct {
	t       *testing.T
	err     error
	values  map[string]float64
	samples []signal.Sample
}

// look runs the watch once, within its registry's rules.
func (r *rig) look() seen {
	r.t.Helper()
	a := &adapter{Collector: r.watch, ctx: r.t.Context()}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(a)
	families, err := registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	collectortest.Lint(r.t, families)
	out := seen{t: r.t, err: a.err, values: map[string]float64{}}
	for _, f := range families {
		collector.Flatten(f, func(s collector.Series) {
			key := s.Name
			labels := map[string]string{"environment": "test", "component": "backups"}
			for _, l := range s.Labels {
				key += "/" + l.GetValue()
				labels[l.GetName()] = l.GetValue()
			}
			out.values[key] = s.Value
			out.samples = append(out.samples, signal.Sample{Name: s.Name, Labels: labels, Value: s.Value, At: r.now})
		})
	}
	return out
}

type adapter struct {
	collector.Collector
	ctx context.Context
	err error
}

func (a *adapter) Collect(ch chan<- prometheus.Metric) { a.err = a.Collector.Collect(a.ctx, ch) }

// expect compares some of what was published; NaN is equal to itself.
func (s seen) expect(want map[string]float64) {
	s.t.Helper()
	for name, v := range want {
		have, there := s.values[name]
		if !there || (have != v && (!math.IsNaN(have) || !math.IsNaN(v))) {
			s.t.Errorf("%s = %v (published: %v), want %v", name, have, there, v)
		}
	}
}

func (s seen) absent(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if v, there := s.values[name]; there {
			s.t.Errorf("%s = %v, want it absent", name, v)
		}
	}
}

// states returns the worst state of each signal, as the program judges them.
func (s seen) states() map[string]signal.State {
	s.t.Helper()
	defs := Signals()
	for n := range defs {
		defs[n].For = 0
	}
	e, err := signal.NewEvaluator(defs)
	if err != nil {
		s.t.Fatal(err)
	}
	e.Expect([]signal.Subject{{Kind: Kind, Environment: "test", Component: "backups"}})
	out := map[string]signal.State{}
	for _, reading := range e.Evaluate(s.samples[0].At, s.samples) {
		old, there := out[reading.Signal]
		if out[reading.Signal] = reading.State; there {
			out[reading.Signal] = signal.Worst(old, reading.State)
		}
	}
	return out
}

func (s seen) expectStates(want map[string]signal.State) {
	s.t.Helper()
	got := s.states()
	for name, state := range want {
		if have, there := got[name]; !there || have != state {
			s.t.Errorf("signal %s is %v (measured: %v), want %v", name, have, there, state)
		}
	}
}

func unix(at time.Time) float64 { return float64(at.Unix()) }
