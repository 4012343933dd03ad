package app

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// Labels of what is published about objectives: of the tenant, and of a budget
// window. The entity is empty where the budget is the whole tenant's.
var (
	objectiveLabels = []string{"objective", "process", "tenant", "environment", "indicator", "source"}
	windowLabels    = append(slices.Clip(objectiveLabels), "entity", "window")
)

// What is published about objectives. Ratios are from 0 to 1; what is not known
// is absent.
var (
	objectiveTarget = desc("closewatch_slo_target_ratio",
		"Share of events that must be good in the window; absent where none may fail.", windowLabels...)
	objectiveEvents = desc("closewatch_slo_events_total",
		"Events of an objective since this process began, by result: good or bad; slices of time where the objective counts those.",
		append(slices.Clip(objectiveLabels), "result")...)
	objectiveDoubts = desc("closewatch_slo_events_doubted_total",
		"Good or bad events that were counted beyond all events, and left out: one of the two counters is wrong.", objectiveLabels...)
	objectiveBreach = desc("closewatch_slo_breach_seconds_total",
		"Time beyond the threshold of an objective that is judged at every tick, since this process began.", objectiveLabels...)
	burnRate = desc("closewatch_slo_burn_rate",
		"Burn rate over the window: 1 spends exactly the error budget of thirty days; absent without traffic.",
		append(slices.Clip(objectiveLabels), "window")...)
	goodRatio = desc("closewatch_slo_good_ratio",
		"Share of events in the window that were good, raw or adjusted for announced maintenance; absent without any.",
		append(slices.Clip(windowLabels), "reading")...)
	budgetRemaining = desc("closewatch_slo_error_budget_remaining_ratio",
		"Share of the window's error budget left, negative when overspent, raw, adjusted for announced maintenance, or weighted by phase; absent without traffic.",
		append(slices.Clip(windowLabels), "reading")...)
	phaseRemaining = desc("closewatch_slo_phase_error_budget_remaining_ratio",
		"Share left of the part of the window's error budget that is kept for the phase the entity is in; absent where nothing is kept for it.",
		append(slices.Clip(windowLabels), "phase")...)
	budgetProjected = desc("closewatch_slo_error_budget_projected_ratio",
		"Estimate of the share of the error budget left when the window ends, if the rest of it fails like the last day.", windowLabels...)
	eventsLeft = desc("closewatch_slo_error_budget_events",
		"Estimate of how many more events may fail before the whole window's error budget is spent; negative when overspent.", windowLabels...)
	measuredRatio = desc("closewatch_slo_measured_ratio",
		"Share of the window up to now that was observed.", windowLabels...)
	exclusionCapped = desc("closewatch_slo_exclusion_capped",
		"1 when there was more announced maintenance in the window than the adjusted reading may leave out: what is beyond counts in it.", windowLabels...)
	windowInForce = desc("closewatch_slo_window_in_force",
		"1 for the window whose budget counts now for the entity, 0 for the others.", windowLabels...)
	policyState = desc("closewatch_slo_policy_state",
		"What the error-budget policy asks for now: 0 nothing, 1 watch, 2 needs approval, 3 freeze deploys, 4 report to those in charge; absent before anything was counted.", windowLabels...)
)

func describeObjectives(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		objectiveTarget, objectiveEvents, objectiveDoubts, objectiveBreach, burnRate, goodRatio, budgetRemaining, phaseRemaining,
		budgetProjected, eventsLeft, measuredRatio, exclusionCapped, windowInForce, policyState,
	} {
		ch <- d
	}
}

// collect publishes an objective.
func (o objectiveState) collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	k := []string{o.Objective.ID, o.Objective.Process, o.Objective.Tenant, o.Environment, o.Objective.Indicator, string(o.Objective.Source)}
	send(objectiveEvents, prometheus.CounterValue, float64(o.Sum.Total-o.Sum.Bad), append(slices.Clip(k), "good")...)
	send(objectiveEvents, prometheus.CounterValue, float64(o.Sum.Bad), append(slices.Clip(k), "bad")...)
	send(objectiveDoubts, prometheus.CounterValue, float64(o.Doubts), k...)
	if o.Judged {
		send(objectiveBreach, prometheus.CounterValue, o.Breach.Seconds(), k...)
	}
	for _, b := range o.Burns {
		if b.Long.Total > 0 {
			send(burnRate, prometheus.GaugeValue, b.Rate, append(slices.Clip(k), b.Window.Name)...)
		}
	}
	for _, b := range o.Budgets {
		b.collect(func(d *prometheus.Desc, v float64, more ...string) {
			send(d, prometheus.GaugeValue, v, slices.Concat(k, []string{b.Entity, string(b.Window)}, more)...)
		}, o.Every)
	}
}

func (b budgetState) collect(gauge func(d *prometheus.Desc, v float64, more ...string), every bool) {
	gauge(measuredRatio, b.Measured)
	gauge(windowInForce, boolean(b.InForce))
	gauge(exclusionCapped, boolean(b.Capped))
	readings := map[string]*slo.Balance{"raw": &b.Raw, "adjusted": &b.Adjusted, "weighted": b.Weighted}
	for reading, of := range readings {
		if of == nil {
			continue
		}
		if v, ok := of.Ratio(); ok {
			gauge(goodRatio, v, reading)
		}
		if v, ok := of.Remaining(); ok {
			gauge(budgetRemaining, v, reading)
		}
	}
	if b.OfPhase != nil {
		if v, ok := b.OfPhase.Remaining(); ok {
			gauge(phaseRemaining, v, b.Phase)
		}
	}
	if b.Ahead != nil {
		gauge(budgetProjected, b.Ahead.Remaining)
		gauge(eventsLeft, float64(b.Ahead.EventsLeft))
	}
	if every {
		return
	}
	gauge(objectiveTarget, b.Target.Float())
	if _, counted := b.Raw.Remaining(); counted && b.InForce {
		gauge(policyState, float64(slices.Index(process.PolicyStates(), b.Policy)))
	}
}
