package odoo

import (
	"cmp"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	journalLabels = []string{"tenant", "entity", "journal"}

	linesUnreconciled = prometheus.NewDesc(
		"odoo_bank_statement_lines_unreconciled", "Bank statement lines whose is_reconciled is not true, by code of the journal; before Odoo 18 among the newest 20000.", journalLabels, nil,
	)
	linesOlder = prometheus.NewDesc(
		"odoo_bank_statement_lines_unreconciled_older", "Of the unreconciled bank statement lines, those dated more than 1, 7 and 30 days ago.",
		[]string{"tenant", "entity", "journal", "than"}, nil,
	)
	lineOldest = prometheus.NewDesc(
		"odoo_bank_statement_line_oldest_unreconciled_timestamp_seconds", "Accounting date of the oldest unreconciled bank statement line.", journalLabels, nil,
	)
	lineNewest = prometheus.NewDesc(
		"odoo_bank_last_line_timestamp_seconds", "Accounting date of the newest bank statement line: how far the bank is known.", journalLabels, nil,
	)
	linesCreated = prometheus.NewDesc(
		"odoo_bank_statement_lines_created_total", "Bank statement lines created, counted when they are an hour old, since this process began watching.", journalLabels, nil,
	)
	linesMatched = prometheus.NewDesc(
		"odoo_bank_statement_lines_matched_early_total", "Of the bank statement lines counted as created, those that were reconciled within their first hour: by their share the matching rules are judged.", journalLabels, nil,
	)
)

// lineAges are what unreconciled lines are sorted by: a line waits a day as a
// rule, a week is the usual target, and a month crosses a close.
var lineAges = []struct {
	than, column string
}{{"1d", "over_1d"}, {"7d", "over_7d"}, {"30d", "over_30d"}}

const (
	// judgedAfter is how old a line is when it is counted, and looked at whether it
	// is reconciled: rules run when it is imported and soon after.
	judgedAfter = time.Hour
	// maxLines bounds the lines counted at a time; further ones are counted next.
	maxLines = 5000
)

// bank reports how far bank journals are reconciled, and how far the bank is
// known.
type bank struct {
	db   *database
	mark watermark
	// Lines up to base are counted; those up to next are old enough to be.
	base, next       int64
	begun            bool
	created, matched map[place]float64
}

func (*bank) describe() []*prometheus.Desc {
	return []*prometheus.Desc{linesUnreconciled, linesOlder, lineOldest, lineNewest, linesCreated, linesMatched}
}

const (
	bankBacklog = "account_bank_statement_line"
	bankNewest  = "account_bank_statement_line newest"
	bankHigh    = "account_bank_statement_line ids"
	bankCreated = "account_bank_statement_line created"
)

func (b *bank) ask(t *tables) ([]pgsession.Query, error) {
	if err := b.need(t); err != nil {
		return nil, err
	}
	own := t.has("account_bank_statement_line", "journal_id")
	queries := []pgsession.Query{
		{Name: bankBacklog, SQL: bankLinesSQL(t)},
		{Name: bankHigh, SQL: linesHighSQL},
	}
	if own {
		queries = append(queries, pgsession.Query{Name: bankNewest, SQL: newestLinesSQL})
	}
	if b.next > b.base {
		sql := createdLinesBefore18SQL
		if own {
			sql = createdLinesSQL
		}
		queries = append(queries, pgsession.Query{Name: bankCreated, SQL: sql, Args: []any{b.base, min(b.next, b.base+maxLines)}})
	}
	return queries, nil
}

// need returns a finding when bank lines cannot be read.
func (*bank) need(t *tables) error {
	if t.has("account_bank_statement_line", "journal_id") {
		return t.require("account_bank_statement_line", "id", "journal_id", "company_id", "is_reconciled", "internal_index")
	}
	return errors.Join(
		t.require("account_bank_statement_line", "id", "move_id", "is_reconciled", "internal_index"),
		t.require("account_move", "id", "journal_id", "date"),
	)
}

// bankLinesSQL counts unreconciled lines. From Odoo 18 on the partial index
// answers alone, the days included: internal_index begins with them. Before, a
// line has no journal of its own and no such index; the newest ones are read.
func bankLinesSQL(t *tables) string {
	if !t.has("account_bank_statement_line", "journal_id") {
		return `
select m.journal_id, count(*) filter (where l.open) as n, min(m.date) filter (where l.open) as oldest, max(m.date) as newest,
       count(*) filter (where l.open and m.date < ` + today + ` - 1) as over_1d,
       count(*) filter (where l.open and m.date < ` + today + ` - 7) as over_7d,
       count(*) filter (where l.open and m.date < ` + today + ` - 30) as over_30d
from (select move_id, is_reconciled is not true as open from account_bank_statement_line order by internal_index desc limit 20000) as l
join account_move m on m.id = l.move_id
group by 1`
	}
	return `
select journal_id, count(*) as n, to_date(min(left(internal_index, 8)), 'YYYYMMDD') as oldest,
       count(*) filter (where left(internal_index, 8) < to_char(` + today + ` - 1, 'YYYYMMDD')) as over_1d,
       count(*) filter (where left(internal_index, 8) < to_char(` + today + ` - 7, 'YYYYMMDD')) as over_7d,
       count(*) filter (where left(internal_index, 8) < to_char(` + today + ` - 30, 'YYYYMMDD')) as over_30d
from account_bank_statement_line where ` + cmp.Or(t.partial["account_bank_statement_line.is_reconciled"], "is_reconciled is not true") + ` group by 1`
}

const (
	// newestLinesSQL looks one line up for each journal.
	newestLinesSQL = `
select j.id as journal_id, to_date(left(l.internal_index, 8), 'YYYYMMDD') as newest
from (select id, company_id from account_journal where type in ('bank', 'cash', 'credit') order by id limit 2000) as j
cross join lateral (
    select internal_index from account_bank_statement_line
    where journal_id = j.id and company_id = j.company_id and internal_index is not null order by internal_index desc limit 1
) as l`

	linesHighSQL = `
select coalesce((select max(id) from account_bank_statement_line), 0) as high, clock_timestamp() as now`

	createdLinesSQL = `
select journal_id, count(*) as n, count(*) filter (where is_reconciled) as matched
from account_bank_statement_line where id > $1 and id <= $2 group by 1`

	createdLinesBefore18SQL = `
select m.journal_id, count(*) as n, count(*) filter (where l.is_reconciled) as matched
from account_bank_statement_line l join account_move m on m.id = l.move_id
where l.id > $1 and l.id <= $2 group by 1`
)

func (b *bank) publish(ch chan<- prometheus.Metric, rs pgsession.Results, js journals) {
	b.publishBacklog(ch, rs.Named(bankBacklog), rs.Named(bankNewest), js)
	b.count(rs, js)
	if b.begun {
		for p := range js.zeros(true) {
			b.created[p] += 0
			b.matched[p] += 0
		}
		counts(ch, linesCreated, prometheus.CounterValue, b.db.tenant, b.created)
		counts(ch, linesMatched, prometheus.CounterValue, b.db.tenant, b.matched)
	}
}

func (b *bank) publishBacklog(ch chan<- prometheus.Metric, backlog, last pgsession.Result, js journals) {
	if backlog.Err != nil {
		return
	}
	lines, oldest, newest := js.zeros(true), map[place]time.Time{}, map[place]time.Time{}
	older := map[string]map[place]float64{}
	for _, age := range lineAges {
		older[age.than] = js.zeros(true)
	}
	for _, row := range backlog.Rows {
		p := js.place(row)
		lines[p] += number(row, "n")
		oldest[p] = earliest(oldest[p], at(row, "oldest"))
		for _, age := range lineAges {
			older[age.than][p] += number(row, age.column)
		}
	}
	for _, row := range append(backlog.Rows, last.Rows...) {
		if p := js.place(row); row.Has("newest") {
			newest[p] = latest(newest[p], at(row, "newest"))
		}
	}
	counts(ch, linesUnreconciled, prometheus.GaugeValue, b.db.tenant, lines)
	for _, age := range lineAges {
		counts(ch, linesOlder, prometheus.GaugeValue, b.db.tenant, older[age.than], age.than)
	}
	instants(ch, lineOldest, b.db.tenant, oldest)
	instants(ch, lineNewest, b.db.tenant, newest)
}

// count takes in the lines that have become old enough.
func (b *bank) count(rs pgsession.Results, js journals) {
	high := rs.Named(bankHigh)
	if high.Err != nil {
		return
	}
	id, _ := high.First().Int("high")
	now, _ := high.First().Time("now")
	if !b.begun {
		b.mark.lag = judgedAfter
		b.base, b.begun, b.created, b.matched = id, true, map[place]float64{}, map[place]float64{}
	}
	if created := rs.Named(bankCreated); created.Err == nil {
		for _, row := range created.Rows {
			p := js.place(row)
			b.created[p] += number(row, "n")
			b.matched[p] += number(row, "matched")
		}
		b.base = min(b.next, b.base+maxLines)
	}
	b.next = max(b.base, b.mark.advance(now, id))
}

// bankSignals say whether the bank is reconciled.
func bankSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_bank_lines_left_over", Title: "Bank lines are reconciled within a month", Metric: "odoo_bank_statement_lines_unreconciled_older",
			Match: map[string]string{"than": "30d"}, By: []string{"entity", "journal"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 100, Critical: signal.Never(), Exit: 0.8,
			For: time.Hour, Fresh: 20 * time.Minute, Role: signal.Context,
			Close: &signal.Limits{Warning: 25, Critical: signal.Never(), Exit: 0.8, For: time.Hour},
			Says:  "{value} bank lines of {entity} in journal {journal} are older than 30 days and not reconciled: reconcile them before the close",
		},
	}
}
