package app

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// An Explanation is how one verdict was reached, for people and machines.
type Explanation struct {
	At         time.Time      `json:"at"`
	ConfigHash string         `json:"config_hash"`
	Impact     tiering.Impact `json:"impact"`
	Title      string         `json:"title"`
	RTO        time.Duration  `json:"rto_ns"`
	RPO        time.Duration  `json:"rpo_ns"`
	Flows      []FlowSeen     `json:"flows"`
	Burns      []tiering.Burn `json:"burns"`
	Work       []tiering.Work `json:"work"`
	Needs      []NeedSeen     `json:"needs"`
	Exposure   *time.Duration `json:"recovery_point_exposure_ns,omitempty"`
	Advanced   time.Time      `json:"ledger_advanced,omitzero"`
	PerMinute  *float64       `json:"ledger_per_minute,omitempty"`
}

// A FlowSeen is a flow's evidence.
type FlowSeen struct {
	Flow         string     `json:"flow"`
	Level        string     `json:"level"`
	State        string     `json:"state"`
	Failures     int        `json:"consecutive_failures"`
	LastRun      time.Time  `json:"last_run,omitzero"`
	Kind         fault.Kind `json:"kind,omitempty"`
	Step         string     `json:"step,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	CannotDetect []string   `json:"cannot_detect,omitempty"`
}

// A NeedSeen is a dependency's evidence.
type NeedSeen struct {
	Component string       `json:"component"`
	Kind      string       `json:"kind"`
	Role      process.Role `json:"role"`
	State     signal.State `json:"state"`
	Since     time.Time    `json:"since,omitzero"`
	Evidence  []string     `json:"evidence,omitempty"`
}

// explain lists the explanations of the newest tick; process and entity narrow
// them down when not empty.
func (a *App) explain(process, entity string) []Explanation {
	t := a.engine.last.Load()
	out := []Explanation{}
	if t == nil {
		return out
	}
	for i, im := range t.Impacts {
		if process != "" && im.Process != process || entity != "" && im.Entity != entity {
			continue
		}
		ev := t.Evidence[i]
		inForce := ev.Process.RecoveryIn(ev.Critical)
		x := Explanation{
			At: t.At, ConfigHash: a.estate.Hash, Impact: im, Title: ev.Process.Title,
			RTO: inForce.RTO, RPO: inForce.RPO, Burns: ev.Burns, Work: ev.Work,
		}
		for _, f := range ev.Flows {
			x.Flows = append(x.Flows, FlowSeen{f.Name, f.Level, f.State.String(), f.Failures, f.LastRun, f.Kind, f.Step, f.Reason, f.CannotDetect})
		}
		for _, n := range ev.Needs {
			x.Needs = append(x.Needs, NeedSeen{n.Component, n.Kind, n.Role, n.State, n.Since, n.Evidence})
		}
		if ev.Recovery.Known {
			x.Exposure = &ev.Recovery.Exposure
		}
		if ev.Progress.Known {
			x.Advanced, x.PerMinute = ev.Progress.Advanced, &ev.Progress.PerMinute
		}
		out = append(out, x)
	}
	return out
}

// serveExplain answers GET /api/v1/explain.
func (a *App) serveExplain(w http.ResponseWriter, r *http.Request) {
	found := a.explain(r.URL.Query().Get("process"), r.URL.Query().Get("entity"))
	writeJSON(w, found)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the reader may be gone: nothing is left to tell it
}
