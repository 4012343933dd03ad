package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/internal/tiering"
)

// Bounds of a chronicle.
const (
	maxOwed       = 1024 // entries that wait for a disk that refused them
	entriesAtOnce = 128
	patience      = 10 * time.Second
)

// A chronicle writes what happened into the evidence log. A log that cannot be
// written never keeps the daemon from deciding: what it refuses is owed, and
// what is owed beyond the bound is counted as lost. It is safe for concurrent
// use.
type chronicle struct {
	evidence *evidence.Log
	log      *slog.Logger
	lost     *metrics.Counter
	written  *metrics.Counter

	mu     sync.Mutex
	owed   []evidence.Entry
	failed bool // the last append failed: said once

	// What the tick before left, used by the tick's own goroutine only.
	tiers   map[tiering.Key]tiering.Tier
	unknown map[tiering.Key]bool
	alerts  map[string]map[string]string // labels of what fires, by identity
	places  map[string]calendar.Phase    // of each entity
	doubts  map[string]bool
	closes  map[closeOf]CloseState
	runs    map[flow.Series]flow.Run // the newest that was told
	primed  bool                     // a first tick was compared: what it found stood before
}

func newChronicle(l *evidence.Log, log *slog.Logger, own *telemetry.Own) *chronicle {
	return &chronicle{
		evidence: l, log: log,
		written: own.Counter("closewatch_evidence_records_total", "Records written to the evidence log."),
		lost:    own.Counter("closewatch_evidence_lost_total", "Records that the evidence log could not take."),
		tiers:   map[tiering.Key]tiering.Tier{}, unknown: map[tiering.Key]bool{}, alerts: map[string]map[string]string{},
		places: map[string]calendar.Phase{}, doubts: map[string]bool{}, closes: map[closeOf]CloseState{}, runs: map[flow.Series]flow.Run{},
	}
}

// stood takes what stood before the start as known: it is not told again.
func (c *chronicle) stood(m memory) {
	c.stoodClosed(m.Closes)
	for _, st := range m.Standing {
		c.tiers[st.Impact.Key] = st.Impact.Tier
		c.unknown[st.Impact.Key] = st.Impact.Unknown && !st.Impact.Paused
	}
}

// tell records entries, and those that are owed before them.
func (c *chronicle) tell(entries ...evidence.Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed = append(c.owed, entries...)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for len(c.owed) > 0 {
		n := min(len(c.owed), entriesAtOnce)
		receipt, err := c.evidence.Append(ctx, c.owed[:n]...)
		if err != nil {
			if !c.failed {
				c.log.Error("evidence cannot be written; it is kept in memory until it can", "err", err)
			}
			c.failed = true
			break
		}
		if c.failed {
			c.log.Info("evidence can be written again", "owed", len(c.owed))
		}
		c.failed = false
		c.written.Add(n)
		c.owed = c.owed[n:]
		if receipt.Anchor != nil {
			c.log.Info("evidence anchor; keep a copy where nobody who writes here can change it", "anchor", receipt.Anchor.String())
		}
	}
	if extra := len(c.owed) - maxOwed; extra > 0 {
		c.lost.Add(extra)
		c.owed = slices.Delete(c.owed, 0, extra)
	}
}

// Access implements auth.Recorder: accesses are told to the log, too.
func (c *chronicle) Access(e auth.Event) {
	accessLog{c.log}.Access(e)
	entry := evidence.Entry{
		Class: evidence.Access, Action: "access", Actor: actorOf(e.Identity), Outcome: string(e.Outcome),
		Refs: map[string]string{"route": e.Route, "remote": e.Remote},
	}
	if e.Method != "" {
		entry.Refs["method"] = e.Method
	}
	if e.Scope != "" {
		entry.Refs["scope"] = string(e.Scope)
	}
	if e.Count > 1 {
		entry.Refs["count"] = strconv.Itoa(e.Count)
	}
	c.tell(entry)
}

// actorOf turns an identity of a request into an actor: tokens and certificates
// are named, people get a pseudonym.
func actorOf(identity string) string {
	kind, name, named := strings.Cut(identity, ":")
	switch {
	case !named:
		return "role:" + identity
	case kind == "token":
		return identity
	case kind == "client":
		return "role:" + name
	default:
		return name // a person: the log writes a pseudonym
	}
}

// toldOf is the start of the newest run of a series that was told.
func (c *chronicle) toldOf(s flow.Series) time.Time { return c.runs[s].Started }

// happened records what is different from the tick before. Before a tick
// is warm nothing is decided, and so no decision or alert is told.
func (c *chronicle) happened(t *Tick, firing []delivery.Alert, runs []flow.Run) {
	var out []evidence.Entry
	for _, ack := range t.Told.Acknowledgements {
		out = append(out, evidence.Entry{
			Class: evidence.Acknowledgement, Action: "incident-acknowledged", Actor: actorOf(ack.By),
			Refs: map[string]string{"incident": ack.Incident, "at": instant(ack.At)},
		})
	}
	for _, ch := range t.Told.changes() {
		out = append(out, evidence.Entry{
			Class: evidence.Change, Action: "change-reported", Actor: actorOf(ch.By), Note: ch.What,
			Refs: stated(map[string]string{
				"change": ch.ID, "kind": ch.Kind, "environment": ch.Environment, "component": ch.Component, "reference": ch.Reference, "at": instant(ch.At),
			}),
		})
	}
	if t.Warm {
		out = append(out, c.decisions(t)...)
		out = append(out, incidentEntries(t)...)
		out = append(out, c.alerted(firing)...)
	}
	out = append(out, c.phases(t)...)
	out = append(out, c.closings(t)...)
	for _, run := range runs {
		if e, worth := c.ran(run); worth {
			out = append(out, e)
		}
	}
	c.primed = c.primed || t.Warm
	c.tell(out...)
}

// decisions are the tiers that rose or fell, and outcomes that went out of
// sight or came back.
func (c *chronicle) decisions(t *Tick) []evidence.Entry {
	var out []evidence.Entry
	for i, im := range t.Impacts {
		was, blind := c.tiers[im.Key], im.Unknown && !im.Paused
		refs := keyRefs(im.Key)
		if was != im.Tier {
			action := "tier-raised"
			if im.Tier < was {
				action = "tier-lowered"
			}
			refs["from"], refs["service_tier"], refs["since"] = was.String(), string(im.ServiceTier), instant(im.Since)
			refs["phase"], refs["period"] = string(t.Evidence[i].Place.Phase), t.Evidence[i].Place.Period
			if len(im.Reasons) > 0 {
				refs["row"] = im.Reasons[0].Row
			}
			if im.Cause != nil {
				refs["cause"] = im.Cause.Component
			}
			refs["trace_id"] = t.Traces[im.Key]
			out = append(out, evidence.Entry{Class: evidence.Decision, Action: action, Outcome: im.Tier.String(), Refs: stated(refs), Digest: digestOf(im)})
		}
		if blind != c.unknown[im.Key] {
			action := "outcome-unseen"
			if !blind {
				action = "outcome-seen"
			}
			out = append(out, evidence.Entry{Class: evidence.Decision, Action: action, Refs: stated(keyRefs(im.Key))})
		}
		c.tiers[im.Key], c.unknown[im.Key] = im.Tier, blind
	}
	return out
}

// alerted are the alerts that began to fire or ended.
func (c *chronicle) alerted(firing []delivery.Alert) []evidence.Entry {
	now := map[string]map[string]string{}
	var out []evidence.Entry
	add := func(action string, labels map[string]string) {
		refs := map[string]string{}
		for _, name := range []string{"alertname", "process", "entity", "tenant", "environment", "tier", "severity", "team", "incident"} {
			refs[name] = labels[name]
		}
		out = append(out, evidence.Entry{Class: evidence.Alert, Action: action, Refs: stated(refs)})
	}
	for _, a := range firing {
		if a.Heartbeat {
			continue
		}
		id := strings.Join([]string{a.Labels["alertname"], a.Labels["environment"], a.Labels["tenant"], a.Labels["entity"], a.Labels["process"], a.Labels["tier"], a.Labels["severity"]}, "|")
		labels := map[string]string{"incident": a.Annotations["incident"]}
		maps.Copy(labels, a.Labels)
		now[id] = labels
		if _, fired := c.alerts[id]; !fired {
			if !c.primed {
				add("alert-goes-on", labels) // it fired before this run
				continue
			}
			add("alert-fired", labels)
		}
	}
	for id, labels := range c.alerts {
		if _, fires := now[id]; !fires {
			add("alert-resolved", labels)
		}
	}
	c.alerts = now
	slices.SortStableFunc(out, func(a, b evidence.Entry) int {
		return strings.Compare(a.Refs["process"]+a.Refs["entity"]+a.Action, b.Refs["process"]+b.Refs["entity"]+b.Action)
	})
	return out
}

// phases are the entities whose close entered another phase.
func (c *chronicle) phases(t *Tick) []evidence.Entry {
	var out []evidence.Entry
	for _, ev := range t.Evidence {
		now := ev.Place.Phase
		if was, known := c.places[ev.Entity]; !known || was != now {
			out = append(out, evidence.Entry{
				Class: evidence.Calendar, Action: "phase-entered",
				Refs: stated(map[string]string{"entity": ev.Entity, "phase": string(now), "period": ev.Place.Period, "from": string(was)}),
			})
			c.places[ev.Entity] = now
		}
	}
	for name, n := range t.Doubts {
		if doubted := n > 0; doubted != c.doubts[name] {
			action := "calendar-doubted"
			if !doubted {
				action = "calendar-trusted"
			}
			out = append(out, evidence.Entry{Class: evidence.Calendar, Action: action, Refs: map[string]string{"calendar": name}})
			c.doubts[name] = doubted
		}
	}
	return out
}

// ran tells a run when it wrote to the monitored system, did not pass, or
// passed after one that did not. Reads that go on passing are in the metrics.
func (c *chronicle) ran(run flow.Run) (evidence.Entry, bool) {
	s := flow.SeriesOf(run)
	was := c.runs[s]
	c.runs[s] = run
	writes := run.Level != flow.L0
	if run.Outcome == flow.Passed && !writes && was.Outcome == flow.Passed {
		return evidence.Entry{}, false
	}
	return evidence.Entry{
		Class: evidence.Flow, Action: "flow-ran", Outcome: string(run.Outcome), Digest: digestOf(run),
		Refs: stated(map[string]string{
			"run": run.ID, "flow": run.Flow, "level": string(run.Level), "environment": run.Environment, "tenant": run.Tenant,
			"component": run.Component, "kind": string(run.Kind), "step": run.FailedStep, "started": instant(run.Started), "trace": run.TraceID,
			"leftovers": someOf(len(run.Leftovers)),
		}),
	}, true
}

func someOf(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func keyRefs(k tiering.Key) map[string]string {
	return map[string]string{"process": k.Process, "entity": k.Entity, "tenant": k.Tenant, "environment": k.Environment}
}

// stated drops what says nothing.
func stated(refs map[string]string) map[string]string {
	for name, value := range refs {
		if value == "" {
			delete(refs, name)
		}
	}
	return refs
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// digestOf names a payload that is kept in the tick record.
func digestOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return evidence.Digest(b)
}
