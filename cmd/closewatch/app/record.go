package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// payloadVersion is the version of a tick's payload. RECORD.md beside this file
// describes it.
const payloadVersion = 1

// A payload is what is recorded of one tick: everything that was decided on,
// and what was decided. From the first payload of a run, replay decides the
// rest again, byte for byte.
type payload struct {
	Version    int                `json:"v"`
	Start      json.RawMessage    `json:"start,omitempty"` // a memory: what stood before; where replay may begin
	Warm       bool               `json:"warm"`            // incidents are judged: enough has been seen since the start
	Told       Told               `json:"told,omitzero"`
	Readings   []readingSeen      `json:"readings"`
	Components []componentSeen    `json:"components"`
	Events     []counted          `json:"events"` // by objective, in the configuration's order
	Evidence   []tiering.Evidence `json:"evidence"`
	Judge      tiering.Judge      `json:"judge,omitzero"` // the rules and holds it was judged by
	Impacts    []tiering.Impact   `json:"impacts"`
	Incidents  string             `json:"incidents"` // SHA-256 of the incidents after the tick, as JSON
}

// A readingSeen is a signal's state. Value is absent when nothing fresh was
// measured.
type readingSeen struct {
	signal.Reading
	Value *float64 `json:"value,omitempty"`
}

// A counted is what one objective counted since the tick before, and where in
// the calendar.
type counted struct {
	Objective string         `json:"objective"`
	Observed  bool           `json:"observed"`
	Bad       uint64         `json:"bad"`
	Total     uint64         `json:"total"`
	Excluded  bool           `json:"excluded,omitempty"` // within maintenance that counts against the raw figures only
	Phase     calendar.Phase `json:"phase"`
}

// A componentSeen is a component's state, as recovery checks read it.
type componentSeen struct {
	Name  string       `json:"component"`
	State signal.State `json:"state"`
}

func componentsSeen(states []componentState) []componentSeen {
	var out []componentSeen
	for _, c := range states {
		out = append(out, componentSeen{c.Name, c.State})
	}
	return out
}

// seen lays a tick out as its payload. start is what stood before, in the
// first tick of a run.
func seen(t *Tick, start json.RawMessage, incidents incident.Memory) (payload, error) {
	p := payload{
		Version: payloadVersion, Start: start, Warm: t.Warm, Told: t.Told, Components: componentsSeen(t.Components), Events: t.Events, Judge: t.Judge, Impacts: t.Impacts,
	}
	for _, r := range t.Readings {
		s := readingSeen{Reading: r}
		if !math.IsNaN(r.Value) && !math.IsInf(r.Value, 0) {
			s.Value = &r.Value
		}
		p.Readings = append(p.Readings, s)
	}
	for _, ev := range t.Evidence {
		ev.Process = judged(ev.Process)
		p.Evidence = append(p.Evidence, ev)
	}
	var err error
	p.Incidents, err = digest(incidents)
	return p, err
}

// judged is what a decision reads of a process: the words stand in the
// configuration that the record cites.
func judged(p process.Process) process.Process {
	return process.Process{
		Name: p.Name, Tier: p.Tier, CloseTier: p.CloseTier, Recovery: p.Recovery, CriticalRecovery: p.CriticalRecovery, Refetch: p.Refetch,
	}
}

func digest(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// A replayer decides recorded ticks again.
type replayer struct{ judge *judge }

// newReplayer starts from what stood before the first tick of a run.
func newReplayer(start json.RawMessage, holds tiering.Holds, rules tiering.Rules) (*replayer, error) {
	var m memory
	if err := json.Unmarshal(start, &m); err != nil {
		return nil, fmt.Errorf("read what stood before: %w", err)
	}
	return &replayer{newJudge(holds, rules, m)}, nil
}

// tick is what is recorded of a tick, for the judge to decide on.
func (p *payload) tick(at time.Time) *Tick {
	t := &Tick{At: at, Warm: p.Warm, Told: p.Told, Evidence: p.Evidence}
	for _, c := range p.Components {
		t.Components = append(t.Components, componentState{Name: c.Name, State: c.State})
	}
	return t
}

// step decides one recorded tick again. The error says what came out
// differently.
func (r *replayer) step(at time.Time, p *payload) error {
	t := p.tick(at)
	r.judge.decide(t)
	want, err := json.Marshal(p.Impacts)
	if err != nil {
		return err
	}
	got, err := json.Marshal(t.Impacts)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("tick %s: impacts differ: %s", at.UTC().Format(time.RFC3339Nano), firstDifference(want, got))
	}
	sum, err := digest(r.judge.incidents.Memory())
	if err != nil {
		return err
	}
	if sum != p.Incidents {
		return fmt.Errorf("tick %s: incidents differ: recorded %s, decided %s", at.UTC().Format(time.RFC3339Nano), p.Incidents[:12], sum[:12])
	}
	return nil
}

// firstDifference shows where two texts part.
func firstDifference(want, got []byte) string {
	n := 0
	for n < len(want) && n < len(got) && want[n] == got[n] {
		n++
	}
	around := func(b []byte) string { return string(b[max(0, n-60):min(len(b), n+60)]) }
	return fmt.Sprintf("recorded …%s…, decided …%s…", around(want), around(got))
}
