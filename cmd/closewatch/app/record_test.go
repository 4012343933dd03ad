package app

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A rehearsal decides ticks as the daemon does and keeps their payloads as they
// are stored.
type rehearsal struct {
	*judge
	*scribe
	at     time.Time
	start  []byte
	stored []tickrecord.Record
}

func newRehearsal(t *testing.T, m memory, at time.Time) *rehearsal {
	t.Helper()
	start, err := m.pack()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newScribe()
	if err != nil {
		t.Fatal(err)
	}
	return &rehearsal{judge: newJudge(tiering.DefaultHolds(), tiering.DefaultRules(), m), scribe: s, at: at, start: start}
}

func (r *rehearsal) tick(t *testing.T, told Told, db signal.State, failures int) {
	t.Helper()
	r.at = r.at.Add(30 * time.Second)
	atRisk := 3.0
	ev := tiering.Evidence{
		Key: acme(catalogued(t, "invoice-posting")).key, Process: catalogued(t, "invoice-posting"),
		Place:     calendar.Place{Phase: calendar.Close, Period: "2026-11", Ends: r.at.Add(time.Hour)},
		Critical:  true,
		Deadlines: []calendar.Deadline{{ID: "ap", Title: "AP cut-off", Process: "invoice-posting", At: r.at.Add(3 * time.Hour)}},
		Flows:     []tiering.Flow{{Name: "invoice-posting", Level: "L3", State: tiering.FlowPassing, LastRun: r.at}},
		Burns:     []tiering.Burn{{Indicator: "availability", Source: "users", Window: "1h", Rate: 1.0 / 3, Bad: 1, Total: 3}},
		Progress:  tiering.Progress{Known: true, Advanced: r.at.Add(-time.Minute), PerMinute: 0.1 + 0.2},
		Recovery: tiering.Recovery{
			Known: true, Component: "db", Exposure: 1500 * time.Millisecond, Postings: &atRisk,
			Copies: []tiering.Copy{{Component: "db", Exposure: time.Minute}, {Component: "backups", Archive: true, Exposure: 1500 * time.Millisecond}},
		},
		Needs: []tiering.Need{{Component: "db", Kind: "postgres", Role: process.Hard, State: db, Since: r.at, Evidence: []string{"db does not answer"}}},
	}
	if failures > 0 {
		ev.Flows[0].State, ev.Flows[0].Failures, ev.Flows[0].Kind, ev.Flows[0].Step = tiering.FlowFailing, failures, fault.Rejected, "post"
		ev.Flows[0].FirstFailure, ev.Flows[0].Previous = r.at.Add(-time.Minute), r.at.Add(-time.Minute)
	}
	tick := &Tick{
		At: r.at, Warm: true, Told: told, Evidence: []tiering.Evidence{ev}, Events: []counted{{Objective: "prod/invoice-posting/availability/users", Bad: 1, Total: 3, Observed: true, Phase: calendar.Close}},
		Components: []componentState{{Name: "db", Kind: "postgres", State: db}},
		Readings:   []signal.Reading{{Signal: "postgres_up", Component: "db", Value: math.NaN(), State: db, Since: r.at}},
	}
	r.decide(tick)
	r.stored = append(r.stored, tickrecord.Record{At: r.at, Payload: r.write(tick, r.judge, 30*time.Second, r.start)})
	r.start = nil
}

// outage plays a database that dies and comes back.
func (r *rehearsal) outage(t *testing.T) {
	t.Helper()
	for range 3 {
		r.tick(t, Told{}, signal.OK, 0)
	}
	for n := range 8 {
		told := Told{}
		if open := r.incidents.Open(); n == 6 && len(open) > 0 {
			told.Acknowledgements = []Acknowledgement{{At: r.at.Add(7 * time.Second), Incident: open[0].ID, By: "on-call"}}
		}
		r.tick(t, told, signal.Critical, n+1)
	}
	for range 60 {
		r.tick(t, Told{Changes: []Change{deploy(r.at, "restarted db")}}, signal.OK, 0)
	}
}

// again replays stored payloads, each changed as one likes.
func again(stored []tickrecord.Record, change func(*recorded)) error {
	var r replayer
	for rec, err := range reading(recordsOf(stored), time.Time{}, withEvidence) {
		if err != nil {
			return err
		}
		if change != nil {
			change(rec)
		}
		if _, how, err := r.step(rec); err != nil || how != same {
			return fmt.Errorf("%s: %v, %w", rec.At, how, err)
		}
	}
	return nil
}

func recordsOf(stored []tickrecord.Record) iter.Seq2[tickrecord.Record, error] {
	return func(yield func(tickrecord.Record, error) bool) {
		for _, rec := range stored {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func TestReplayDecidesTheSameBytes(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.outage(t)
	if closed := r.incidents.Memory().Closed; len(closed) != 1 || closed[0].AcknowledgedBy != "on-call" || closed[0].Pages != 1 {
		t.Fatalf("the rehearsal played no acknowledged, paged and recovered incident: %+v", closed)
	}
	if err := again(r.stored, nil); err != nil {
		t.Error(err)
	}
}

func TestReplayGoesOnOverARestart(t *testing.T) {
	first := newRehearsal(t, memory{}, noon)
	for n := range 6 {
		first.tick(t, Told{}, signal.Critical, n+1)
	}
	path := filepath.Join(t.TempDir(), "incidents.json")
	if err := first.memory(first.at).save(path); err != nil {
		t.Fatal(err)
	}
	m, _, err := loadMemory(path)
	if err != nil {
		t.Fatal(err)
	}
	second := newRehearsal(t, m, first.at.Add(5*time.Minute))
	second.outage(t)
	if err := again(append(first.stored, second.stored...), nil); err != nil {
		t.Error(err)
	}
}

func TestReplayNoticesWhatWasDecidedOtherwise(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.outage(t)
	tests := map[string]func(*recorded) bool{
		"a flow that failed less often": func(rec *recorded) bool {
			f := &rec.evidence[0].Flows[0]
			if f.Failures != 2 {
				return false
			}
			f.Failures = 1
			return true
		},
		"a component that was well": func(rec *recorded) bool {
			rec.evidence[0].Needs[0].State = signal.OK
			return true
		},
		"another service tier": func(rec *recorded) bool {
			p := &rec.evidence[0].Process
			p.Tier, p.CloseTier = process.Deferrable, process.Deferrable
			return true
		},
		"an acknowledgement by another": func(rec *recorded) bool {
			if len(rec.Told.Acknowledgements) == 0 {
				return false
			}
			rec.Told.Acknowledgements[0].By = "nobody"
			return true
		},
		"incidents of elsewhere": func(rec *recorded) bool {
			rec.incidents = slices.Repeat(rec.incidents, 2)
			return len(rec.incidents) > 0
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			changed := 0
			err := again(r.stored, func(rec *recorded) {
				if change(rec) {
					changed++
				}
			})
			if changed == 0 || err == nil {
				t.Errorf("replay of %d changed records: %v, want a difference", changed, err)
			}
		})
	}
}

func TestAPayloadKeepsMissingMissing(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.tick(t, Told{}, signal.Unknown, 0)
	for rec, err := range reading(recordsOf(r.stored), time.Time{}, withReadings) {
		if err != nil {
			t.Fatal(err)
		}
		if got := rec.readings[0]; !math.IsNaN(got.Value) || got.State != signal.Unknown {
			t.Errorf("a reading without a value is read as %+v", got)
		}
	}
}

func TestAPayloadHoldsNoWordsOfTheCatalogue(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.tick(t, Told{}, signal.OK, 0)
	if p := catalogued(t, "invoice-posting"); bytes.Contains(r.stored[0].Payload, []byte(p.Workaround)) || !bytes.Contains(r.stored[0].Payload, []byte(p.Name)) {
		t.Error("the words of the catalogue are stored with every tick")
	}
}

// Replay begins at any payload that is whole, and tells those before it that it
// cannot read.
func TestAPayloadThatIsLostLeavesTheNextAdrift(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	for n := range 5 {
		if n == 3 {
			var err error
			if r.start, err = r.memory(r.at).pack(); err != nil {
				t.Fatal(err)
			}
		}
		r.tick(t, Told{}, signal.OK, 0)
	}
	var adrift []bool
	lost := slices.Delete(slices.Clone(r.stored), 1, 2)
	for rec, err := range reading(recordsOf(lost), time.Time{}, withEvidence) {
		if err != nil {
			t.Fatal(err)
		}
		adrift = append(adrift, rec.adrift)
	}
	if want := []bool{false, true, false, false}; !slices.Equal(adrift, want) {
		t.Errorf("adrift = %v, want %v", adrift, want)
	}
	if err := again(lost[2:], nil); err != nil {
		t.Errorf("replay from the whole payload on: %v", err)
	}
}

func TestAPayloadOfAnotherFormIsRefused(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.tick(t, Told{}, signal.OK, 0)
	for name, payload := range map[string]string{"of an earlier version": `{"v":1,"warm":true}`, "empty": "", "cut short": string(r.stored[0].Payload[:200])} {
		t.Run(name, func(t *testing.T) {
			for _, err := range reading(recordsOf([]tickrecord.Record{{At: noon, Version: "v0", Payload: []byte(payload)}}), time.Time{}, withEvidence) {
				if err == nil {
					t.Error("read")
				}
			}
		})
	}
}
