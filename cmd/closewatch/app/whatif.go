package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// A WhatIf is what would hold at an instant: the calendar, how much each
// process would matter, and who would hear of a failure.
type WhatIf struct {
	At           time.Time      `json:"at"`
	Group        string         `json:"group"` // the most critical phase over the entities
	CalendarHash string         `json:"calendar_hash"`
	ConfigHash   string         `json:"config_hash"`
	Entities     []EntityWhatIf `json:"entities"`
}

// An EntityWhatIf is what would hold for one entity.
type EntityWhatIf struct {
	Entity      string          `json:"entity"`
	Environment string          `json:"environment"`
	At          time.Time       `json:"at"` // in the entity's zone
	Zone        string          `json:"zone"`
	Phase       calendar.Phase  `json:"phase"`
	Period      string          `json:"period,omitempty"`
	Ends        time.Time       `json:"phase_ends,omitzero"`
	Day         string          `json:"day"` // "WD-1 of 2026-12"
	Place       string          `json:"place"`
	Doubt       string          `json:"doubt,omitempty"`
	Closes      []Close         `json:"closes"` // planned against actual
	Freezes     []string        `json:"freezes"`
	Maintenance []string        `json:"maintenance"`
	Deadlines   []DeadlineAhead `json:"deadlines"`
	Processes   []ProcessWhatIf `json:"processes"`
}

// A DeadlineAhead is the next occurrence of a deadline.
type DeadlineAhead struct {
	ID      string        `json:"id"`
	Title   string        `json:"title"`
	Kind    calendar.Kind `json:"kind"`
	Process string        `json:"process,omitempty"`
	At      time.Time     `json:"at"`
	Bank    time.Time     `json:"bank_at"`
	Left    time.Duration `json:"left_ns"`
	For     string        `json:"for"`
}

// A ProcessWhatIf is how much a process would matter, what would be asked of it,
// and what a confirmed failure of it would be.
type ProcessWhatIf struct {
	Process     string              `json:"process"`
	Title       string              `json:"title"`
	Critical    bool                `json:"critical"`
	Why         string              `json:"critical_why,omitempty"` // the window that is open: "4 h before the payment cut-off: SEPA file"
	Until       time.Time           `json:"critical_until,omitzero"`
	ServiceTier process.ServiceTier `json:"service_tier"`
	RTO         time.Duration       `json:"rto_ns"`
	RPO         time.Duration       `json:"rpo_ns"`
	Objectives  []ObjectiveInForce  `json:"objectives"`
	AlertTier   tiering.Tier        `json:"alert_tier"`
	Because     string              `json:"because"`
	Severity    string              `json:"severity"`
	Team        string              `json:"team"`
	Owner       string              `json:"owner"`
}

// An ObjectiveInForce is what would be asked of a process at an instant.
type ObjectiveInForce struct {
	Name      string                `json:"name"`
	Kind      process.ObjectiveKind `json:"kind"`
	Target    process.Share         `json:"target,omitempty"` // none with Every
	Every     bool                  `json:"every,omitempty"`
	Threshold time.Duration         `json:"threshold_ns,omitempty"`
	Words     string                `json:"words"`
}

// WhatIf tells what would hold at an instant, for one entity or, with an empty
// name, for all.
func (p *Plan) WhatIf(at time.Time, entity string) WhatIf {
	c := newCalendars(p.Estate, entities(p.Estate, p.tenants))
	if p.closes != nil {
		c.follow(at, p.closes.courses(func(string) bool { return true }))
	}
	layout := c.around(at)
	out := WhatIf{At: at.UTC(), CalendarHash: c.hash, ConfigHash: p.Estate.Hash}
	subjects := resolveSubjects(p.Estate, p.tenants, p.scheduled)
	var places []calendar.Place
	for _, plan := range c.plans {
		if entity != "" && plan.Entity != entity {
			continue
		}
		tl := layout.of[plan.Entity]
		places = append(places, tl.At(at))
		out.Entities = append(out.Entities, entityWhatIf(tl, layout.planned[plan.Entity], at, subjects))
	}
	out.Group = calendar.Group(places).String()
	return out
}

func entityWhatIf(tl, planned *calendar.Timeline, at time.Time, subjects []subject) EntityWhatIf {
	s := tl.WhatIf(at)
	zone := s.At.Location()
	out := EntityWhatIf{
		Entity: s.Entity, At: s.At, Zone: zone.String(), Phase: s.Place.Phase, Period: s.Place.Period, Day: s.Day,
		Place: s.Place.String(), Doubt: s.Place.Doubt, Closes: filled(closesOf(tl, planned, at)), Freezes: []string{}, Maintenance: []string{}, Deadlines: []DeadlineAhead{},
	}
	if !s.Place.Ends.IsZero() {
		out.Ends = s.Place.Ends.In(zone)
	}
	for _, f := range s.Freezes {
		out.Freezes = append(out.Freezes, cmp.Or(f.Title, f.ID)+": "+f.Words())
	}
	for _, m := range s.Works {
		out.Maintenance = append(out.Maintenance, cmp.Or(m.Title, m.ID)+": "+m.Words())
	}
	for _, d := range s.Deadlines {
		out.Deadlines = append(out.Deadlines, DeadlineAhead{d.ID, d.Title, d.Kind, d.Process, d.At.In(zone), d.Bank.In(zone), d.At.Sub(at), d.For})
	}
	for _, subj := range subjects {
		if subj.key.Entity == s.Entity {
			out.Environment = subj.key.Environment
			out.Processes = append(out.Processes, processWhatIf(tl, at, subj))
		}
	}
	return out
}

// processWhatIf asks the decision table what a failure would be that two test
// transactions in a row have confirmed.
func processWhatIf(tl *calendar.Timeline, at time.Time, subj subject) ProcessWhatIf {
	window := tl.Critical(subj.process.Name, subj.windows, at)
	v := tiering.Decide(at, tiering.Evidence{
		Key: subj.key, Process: subj.process, Place: tl.At(at), Critical: window.Critical, CriticalWhy: window.Why,
		Deadlines: tl.Deadlines(at, subj.process.Name),
		Flows:     []tiering.Flow{{Name: subj.process.Name, State: tiering.FlowFailing, Failures: 2, FirstFailure: at, Previous: at, LastRun: at}},
	}, tiering.DefaultRules())
	recovery := subj.process.RecoveryIn(window.Critical)
	out := ProcessWhatIf{
		Process: subj.process.Name, Title: subj.process.Title, Critical: window.Critical, Why: window.Why,
		ServiceTier: v.ServiceTier, RTO: recovery.RTO, RPO: recovery.RPO, Objectives: objectivesIn(subj.process, window.Critical),
		AlertTier: v.Tier, Severity: severityOf(v.Tier), Team: subj.process.Team, Owner: subj.process.Owner,
	}
	if !window.Until.IsZero() {
		out.Until = window.Until.In(tl.Zone())
	}
	if len(v.Reasons) > 0 {
		out.Because = v.Reasons[0].Because
	}
	return out
}

// objectivesIn are the objectives in force, inside the critical window or not.
func objectivesIn(p process.Process, critical bool) []ObjectiveInForce {
	out := []ObjectiveInForce{}
	for _, o := range p.Objectives {
		if o.CriticalOnly && !critical {
			continue
		}
		o = o.In(critical)
		o.CriticalOnly, o.CriticalTarget, o.CriticalThreshold = false, 0, 0 // said already
		out = append(out, ObjectiveInForce{o.Name, o.Kind, o.Target, o.Every, o.Threshold, wording.Objective(o)})
	}
	return out
}

// severityOf is the severity of the leading alert of an incident.
func severityOf(t tiering.Tier) string {
	switch t {
	case tiering.BusinessCritical:
		return incident.Page
	case tiering.Degradation:
		return incident.Ticket
	case tiering.Informational:
		return incident.Info
	default:
		return ""
	}
}

// collisions are notes about maintenance that lies where it should not, in the
// two years around an instant.
func (p *Plan) collisions(at time.Time) []string {
	c := newCalendars(p.Estate, entities(p.Estate, p.tenants))
	layout := c.around(at)
	var order []string
	with := map[string][]string{} // entities by what is told of them
	for _, plan := range c.plans {
		for _, hit := range layout.of[plan.Entity].Collisions() {
			what := "the cut-off " + hit.With
			if hit.Phase {
				what = "the pre-close or close"
			}
			said := fmt.Sprintf("maintenance %s: some of its windows lie in %s", hit.Maintenance, what)
			if _, seen := with[said]; !seen {
				order = append(order, said)
			}
			with[said] = append(with[said], plan.Entity)
		}
	}
	out := make([]string, len(order))
	for i, said := range order {
		out[i] = said + " of " + strings.Join(slices.Compact(with[said]), ", ")
	}
	return out
}
