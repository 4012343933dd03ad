package serverlog

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A reader is a tally on a clock of its own.
type reader struct {
	*tally
	clock time.Time
}

func newReader(format string) *reader {
	r := &reader{clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	r.tally = newTally(format, 5*time.Second, []string{"prod"}, func() time.Time { return r.clock })
	return r
}

// read hands over lines as the follower does.
func (r *reader) read(text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			r.Line([]byte(line))
		}
	}
	r.Pause()
}

// settle is two looks at which nothing was added.
func (r *reader) settle() {
	r.Pause()
	r.Pause()
}

// said is all that was counted, but operations, one fact a line.
func said(s *state) []string {
	facts := []string{}
	add := func(n uint64, format string, args ...any) {
		facts = append(facts, fmt.Sprintf(format, args...)+fmt.Sprintf(" %d", n))
	}
	for name, n := range s.Kills {
		add(n, "kill %s", name)
	}
	for tenant, c := range s.Tenants {
		for name, n := range c.Events {
			add(n, "%s %s", tenant, name)
		}
		for outcome, byCause := range c.Conflicts {
			for cause, n := range byCause {
				add(n, "%s conflict %s %s", tenant, outcome, cause)
			}
		}
		for reason, n := range c.PDFs {
			add(n, "%s pdf %s", tenant, reason)
		}
		for action, n := range c.Actions {
			add(n, "%s action %q", tenant, action)
		}
		for _, e := range c.Errors {
			add(e.Count, "%s error %s %s", tenant, e.Addon, e.Exception)
		}
	}
	slices.Sort(facts)
	return facts
}

// published is all that a collector publishes, as text.
func published(t *testing.T, c collector.Collector) string {
	t.Helper()
	ch := make(chan prometheus.Metric, 10000)
	if err := c.Collect(t.Context(), ch); err != nil {
		t.Error(err)
	}
	close(ch)
	var b strings.Builder
	for m := range ch {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, collectortest.Metric(m.Desc()), &d)
	}
	return b.String()
}

// A file is a log on disk and who follows it.
type file struct {
	t    *testing.T
	path string
	log  *Log
}

func newFile(t *testing.T) *file {
	t.Helper()
	f := &file{t: t, path: filepath.Join(t.TempDir(), "odoo.log")}
	f.log = f.follow()
	f.poll() // it does not exist yet: it will be read from its beginning
	return f
}

func (f *file) follow() *Log {
	clock := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := New(Settings{
		Component: "erp", File: f.path, Format: Auto, Slow: 5 * time.Second, Tenants: []string{"prod"},
		StateDir: filepath.Dir(f.path), Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { clock = clock.Add(savedEvery); return clock }, // so that each look is saved
	})
	f.t.Cleanup(l.follower.Close)
	return l
}

func (f *file) poll() { f.log.follower.Poll(f.t.Context()) }

func (f *file) append(text string) {
	f.t.Helper()
	out, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = out.WriteString(text)
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		f.t.Fatal(err)
	}
}
