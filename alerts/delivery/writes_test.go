package delivery_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
)

// A meter counts the files that are written to a disk.
type meter struct{ files atomic.Int64 }

func (m *meter) disk() durable.Disk {
	return durable.Disk{Create: func(dir, pattern string) (durable.File, error) {
		m.files.Add(1)
		return os.CreateTemp(dir, pattern)
	}}
}

// aging are alerts whose words count the time, as those of the daemon do.
func aging(n int, age time.Duration) []delivery.Alert {
	var out []delivery.Alert
	for i := range n {
		a := named(fmt.Sprint("N", i))
		a.Annotations["summary"] = "Invoices cannot be posted for " + age.String()
		a.Annotations["incident"] = "I-1"
		out = append(out, a)
	}
	return out
}

// kept is what the outbox holds: what a new Delivery would find after a kill.
func (r *rig) kept(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(r.settings.Dir, "alerts.json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestWhatIsOnDiskWhenPublishReturns(t *testing.T) {
	tests := map[string]struct {
		change func(*delivery.Alert)
		ends   bool
		kept   string // once it is on disk
		later  bool   // it may be on disk a Resend later
	}{
		"what it says":     {change: func(a *delivery.Alert) { a.Annotations["summary"] = "for 2m" }, kept: "for 2m", later: true},
		"one more thing":   {change: func(a *delivery.Alert) { a.Annotations["witness"] = "users" }, kept: "users", later: true},
		"its incident":     {change: func(a *delivery.Alert) { a.Annotations["incident"] = "I-2" }, kept: "I-2"},
		"its address":      {change: func(a *delivery.Alert) { a.GeneratorURL = "http://127.0.0.1:9977/incidents/2" }, kept: "incidents/2"},
		"its severity":     {change: func(a *delivery.Alert) { a.Labels["severity"] = "ticket" }, kept: `"severity":"ticket"`},
		"another besides":  {change: func(a *delivery.Alert) { a.Labels["alertname"] = "Other" }, kept: `"alertname":"Other"`},
		"that it is over":  {ends: true, kept: `"endsAt"`},
		"it is the pulse":  {change: func(a *delivery.Alert) { a.Heartbeat = true }, kept: `"heartbeat":true`},
		"it says no more":  {change: func(a *delivery.Alert) { delete(a.Annotations, "incident") }, kept: `"annotations":{"summary"`},
		"nothing but time": {change: func(*delivery.Alert) {}, kept: `"alertname":"N0"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.publish(t, aging(1, time.Minute)...)
				next := aging(1, time.Minute)
				if tt.ends {
					next = nil
				} else {
					next[0].Labels = maps.Clone(next[0].Labels)
					tt.change(&next[0])
				}
				time.Sleep(time.Second)
				r.publish(t, next...)
				if got := strings.Contains(r.kept(t), tt.kept); got == tt.later {
					t.Errorf("on disk when Publish returned: %v, want %v\n%s", got, !tt.later, r.kept(t))
				}
				time.Sleep(delivery.DefaultResend)
				r.publish(t, next...)
				if !strings.Contains(r.kept(t), tt.kept) {
					t.Errorf("not on disk a Resend later\n%s", r.kept(t))
				}
			})
		})
	}
}

func TestNewestWordsAreKeptWhenDeliveryStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for n := range 3 {
			r.publish(t, aging(1, time.Duration(n)*time.Second)...)
		}
		r.stop()
		if !strings.Contains(r.kept(t), "for 2s") {
			t.Errorf("kept: %s", r.kept(t))
		}
	})
}

// hourOfWords publishes for an hour, tick by tick, what says something else at
// every tick, and returns how often the outbox was written.
func hourOfWords(tb testing.TB) int64 {
	tb.Helper()
	const tick = 30 * time.Second
	began := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	now, disk := began, &meter{}
	d, err := delivery.New(delivery.Settings{Dir: durabletest.Dir(tb), Disk: disk.disk(), Now: func() time.Time { return now }})
	if err != nil {
		tb.Fatal(err)
	}
	for ; now.Sub(began) < time.Hour; now = now.Add(tick) {
		if err := d.Publish(now, aging(20, now.Sub(began))); err != nil {
			tb.Fatal(err)
		}
	}
	return disk.files.Load()
}

func TestWordsThatCountTimeAreWrittenOncePerResend(t *testing.T) {
	t.Parallel()
	if got := hourOfWords(t); got > 60 {
		t.Errorf("%d writes in an hour of 120 ticks, want one each Resend: 60", got)
	}
}

func BenchmarkHourOfWords(b *testing.B) {
	var files int64
	for b.Loop() {
		files += hourOfWords(b)
	}
	b.ReportMetric(float64(files)/float64(b.N), "writes/h")
}
