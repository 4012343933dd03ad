package odoo

import (
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	draftEntries = prometheus.NewDesc(
		"odoo_journal_entries_draft", "Journal entries in draft, up to 5000 of a journal.", entityLabels, nil,
	)
	draftsPast = prometheus.NewDesc(
		"odoo_journal_entries_draft_past_period", "Drafts dated before the current month.", entityLabels, nil,
	)
	draftsLocked = prometheus.NewDesc(
		"odoo_journal_entries_draft_locked", "Drafts dated in the 92 days up to the lock date for everyone (fiscalyear, hard): when posted, Odoo moves them to the first open day without asking.", entityLabels, nil,
	)
	entriesToReview = prometheus.NewDesc(
		"odoo_journal_entries_to_review", "Posted entries marked for review (to_check, or not checked from Odoo 18 on), up to 5000 of a journal.", entityLabels, nil,
	)
	autoPostDue = prometheus.NewDesc(
		"odoo_journal_entries_auto_post_due", "Drafts marked for automatic posting whose accounting date has come.", entityLabels, nil,
	)
	autoPostStuck = prometheus.NewDesc(
		"odoo_journal_entries_auto_post_stuck", "Drafts that were due when the action that posts them last ran, and are drafts still; after a failure Odoo marks them for review and may not try again.", entityLabels, nil,
	)
	autoPostOldest = prometheus.NewDesc(
		"odoo_journal_entry_auto_post_oldest_due_timestamp_seconds", "Accounting date of the oldest draft marked for automatic posting that is due.", entityLabels, nil,
	)
	autoPostIdleRuns = prometheus.NewDesc(
		"odoo_auto_post_idle_runs", "Runs of the action that posts drafts, in the last hour as far as seen, after which no fewer were due. It runs once a day; many are a loop.", []string{"tenant"}, nil,
	)
)

// drafts reports what is not posted yet, and whether what should post itself
// does.
type drafts struct {
	db   *database
	ran  time.Time   // when the action last ran, as of the last look
	due  float64     // entries due at the last look
	idle []time.Time // runs seen that posted nothing
}

func (*drafts) describe() []*prometheus.Desc {
	return []*prometheus.Desc{draftEntries, draftsPast, draftsLocked, entriesToReview, autoPostDue, autoPostStuck, autoPostOldest, autoPostIdleRuns}
}

const (
	draftsByEntity = "account_move drafts"
	draftsAction   = "ir_cron auto-post"
	draftsReview   = "account_move to review"
)

func (*drafts) ask(t *tables) ([]pgsession.Query, error) {
	var queries []pgsession.Query
	err := t.require("account_move", "journal_id", "state", "auto_post", "date")
	action, denied := t.may("ir_model_data", "module", "name", "res_id")
	action = action && t.require("ir_cron", "id", "lastcall") == nil
	if err == nil {
		queries = append(queries, pgsession.Query{Name: draftsByEntity, SQL: draftCountsSQL(t, action)})
	}
	if action {
		queries = append(queries, pgsession.Query{Name: draftsAction, SQL: autoPostSQL})
	}
	if condition := reviewCondition(t); condition != "" {
		queries = append(queries, pgsession.Query{Name: draftsReview, SQL: toReviewSQL(condition)})
	}
	return queries, errors.Join(err, denied)
}

// autoPostSQL finds the action by the name its module gave it: what people call
// it is translated and may be changed.
const autoPostSQL = `
select c.lastcall as ran, clock_timestamp() as now from ir_model_data d join ir_cron c on c.id = d.res_id
where d.module = 'account' and d.name = 'ir_cron_auto_post_draft_entry'`

// draftCountsSQL goes through (journal_id, state, …) once per journal. An entry
// is stuck that the last run of the action found due and left as it was: what it
// could not post is marked for review in that run, so a while is allowed for it.
func draftCountsSQL(t *tables, action bool) string {
	ran, lock := "null::timestamp", "null::date"
	if action && t.readable("account_move", "create_date") && t.readable("account_move", "write_date") {
		ran = "(select c.lastcall from ir_model_data d join ir_cron c on c.id = d.res_id where d.module = 'account' and d.name = 'ir_cron_auto_post_draft_entry')"
	}
	if t.readable("res_company", "fiscalyear_lock_date") {
		lock = "(select fiscalyear_lock_date from res_company where id = j.company_id)"
	}
	if t.readable("res_company", "hard_lock_date") {
		lock = "greatest(" + lock + ", (select hard_lock_date from res_company where id = j.company_id))"
	}
	dates := "null::timestamp as create_date, null::timestamp as write_date"
	if ran != "null::timestamp" {
		dates = "create_date, write_date"
	}
	return `
select j.company_id, sum(d.drafts) as drafts, sum(d.past) as past, sum(d.locked) as locked, sum(d.due) as due, sum(d.stuck) as stuck, min(d.oldest) as oldest
from (select id, company_id, ` + lock + ` as lock, ` + ran + ` as ran from account_journal j) as j
cross join lateral (
    select count(*) as drafts,
           count(*) filter (where m.date < date_trunc('month', ` + today + `)::date) as past,
           count(*) filter (where m.date <= j.lock and m.date > j.lock - 92) as locked,
           count(*) filter (where m.auto_post <> 'no' and m.date <= ` + today + `) as due,
           count(*) filter (where m.auto_post <> 'no' and m.date <= j.ran::date and m.create_date < j.ran and m.write_date < j.ran + interval '10 minutes') as stuck,
           min(m.date) filter (where m.auto_post <> 'no' and m.date <= ` + today + `) as oldest
    from (select auto_post, date, ` + dates + ` from account_move where journal_id = j.id and state = 'draft' limit 5000) as m
) as d
group by 1`
}

// reviewCondition is what an entry to be reviewed meets, in the words of the
// index on such; "" when this database has none or it may not be read.
func reviewCondition(t *tables) string {
	for _, col := range []string{"checked", "to_check"} {
		if condition := t.partial["account_move."+col]; condition != "" && t.readable("account_move", col) {
			return condition
		}
	}
	return ""
}

// toReviewSQL goes through the index on such entries once per journal.
func toReviewSQL(condition string) string {
	return `
select j.company_id, sum(m.n) as n from account_journal j
cross join lateral (
    select count(*) as n from (select from account_move where journal_id = j.id and ` + condition + ` and state = 'posted' limit 5000) as x
) as m
group by 1`
}

func (d *drafts) publish(ch chan<- prometheus.Metric, rs pgsession.Results, _ journals) {
	d.publishReview(ch, rs.Named(draftsReview))
	answer := rs.Named(draftsByEntity)
	if answer.Err != nil {
		return
	}
	byColumn := map[string]map[string]float64{"drafts": {}, "past": {}, "locked": {}, "due": {}, "stuck": {}}
	oldest := map[string]time.Time{}
	for _, row := range answer.Rows {
		entity := d.db.entities.name(row.Int("company_id"))
		for col, totals := range byColumn {
			totals[entity] += number(row, col)
		}
		oldest[entity] = earliest(oldest[entity], at(row, "oldest"))
	}
	action := rs.Named(draftsAction)
	known := action.Err == nil && !at(action.First(), "ran").IsZero()
	entityCounts(ch, draftEntries, d.db.tenant, byColumn["drafts"])
	entityCounts(ch, draftsPast, d.db.tenant, byColumn["past"])
	entityCounts(ch, draftsLocked, d.db.tenant, byColumn["locked"])
	entityCounts(ch, autoPostDue, d.db.tenant, byColumn["due"])
	for entity, first := range oldest {
		instant(ch, autoPostOldest, first, d.db.tenant, entity)
	}
	if known {
		entityCounts(ch, autoPostStuck, d.db.tenant, byColumn["stuck"])
		due := 0.0
		for _, n := range byColumn["due"] {
			due += n
		}
		d.watch(at(action.First(), "now"), at(action.First(), "ran"), due)
		gauge(ch, autoPostIdleRuns, float64(len(d.idle)), d.db.tenant)
	}
}

func (d *drafts) publishReview(ch chan<- prometheus.Metric, answer pgsession.Result) {
	if answer.Err != nil {
		return
	}
	totals := d.db.entities.zeros()
	for _, row := range answer.Rows {
		totals[d.db.entities.name(row.Int("company_id"))] += number(row, "n")
	}
	entityCounts(ch, entriesToReview, d.db.tenant, totals)
}

// watch notes a run of the action that left as many due as there were.
func (d *drafts) watch(now, ran time.Time, due float64) {
	if !d.ran.IsZero() && ran.After(d.ran) && due > 0 && due >= d.due {
		d.idle = append(d.idle, ran)
	}
	d.idle = slices.DeleteFunc(d.idle, func(t time.Time) bool { return now.Sub(t) > time.Hour })
	d.ran, d.due = ran, due
}

// draftSignals say whether entries get posted.
func draftSignals() []signal.Definition {
	const patience = 20 * time.Minute // of the longest slow interval
	return []signal.Definition{
		{
			Name: "odoo_auto_post_due", Title: "Drafts are posted when due", Metric: "odoo_journal_entries_auto_post_due",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 24 * time.Hour, Fresh: patience, Role: signal.Context,
			Close: &signal.Limits{Warning: 0, Critical: signal.Never(), For: time.Hour},
			Says:  "{value} drafts of {entity} that should post themselves have not",
		},
		{
			Name: "odoo_auto_post_stuck", Title: "The action that posts drafts posts them", Metric: "odoo_journal_entries_auto_post_stuck",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 5 * time.Minute, Fresh: patience, Optional: true, Role: signal.Context,
			Says: "{value} drafts of {entity} were due when Odoo last posted what is due, and were left: open one and post it by hand to see what is wrong with it",
		},
		{
			Name: "odoo_auto_post_looping", Title: "The action that posts drafts gets on", Metric: "odoo_auto_post_idle_runs",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 3, Critical: 20, Exit: 0.5,
			Fresh: patience, Optional: true, Role: signal.Context,
			Says: "In {tenant} the action that posts drafts ran {value} times within an hour and posted nothing: it runs in a loop, take the drafts it cannot post out of automatic posting",
		},
		{
			Name: "odoo_drafts_in_locked_period", Title: "No draft is left in a locked period", Metric: "odoo_journal_entries_draft_locked",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 24 * time.Hour, Fresh: patience, Optional: true, Role: signal.Context,
			Close: &signal.Limits{Warning: 0, Critical: signal.Never(), For: time.Hour},
			Says:  "{value} drafts of {entity} are dated in a period that is locked: posted now, they count in the next one; cancel them or give them another date",
		},
	}
}
