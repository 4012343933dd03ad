package app

import (
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// What the engine decided, as metrics: nothing is decided on a number nobody
// can look up, and what is decided can be looked up too.
var (
	impactTier = desc("closewatch_impact_tier",
		"Standing alert tier of a process: 0 none, it works, 1 informational, 2 degradation, 3 business-critical; absent while closewatch_impact_unknown is 1.",
		"process", "entity", "tenant", "environment")
	impactUnknown = desc("closewatch_impact_unknown",
		"1 while no tier stands and nothing tells whether the process's outcome works, otherwise 0.",
		"process", "entity", "tenant", "environment")
	impactFlaps = desc("closewatch_impact_flaps_total",
		"Times an impact came back so soon after the last that it was held for longer.",
		"process", "entity", "tenant", "environment")
	rtoSeconds = desc("closewatch_impact_rto_elapsed_seconds",
		"How long a business-critical impact has lasted against its recovery time objective; absent without one.",
		"process", "entity", "tenant", "environment")
	slackSeconds = desc("closewatch_process_slack_seconds",
		"Time left before the next deadline after catching up; absent when no deadline is near.",
		"process", "entity", "tenant", "environment")
	expectedMissing = desc(missingWork,
		"How much of one piece of expected work should have happened by now and did not: jobs, runs, statements, entries; absent when nobody can tell.",
		"process", "entity", "tenant", "environment", "source", "work")
	expectedDue = desc(dueWork,
		"When one piece of expected work is due: that which is missing, or else the next; absent when nobody has said.",
		"process", "entity", "tenant", "environment", "source", "work")
	expectedNotFollowed = desc("closewatch_expected_work_not_followed",
		"Series of expected work that are not followed because there are too many.")
	exposureSeconds = desc("closewatch_recovery_point_exposure_seconds",
		"Age of the oldest committed work that no copy has, neither a standby nor the archive, upper bound.",
		"process", "entity", "tenant", "environment")
	copyExposureSeconds = desc("closewatch_recovery_copy_exposure_seconds",
		"Age of the oldest committed work that one copy lacks, upper bound: the standbys of a database, or the archive of a backup.",
		"process", "entity", "tenant", "environment", "source", "copy")
	postingsAtRisk = desc("closewatch_postings_at_risk",
		"Journal entries posted within the recovery point exposure, at most: what would have to be entered again; absent when not known.",
		"process", "entity", "tenant", "environment")
	objectiveRPO = desc("closewatch_recovery_point_objective_seconds",
		"Recovery point objective of the process.",
		"process", "entity", "tenant", "environment")
	componentStateDesc = desc("closewatch_component_state",
		"State of a component by its health signals: 0 unknown, 1 ok, 2 warning, 3 critical.",
		"component", "kind", "environment")
	signalState = desc("closewatch_signal_state",
		"State of a signal, the worst of its readings: 0 unknown, 1 ok, 2 warning, 3 critical.",
		"signal", "component", "environment")
	openIncidents = desc("closewatch_incidents_open", "Open incidents by highest tier.", "tier", "environment")
	calendarPhase = desc("closewatch_calendar_phase",
		"1 for the phase of the close the entity is in, 0 for the others.",
		"entity", "environment", "phase")
	deadlineSeconds = desc("closewatch_deadline_seconds",
		"Time left to the next occurrence of a cut-off, deadline or milestone.",
		"id", "entity", "process", "environment")
	calendarDoubts = desc("closewatch_calendar_doubts",
		"Reasons why a calendar cannot be relied on today: with any, every process of its entities counts as critical.",
		"calendar")
	lockPlan = desc(lockPlanFindings,
		"Differences between an entity's lock dates and its close plan, by kind: not-locked, locked-early, reopened, exception, overrun.",
		"component", "tenant", "entity", "environment", "finding")
	tickTimestamp = desc("closewatch_tick_timestamp_seconds", "Time of the newest tick.")
)

// engineMetrics publishes the newest tick. It is safe for concurrent use.
type engineMetrics struct{ last atomic.Pointer[Tick] }

// Describe implements prometheus.Collector.
func (m *engineMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		impactTier, impactUnknown, impactFlaps, rtoSeconds, slackSeconds, expectedMissing, expectedDue, expectedNotFollowed, exposureSeconds, copyExposureSeconds, postingsAtRisk, objectiveRPO, componentStateDesc, signalState,
		openIncidents, calendarPhase, deadlineSeconds, calendarDoubts, lockPlan, closePlannedEnd, closeActualEnd, closeState, blindSinceDesc, processBlindSince, bucketMissingDesc, changeMade, tickTimestamp,
	} {
		ch <- d
	}
	describeObjectives(ch)
}

// Collect implements prometheus.Collector.
func (m *engineMetrics) Collect(ch chan<- prometheus.Metric) {
	t := m.last.Load()
	if t == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(tickTimestamp, float64(t.At.UnixNano())/1e9)
	gauge(expectedNotFollowed, float64(t.NotFollowed))
	changeMetrics(gauge, t.Changes)
	for i, im := range t.Impacts {
		k := []string{im.Process, im.Entity, im.Tenant, im.Environment}
		ev := t.Evidence[i]
		gauge(impactUnknown, boolean(!im.Known()), k...)
		if im.Known() {
			gauge(impactTier, float64(im.Tier), k...)
		}
		ch <- prometheus.MustNewConstMetric(impactFlaps, prometheus.CounterValue, float64(im.Flaps), k...)
		if !im.Clock.Began.IsZero() {
			gauge(rtoSeconds, im.Clock.Elapsed.Seconds(), k...)
		}
		gauge(objectiveRPO, ev.Process.Recovery.RPO.Seconds(), k...)
		if im.Slack != nil {
			gauge(slackSeconds, im.Slack.Left.Seconds(), k...)
		}
		for _, w := range workOf(ev.Key, ev.Work) {
			gauge(expectedMissing, float64(w.missing), w.labels()...)
			if !w.due.IsZero() {
				gauge(expectedDue, float64(w.due.UnixNano())/1e9, w.labels()...)
			}
		}
		if ev.Recovery.Known {
			gauge(exposureSeconds, ev.Recovery.Exposure.Seconds(), k...)
		}
		for _, c := range ev.Recovery.Copies {
			gauge(copyExposureSeconds, c.Exposure.Seconds(), append(slices.Clip(k), map[bool]string{true: "archive", false: "standby"}[c.Archive], c.Component)...)
		}
		if ev.Recovery.Postings != nil {
			gauge(postingsAtRisk, *ev.Recovery.Postings, k...)
		}
	}
	for _, c := range t.Components {
		gauge(componentStateDesc, float64(c.State), c.Name, c.Kind, c.Environment)
	}
	for k, state := range worstSignals(t.Readings) {
		gauge(signalState, float64(state), k.signal, k.component, k.environment)
	}
	for _, o := range t.Objectives {
		o.collect(ch)
	}
	calendarMetrics(gauge, t)
	blindMetrics(gauge, t)
	bucketMetrics(gauge, t)
	for _, x := range t.Locks {
		gauge(lockPlan, x.Value, x.Labels["component"], x.Labels["tenant"], x.Labels["entity"], x.Labels["environment"], x.Labels["finding"])
	}
	open := map[tierIn]int{}
	for _, inc := range t.Incidents {
		if inc.Open() {
			open[tierIn{inc.Tier(), inc.Environment}]++
		}
	}
	for _, environment := range t.Environments {
		for _, tier := range []tiering.Tier{tiering.Informational, tiering.Degradation, tiering.BusinessCritical} {
			gauge(openIncidents, float64(open[tierIn{tier, environment}]), tier.String(), environment)
		}
	}
}

func calendarMetrics(gauge func(*prometheus.Desc, float64, ...string), t *Tick) {
	for _, p := range t.Places {
		closeMetrics(gauge, p)
		for _, phase := range calendar.Phases() {
			gauge(calendarPhase, boolean(p.Place.Phase == phase), p.Entity, p.Environment, string(phase))
		}
		for _, d := range p.Deadlines {
			gauge(deadlineSeconds, d.At.Sub(t.At).Seconds(), d.ID, p.Entity, d.Process, p.Environment)
		}
	}
	for name, n := range t.Doubts {
		gauge(calendarDoubts, float64(n), name)
	}
}

type tierIn struct {
	tier        tiering.Tier
	environment string
}

type signalOf struct{ signal, component, environment string }

func worstSignals(readings []signal.Reading) map[signalOf]signal.State {
	out := map[signalOf]signal.State{}
	for _, r := range readings {
		k := signalOf{r.Signal, r.Component, r.Environment}
		if was, seen := out[k]; seen {
			out[k] = signal.Worst(was, r.State)
		} else {
			out[k] = r.State
		}
	}
	return out
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
