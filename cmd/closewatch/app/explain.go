package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/web"
)

// An Explanation is how one verdict was reached, for people and machines.
type Explanation struct {
	At           time.Time       `json:"at"`
	ConfigHash   string          `json:"config_hash"`
	CalendarHash string          `json:"calendar_hash"`
	TraceID      string          `json:"trace_id,omitempty"`
	Rederived    string          `json:"rederived,omitempty"` // "identical", or where judging again came out otherwise; "" when it was not asked
	Impact       tiering.Impact  `json:"impact"`
	Before       tiering.Tier    `json:"before"` // what stood at the tick before
	Title        string          `json:"title"`
	RTO          time.Duration   `json:"rto_ns"`
	RPO          time.Duration   `json:"rpo_ns"`
	Flows        []FlowSeen      `json:"flows"`
	Burns        []BurnSeen      `json:"burns"`
	Budgets      []BudgetSeen    `json:"budgets"`
	Work         []WorkSeen      `json:"work"`
	Findings     []FindingSeen   `json:"findings"`
	Needs        []NeedSeen      `json:"needs"`
	Deadlines    []DeadlineSeen  `json:"deadlines"`
	Blockers     []BlockerSeen   `json:"blockers"`
	Exposure     *time.Duration  `json:"recovery_point_exposure_ns,omitempty"`
	Advanced     time.Time       `json:"ledger_advanced,omitzero"`
	PerMinute    *float64        `json:"ledger_per_minute,omitempty"`
	Reaches      []tiering.Reach `json:"reaches,omitempty"` // who needs the component that is the cause
	Order        []tiering.Turn  `json:"recover_in_this_order,omitempty"`
	WhyNot       *tiering.WhyNot `json:"why_not,omitempty"`
}

// A Question is what an explanation is asked for.
type Question struct {
	Process, Entity string       // "" is all
	At              time.Time    // zero is the newest tick
	Trace           string       // the verdict with this trace ID, and nothing else
	WhyNot          tiering.Tier // what keeps it from this tier; None is not asked
}

// Query is the question as the query of a request.
func (q Question) Query() url.Values {
	v := url.Values{"process": {q.Process}, "entity": {q.Entity}}
	if !q.At.IsZero() {
		v.Set("at", q.At.UTC().Format(time.RFC3339))
	}
	if q.Trace != "" {
		v.Set("trace", q.Trace)
	}
	if q.WhyNot != tiering.None {
		v.Set("why_not", q.WhyNot.String())
	}
	return v
}

// questionOf reads the query of a request; the error says what to write.
func questionOf(v url.Values) (Question, error) {
	q := Question{Process: v.Get("process"), Entity: v.Get("entity"), Trace: v.Get("trace")}
	if text := v.Get("at"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return q, fmt.Errorf("at=%q is not a time; write it as 2026-12-31T15:00:00Z", text)
		}
		q.At = at
	}
	if text := v.Get("why_not"); text != "" {
		tier, err := ParseTier(text)
		if err != nil {
			return q, err
		}
		q.WhyNot = tier
	}
	return q, nil
}

// ParseTier reads the name of a tier that can be asked for.
func ParseTier(text string) (tiering.Tier, error) {
	for t := tiering.BusinessCritical; t > tiering.None; t-- {
		if t.String() == text {
			return t, nil
		}
	}
	return tiering.None, fmt.Errorf("there is no tier %q; write business-critical, degradation or informational", text)
}

// explain answers a question from the newest tick, or else from the record.
func (a *App) explain(q Question) ([]Explanation, error) {
	recorded := q.Trace != "" || q.WhyNot != tiering.None || !q.At.IsZero()
	t := a.engine.last.Load()
	if !recorded {
		if t == nil {
			return []Explanation{}, nil
		}
		return a.newest(t, q), nil
	}
	if q.At.IsZero() {
		q.At = a.now()
	}
	return records(a.rooms.ticks.Read).explain(q, a.title)
}

// newest explains the newest tick.
func (a *App) newest(t *Tick, q Question) []Explanation {
	out := []Explanation{}
	for i, im := range t.Impacts {
		if !q.about(im.Key) {
			continue
		}
		x := explanationOf(t.Evidence[i], im, t.Evidence[i].Process.Title)
		x.ConfigHash, x.CalendarHash, x.TraceID = a.config, a.calendar, t.Traces[im.Key]
		x.Before = t.Before[im.Key]
		x.around(t)
		out = append(out, x)
	}
	return out
}

func (q Question) about(k tiering.Key) bool {
	return (q.Process == "" || k.Process == q.Process) && (q.Entity == "" || k.Entity == q.Entity)
}

// ExplainRecorded answers a question from the tick record of a data directory,
// also beside a running daemon.
func ExplainRecorded(data string, q Question) ([]Explanation, error) {
	titles := func(name string) string {
		all := process.Catalog()
		if i := slices.IndexFunc(all, func(p process.Process) bool { return p.Name == name }); i >= 0 {
			return all[i].Title
		}
		return name
	}
	read := func(from, to time.Time) iter.Seq2[tickrecord.Record, error] {
		return tickrecord.Read(filepath.Join(data, "ticks"), from, to)
	}
	return records(read).explain(q, titles)
}

// explain answers a question from recorded ticks: each verdict is judged again,
// and must come out the same.
func (read records) explain(q Question, title func(string) string) ([]Explanation, error) {
	at := q.At
	if q.Trace != "" {
		second, ok := tiering.TracedAt(q.Trace)
		if !ok {
			return nil, fault.Wrap("find the trace "+q.Trace, errors.New("this is no trace ID"), "copy trace_id from the alert: T, eight digits, a dash and sixteen more")
		}
		at = second.Add(time.Second - 1)
	}
	past, err := read.at(at)
	if err != nil {
		return nil, err
	}
	out := []Explanation{}
	for i, im := range past.tick.Impacts {
		if q.Trace == "" && !q.about(im.Key) {
			continue
		}
		t := past.trace(i)
		if id, err := t.ID(); q.Trace != "" && (err != nil || id != q.Trace) {
			continue
		}
		x := explanationOfTrace(t, q, title)
		x.Rederived = past.same
		x.around(past.tick)
		out = append(out, x)
	}
	if q.Trace != "" && len(out) == 0 {
		return nil, &fault.Error{
			Op: "find the trace " + q.Trace, Kind: fault.Rejected, Err: fmt.Errorf("no verdict of the tick of %s has it", past.tick.At.Format(time.RFC3339)),
			Hint: "ask the daemon, or the data directory, that sent the alert",
		}
	}
	return out, nil
}

func explanationOfTrace(t tiering.Trace, q Question, title func(string) string) Explanation {
	x := explanationOf(t.Evidence, t.Impact, title(t.Impact.Process))
	x.ConfigHash, x.CalendarHash = t.Config, t.Calendar
	if t.Prior != nil {
		x.Before = t.Prior.Tier
	}
	if id, err := t.ID(); err == nil {
		x.TraceID = id
	}
	if q.WhyNot != tiering.None {
		why := t.Judge.WhyNot(t.At, t.Prior, t.Evidence, q.WhyNot)
		x.WhyNot = &why
	}
	return x
}

// explanationOf lays out a verdict and its evidence.
func explanationOf(ev tiering.Evidence, im tiering.Impact, title string) Explanation {
	inForce := ev.Process.RecoveryIn(ev.Critical)
	x := Explanation{At: im.At, Impact: im, Title: title, RTO: inForce.RTO, RPO: inForce.RPO}
	x.seen(&ev)
	if ev.Recovery.Known {
		x.Exposure = &ev.Recovery.Exposure
	}
	if ev.Progress.Known {
		x.Advanced, x.PerMinute = ev.Progress.Advanced, &ev.Progress.PerMinute
	}
	return x
}

// around adds what a tick tells beyond one verdict that is impaired: whom its
// cause reaches, and in which order to recover when there is a choice.
func (x *Explanation) around(t *Tick) {
	if x.Impact.Tier < tiering.Degradation {
		return
	}
	environment := x.Impact.Environment
	if cause := x.Impact.Cause; cause != nil {
		x.Reaches = tiering.BlastRadius(environment, cause.Component, t.Evidence)
	}
	var evidence []tiering.Evidence
	var impacts []tiering.Impact
	for i, im := range t.Impacts {
		if im.Environment == environment {
			evidence, impacts = append(evidence, t.Evidence[i]), append(impacts, im)
		}
	}
	if turns := tiering.RecoveryOrder(t.At, evidence, impacts); len(turns) > 1 {
		x.Order = turns
	}
}

// serveExplain answers GET /api/v1/explain.
func (a *App) serveExplain(w http.ResponseWriter, r *http.Request) {
	q, err := questionOf(r.URL.Query())
	if err != nil {
		web.Problem(w, r, http.StatusBadRequest, err.Error())
		return
	}
	found, err := a.explain(q)
	if err != nil {
		detail := fault.TextOf(err)
		if hint := fault.HintOf(err); hint != "" {
			detail += "; " + hint
		}
		web.Problem(w, r, http.StatusNotFound, detail)
		return
	}
	writeJSON(w, found)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the reader may be gone: nothing is left to tell it
}
