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

// recorded is how often rules are evaluated, and the ratio of five minutes is
// recorded.
const recorded = time.Minute

// openPeer writes the history of a feed, and the ratio of five minutes that
// sloth's budget is made of, into a new database, compacted as it would be.
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

// fill appends the history, committing and compacting as it goes.
func (p *peer) fill(ctx context.Context, history time.Duration) error {
	f := newFeed(p.slos)
	series := make([]prom.Labels, len(f.values), len(f.values)+p.slos)
	for i := range series {
		l := labels(i)
		l["__name__"] = metric
		series[i] = prom.FromMap(l)
	}
	for i := range p.slos {
		series = append(series, prom.FromStrings("__name__", "slo:sli_error:ratio_rate5m", "owner", "finance-platform",
			"sloth_id", "odoo-acct-"+slo(i), "sloth_service", "odoo-acct", "sloth_slo", slo(i), "sloth_window", "5m"))
	}
	refs := make([]storage.SeriesRef, len(series))
	app := p.db.Appender(ctx)
	pending := 0
	start := end().Add(-history)
	compacted := start.Add(3 * time.Hour)
	for at := start; !at.After(end()); at = at.Add(step) {
		f.next()
		for i, l := range series {
			value := 0.001 // of the recorded ratio
			switch {
			case i < len(f.values):
				value = f.values[i]
			case at.Unix()%int64(recorded/time.Second) != 0:
				continue
			}
			var err error
			if refs[i], err = app.Append(refs[i], l, at.UnixMilli(), value); err != nil {
				return err
			}
			pending++
		}
		if pending < 400_000 && at.Before(compacted) {
			continue
		}
		if err := app.Commit(); err != nil {
			return err
		}
		if !at.Before(compacted) {
			compacted = compacted.Add(2 * time.Hour)
			if err := p.db.Compact(ctx); err != nil {
				return err
			}
		}
		app, pending = p.db.Appender(ctx), 0
	}
	return errors.Join(app.Commit(), p.db.Compact(ctx))
}

// evaluated is what evaluating a rule file took.
type evaluated struct {
	rules, groups int
	cpu           time.Duration // of one cycle: every group once
	ratio         float64       // that a rule recorded of the last hour
}

// evaluate loads a rule file, evaluates every group once for warming up, and
// then in each cycle.
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
	loaded, errs := m.LoadGroups(recorded, prom.EmptyLabels(), "", nil, false, file)
	if len(errs) > 0 {
		return evaluated{}, errors.Join(errs...)
	}
	out := evaluated{groups: len(loaded)}
	at := end().Add(10 * time.Minute)
	var began time.Duration
	for cycle := range cycles + 1 {
		if cycle == 1 {
			began = processCPU()
		}
		for _, key := range slices.Sorted(maps.Keys(loaded)) {
			loaded[key].Eval(ctx, at)
		}
		at = at.Add(recorded)
	}
	out.cpu = (processCPU() - began) / time.Duration(cycles)
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
