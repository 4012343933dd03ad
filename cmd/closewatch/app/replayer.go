package app

import (
	"bytes"

	"github.com/closewatch/closewatch/internal/tiering"
)

// A replayer decides recorded ticks again and holds what comes out to what was
// recorded, byte for byte.
type replayer struct {
	judge   *judge
	decided *decisions
	board   *tiering.Board // nil when the next tick begins anew
}

// A sameness is how what is decided again compares with what was recorded.
type sameness uint8

const (
	same sameness = iota
	otherImpacts
	otherIncidents
)

// step decides the next recorded tick again. It begins anew with one that says
// what stood before it, which the first has to. Once something else has come
// out, all that follows may differ until it begins anew. The impacts of the tick
// are valid until the next step.
func (r *replayer) step(rec *recorded) (*Tick, sameness, error) {
	if rec.start != nil {
		if err := r.begin(rec); err != nil {
			return nil, same, err
		}
	}
	t := rec.tick()
	t.board, t.changed = r.board, rec.changed
	r.judge.decide(t)
	r.board = t.board
	impacts, incidents := r.decided.write(rec.At, t.board, r.judge.incidents.Memory())
	switch {
	case !bytes.Equal(impacts, rec.impacts):
		return t, otherImpacts, nil
	case !bytes.Equal(incidents, rec.incidents):
		return t, otherIncidents, nil
	default:
		return t, same, nil
	}
}

// begin takes up what stood before a tick. Incidents that were over by then are
// still remembered.
func (r *replayer) begin(rec *recorded) error {
	m, err := unpackMemory(rec.start)
	if err != nil {
		return err
	}
	if r.judge != nil {
		m.Incidents.Closed = r.judge.incidents.Memory().Closed
	}
	r.board = nil
	r.judge = newJudge(rec.Holds, rec.Rules, m)
	r.decided, err = newDecisions()
	return err
}
