package store

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Series is one series of a result.
type Series struct {
	Labels map[string]string // __name__ included where the result has it
	Points []Point           // one for an instant vector or a scalar
}

// A Point is a value at an instant.
type Point struct {
	At    time.Time
	Value float64
}

// Query evaluates a PromQL expression at an instant. A range selector, such as
// up[1h], returns the stored samples themselves.
func (s *Store) Query(ctx context.Context, expr string, at time.Time) ([]Series, error) {
	q, err := s.engine.NewInstantQuery(ctx, s.db, nil, expr, at)
	return read(ctx, expr, q, err)
}

// QueryRange evaluates a PromQL expression at every step from start to end.
func (s *Store) QueryRange(ctx context.Context, expr string, start, end time.Time, step time.Duration) ([]Series, error) {
	q, err := s.engine.NewRangeQuery(ctx, s.db, nil, expr, start, end, step)
	return read(ctx, expr, q, err)
}

func read(ctx context.Context, expr string, q promql.Query, err error) ([]Series, error) {
	op := "query " + expr
	if err != nil {
		return nil, &fault.Error{Op: op, Kind: fault.Rejected, Err: err}
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, &fault.Error{Op: op, Kind: faultKind(res.Err), Err: res.Err}
	}
	switch v := res.Value.(type) {
	case promql.Scalar:
		return []Series{{Labels: map[string]string{}, Points: []Point{point(v.T, v.V)}}}, nil
	case promql.Vector:
		out := make([]Series, 0, len(v))
		for _, s := range v {
			out = append(out, Series{Labels: copyLabels(s.Metric), Points: []Point{point(s.T, s.F)}})
		}
		return out, nil
	case promql.Matrix:
		out := make([]Series, 0, len(v))
		for _, s := range v {
			points := make([]Point, 0, len(s.Floats))
			for _, p := range s.Floats {
				points = append(points, point(p.T, p.F))
			}
			out = append(out, Series{Labels: copyLabels(s.Metric), Points: points})
		}
		return out, nil
	default:
		return nil, &fault.Error{Op: op, Kind: fault.Rejected, Err: fmt.Errorf("is a %s, not numbers", v.Type())}
	}
}

func faultKind(err error) fault.Kind {
	switch kindOf(err) {
	case timeout, canceled:
		return fault.Timeout
	case internal:
		return fault.Internal
	default:
		return fault.Rejected
	}
}

func point(ms int64, v float64) Point {
	if math.IsNaN(v) {
		v = math.NaN() // without the payload some of the store's have
	}
	return Point{At: time.UnixMilli(ms).UTC(), Value: v}
}

// copyLabels copies labels out of the memory of the database.
func copyLabels(l labels.Labels) map[string]string {
	m := make(map[string]string, l.Len())
	l.Range(func(l labels.Label) { m[strings.Clone(l.Name)] = strings.Clone(l.Value) })
	return m
}
