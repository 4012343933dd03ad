package app

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A rehearsal decides ticks as the daemon does and keeps their payloads as they
// are stored.
type rehearsal struct {
	*judge
	at     time.Time
	start  json.RawMessage
	stored [][]byte
	ticks  []time.Time
}

func newRehearsal(t *testing.T, m memory, at time.Time) *rehearsal {
	t.Helper()
	start, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return &rehearsal{judge: newJudge(tiering.DefaultHolds(), tiering.DefaultRules(), m), at: at, start: start}
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
	p, err := seen(tick, r.start, r.incidents.Memory())
	if err != nil {
		t.Fatal(err)
	}
	r.start = nil
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	r.stored, r.ticks = append(r.stored, b), append(r.ticks, r.at)
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

// again replays stored payloads.
func again(stored [][]byte, ticks []time.Time) error {
	var r *replayer
	for i, b := range stored {
		var p payload
		if err := json.Unmarshal(b, &p); err != nil {
			return err
		}
		if p.Start != nil {
			var err error
			if r, err = newReplayer(p.Start, tiering.DefaultHolds(), tiering.DefaultRules()); err != nil {
				return err
			}
		}
		if err := r.step(ticks[i], &p); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	return nil
}

func TestReplayDecidesTheSameBytes(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.outage(t)
	if closed := r.incidents.Memory().Closed; len(closed) != 1 || closed[0].AcknowledgedBy != "on-call" || closed[0].Paged != tiering.BusinessCritical {
		t.Fatalf("the rehearsal played no acknowledged, paged and recovered incident: %+v", closed)
	}
	if err := again(r.stored, r.ticks); err != nil {
		t.Error(err)
	}
}

func TestReplayGoesOnOverARestart(t *testing.T) {
	first := newRehearsal(t, memory{}, noon)
	for n := range 6 {
		first.tick(t, Told{}, signal.Critical, n+1)
	}
	kept, err := json.Marshal(first.memory(first.at))
	if err != nil {
		t.Fatal(err)
	}
	var m memory
	if err := json.Unmarshal(kept, &m); err != nil {
		t.Fatal(err)
	}
	second := newRehearsal(t, m, first.at.Add(5*time.Minute))
	second.outage(t)
	if err := again(append(first.stored, second.stored...), append(first.ticks, second.ticks...)); err != nil {
		t.Error(err)
	}
}

func TestReplayNoticesWhatWasDecidedOtherwise(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.outage(t)
	tests := map[string]struct{ was, now string }{
		"a flow that failed less often":   {`"Failures":2`, `"Failures":1`},
		"a component that was well":       {`"State":"critical"`, `"State":"ok"`},
		"another service tier":            {`Tier":"A"`, `Tier":"D"`},
		"an acknowledgement by another":   {`"by":"on-call"`, `"by":"nobody"`},
		"an incident digest of elsewhere": {`"incidents":"`, `"incidents":"00`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			changed := make([][]byte, len(r.stored))
			n := 0
			for i, b := range r.stored {
				changed[i] = []byte(strings.ReplaceAll(string(b), tt.was, tt.now))
				if string(changed[i]) != string(b) {
					n++
				}
			}
			if n == 0 {
				t.Fatalf("no record has %s", tt.was)
			}
			if err := again(changed, r.ticks); err == nil {
				t.Error("replay decided the same on other evidence")
			}
		})
	}
}

func TestAPayloadKeepsMissingMissing(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.tick(t, Told{}, signal.Unknown, 0)
	if got := string(r.stored[0]); strings.Contains(got, `"value"`) || strings.Contains(got, "NaN") || !strings.Contains(got, `"state":"unknown"`) {
		t.Errorf("a reading without a value is stored as %s", got)
	}
}

func TestAPayloadHoldsNoWordsOfTheCatalogue(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.tick(t, Told{}, signal.OK, 0)
	if p := catalogued(t, "invoice-posting"); strings.Contains(string(r.stored[0]), p.Workaround) {
		t.Error("the words of the catalogue are stored with every tick")
	}
}
