package odoo

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	databaseUp = prometheus.NewDesc(
		"odoo_database_up", "Whether the tenant's database answers SQL: 1 or 0.", []string{"tenant"}, nil,
	)
	clockOffset = prometheus.NewDesc(
		"odoo_database_clock_offset_seconds", "The database server's clock minus ours; ages of its timestamps are taken on its clock.", []string{"tenant"}, nil,
	)

	actionLabels = []string{"tenant", "action"}
	actionActive = prometheus.NewDesc(
		"odoo_scheduled_action_active", "Whether a scheduled action is switched on: 1 or 0.", actionLabels, nil,
	)
	actionNext = prometheus.NewDesc(
		"odoo_scheduled_action_next_call_timestamp_seconds", "When a scheduled action is due; it moves only after a run, so it lies in the past while one is running or late.", actionLabels, nil,
	)
	actionLast = prometheus.NewDesc(
		"odoo_scheduled_action_last_call_timestamp_seconds", "When a scheduled action last ran, successfully or not.", actionLabels, nil,
	)
	actionInterval = prometheus.NewDesc(
		"odoo_scheduled_action_interval_seconds", "How often a scheduled action is to run; a month counts as 30.4375 days.", actionLabels, nil,
	)
	actionFailures = prometheus.NewDesc(
		"odoo_scheduled_action_failures", "Consecutive failures of a scheduled action; absent before Odoo 18, which does not count them: there only Odoo's log tells.", actionLabels, nil,
	)
	actionFirstFailure = prometheus.NewDesc(
		"odoo_scheduled_action_first_failure_timestamp_seconds", "When the present run of failures of a scheduled action began; Odoo switches the action off after 5 failures over 7 days.", actionLabels, nil,
	)
	actionOverdue = prometheus.NewDesc(
		"odoo_scheduled_action_overdue_seconds", "How late an active scheduled action is, once that is more than a tenth of its interval, 10 minutes at least and an hour at most; 0 when it is in time or runs.", actionLabels, nil,
	)
	actionDeactivated = prometheus.NewDesc(
		"odoo_scheduled_action_deactivated", "Whether a scheduled action was switched off in the last 35 days: 1 or 0. Those that never ran, that switched themselves off, and most of all at once, as in a copy, are not meant.", actionLabels, nil,
	)
	actionDuration = prometheus.NewDesc(
		"odoo_scheduled_action_last_duration_seconds", "How long the last run of a scheduled action took, or the last batch of it, as it reported its progress; absent before Odoo 18.", actionLabels, nil,
	)
	actionTimeouts = prometheus.NewDesc(
		"odoo_scheduled_action_timeouts", "Runs of a scheduled action in a row that were killed before they ended, without any progress; the third counts as a failure. Absent before Odoo 18.", actionLabels, nil,
	)
	actionRuns = prometheus.NewDesc(
		"odoo_scheduled_action_runs_total", "Runs of a scheduled action seen since this process began watching, at most one at each look.", actionLabels, nil,
	)
	actionExtraRuns = prometheus.NewDesc(
		"odoo_scheduled_action_extra_runs", "Runs seen in the last hour of a scheduled action that is to run twice a day at most, and reports no work done: it calls itself again and again.", actionLabels, nil,
	)
	actionHoldsUp = prometheus.NewDesc(
		"odoo_scheduled_action_holds_up_actions", "Scheduled actions that are overdue while this one has run for more than 10 minutes, or is killed again and again.", actionLabels, nil,
	)
	actionsOverdue = prometheus.NewDesc(
		"odoo_scheduled_actions_overdue", "Active scheduled actions that are overdue.", []string{"tenant"}, nil,
	)
	actionsState = prometheus.NewDesc(
		"odoo_scheduled_actions_state", "What the cron workers do, 1 for the one that holds. ok: nothing is overdue; paused: modules wait to be installed, upgraded or removed, and none runs; held_up: one action has run for long and others are overdue; behind: some are overdue and others run; stopped: some are overdue and none runs.",
		[]string{"tenant", "state"}, nil,
	)
)

// maxActions bounds the scheduled actions published; active ones come first.
const maxActions = 200

// actions reports the database's clock and its scheduled actions.
type actions struct {
	db       *database
	patterns []string
	memory   actionMemory
}

// newActions returns what reports the scheduled actions that match.
func newActions(db *database, patterns []string, keep keeper) *actions {
	return &actions{db: db, patterns: patterns, memory: actionMemory{keep: keep}}
}

// Describe implements collector.Collector.
func (*actions) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		databaseUp, clockOffset, actionActive, actionNext, actionLast, actionInterval, actionFailures, actionFirstFailure, actionOverdue,
		actionDeactivated, actionDuration, actionTimeouts, actionRuns, actionExtraRuns, actionHoldsUp, actionsOverdue, actionsState,
	} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (a *actions) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	now, err := a.clock(ctx, ch)
	if err != nil {
		if kind := fault.KindOf(err); kind != fault.Auth && kind != fault.Denied { // a database that refuses us answers
			gauge(ch, databaseUp, 0, a.db.tenant)
		}
		return err
	}
	gauge(ch, databaseUp, 1, a.db.tenant)
	t, err := a.db.look(ctx)
	if err != nil {
		return err
	}
	if err := t.require("ir_cron", "id", "active", "cron_name", "nextcall", "lastcall", "interval_number", "interval_type"); err != nil {
		return err
	}
	rs := a.db.ask(ctx, a.queries(t)...)
	err = a.db.judge(rs)
	if rs[0].Err != nil {
		return err
	}
	look := readActionLook(now, rs)
	remembered := a.memory.take(&look)
	look.judge()
	look.publish(ch, a.db.tenant, matcher(a.patterns))
	return cmp.Or(err, remembered)
}

// clock asks the time alone, so that the answer is as old as the round trip.
func (a *actions) clock(ctx context.Context, ch chan<- prometheus.Metric) (time.Time, error) {
	asked := a.db.now()
	rs := a.db.ask(ctx, pgsession.Query{Name: "clock", SQL: "select clock_timestamp() as now"})
	answered := a.db.now()
	if err := rs.Err(); err != nil {
		return time.Time{}, fault.Wrap("read the tenant's database", err, "")
	}
	now, ok := rs[0].First().Time("now")
	if ok {
		gauge(ch, clockOffset, now.Sub(asked.Add(answered.Sub(asked)/2)).Seconds(), a.db.tenant)
	}
	return now, nil
}

// publish reports the actions that match, up to a bound.
func (l *actionLook) publish(ch chan<- prometheus.Metric, tenant string, match func(string) bool) {
	published := 0
	for i := range l.actions {
		if a := &l.actions[i]; match(a.name) && published < maxActions {
			a.publish(ch, tenant)
			published++
		}
	}
	if l.unknownHolds > 0 {
		gauge(ch, actionHoldsUp, float64(l.unknownHolds), tenant, unknownAction)
	}
	gauge(ch, actionsOverdue, float64(l.overdue), tenant)
	oneOf(ch, actionsState, actionStates, l.state, tenant)
}

func (a *scheduledAction) publish(ch chan<- prometheus.Metric, tenant string) {
	gauge(ch, actionActive, truth(a.active), tenant, a.label)
	instant(ch, actionNext, a.next, tenant, a.label)
	instant(ch, actionLast, a.last, tenant, a.label)
	if a.interval > 0 {
		gauge(ch, actionInterval, a.interval.Seconds(), tenant, a.label)
	}
	if a.counted {
		gauge(ch, actionFailures, float64(a.failures), tenant, a.label)
		instant(ch, actionFirstFailure, a.firstFailure, tenant, a.label)
	}
	if a.active {
		gauge(ch, actionOverdue, a.overdue.Seconds(), tenant, a.label)
	}
	gauge(ch, actionDeactivated, truth(a.deactivated), tenant, a.label)
	if a.timed {
		gauge(ch, actionDuration, a.duration.Seconds(), tenant, a.label)
	}
	if a.reported {
		gauge(ch, actionTimeouts, float64(a.timeouts), tenant, a.label)
	}
	counter(ch, actionRuns, a.runs, tenant, a.label)
	if a.interval >= rareInterval {
		gauge(ch, actionExtraRuns, float64(a.extraRuns), tenant, a.label)
	}
	if a.holdsUp > 0 {
		gauge(ch, actionHoldsUp, float64(a.holdsUp), tenant, a.label)
	}
}

// truth is 1 for true and 0 for false.
func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

// matcher compiles patterns in which * stands for any run of characters. None
// matches everything.
func matcher(patterns []string) func(string) bool {
	if len(patterns) == 0 {
		return func(string) bool { return true }
	}
	var list []*regexp.Regexp
	for _, p := range patterns {
		list = append(list, regexp.MustCompile("(?is)^"+strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*")+"$"))
	}
	return func(s string) bool {
		return slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(s) })
	}
}

// actionSignals say whether scheduled actions run.
func actionSignals() []signal.Definition {
	is := func(state string) map[string]string { return map[string]string{"state": state} }
	return []signal.Definition{
		{
			Name: "odoo_scheduled_actions_stopped", Title: "Scheduled actions run", Metric: "odoo_scheduled_actions_state", Match: is(actionsStopped),
			Aggregate: signal.Max, Direction: signal.Above, Warning: signal.Never(), Critical: 0.5,
			For: 2 * time.Minute, Fresh: fresh, Role: signal.Context,
			Says: "No scheduled action of {component} runs although some are overdue: look whether Odoo's workers for scheduled actions are alive",
		},
		{
			Name: "odoo_scheduled_actions_paused", Title: "Scheduled actions are not paused", Metric: "odoo_scheduled_actions_state", Match: is(actionsPaused),
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0.5, Critical: signal.Never(),
			For: 15 * time.Minute, Fresh: fresh, Role: signal.Context,
			Says: "No scheduled action of {component} runs: modules wait to be installed, upgraded or removed. Finish that, or cancel it under Apps",
		},
		{
			Name: "odoo_scheduled_action_overdue", Title: "Scheduled actions run in time", Metric: "odoo_scheduled_action_overdue_seconds", By: []string{"action"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 2 * time.Minute, Fresh: fresh, Role: signal.Context, Unit: "seconds", Optional: true,
			Says: "The scheduled action {action} is {value} late",
		},
		{
			Name: "odoo_scheduled_action_holds_up", Title: "No scheduled action holds up others", Metric: "odoo_scheduled_action_holds_up_actions", By: []string{"action"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: 4, Exit: 0.5,
			For: 2 * time.Minute, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "{value} scheduled actions are overdue and wait for {action} to end",
		},
		{
			Name: "odoo_scheduled_action_timed_out", Title: "Scheduled actions end by themselves", Metric: "odoo_scheduled_action_timeouts", By: []string{"action"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: 1,
			For: time.Minute, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "The scheduled action {action} was killed {value} times in a row before it ended: it needs more time or memory than Odoo's limits give it",
		},
		{
			Name: "odoo_scheduled_action_looping", Title: "No scheduled action loops", Metric: "odoo_scheduled_action_extra_runs", By: []string{"action"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: loopingRuns, Critical: signal.Never(), Exit: 0.5,
			Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "The scheduled action {action} ran {value} times in the last hour and reports nothing done: something that it cannot do makes it start over",
		},
		{
			Name: "odoo_scheduled_action_deactivated", Title: "No scheduled action was switched off", Metric: "odoo_scheduled_action_deactivated", By: []string{"action"},
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0.5, Critical: signal.Never(),
			Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "The scheduled action {action} was switched off and its work no longer happens: find out why, then switch it on again",
		},
		{
			Name: "odoo_scheduled_action_failing", Title: "Scheduled actions fail", Metric: "odoo_scheduled_action_failures",
			By: []string{"action"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: 4, Exit: 0.5,
			Fresh: fresh, Role: signal.Context,
			Says: "The scheduled action {action} has failed {value} times in a row",
		},
	}
}
