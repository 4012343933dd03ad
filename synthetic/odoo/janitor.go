package odoo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Tag begins the reference of everything that flows write. The run's id
// follows.
const Tag = "closewatch-probe/"

// settleAfter is how long a lost answer keeps its intent open: longer than
// Odoo lets a request run (limit_time_real, 120 s by default), after which
// nothing can appear any more.
const settleAfter = 10 * time.Minute

// maxSwept bounds how many entries one sweep removes.
const maxSwept = 40

// An entry is a journal entry that carries our tag.
type entry struct {
	ID            int64     `json:"id"`
	Ref           text      `json:"ref"`
	State         string    `json:"state"`
	StatementLine reference `json:"statement_line_id"`
	Payment       int64     `json:"-"` // whose entry it is; a payment without one has no ID
}

// A Report says what a Sweep found.
type Report struct {
	Found   int      // entries of earlier runs
	Removed int      // of these
	Left    []string // references of those that could not be removed
}

// Sweep removes what earlier runs left over, newest first. It is the first
// thing to do at start, under the lease of the tenant. Nothing but entries with
// our tag, in the synthetic company's own journals, is touched.
func (p *Prober) Sweep(ctx context.Context) (Report, error) {
	if p.config.Synthetic.Company == 0 || p.intents == nil {
		return Report{}, nil
	}
	if !p.writing.TryLock() {
		return Report{}, blocked("sweep", errors.New("a flow is writing to this tenant"), "")
	}
	defer p.writing.Unlock()
	b, err := p.readBooks(ctx)
	if err != nil {
		return Report{}, err
	}
	if err := p.companyGuard(b); err != nil {
		return Report{}, blocked("guard company", err, "")
	}
	found, err := p.leftovers(ctx, b, "")
	if err != nil {
		return Report{}, err
	}
	report := Report{Found: len(found)}
	left, err := p.sweep(ctx, b, found, "")
	report.Removed = report.Found - len(left)
	for _, e := range left {
		report.Left = append(report.Left, string(e.Ref))
	}
	if err != nil {
		return report, err
	}
	return report, p.settle()
}

// leftovers finds entries and payments by reference, newest first: those of
// one run, or of every run when ref is empty.
func (p *Prober) leftovers(ctx context.Context, b *books, ref string) ([]entry, error) {
	journals := []int64{b.sale.ID}
	if b.bank.ID != 0 {
		journals = append(journals, b.bank.ID)
	}
	domain := []any{[]any{"company_id", "=", p.config.Synthetic.Company}, []any{"journal_id", "in", journals}, tagged("ref", ref)}
	var found []entry
	err := p.call(ctx, "account.move", "search_read", []any{domain}, map[string]any{
		"fields": []string{"ref", "state", "statement_line_id"}, "order": "id desc", "limit": maxSwept,
	}, &found)
	if err != nil {
		return nil, err
	}
	payments, err := p.payments(ctx, b, ref)
	return withPayments(found, payments), err
}

// tagged is the term that finds what one run wrote, or every run when ref is
// empty, by the field that carries the reference.
func tagged(field, ref string) []any {
	if ref == "" {
		return []any{field, "=like", Tag + "%"}
	}
	return []any{field, "=", ref}
}

// sweep removes entries in the given order and returns those which are still
// there afterwards. One that cannot be removed does not keep the others.
func (p *Prober) sweep(ctx context.Context, b *books, entries []entry, ref string) ([]entry, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	var failed error
	for _, e := range entries {
		if err := p.remove(ctx, e); err != nil && failed == nil {
			failed = err
		}
	}
	left, err := p.leftovers(ctx, b, ref)
	if err != nil {
		return entries, err
	}
	if len(left) == 0 {
		return nil, nil // gone, whoever did it
	}
	if failed == nil {
		failed = fmt.Errorf("%d entries are still there", len(left))
	}
	return left, fault.Wrap(fmt.Sprintf("remove %d of %d entries", len(left), len(entries)), failed, "")
}

// remove takes back one entry, whatever state a broken run left it in.
func (p *Prober) remove(ctx context.Context, e entry) error {
	if e.Payment != 0 {
		return p.removePayment(ctx, e.Payment, e.State)
	}
	if e.StatementLine != 0 {
		line := []any{[]int64{int64(e.StatementLine)}}
		if err := p.call(ctx, "account.bank.statement.line", "action_undo_reconciliation", line, nil, nil); err != nil {
			return err
		}
		return p.call(ctx, "account.bank.statement.line", "unlink", line, nil, nil)
	}
	id := []any{[]int64{e.ID}}
	if e.State != "draft" {
		if err := p.call(ctx, "account.move", "button_draft", id, nil, nil); err != nil {
			return err
		}
	}
	return p.call(ctx, "account.move", "unlink", id, nil, nil)
}

// settle closes intents whose run can have left nothing: a search found no
// entry, and too much time has passed for one to appear.
func (p *Prober) settle() error {
	pending, err := p.intents.Pending()
	if err != nil {
		return blocked("read the intent log", err, "")
	}
	for _, i := range pending {
		if i.Tenant == p.tenant && p.now().Sub(i.At) > settleAfter {
			if err := p.intents.Done(i, p.now()); err != nil {
				return blocked("write the intent log", err, "")
			}
		}
	}
	return nil
}
