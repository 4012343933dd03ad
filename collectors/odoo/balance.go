package odoo

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var entriesUnbalanced = prometheus.NewDesc(
	"odoo_journal_entries_unbalanced", "Posted entries dated today or yesterday whose items do not add up to zero. Only where the role may read the balance of account_move_line.", entityLabels, nil,
)

// balances reports entries that Odoo should never have let through.
type balances struct{ db *database }

func (balances) describe() []*prometheus.Desc { return []*prometheus.Desc{entriesUnbalanced} }

const unbalanced = "account_move_line"

func (balances) ask(t *tables) ([]pgsession.Query, error) {
	for _, col := range offered["account_move_line"] {
		if !t.readable("account_move_line", col) {
			return nil, nil
		}
	}
	return []pgsession.Query{{Name: unbalanced, SQL: unbalancedSQL}}, nil
}

// unbalancedSQL is served by the index on dates. Half a cent is rounding.
const unbalancedSQL = `
select company_id, count(*) as n
from (
    select move_id, min(company_id) as company_id from account_move_line
    where date between ` + today + ` - 1 and ` + today + ` and parent_state = 'posted'
    group by 1 having abs(sum(balance)) > 0.005
) as m
group by 1`

func (b balances) publish(ch chan<- prometheus.Metric, rs pgsession.Results, _ journals) {
	answer := rs.Named(unbalanced)
	if answer.Err != nil {
		return
	}
	totals := b.db.entities.zeros()
	for _, row := range answer.Rows {
		totals[b.db.entities.name(row.Int("company_id"))] += number(row, "n")
	}
	entityCounts(ch, entriesUnbalanced, b.db.tenant, totals)
}

func balanceSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_entries_unbalanced", Title: "Every entry balances", Metric: "odoo_journal_entries_unbalanced",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: signal.Never(), Critical: 0,
			Fresh: freshControls, Optional: true, Role: signal.Context,
			Says: "{value} posted entries of {entity} do not balance: something wrote past Odoo, stop it and call the controller",
		},
	}
}
