package certificate

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/signal"
)

func TestMetrics(t *testing.T) {
	root := authorityFor(t, "Root")
	ca := intermediate(t, root, nil)
	own := leaf(t, ca, nil)
	trust := write(t, encode(root))
	gone := closed(t)
	tests := map[string]struct {
		target Target
		kind   fault.Kind
	}{
		"served":             {target: Target{Served: serve(t, own.chain(ca)), ServerName: "erp.test", CA: trust}},
		"served_self_signed": {target: Target{Served: serve(t, leaf(t, pair{}, nil).chain()), ServerName: "erp.test", CA: trust}},
		"served_unreachable": {target: Target{Served: gone, ServerName: "erp.test", CA: trust}, kind: fault.Unreachable},
		"file":               {target: Target{File: write(t, encode(own, ca)), CA: trust}},
		"file_and_served":    {target: Target{Served: serve(t, own.chain(ca)), ServerName: "erp.test", File: write(t, encode(own, ca)), CA: trust}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.target.Name = "erp"
			if err := collectortest.Golden(t, newWatch(tt.target, settings()), name); fault.KindOf(err) != tt.kind {
				t.Errorf("Collect() = %v of kind %q, want %q", err, fault.KindOf(err), tt.kind)
			}
		})
	}
}

// Nothing that may name a person is published.
func TestNobodyIsNamed(t *testing.T) {
	root := authorityFor(t, "Root")
	personal := func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "Erika Mustermann", Organization: []string{"Erika Mustermann"}}
		c.EmailAddresses = []string{"erika@example.com"}
	}
	for name, by := range map[string]pair{"signed by an authority": root, "signed by herself": {}} {
		t.Run(name, func(t *testing.T) {
			tt := Target{Name: "edi", File: write(t, encode(leaf(t, by, personal))), CA: write(t, encode(root))}
			ch := make(chan prometheus.Metric, 100)
			if err := newWatch(tt, settings()).Collect(t.Context(), ch); err != nil {
				t.Fatal(err)
			}
			close(ch)
			for m := range ch {
				if text := describe(t, m); strings.Contains(strings.ToLower(text), "erika") {
					t.Errorf("published %s", text)
				}
			}
		})
	}
}

// A look that the shutdown interrupts says nothing.
func TestCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	root := authorityFor(t, "Root")
	tt := target(t, listen(t, func(c net.Conn) { cancel(); _, _ = io.Copy(io.Discard, c) }), root)
	ch := make(chan prometheus.Metric, 100)
	if err := newWatch(tt, settings()).Collect(ctx, ch); err == nil || len(ch) > 0 {
		t.Errorf("Collect() = %v with %d metrics, want an error and none", err, len(ch))
	}
}

func TestSignals(t *testing.T) {
	root := authorityFor(t, "Root")
	left := func(life, days int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = march31.AddDate(0, 0, days-life), march31.AddDate(0, 0, days).Add(time.Minute)
		}
	}
	file := func(change func(*x509.Certificate)) string { return write(t, encode(leaf(t, root, change))) }
	tests := map[string]struct {
		file  string
		want  map[string]signal.State
		after time.Duration // until it is judged
	}{
		"lasts":                         {file: file(left(90, 60)), want: map[string]signal.State{"ends_long": signal.OK, "expired": signal.OK}},
		"renewal has failed for a week": {file: file(left(90, 20)), want: map[string]signal.State{"ends_long": signal.Warning, "expired": signal.OK}},
		"21 days are left":              {file: file(left(365, 21)), want: map[string]signal.State{"ends_long": signal.OK, "expired": signal.OK}},
		"somebody must act":             {file: file(left(365, 6)), want: map[string]signal.State{"ends_long": signal.Critical, "expired": signal.OK}},
		"of 45 days, 14 left":           {file: file(left(45, 14)), want: map[string]signal.State{"ends_medium": signal.OK, "expired": signal.OK}},
		"of 45 days, 9 left":            {file: file(left(45, 9)), want: map[string]signal.State{"ends_medium": signal.Warning, "expired": signal.OK}},
		"of 6 days, 3 left":             {file: file(left(6, 3)), want: map[string]signal.State{"ends_short": signal.OK, "expired": signal.OK}},
		"of 6 days, none left":          {file: file(left(6, 0)), want: map[string]signal.State{"ends_short": signal.Critical, "expired": signal.OK}},
		"nobody vouches for it":         {file: write(t, encode(leaf(t, pair{}, left(90, 60)))), want: map[string]signal.State{"ends_long": signal.OK, "self_signed": signal.Critical, "expired": signal.OK}},
		"has ended":                     {file: file(left(90, -1)), want: map[string]signal.State{"ends_long": signal.Critical, "expired": signal.Critical}},
		"cannot be read":                {file: "/nowhere", after: 3 * time.Minute, want: map[string]signal.State{"readable": signal.Warning}},
		"cannot be read once":           {file: "/nowhere", want: map[string]signal.State{"readable": signal.Unknown}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, err := signal.NewEvaluator(Signals())
			if err != nil {
				t.Fatal(err)
			}
			e.Expect([]signal.Subject{{Kind: Kind, Environment: "test", Component: "certificates"}})
			for _, r := range e.Evaluate(march31, nil) {
				if r.Signal != "certificate_readable" || r.State != signal.Unknown {
					t.Errorf("before the first look %s is %s", r.Signal, r.State)
				}
			}
			w := newWatch(Target{Name: "erp", File: tt.file, CA: write(t, encode(root))}, settings())
			at := march31.Add(time.Minute)
			readings := e.Evaluate(at, samples(t, w, at))
			if tt.after > 0 {
				at = at.Add(tt.after)
				readings = e.Evaluate(at, samples(t, w, at))
			}
			got := map[string]signal.State{}
			for _, r := range readings {
				got[strings.TrimPrefix(r.Signal, "certificate_")] = r.State
			}
			for name, want := range tt.want {
				if have, there := got[name]; !there || have != want {
					t.Errorf("%s is %s, want %s", name, have, want)
				}
			}
			for _, r := range readings {
				if r.State > signal.OK && !strings.Contains(r.Text, "erp of certificates (file)") {
					t.Errorf("%s says %q, want which certificate", r.Signal, r.Text)
				}
			}
			if strings.HasPrefix(tt.file, "/nowhere") && len(got) != 1 {
				t.Errorf("%v is told of what cannot be read", got)
			}
		})
	}
}

// samples is what a run publishes, as the engine sees it.
func samples(t *testing.T, c collector.Collector, at time.Time) []signal.Sample {
	t.Helper()
	a := &adapter{Collector: c, ctx: t.Context()}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(a)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []signal.Sample
	for _, f := range families {
		collector.Flatten(f, func(s collector.Series) {
			labels := map[string]string{"environment": "test", "component": "certificates"}
			for _, l := range s.Labels {
				labels[l.GetName()] = l.GetValue()
			}
			out = append(out, signal.Sample{Name: s.Name, Labels: labels, Value: s.Value, At: at})
		})
	}
	return out
}

// One server that hangs costs the other targets nothing.
func TestHangingServerDelaysNoOther(t *testing.T) {
	root := authorityFor(t, "Root")
	s := settings()
	s.Now = nil
	s.Config.SetDefaults()
	s.Config.CA = write(t, encode(root))
	s.Config.Targets = []Target{
		{Name: "hanging", Served: listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })},
		{Name: "good", File: write(t, encode(leaf(t, root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(time.Hour) })))},
	}
	runner := collector.New(collector.Settings{})
	if err := runner.Add(New(s)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); runner.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for deadline := time.Now().Add(8 * time.Second); ; {
		for _, snapshot := range runner.Snapshots() {
			if snapshot.Task.Name != "good" || snapshot.Err != nil || snapshot.Series == 0 {
				t.Fatalf("%s ended first: %v, %d series", snapshot.Task.Name, snapshot.Err, snapshot.Series)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no target was looked at")
		}
		<-time.After(10 * time.Millisecond)
	}
}
