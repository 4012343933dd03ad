package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/expected"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// expect lists the expected work of every subject at a tick, in their order.
func (a *assembler) expect(at time.Time, s signal.Published) [][]tiering.Work {
	timelines := a.calendars.around(at)
	a.tenants.Begin("tenant", s)
	out := make([][]tiering.Work, len(a.subjects))
	for i := range a.subjects {
		subj := &a.subjects[i]
		out[i] = a.work.Judge(at, a.tenants.Of(subj.key.Tenant), expected.Subject{Key: subj.key, Work: subj.process.Work, Timeline: timelines.of[subj.key.Entity]})
	}
	return out
}

// Names of what is published about expected work.
const (
	missingWork = "closewatch_expected_work_missing"
	dueWork     = "closewatch_expected_work_due_timestamp_seconds"
)

// A workSeries is one series about expected work: one of a subject's, or more
// that have the same name and source.
type workSeries struct {
	key     tiering.Key
	source  process.WorkSource
	work    string
	missing int       // how many should have happened by now and did not
	due     time.Time // the earliest; zero when nobody says
}

// labels are the label values, in the order of the metrics.
func (w workSeries) labels() []string {
	return []string{w.key.Process, w.key.Entity, w.key.Tenant, w.key.Environment, string(w.source), w.work}
}

// workOf lists the series of a subject's expected work, in the order of its
// pieces.
func workOf(key tiering.Key, pieces []tiering.Work) []workSeries {
	var out []workSeries
	for _, w := range pieces {
		i := slices.IndexFunc(out, func(s workSeries) bool { return s.source == w.Source && s.work == w.Name })
		if i < 0 {
			i = len(out)
			out = append(out, workSeries{key: key, source: w.Source, work: w.Name})
		}
		if w.Missing {
			out[i].missing += max(1, w.Lacks)
		}
		if !w.Due.IsZero() && (out[i].due.IsZero() || w.Due.Before(out[i].due)) {
			out[i].due = w.Due
		}
	}
	return out
}

// besides adds what is published about expected work to what collectors
// publish, so that signals are measured from the tick they belong to.
func (a *assembler) besides(at time.Time, s signal.Published, work [][]tiering.Work) signal.Published {
	var own []signal.Sample
	for i, subj := range a.subjects {
		for _, w := range workOf(subj.key, work[i]) {
			own = append(own, signal.Sample{Name: missingWork, Value: float64(w.missing), At: at, Labels: map[string]string{
				"process": w.key.Process, "entity": w.key.Entity, "tenant": w.key.Tenant, "environment": w.key.Environment,
				"source": string(w.source), "work": w.work, "component": self,
			}})
		}
	}
	return func(metric string) []signal.Sample {
		if metric == missingWork {
			return own
		}
		return s(metric)
	}
}

// workSignals are the signals of expected work, one for each process. Nothing
// is decided on them, since expected work is a symptom of its process already;
// they are there to be looked up, and to be named by an estate.
func workSignals() []signal.Definition {
	var out []signal.Definition
	for _, p := range process.Catalog() {
		out = append(out, signal.Definition{
			Name: workSignal(p.Name), Title: p.Title + ": expected work happens",
			Metric: missingWork, Match: map[string]string{"process": p.Name}, By: []string{"entity", "source", "work"},
			Aggregate: signal.Sum, Warning: 0, Critical: signal.Never(), Optional: true, Role: signal.Context,
			Says: p.Title + " of {entity}: {work}, {value} missing",
		})
	}
	return out
}

// workSignal is the name of the signal of a process's expected work.
func workSignal(name string) string {
	b := []byte("expected_work_" + name)
	for i, c := range b {
		if c == '-' {
			b[i] = '_'
		}
	}
	return string(b)
}

// A workBook keeps what the ledger of expected work must remember: what changes
// at every tick in one file, days that have ended in another.
type workBook struct {
	ledger *expected.Ledger
	recent string // path
	days   string // path
	saved  time.Time
	closed int // days written down
}

// keepWorkEvery is how often the ledger is written down. What is lost in a crash is
// bounded by it, and is less than what makes an hour count as not measured.
const keepWorkEvery = time.Minute

// restore takes up what stood before. What is damaged is set aside, and the history begins
// again.
func (b *workBook) restore(at time.Time) error {
	var m expected.Memory
	var days map[string][]expected.Day
	err := errors.Join(readChecked(b.recent, &m), readChecked(b.days, &days))
	b.ledger.Restore(at, m, days)
	return err
}

// readChecked decodes a checked file into v; one that is not there leaves it.
func readChecked(path string, v any) error {
	body, found, err := durable.ReadChecked(path)
	if err != nil || !found {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	return nil
}

// save writes the ledger down when it is time, and whenever a day has ended.
// The days come first: of a day that is in both files, that which has ended counts.
func (b *workBook) save(at time.Time, now bool) error {
	if n := b.ledger.Closed(); n != b.closed {
		if err := writeChecked(b.days, b.ledger.Days()); err != nil {
			return err
		}
		b.closed, now = n, true
	}
	if !now && at.Sub(b.saved) < keepWorkEvery {
		return nil
	}
	b.saved = at
	return writeChecked(b.recent, b.ledger.Memory())
}

func writeChecked(path string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return durable.WriteChecked(path, body)
}
