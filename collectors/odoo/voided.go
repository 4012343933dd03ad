package odoo

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var documentsVoided = prometheus.NewDesc(
	"odoo_documents_voided_while_locked", "Documents that are cancelled at the authority or tax service, while their entry is posted and locked, among the newest 10000 electronic documents.", entityLabels, nil,
)

// voided reports documents that the outside has cancelled and the books have
// not: the entry could not be changed any more.
type voided struct{ db *database }

func (voided) describe() []*prometheus.Desc { return []*prometheus.Desc{documentsVoided} }

const cancelled = "account_edi_document"

func (voided) ask(t *tables) ([]pgsession.Query, error) {
	ok, err := t.may("account_edi_document", "id", "move_id", "state")
	if !ok || t.require("account_move", "id", "state", "date", "company_id") != nil {
		return nil, err
	}
	locks := []string{"null"}
	for _, col := range []string{"fiscalyear_lock_date", "tax_lock_date", "hard_lock_date"} {
		if t.readable("res_company", col) {
			locks = append(locks, "c."+col)
		}
	}
	if len(locks) == 1 {
		return nil, nil
	}
	return []pgsession.Query{{Name: cancelled, SQL: `
select m.company_id, count(distinct m.id) as n
from (select move_id, state from account_edi_document order by id desc limit 10000) as d
join account_move m on m.id = d.move_id
join res_company c on c.id = m.company_id
where d.state = 'cancelled' and m.state = 'posted' and m.date <= greatest(` + strings.Join(locks, ", ") + `)
group by 1`}}, nil
}

func (v voided) publish(ch chan<- prometheus.Metric, rs pgsession.Results, _ journals) {
	answer := rs.Named(cancelled)
	if answer.Err != nil {
		return
	}
	totals := v.db.entities.zeros()
	for _, row := range answer.Rows {
		totals[v.db.entities.name(row.Int("company_id"))] += number(row, "n")
	}
	entityCounts(ch, documentsVoided, v.db.tenant, totals)
}

func voidedSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_documents_voided_while_locked", Title: "What is cancelled outside is cancelled in the books", Metric: "odoo_documents_voided_while_locked",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			Fresh: freshControls, Optional: true, Role: signal.Context,
			Says: "{value} documents of {entity} are cancelled at the authority but posted in a locked period: correct them with an entry in the open period, the tax return is wrong until then",
		},
	}
}
