package collector_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// A tried is a collector that only fails, or does worse.
type tried func(ctx context.Context) error

func (tried) Describe(chan<- *prometheus.Desc) {}
func (f tried) Collect(ctx context.Context, _ chan<- prometheus.Metric) error {
	return f(ctx)
}

type examinee struct {
	tasks   []collector.Task
	examine func() []collector.Finding
}

func (i examinee) Tasks() []collector.Task   { return i.tasks }
func (examinee) Run(context.Context) error   { return nil }
func (examinee) Close()                      {}
func (i examinee) plain() collector.Instance { return struct{ collector.Instance }{i} }

func (i examinee) Examine(context.Context) []collector.Finding { return i.examine() }

func TestExamine(t *testing.T) {
	failing := func(kind fault.Kind) error {
		return &fault.Error{Op: "ask", Kind: kind, Err: errors.New("no"), Hint: "say please"}
	}
	of := func(f tried) collector.Instance {
		return examinee{tasks: []collector.Task{{Name: "it", Timeout: 20 * time.Millisecond, Collector: f}}}.plain()
	}
	returning := func(err error) collector.Instance { return of(func(context.Context) error { return err }) }
	finding := func(state collector.Standing) collector.Finding {
		return collector.Finding{Subject: "it", State: state, Text: "ask: no", Do: "say please"}
	}
	tests := map[string]struct {
		instance collector.Instance
		want     []collector.Finding
	}{
		"all is well":             {returning(nil), []collector.Finding{{Subject: "it", State: collector.Fine, Text: "answers"}}},
		"credentials are refused": {returning(failing(fault.Auth)), []collector.Finding{finding(collector.Refused)}},
		"a right is lacking":      {returning(failing(fault.Denied)), []collector.Finding{finding(collector.Refused)}},
		"nothing answers":         {returning(failing(fault.Unreachable)), []collector.Finding{finding(collector.Missing)}},
		"a lock is held":          {returning(failing(fault.Locked)), []collector.Finding{finding(collector.Unclear)}},
		"two things at once": {
			returning(errors.Join(failing(fault.Denied), failing(fault.DNS))),
			[]collector.Finding{finding(collector.Refused), finding(collector.Missing)},
		},
		"the deadline passes": {
			of(func(ctx context.Context) error { <-ctx.Done(); return fault.Wrap("ask", ctx.Err(), "") }),
			[]collector.Finding{{Subject: "it", State: collector.Unclear, Text: "ask: context deadline exceeded"}},
		},
		"a task panics": {
			of(func(context.Context) error { panic("oh") }),
			[]collector.Finding{{Subject: "it", State: collector.Unclear, Text: "collect it: panic: oh", Do: "report this as a bug with the log around it"}},
		},
		"it examines itself": {
			examinee{examine: func() []collector.Finding { return []collector.Finding{{Subject: "self"}} }},
			[]collector.Finding{{Subject: "self"}},
		},
		"its examination panics": {
			examinee{examine: func() []collector.Finding { panic("oh") }},
			[]collector.Finding{{Subject: "examination", State: collector.Unclear, Text: "examine: panic: oh", Do: "report this as a bug with the log around it"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, collector.Examine(t.Context(), tt.instance)); diff != "" {
				t.Errorf("Examine() (-want +got):\n%s", diff)
			}
		})
	}
}
