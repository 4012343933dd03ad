package odoo

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	statementNewest = prometheus.NewDesc(
		"odoo_bank_last_statement_timestamp_seconds", "Date of the newest bank statement, among the newest 5000 of all journals.", journalLabels, nil,
	)
	statementsIncomplete = prometheus.NewDesc(
		"odoo_bank_statements_incomplete", "Bank statements dated in the last 35 days, but for the last two, whose lines do not lead from the opening to the closing balance.", journalLabels, nil,
	)
	importsDuplicated = prometheus.NewDesc(
		"odoo_bank_statement_imports_duplicated", "Files of bank statements that were imported into a journal more than once, the last time within 35 days: the same content at different times.", journalLabels, nil,
	)
	linesDuplicated = prometheus.NewDesc(
		"odoo_bank_statement_lines_duplicated", "Bank lines of the last 7 days with the day, amount and reference of another that was imported at another time. Only where the role may read amount, payment_ref and create_date.", journalLabels, nil,
	)
)

// statements reports how bank statements came in.
type statements struct{ db *database }

func (statements) describe() []*prometheus.Desc {
	return []*prometheus.Desc{statementNewest, statementsIncomplete, importsDuplicated, linesDuplicated}
}

const (
	statementsNewest     = "account_bank_statement"
	statementsDuplicated = "ir_attachment of bank statements"
	statementLines       = "account_bank_statement_line duplicates"
)

func (statements) ask(t *tables) ([]pgsession.Query, error) {
	var queries []pgsession.Query
	own, err := t.may("account_bank_statement", "id", "journal_id", "date", "is_complete")
	if own {
		queries = append(queries, pgsession.Query{Name: statementsNewest, SQL: statementsSQL})
	}
	files, denied := t.may("ir_attachment", "res_model", "res_id", "checksum", "create_date")
	if own && files {
		queries = append(queries, pgsession.Query{Name: statementsDuplicated, SQL: importsSQL})
	}
	if t.readable("account_bank_statement_line", "amount") && t.readable("account_bank_statement_line", "payment_ref") && t.readable("account_bank_statement_line", "create_date") {
		queries = append(queries, pgsession.Query{Name: statementLines, SQL: duplicateLinesSQL(t)})
	}
	return queries, errors.Join(err, denied)
}

const statementsSQL = `
select journal_id, max(date) as newest,
       count(*) filter (where is_complete is not true and date >= ` + today + ` - 35 and date < ` + today + ` - 1) as incomplete
from (select journal_id, date, is_complete from account_bank_statement where date is not null order by date desc limit 5000) as s
group by 1`

// importsSQL compares checksums of files that hang at statements. One import may
// make several statements of one file, all at one instant; the same file at two
// instants was imported twice. A statement that is deleted takes its file along.
const importsSQL = `
select d.journal_id, count(*) as n
from (
    select s.journal_id, a.checksum
    from (
        select res_id, checksum, create_date from ir_attachment
        where res_model = 'account.bank.statement' and res_id > 0 order by res_id desc limit 2000
    ) as a
    join account_bank_statement s on s.id = a.res_id
    where a.checksum is not null
    group by 1, 2
    having max(a.create_date) - min(a.create_date) > interval '1 second' and count(distinct a.res_id) > 1
       and max(a.create_date) > (now() at time zone 'utc') - interval '35 days'
) as d
group by 1`

// duplicateLinesSQL counts in the database: no amount and no text leaves it.
func duplicateLinesSQL(t *tables) string {
	journal, join := "l.journal_id", ""
	if !t.has("account_bank_statement_line", "journal_id") {
		journal, join = "m.journal_id", "join account_move m on m.id = l.move_id"
	}
	return fmt.Sprintf(`
select d.journal_id, sum(d.n - 1) as n
from (
    select %s as journal_id, count(*) as n
    from (select * from (select max(id) as high from account_bank_statement_line) as h
          cross join lateral (select %s from account_bank_statement_line where id > h.high - 5000) as x) as l
    %s
    where l.create_date > (now() at time zone 'utc') - interval '7 days'
    group by 1, left(l.internal_index, 8), l.amount, l.payment_ref
    having count(distinct l.create_date) > 1
) as d
group by 1`, journal, lineColumns(t), join)
}

func lineColumns(t *tables) string {
	if t.has("account_bank_statement_line", "journal_id") {
		return "journal_id, internal_index, amount, payment_ref, create_date"
	}
	return "move_id, internal_index, amount, payment_ref, create_date"
}

func (s statements) publish(ch chan<- prometheus.Metric, rs pgsession.Results, js journals) {
	if answer := rs.Named(statementsNewest); answer.Err == nil {
		newest, incomplete := map[place]time.Time{}, js.zeros(true)
		for _, row := range answer.Rows {
			p := js.place(row)
			newest[p] = latest(newest[p], at(row, "newest"))
			incomplete[p] += number(row, "incomplete")
		}
		instants(ch, statementNewest, s.db.tenant, newest)
		counts(ch, statementsIncomplete, prometheus.GaugeValue, s.db.tenant, incomplete)
	}
	s.publishCounts(ch, rs.Named(statementsDuplicated), importsDuplicated, js)
	s.publishCounts(ch, rs.Named(statementLines), linesDuplicated, js)
}

func (s statements) publishCounts(ch chan<- prometheus.Metric, answer pgsession.Result, d *prometheus.Desc, js journals) {
	if answer.Err != nil {
		return
	}
	totals := js.zeros(true)
	for _, row := range answer.Rows {
		totals[js.place(row)] += number(row, "n")
	}
	counts(ch, d, prometheus.GaugeValue, s.db.tenant, totals)
}

func statementSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_bank_statement_imported_twice", Title: "No bank statement is imported twice", Metric: "odoo_bank_statement_imports_duplicated",
			By: []string{"entity", "journal"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			Fresh: freshControls, Optional: true, Role: signal.Context,
			Says: "{value} bank statement files were imported twice into journal {journal} of {entity}: delete the second copy before anything of it is reconciled",
		},
		{
			Name: "odoo_bank_lines_duplicated", Title: "Bank lines come in once", Metric: "odoo_bank_statement_lines_duplicated",
			By: []string{"entity", "journal"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 4, Critical: signal.Never(), Exit: 0.5,
			Fresh: freshControls, Optional: true, Role: signal.Context,
			Says: "{value} bank lines of {entity} in journal {journal} look like copies of others: check whether a statement came in twice",
		},
		{
			Name: "odoo_bank_statements_incomplete", Title: "Bank statements add up", Metric: "odoo_bank_statements_incomplete",
			By: []string{"entity", "journal"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 24 * time.Hour, Fresh: freshControls, Optional: true, Role: signal.Context,
			Close: &signal.Limits{Warning: 0, Critical: signal.Never(), For: 4 * time.Hour},
			Says:  "{value} bank statements of {entity} in journal {journal} do not add up to their closing balance: lines are missing or came in twice",
		},
	}
}
