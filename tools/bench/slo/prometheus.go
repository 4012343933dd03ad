package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	prom "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// A peer is Prometheus' database and query engine, filled with a feed's history.
type peer struct {
	db     *tsdb.DB
	engine *promql.Engine
	dir    string
	slos   int
	log    *slog.Logger
}

// beyond is how far the counters go on after the history: rules are evaluated
// there.
const beyond = 15 * time.Minute

// openPeer writes the history of a feed, and what rules would have recorded of
// it, into a new database, compacted as it would be.
func openPeer(ctx context.Context, dir string, slos int, history time.Duration) (*peer, error) {
	options := tsdb.DefaultOptions()
	options.RetentionDuration = (60 * 24 * time.Hour).Milliseconds()
	options.MaxBlockDuration = (72 * time.Hour).Milliseconds()
	options.NoLockfile = true
	p := &peer{dir: dir, slos: slos, log: slog.New(slog.DiscardHandler)}
	var err error
	if p.db, err = tsdb.Open(filepath.Join(dir, "tsdb"), p.log, nil, options, nil); err != nil {
		return nil, err
	}
	p.engine = promql.NewEngine(promql.EngineOpts{
		Logger: p.log, MaxSamples: 500_000_000, Timeout: 10 * time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
	})
	if err := p.fill(ctx, history); err != nil {
		return nil, errors.Join(err, p.db.Close())
	}
	return p, nil
}

// A writer appends to the database, committing and compacting as it goes.
type writer struct {
	db        *tsdb.DB
	app       storage.Appender
	pending   int
	compacted time.Time
}

func (w *writer) append(ref *storage.SeriesRef, l prom.Labels, at time.Time, value float64) (err error) {
	*ref, err = w.app.Append(*ref, l, at.UnixMilli(), value)
	w.pending++
	return err
}

// flush commits when there is much to commit, or the time of a block has passed.
func (w *writer) flush(ctx context.Context, at time.Time) error {
	full := at.Sub(w.compacted) >= 2*time.Hour
	if w.pending < 400_000 && !full {
		return nil
	}
	if err := w.app.Commit(); err != nil {
		return err
	}
	if full {
		w.compacted = at
		if err := w.db.Compact(ctx); err != nil {
			return err
		}
	}
	w.app, w.pending = w.db.Appender(ctx), 0
	return nil
}

func (p *peer) fill(ctx context.Context, history time.Duration) error {
	f := newFeed(p.slos)
	counters := make([]prom.Labels, len(f.values))
	for i := range counters {
		l := labels(i)
		l["__name__"] = metric
		counters[i] = prom.FromMap(l)
	}
	recorded := records(p.slos)
	of := make([]prom.Labels, len(recorded))
	for i, r := range recorded {
		of[i] = prom.FromMap(r.labels)
	}
	refs, recordedRefs := make([]storage.SeriesRef, len(counters)), make([]storage.SeriesRef, len(recorded))
	start := end().Add(-history)
	w := &writer{db: p.db, app: p.db.Appender(ctx), compacted: start.Add(time.Hour)}
	for at := start; !at.After(end().Add(beyond)); at = at.Add(step) {
		f.next()
		for i, l := range counters {
			if err := w.append(&refs[i], l, at, f.values[i]); err != nil {
				return err
			}
		}
		for i, r := range recorded {
			if at.After(end()) || at.Unix()%r.every != 0 {
				continue
			}
			if err := w.append(&recordedRefs[i], of[i], at, r.value); err != nil {
				return err
			}
		}
		if err := w.flush(ctx, at); err != nil {
			return err
		}
	}
	return errors.Join(w.app.Commit(), p.db.Compact(ctx))
}

// evaluated is what evaluating a rule file took.
type evaluated struct {
	rules, groups int
	cpu           time.Duration // of one step: each group as often as it is evaluated in one
}

// evaluate loads a rule file, evaluates every group twice for warming up, and
// then once in each cycle.
func (p *peer) evaluate(ctx context.Context, name, content string, cycles int) (evaluated, error) {
	file := filepath.Join(p.dir, name+".yml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		return evaluated{}, err
	}
	m := rules.NewManager(&rules.ManagerOptions{
		Context: ctx, ExternalURL: &url.URL{Scheme: "http", Host: "localhost"}, Appendable: p.db, Queryable: p.db, Logger: p.log,
		QueryFunc:  rules.EngineQueryFunc(p.engine, p.db),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, OutageTolerance: time.Hour, ForGracePeriod: 10 * time.Minute, ResendDelay: time.Minute,
	})
	loaded, errs := m.LoadGroups(step, prom.EmptyLabels(), "", nil, false, file)
	if len(errs) > 0 {
		return evaluated{}, errors.Join(errs...)
	}
	out := evaluated{groups: len(loaded)}
	at := end().Add(step)
	for cycle := range cycles + 2 {
		for _, key := range slices.Sorted(maps.Keys(loaded)) {
			began := processCPU()
			loaded[key].Eval(ctx, at)
			if cycle >= 2 {
				out.cpu += time.Duration(float64(processCPU()-began) * float64(step) / float64(loaded[key].Interval()))
			}
		}
		at = at.Add(step)
	}
	out.cpu /= time.Duration(cycles)
	for _, g := range loaded {
		for _, r := range g.Rules() {
			out.rules++
			if r.Health() != rules.HealthGood {
				return out, fmt.Errorf("%s: rule %s: %w", name, r.Name(), r.LastError())
			}
		}
	}
	return out, nil
}

// hour asks for the error ratio of an objective in the last hour of the history.
func (p *peer) hour(ctx context.Context, name string) (float64, error) {
	expr := fmt.Sprintf(`sum(increase(%[1]s{slo=%[2]q,result="error"}[1h])) / sum(increase(%[1]s{slo=%[2]q}[1h]))`, metric, name)
	q, err := p.engine.NewInstantQuery(ctx, p.db, promql.NewPrometheusQueryOpts(false, 0), expr, end())
	if err != nil {
		return 0, err
	}
	defer q.Close()
	res := q.Exec(ctx)
	v, err := res.Vector()
	if err != nil || len(v) != 1 {
		return 0, errors.Join(err, fmt.Errorf("asked for the ratio of an hour, Prometheus answered %v", res.Value))
	}
	return v[0].F, nil
}
