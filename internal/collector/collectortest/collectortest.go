// Package collectortest checks what every collector promises: its metrics are
// declared, consistent, well named and exactly those of a golden file (Golden),
// it returns when its context ends (Deadline), and its page lists them all
// (Reference).
package collectortest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/closewatch/closewatch/internal/collector"
)

// Golden gathers c once through a pedantic registry, lints the result and
// compares its exposition text with testdata/name.prom. UPDATE_GOLDEN=1 writes
// the file instead. It returns the error of Collect for the test to judge.
//
// Families a peer publishes under the same name are excused from the problems
// listed in peers.tsv. exempt names further families that follow an
// established convention promlint does not know; say which in a comment at the
// call.
func Golden(t *testing.T, c collector.Collector, name string, exempt ...string) error {
	t.Helper()
	families, collectErr := gather(t, c)
	Lint(t, families, exempt...)
	compare(t, filepath.Join("testdata", name+".prom"), text(t, families))
	return collectErr
}

// Deadline bounds: how long Collect is left to block before its context ends,
// and how long it may then take to return.
const (
	blockFor = 50 * time.Millisecond
	grace    = 2 * time.Second
)

// Deadline calls Collect on a collector whose system does not answer, ends its
// context and fails the test unless Collect returns soon after. A Collect that
// returns earlier fails it too, since then nothing was tested. It returns the
// error of Collect.
func Deadline(t *testing.T, c collector.Collector) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), blockFor)
	defer cancel()
	metrics, done := make(chan prometheus.Metric), make(chan error, 1)
	go func() {
		defer close(metrics)
		done <- c.Collect(ctx, metrics)
	}()
	late := time.After(blockFor + grace)
	for {
		select {
		case _, open := <-metrics:
			if open {
				continue
			}
			err := <-done
			if ctx.Err() == nil {
				t.Errorf("Collect returned (%v) before its context ended: give it a system that does not answer", err)
			}
			return err
		case <-late:
			t.Fatalf("Collect has not returned %v after its context ended", grace)
		}
	}
}

// adapter is c as client_golang sees it.
type adapter struct {
	collector.Collector
	ctx context.Context
	err error
}

func (a *adapter) Collect(ch chan<- prometheus.Metric) { a.err = a.Collector.Collect(a.ctx, ch) }

func gather(t *testing.T, c collector.Collector) (families []*dto.MetricFamily, collectErr error) {
	t.Helper()
	a := &adapter{Collector: c, ctx: t.Context()}
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(a); err != nil {
		t.Fatalf("register: %v", err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Errorf("gather: %v", err)
	}
	return families, a.err
}

func text(t *testing.T, families []*dto.MetricFamily) string {
	t.Helper()
	var b bytes.Buffer
	for _, mf := range families {
		if _, err := expfmt.MetricFamilyToText(&b, mf); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (UPDATE_GOLDEN=1 writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("metrics differ from %s (-want +got; UPDATE_GOLDEN=1 accepts):\n%s", file, diff)
	}
}
