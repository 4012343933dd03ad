package collector

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
)

// rows is a collector of as many families and series as a large one has.
type rows struct {
	descs  []*prometheus.Desc
	labels []string
}

func newRows(series int) rows {
	const each = 25 // series of a family
	var r rows
	for n := range each {
		r.labels = append(r.labels, fmt.Sprintf("table_%d", n))
	}
	for n := range series / each {
		r.descs = append(r.descs, prometheus.NewDesc(fmt.Sprintf("bench_subject_%d_bytes", n), "What is measured.", []string{"datname", "relname"}, nil))
	}
	return r
}

func (r rows) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range r.descs {
		ch <- d
	}
}

func (r rows) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	for _, d := range r.descs {
		for n, l := range r.labels {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), "odoo", l)
		}
	}
	return nil
}

func newRowsRunner(b *testing.B, series int) *Runner {
	b.Helper()
	r := New(Settings{})
	err := r.Add(benchInstance{Task{
		Component: "db", Environment: "production", Name: "tables", Kind: "postgres", Collector: newRows(series), Interval: time.Minute, Timeout: time.Minute,
	}})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

type benchInstance struct{ task Task }

func (i benchInstance) Tasks() []Task           { return []Task{i.task} }
func (benchInstance) Run(context.Context) error { return nil }
func (benchInstance) Close()                    {}

// BenchmarkRun is one run of a task, from its collector to its snapshot.
func BenchmarkRun(b *testing.B) {
	for _, series := range []int{25, 500, 5000} {
		b.Run(strconv.Itoa(series), func(b *testing.B) {
			w := newRowsRunner(b, series).workers[0]
			b.ReportAllocs()
			for b.Loop() {
				w.run(b.Context())
			}
			if s := w.published(time.Now()); s.Err != nil || s.Series != series {
				b.Fatalf("%d series, %v", s.Series, s.Err)
			}
		})
	}
}

// BenchmarkScrape is what one answer at /metrics takes of as many series as a
// cluster may publish: as text, and in other formats.
func BenchmarkScrape(b *testing.B) {
	r := newRowsRunner(b, DefaultMaxSeries)
	r.workers[0].run(b.Context())
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := r.Expose("").WriteText(io.Discard, model.UnderscoreEscaping); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("gather", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Gatherer().Gather(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
