package odoo

import (
	"context"
	"regexp"
	"slices"
	"strconv"
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
		"odoo_scheduled_action_failures", "Consecutive failures of a scheduled action; absent before Odoo 18, which does not count them.", actionLabels, nil,
	)
)

// maxActions bounds the scheduled actions published; active ones come first.
const maxActions = 200

// actions reports the database's clock and its scheduled actions.
type actions struct {
	db       *database
	patterns []string
}

// Describe implements collector.Collector.
func (*actions) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{databaseUp, clockOffset, actionActive, actionNext, actionLast, actionInterval, actionFailures} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (a *actions) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	if err := a.clock(ctx, ch); err != nil {
		gauge(ch, databaseUp, 0, a.db.tenant)
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
	rs := a.db.ask(ctx, pgsession.Query{Name: "ir_cron", SQL: actionsSQL(t)})
	for _, action := range readActions(rs[0], a.patterns) {
		action.publish(ch, a.db.tenant)
	}
	return a.db.judge(rs)
}

// clock asks the time alone, so that the answer is as old as the round trip.
func (a *actions) clock(ctx context.Context, ch chan<- prometheus.Metric) error {
	asked := a.db.now()
	rs := a.db.ask(ctx, pgsession.Query{Name: "clock", SQL: "select clock_timestamp() as now"})
	answered := a.db.now()
	if err := rs.Err(); err != nil {
		return fault.Wrap("read the tenant's database", err, "")
	}
	if now, ok := rs[0].First().Time("now"); ok {
		gauge(ch, clockOffset, now.Sub(asked.Add(answered.Sub(asked)/2)).Seconds(), a.db.tenant)
	}
	return nil
}

// actionsSQL reads the table of tens of rows. A name is translated in Odoo 16.
func actionsSQL(t *tables) string {
	name, failures := "cron_name", "null::int"
	if t.columns["ir_cron"]["cron_name"].kind == "jsonb" {
		name = "coalesce(cron_name->>'en_US', (select value from jsonb_each_text(cron_name) limit 1))"
	}
	if t.readable("ir_cron", "failure_count") {
		failures = "failure_count"
	}
	return `select id, ` + name + ` as name, coalesce(active, false) as active, nextcall, lastcall, interval_number, interval_type, ` + failures + ` as failures
from ir_cron order by active desc nulls last, id limit 1000`
}

// A scheduledAction is one row of ir_cron.
type scheduledAction struct {
	name       string
	active     bool
	next, last time.Time
	interval   float64 // seconds, 0 when unknown
	failures   int64
	counted    bool // failures are known
}

// readActions returns the actions that match, under distinct names.
func readActions(r pgsession.Result, patterns []string) []scheduledAction {
	match := matcher(patterns)
	taken := map[string]bool{}
	var list []scheduledAction
	for _, row := range r.Rows {
		a := scheduledAction{name: label(row.String("name"))}
		if !match(a.name) {
			continue
		}
		if a.name == "" || taken[a.name] {
			id, _ := row.Int("id")
			a.name = strings.TrimSpace(a.name + " #" + strconv.FormatInt(id, 10))
		}
		taken[a.name] = true
		a.active, _ = row.Bool("active")
		a.next, _ = row.Time("nextcall")
		a.last, _ = row.Time("lastcall")
		n, _ := row.Int("interval_number")
		a.interval = float64(n) * unitSeconds(row.String("interval_type"))
		a.failures, a.counted = row.Int("failures")
		if list = append(list, a); len(list) == maxActions {
			break
		}
	}
	return list
}

func (a scheduledAction) publish(ch chan<- prometheus.Metric, tenant string) {
	active := 0.0
	if a.active {
		active = 1
	}
	gauge(ch, actionActive, active, tenant, a.name)
	instant(ch, actionNext, a.next, tenant, a.name)
	instant(ch, actionLast, a.last, tenant, a.name)
	if a.interval > 0 {
		gauge(ch, actionInterval, a.interval, tenant, a.name)
	}
	if a.counted {
		gauge(ch, actionFailures, float64(a.failures), tenant, a.name)
	}
}

// unitSeconds is the length of an interval_type, 0 for one that is unknown.
func unitSeconds(unit string) float64 {
	const day = 24 * 60 * 60
	switch unit {
	case "minutes":
		return 60
	case "hours":
		return 60 * 60
	case "days":
		return day
	case "weeks":
		return 7 * day
	case "months":
		return 30.4375 * day
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
	return []signal.Definition{
		{
			Name: "odoo_scheduled_action_failing", Title: "Scheduled actions fail", Metric: "odoo_scheduled_action_failures",
			By: []string{"action"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: 4,
			Fresh: fresh, Role: signal.Context,
			Says: "The scheduled action {action} has failed {value} times in a row",
		},
	}
}
