package odoo

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	journalLabels = []string{"tenant", "entity", "journal"}

	linesUnreconciled = prometheus.NewDesc(
		"odoo_bank_statement_lines_unreconciled", "Bank statement lines whose is_reconciled is not true, by code of the journal.", journalLabels, nil,
	)
	lineOldest = prometheus.NewDesc(
		"odoo_bank_statement_line_oldest_unreconciled_timestamp_seconds", "Accounting date of the oldest unreconciled bank statement line.", journalLabels, nil,
	)
	draftEntries = prometheus.NewDesc(
		"odoo_journal_entries_draft", "Journal entries in draft, up to 5000 of a journal.", entityLabels, nil,
	)
	autoPostDue = prometheus.NewDesc(
		"odoo_journal_entries_auto_post_due", "Drafts marked for automatic posting whose accounting date has come.", entityLabels, nil,
	)
	autoPostOldest = prometheus.NewDesc(
		"odoo_journal_entry_auto_post_oldest_due_timestamp_seconds", "Accounting date of the oldest draft marked for automatic posting that is due.", entityLabels, nil,
	)
	lockDate = prometheus.NewDesc(
		"odoo_lock_date_timestamp_seconds", "Midnight UTC of the last locked day, by lock (fiscalyear, tax, sale, purchase, hard, period); absent when not set.",
		[]string{"tenant", "entity", "lock"}, nil,
	)
)

// maxJournals bounds the journals published.
const maxJournals = 300

// ledger reports what changes slowly: drafts, unreconciled bank lines, lock
// dates.
type ledger struct{ db *database }

// Describe implements collector.Collector.
func (*ledger) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{linesUnreconciled, lineOldest, draftEntries, autoPostDue, autoPostOldest, lockDate} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (l *ledger) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := l.db.look(ctx)
	if err != nil {
		return err
	}
	var findings []error
	ask := func(err error, q pgsession.Query) []pgsession.Query {
		if err != nil {
			findings = append(findings, err)
			return nil
		}
		return []pgsession.Query{q}
	}
	queries := slices.Concat(
		ask(t.require("account_journal", wanted["account_journal"]...), pgsession.Query{Name: "account_journal", SQL: journalsSQL}),
		ask(l.bankLinesNeed(t), pgsession.Query{Name: "account_bank_statement_line", SQL: bankLinesSQL(t)}),
		ask(t.require("account_move", "journal_id", "state", "auto_post", "date"), pgsession.Query{Name: "account_move drafts", SQL: draftCountsSQL}),
		ask(t.require("res_company", "id"), pgsession.Query{Name: "res_company", SQL: lockDatesSQL(t)}),
	)
	rs := l.db.ask(ctx, queries...)
	js := l.journals(rs)
	l.publishBankLines(ch, rs, js)
	l.publishDrafts(ch, rs)
	l.publishLockDates(ch, rs)
	return only(append(findings, l.db.judge(rs)))
}

// only joins errors; a single one stays itself.
func only(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

const journalsSQL = `
select id, code, type, company_id, coalesce(active, true) as active from account_journal order by id limit 2000`

// A journal is a row of account_journal that bank lines are counted for.
type journal struct {
	entity, code string
	bank         bool // holds statement lines, and is in use
}

func (l *ledger) journals(rs pgsession.Results) map[int64]journal {
	js := map[int64]journal{}
	for _, row := range rs.Named("account_journal").Rows {
		id, _ := row.Int("id")
		active, _ := row.Bool("active")
		kind := row.String("type")
		js[id] = journal{
			entity: l.db.entities.name(row.Int("company_id")), code: label(row.String("code")),
			bank: active && (kind == "bank" || kind == "cash" || kind == "credit"),
		}
	}
	return js
}

// bankLinesNeed returns a finding when bank lines cannot be read.
func (l *ledger) bankLinesNeed(t *tables) error {
	if t.has("account_bank_statement_line", "journal_id") {
		return t.require("account_bank_statement_line", "journal_id", "company_id", "is_reconciled", "internal_index")
	}
	return errors.Join(
		t.require("account_bank_statement_line", "move_id", "is_reconciled"),
		t.require("account_move", "id", "journal_id", "date"),
	)
}

// bankLinesSQL counts unreconciled lines. From Odoo 18 on the partial index
// answers alone, the oldest day included: internal_index begins with it.
func bankLinesSQL(t *tables) string {
	if !t.has("account_bank_statement_line", "journal_id") {
		return `
select m.journal_id, count(*) as n, min(m.date) as oldest
from account_bank_statement_line l join account_move m on m.id = l.move_id
where l.is_reconciled is not true group by 1`
	}
	return `
select journal_id, count(*) as n, to_date(min(left(internal_index, 8)), 'YYYYMMDD') as oldest
from account_bank_statement_line where ` + cmp.Or(t.unreconciled, "is_reconciled is not true") + ` group by 1`
}

// A backlog is what one journal code of one entity has to reconcile.
type backlog struct {
	lines  int64
	oldest time.Time
}

func (l *ledger) publishBankLines(ch chan<- prometheus.Metric, rs pgsession.Results, js map[int64]journal) {
	answer := rs.Named("account_bank_statement_line")
	if answer.Err != nil {
		return
	}
	backlogs := map[[2]string]backlog{}
	for _, j := range js {
		if j.bank {
			backlogs[[2]string{j.entity, j.code}] = backlog{}
		}
	}
	for _, row := range answer.Rows {
		id, _ := row.Int("journal_id")
		j, known := js[id]
		if !known {
			j = journal{entity: l.db.entities.name(0, false), code: otherChannel}
		}
		key := [2]string{j.entity, j.code}
		n, _ := row.Int("n")
		b := backlogs[key]
		backlogs[key] = backlog{b.lines + n, earliest(b.oldest, at(row, "oldest"))}
	}
	keys := slices.SortedFunc(maps.Keys(backlogs), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(backlogs[b].lines, backlogs[a].lines), slices.Compare(a[:], b[:]))
	})
	for _, key := range keys[:min(len(keys), maxJournals)] {
		gauge(ch, linesUnreconciled, float64(backlogs[key].lines), l.db.tenant, key[0], key[1])
		instant(ch, lineOldest, backlogs[key].oldest, l.db.tenant, key[0], key[1])
	}
}

// draftCountsSQL goes through (journal_id, state, …) once per journal.
const draftCountsSQL = `
select j.company_id, sum(d.drafts) as drafts, sum(d.due) as due, min(d.oldest) as oldest
from account_journal j
cross join lateral (
    select count(*) as drafts,
           count(*) filter (where m.auto_post <> 'no' and m.date <= current_date) as due,
           min(m.date) filter (where m.auto_post <> 'no' and m.date <= current_date) as oldest
    from (select auto_post, date from account_move where journal_id = j.id and state = 'draft' limit 5000) as m
) as d
group by 1`

func (l *ledger) publishDrafts(ch chan<- prometheus.Metric, rs pgsession.Results) {
	type drafts struct {
		all, due int64
		oldest   time.Time
	}
	byEntity := map[string]drafts{}
	for _, row := range rs.Named("account_move drafts").Rows {
		entity := l.db.entities.name(row.Int("company_id"))
		all, _ := row.Int("drafts")
		due, _ := row.Int("due")
		d := byEntity[entity]
		byEntity[entity] = drafts{d.all + all, d.due + due, earliest(d.oldest, at(row, "oldest"))}
	}
	for _, entity := range slices.Sorted(maps.Keys(byEntity)) {
		d := byEntity[entity]
		gauge(ch, draftEntries, float64(d.all), l.db.tenant, entity)
		gauge(ch, autoPostDue, float64(d.due), l.db.tenant, entity)
		instant(ch, autoPostOldest, d.oldest, l.db.tenant, entity)
	}
}

// locks are the lock dates of res_company by column; a version has some.
var locks = []string{"fiscalyear", "tax", "sale", "purchase", "hard", "period"}

// lockDatesSQL names only the columns that exist and may be read.
func lockDatesSQL(t *tables) string {
	columns := []string{"id"}
	for _, lock := range locks {
		if col := lock + "_lock_date"; t.readable("res_company", col) {
			columns = append(columns, col)
		}
	}
	return "select " + strings.Join(columns, ", ") + " from res_company order by id limit 500"
}

// publishLockDates sends each entity's dates. Of companies that share an entity
// the earliest counts, and one without a date means none: only what all have
// locked is locked.
func (l *ledger) publishLockDates(ch chan<- prometheus.Metric, rs pgsession.Results) {
	answer := rs.Named("res_company")
	for _, lock := range locks {
		col := lock + "_lock_date"
		if !slices.Contains(answer.Columns, col) {
			continue
		}
		dates, open := map[string]time.Time{}, map[string]bool{}
		for _, row := range answer.Rows {
			entity := l.db.entities.name(row.Int("id"))
			date, set := row.Time(col)
			open[entity] = open[entity] || !set
			dates[entity] = earliest(dates[entity], date)
		}
		for _, entity := range slices.Sorted(maps.Keys(dates)) {
			if !open[entity] {
				instant(ch, lockDate, dates[entity], l.db.tenant, entity, lock)
			}
		}
	}
}

// bookSignals say whether the books are kept.
func bookSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_auto_post_due", Title: "Drafts are posted when due", Metric: "odoo_journal_entries_auto_post_due",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 24 * time.Hour, Fresh: 20 * time.Minute, Role: signal.Context,
			Says: "{value} drafts of {entity} that should post themselves have not",
		},
	}
}
