package odoo

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	paymentsInProcess = prometheus.NewDesc(
		"odoo_payments_in_process", "Payments that are posted and not matched with the bank yet; before Odoo 18 among the newest 5000.", journalLabels, nil,
	)
	paymentOldest = prometheus.NewDesc(
		"odoo_payment_oldest_in_process_timestamp_seconds", "Date of the oldest payment in process.", journalLabels, nil,
	)
	paymentsLate = prometheus.NewDesc(
		"odoo_payments_in_process_late", "Payments in process dated 10 to 45 days ago, in journals where payments of that time were matched at all.", journalLabels, nil,
	)
	paymentsDuplicated = prometheus.NewDesc(
		"odoo_payments_duplicated", "Payments of the last 7 days with the journal, partner, amount and day of another that was made by itself up to 15 minutes apart. Only where the role may read amount, partner_id and create_date.", journalLabels, nil,
	)
)

// payments reports payments that hang between Odoo and the bank.
type payments struct{ db *database }

func (payments) describe() []*prometheus.Desc {
	return []*prometheus.Desc{paymentsInProcess, paymentOldest, paymentsLate, paymentsDuplicated}
}

const (
	paymentsOpen   = "account_payment"
	paymentsDouble = "account_payment duplicates"
)

func (payments) ask(t *tables) ([]pgsession.Query, error) {
	ok, err := t.may("account_payment", "id", "move_id", "is_matched")
	if !ok {
		return nil, err
	}
	sql, own := paymentsBefore18SQL, t.has("account_payment", "state")
	if own {
		if ok, err = t.may("account_payment", "journal_id", "state", "date"); !ok {
			return nil, err
		}
		sql = paymentsSQL(t)
	}
	queries := []pgsession.Query{{Name: paymentsOpen, SQL: sql}}
	if t.readable("account_payment", "amount") && t.readable("account_payment", "partner_id") && t.readable("account_payment", "create_date") {
		queries = append(queries, pgsession.Query{Name: paymentsDouble, SQL: duplicatePaymentsSQL(own)})
	}
	return queries, nil
}

const late = "between " + today + " - 45 and " + today + " - 10"

// paymentsSQL reads the payments that are not matched through their partial
// index; where there is none, among the newest.
func paymentsSQL(t *tables) string {
	open := `select journal_id, date from account_payment where ` + t.partial["account_payment.is_matched"] + ` and state = 'in_process' limit 20000`
	if t.partial["account_payment.is_matched"] == "" {
		open = `select journal_id, date from (select journal_id, date, state from account_payment order by id desc limit 5000) as p where state = 'in_process'`
	}
	return `
select journal_id, count(*) as n, min(date) as oldest, count(*) filter (where date ` + late + `) as late, 0 as matched
from (` + open + `) as p group by 1
union all
select journal_id, 0, null, 0, count(*)
from (select journal_id, is_matched, date from account_payment order by id desc limit 5000) as p
where is_matched and date ` + late + ` group by 1`
}

// paymentsBefore18SQL asks the payment's entry, which has what the payment has
// from Odoo 18 on. Each is looked up by its id, whatever the planner thinks of that.
const paymentsBefore18SQL = `
select m.journal_id, count(*) filter (where p.is_matched is not true) as n, min(m.date) filter (where p.is_matched is not true) as oldest,
       count(*) filter (where p.is_matched is not true and m.date ` + late + `) as late,
       count(*) filter (where p.is_matched and m.date ` + late + `) as matched
from (select move_id, is_matched from account_payment order by id desc limit 5000) as p
cross join lateral (select journal_id, state, date from account_move where id = p.move_id offset 0) as m
where m.state = 'posted'
group by 1`

// duplicatePaymentsSQL counts in the database: no amount and no partner leaves
// it. Payments made together have one instant and are none of these.
func duplicatePaymentsSQL(own bool) string {
	columns, join, of := "journal_id, state, date, ", "", "p"
	posted := "p.state in ('in_process', 'paid')"
	if !own {
		columns, join, of = "move_id, ", "cross join lateral (select journal_id, state, date from account_move where id = p.move_id offset 0) as m", "m"
		posted = "m.state = 'posted'"
	}
	return fmt.Sprintf(`
select d.journal_id, sum(d.n - 1) as n
from (
    select %[1]s.journal_id, count(*) as n
    from (select %[2]spartner_id, amount, create_date from account_payment order by id desc limit 5000) as p
    %[3]s
    where p.create_date > (now() at time zone 'utc') - interval '7 days' and p.partner_id is not null and %[4]s
    group by 1, p.partner_id, p.amount, %[1]s.date
    having max(p.create_date) - min(p.create_date) between interval '1 second' and interval '15 minutes'
) as d
group by 1`, of, columns, join, posted)
}

func (p payments) publish(ch chan<- prometheus.Metric, rs pgsession.Results, js journals) {
	if answer := rs.Named(paymentsOpen); answer.Err == nil {
		open, overdue, matched, oldest := js.zeros(true), map[place]float64{}, map[place]float64{}, map[place]time.Time{}
		for _, row := range answer.Rows {
			of := js.place(row)
			open[of] += number(row, "n")
			overdue[of] += number(row, "late")
			matched[of] += number(row, "matched")
			oldest[of] = earliest(oldest[of], at(row, "oldest"))
		}
		for place := range overdue {
			if matched[place] == 0 {
				delete(overdue, place) // nobody matches payments here
			}
		}
		counts(ch, paymentsInProcess, prometheus.GaugeValue, p.db.tenant, open)
		instants(ch, paymentOldest, p.db.tenant, oldest)
		counts(ch, paymentsLate, prometheus.GaugeValue, p.db.tenant, overdue)
	}
	if answer := rs.Named(paymentsDouble); answer.Err == nil {
		totals := js.zeros(true)
		for _, row := range answer.Rows {
			totals[js.place(row)] += number(row, "n")
		}
		counts(ch, paymentsDuplicated, prometheus.GaugeValue, p.db.tenant, totals)
	}
}

func paymentSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_payments_in_process_late", Title: "Payments are matched with the bank", Metric: "odoo_payments_in_process_late",
			By: []string{"entity", "journal"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 10, Critical: signal.Never(), Exit: 0.8,
			For: time.Hour, Fresh: freshControls, Optional: true, Role: signal.Context,
			Close: &signal.Limits{Warning: 3, Critical: signal.Never(), Exit: 0.8, For: time.Hour},
			Says:  "{value} payments of {entity} in journal {journal} have been in process for more than 10 days: check whether the bank has executed them before anybody pays again",
		},
		{
			Name: "odoo_payments_duplicated", Title: "No payment is made twice", Metric: "odoo_payments_duplicated",
			By: []string{"entity", "journal"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			Fresh: freshControls, Optional: true, Role: signal.Context,
			Says: "{value} payments of {entity} in journal {journal} look like copies of one made minutes before: stop them before the next payment file goes out",
		},
	}
}
