package odoo

import (
	"context"
	"maps"
	"math"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// Balances are the posted items of a company, summed by account or by journal.
type balances map[int64]sum

// A sum is one row of a trial balance.
type sum struct {
	Items         int64
	Debit, Credit amount
}

func (s sum) plus(o sum) sum { return sum{s.Items + o.Items, s.Debit + o.Debit, s.Credit + o.Credit} }

// equals compares to the thousandth and the rounding of a float.
func (s sum) equals(o sum) bool {
	return s.Items == o.Items && same(s.Debit, o.Debit) && same(s.Credit, o.Credit)
}

func same(a, b amount) bool {
	return math.Abs(float64(a-b)) <= 0.0005+1e-12*math.Abs(float64(a))
}

// total is the sum of all rows.
func (b balances) total() sum {
	var t sum
	for _, s := range b {
		t = t.plus(s)
	}
	return t
}

func (b balances) equal(o balances) bool { return maps.EqualFunc(b, o, sum.equals) }

// with is b after more items were posted.
func (b balances) with(items []item) balances {
	out := balances{}
	maps.Copy(out, b)
	for _, i := range items {
		account := int64(i.Account)
		out[account] = out[account].plus(sum{1, i.Debit, i.Credit})
	}
	return out
}

// trialBalance sums posted items by a field, as Odoo's report does by account:
// by read_group up to 18, by its successor where that is gone. More terms
// narrow what is summed.
func (p *Prober) trialBalance(ctx context.Context, by string, terms ...any) (balances, error) {
	domain := append([]any{[]any{"company_id", "=", p.config.Synthetic.Company}, []any{"parent_state", "=", "posted"}}, terms...)
	var grouped []balanceRow
	err := p.call(ctx, "account.move.line", "read_group",
		[]any{domain, []string{"debit:sum", "credit:sum"}, []string{by}}, map[string]any{"lazy": false}, &grouped)
	if fault.KindOf(err) == fault.Schema {
		err = p.call(ctx, "account.move.line", "formatted_read_group",
			[]any{domain}, map[string]any{"groupby": []string{by}, "aggregates": []string{"__count", "debit:sum", "credit:sum"}}, &grouped)
	}
	if err != nil {
		return nil, err
	}
	rows := balances{}
	for _, g := range grouped {
		rows[g.key(by)] = g.sum()
	}
	return rows, nil
}

// A balanceRow is one group as Odoo writes it. The names of sums differ
// between read_group and its successor.
type balanceRow struct {
	Count     int64     `json:"__count"`
	Account   reference `json:"account_id"`
	Journal   reference `json:"journal_id"`
	Debit     amount    `json:"debit"`
	Credit    amount    `json:"credit"`
	DebitSum  amount    `json:"debit:sum"`
	CreditSum amount    `json:"credit:sum"`
}

func (r balanceRow) key(by string) int64 {
	if by == "journal_id" {
		return int64(r.Journal)
	}
	return int64(r.Account)
}

func (r balanceRow) sum() sum { return sum{r.Count, r.Debit + r.DebitSum, r.Credit + r.CreditSum} }

// readBalances remembers the trial balance of the prober's own journals before
// a run writes.
func (t *transaction) readBalances(ctx context.Context) (err error) {
	t.before, err = t.trialBalance(ctx, "account_id", t.ownJournals())
	t.r.Note("accounts=%d", len(t.before))
	return err
}

// verifyMoved checks that what was posted, and nothing else, has come into the
// trial balance of the prober's own journals since the run began.
func (t *transaction) verifyMoved(ctx context.Context, posted []item) error {
	after, err := t.trialBalance(ctx, "account_id", t.ownJournals())
	if err != nil {
		return err
	}
	t.r.Note("accounts=%d items=%d", len(after), len(posted))
	if len(posted) == 0 {
		return flow.Assert(after.equal(t.before), "the trial balance of the prober's journals after taking everything back")
	}
	return flow.Assert(after.equal(t.before.with(posted)), "the trial balance of the prober's journals after posting")
}

// ownJournals is the term for journals that nobody else writes to.
func (b *books) ownJournals() []any {
	own := []int64{b.sale.ID}
	if b.bank.ID != 0 {
		own = append(own, b.bank.ID)
	}
	return []any{"journal_id", "in", own}
}
