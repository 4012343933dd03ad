package odoo

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var sequenceGaps = prometheus.NewDesc(
	"odoo_sequence_gaps", "Posted entries dated in the last 35 days whose number follows one that no entry has, in journals that number documents. The first number of a series is no gap.", journalLabels, nil,
)

// sequences reports numbers that are missing.
type sequences struct{ db *database }

func (sequences) describe() []*prometheus.Desc { return []*prometheus.Desc{sequenceGaps} }

const gaps = "account_move gaps"

func (sequences) ask(t *tables) ([]pgsession.Query, error) {
	ok, err := t.may("account_move", "journal_id", "state", "date", "sequence_prefix", "sequence_number")
	if !ok {
		return nil, err
	}
	return []pgsession.Query{{Name: gaps, SQL: sequenceGapsSQL(t)}}, nil
}

// sequenceGapsSQL takes the entries that Odoo has marked, from version 18 on, or
// those of the last days, and looks up the number before each that does not follow
// another of them: a mark stays when the missing document comes back. The index on
// numbers answers.
func sequenceGapsSQL(t *tables) string {
	marked, most := "sequence_number > 1", 20000
	if condition := t.partial["account_move.made_sequence_gap"]; condition != "" && t.readable("account_move", "made_sequence_gap") {
		marked, most = condition, 5000
	}
	return fmt.Sprintf(`
select m.journal_id, count(*) as n
from (
    select journal_id, sequence_prefix, sequence_number, lag(sequence_number) over (partition by journal_id, sequence_prefix order by sequence_number) as before
    from (
        select journal_id, sequence_prefix, sequence_number from account_move
        where %s and state = 'posted' and date >= %s - %d limit %d
    ) as recent
) as m
where m.sequence_number > 1 and m.before is distinct from m.sequence_number - 1
  and (select p.id from account_move p where p.journal_id = m.journal_id and p.sequence_prefix = m.sequence_prefix and p.sequence_number = m.sequence_number - 1 limit 1) is null
  and (select p.id from account_move p where p.journal_id = m.journal_id and p.sequence_prefix = m.sequence_prefix and p.sequence_number < m.sequence_number - 1 limit 1) is not null
group by 1`, marked, today, gapDays, most)
}

func (s sequences) publish(ch chan<- prometheus.Metric, rs pgsession.Results, js journals) {
	answer := rs.Named(gaps)
	if answer.Err != nil {
		return
	}
	totals := js.zeros(false)
	for _, row := range answer.Rows {
		if js.numbered(row) {
			totals[js.place(row)] += number(row, "n")
		}
	}
	counts(ch, sequenceGaps, prometheus.GaugeValue, s.db.tenant, totals)
}

func sequenceSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_sequence_gaps", Title: "Document numbers have no gap", Metric: "odoo_sequence_gaps",
			By: []string{"entity", "journal"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 10 * time.Minute, Fresh: freshControls, Optional: true, Role: signal.Context,
			Says: "{value} numbers are missing in journal {journal} of {entity} in the last 35 days: find out who deleted the documents, and write down why",
		},
	}
}
