package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/stats"
)

// maxPoints bounds the points of one series, as Prometheus does: enough for a
// week by the minute or a year by the hour.
const maxPoints = 11000

// queryData is the result of a query on the wire.
type queryData struct {
	kind   parser.ValueType
	result parser.Value
	stats  stats.QueryStats // nil when not asked for
}

// query serves /api/v1/query.
func (a *api) query(r *http.Request) answer {
	at, err := instant(r, "time", a.store.options.Now())
	if err != nil {
		return failed(badData, err)
	}
	return a.run(r, func(ctx context.Context, opts promql.QueryOpts) (promql.Query, error) {
		return a.store.engine.NewInstantQuery(ctx, a.store.db, opts, r.FormValue("query"), at)
	})
}

// queryRange serves /api/v1/query_range.
func (a *api) queryRange(r *http.Request) answer {
	start, err := parseTime(r.FormValue("start"))
	if err != nil {
		return failed(badData, invalid("start", err))
	}
	end, err := parseTime(r.FormValue("end"))
	if err != nil {
		return failed(badData, invalid("end", err))
	}
	if end.Before(start) {
		return failed(badData, invalid("end", errors.New("end timestamp must not be before start time")))
	}
	step, err := parseDuration(r.FormValue("step"))
	if err != nil {
		return failed(badData, invalid("step", err))
	}
	if step <= 0 {
		return failed(badData, invalid("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer")))
	}
	if end.Sub(start)/step > maxPoints {
		return failed(badData, errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"))
	}
	return a.run(r, func(ctx context.Context, opts promql.QueryOpts) (promql.Query, error) {
		return a.store.engine.NewRangeQuery(ctx, a.store.db, opts, r.FormValue("query"), start, end, step)
	})
}

// run executes the query that prepare makes of a request.
func (a *api) run(r *http.Request, prepare func(context.Context, promql.QueryOpts) (promql.Query, error)) answer {
	limit, err := limit(r)
	if err != nil {
		return failed(badData, err)
	}
	ctx, cancel, err := withTimeout(r)
	if err != nil {
		return failed(badData, err)
	}
	defer cancel()
	opts, err := queryOptions(r)
	if err != nil {
		return failed(badData, err)
	}
	q, err := prepare(ctx, opts)
	if err != nil && ctx.Err() != nil { // while waiting for its turn
		return failed(kindOf(ctx.Err()), ctx.Err())
	}
	if err != nil {
		return failed(badData, invalid("query", err))
	}
	res := q.Exec(ctx)
	ans := answer{warnings: res.Warnings, query: r.FormValue("query"), done: q.Close}
	if res.Err != nil {
		ans.kind, ans.err = kindOf(res.Err), res.Err
		return ans
	}
	if truncate(res, limit) {
		ans.warnings = ans.warnings.Add(errTruncated)
	}
	data := queryData{kind: res.Value.Type(), result: res.Value}
	if r.FormValue("stats") != "" {
		data.stats = stats.NewQueryStats(q.Stats())
	}
	ans.data = data
	return ans
}

// withTimeout bounds a request's context by its timeout parameter. The engine
// bounds it further.
func withTimeout(r *http.Request) (context.Context, context.CancelFunc, error) {
	s := r.FormValue("timeout")
	if s == "" {
		return r.Context(), func() {}, nil
	}
	timeout, err := parseDuration(s)
	if err != nil {
		return nil, nil, invalid("timeout", err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	return ctx, cancel, nil
}

func queryOptions(r *http.Request) (promql.QueryOpts, error) {
	var lookback time.Duration
	if s := r.FormValue("lookback_delta"); s != "" {
		var err error
		if lookback, err = parseDuration(s); err != nil {
			return nil, fmt.Errorf("error parsing lookback delta duration: %w", err)
		}
	}
	return promql.NewPrometheusQueryOpts(r.FormValue("stats") == "all", lookback), nil
}

var errTruncated = errors.New("results truncated due to limit")

// truncate cuts a result to limit series.
func truncate(res *promql.Result, limit int) bool {
	switch v := res.Value.(type) {
	case promql.Matrix:
		if limit > 0 && len(v) > limit {
			res.Value = v[:limit]
			return true
		}
	case promql.Vector:
		if limit > 0 && len(v) > limit {
			res.Value = v[:limit]
			return true
		}
	}
	return false
}
