package odoo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
)

// Tag begins the reference of everything that flows write. The run's id
// follows.
const Tag = "closewatch-probe/"

// settleAfter is how long a lost answer keeps its intent open: longer than
// Odoo lets a request run (limit_time_real, 120 s by default), after which
// nothing can appear any more.
const settleAfter = 10 * time.Minute

// atOnce bounds how many entries are looked for at a time; a sweep goes on
// until none is left.
const atOnce = 40

// A leftover is a record that carries our tag.
type leftover struct {
	key      string // of which record it is: the same when it is found again
	ref      string
	takeBack func(context.Context) error // whatever state a broken run left it in
}

// A finder finds records of one kind by reference, a page from offset on: those
// of one run, or of every run when ref is empty.
type finder func(ctx context.Context, b *books, ref string, offset int) ([]leftover, error)

// finders lists the kinds of records that flows leave, in the order in which
// they are taken back.
func (p *Prober) finders() []finder { return []finder{p.paid, p.entries} }

// A Report says what a Sweep found.
type Report struct {
	Found   int      // records of earlier runs: entries and payments
	Removed int      // of these
	Left    []string // references of those that could not be removed
	Open    int      // runs which may have asked for something that Odoo has not carried out yet
}

// swept is what a sweep came to.
type swept struct {
	looked bool // a sweep could tell what there is
	left   int
	clean  time.Time // when a sweep last left nothing
}

// Sweep removes what earlier runs left over, newest first. It is the first
// thing to do at start, under the lease of the tenant, and again while anything
// is left or may appear yet. Nothing but entries and payments with our tag, in the
// synthetic company, is touched.
func (p *Prober) Sweep(ctx context.Context) (Report, error) {
	if s := p.config.Synthetic; s.Company == 0 || s.SaleJournal == "" || p.intents == nil {
		return Report{}, nil // no flow can write
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
	removed, left, err := p.sweep(ctx, b, "")
	report := Report{Found: removed + len(left), Removed: removed}
	for _, e := range left {
		report.Left = append(report.Left, e.ref)
	}
	p.remember(len(left), err)
	if err != nil {
		return report, err
	}
	report.Open, err = p.settle()
	return report, err
}

// remember keeps what a sweep came to. One that could not look to the end
// tells nothing.
func (p *Prober) remember(left int, err error) {
	p.sweptMu.Lock()
	defer p.sweptMu.Unlock()
	switch {
	case left > 0:
		p.swept.looked, p.swept.left = true, left
	case err == nil:
		p.swept = swept{looked: true, clean: p.now()}
	}
}

// An entry is a journal entry, be it a statement line's.
type entry struct {
	ID            int64     `json:"id"`
	Ref           text      `json:"ref"`
	Name          text      `json:"name"`
	Journal       reference `json:"journal_id"`
	State         string    `json:"state"`
	StatementLine reference `json:"statement_line_id"`
}

// tagged is the domain of what one run wrote, or every run when ref is empty,
// by the field that carries the reference. Of all runs, what is in our journals
// is found at once, and what is in others when no run can be at it any more:
// journals that were ours once, or those of a replica that is gone.
func (p *Prober) tagged(b *books, field, ref string) []any {
	domain := []any{[]any{"company_id", "=", p.config.Synthetic.Company}}
	if ref != "" {
		return append(domain, []any{field, "=", ref})
	}
	journals := []int64{b.sale.ID}
	if b.bank.ID != 0 {
		journals = append(journals, b.bank.ID)
	}
	long := p.now().UTC().Add(-settleAfter).Format(time.DateTime)
	return append(domain, []any{field, "=like", Tag + "%"}, "|", []any{"journal_id", "in", journals}, []any{"create_date", "<", long})
}

// paid is the finder of payments, which are taken back as one with their
// entries, and before the invoices they pay: since 18, a payment stays when its
// entry is deleted. Payments are looked for without a bank journal too: there
// may have been one before.
func (p *Prober) paid(ctx context.Context, b *books, ref string, offset int) ([]leftover, error) {
	found, err := p.payments(ctx, b, ref, offset)
	all := make([]leftover, len(found))
	for i, pay := range found {
		all[i] = leftover{
			key: fmt.Sprintf("account.payment,%d", pay.ID), ref: string(pay.Memo + pay.Ref),
			takeBack: func(ctx context.Context) error { return p.removePayment(ctx, pay.ID, pay.State) },
		}
	}
	return all, err
}

// entries is the finder of journal entries and statement lines. The last numbers
// come first, for a number is given back only while no later one is there; and
// statement lines before what they are reconciled with.
func (p *Prober) entries(ctx context.Context, b *books, ref string, offset int) ([]leftover, error) {
	domain := p.tagged(b, "ref", ref)
	var found []entry
	err := p.call(ctx, "account.move", "search_read", []any{domain}, map[string]any{
		"fields": []string{"ref", "name", "journal_id", "state", "statement_line_id"}, "order": "sequence_number desc, id desc", "limit": atOnce, "offset": offset,
	}, &found)
	slices.SortStableFunc(found, func(a, b entry) int {
		return cmp.Compare(min(b.StatementLine, 1), min(a.StatementLine, 1))
	})
	all := make([]leftover, len(found))
	for i, e := range found {
		all[i] = leftover{key: fmt.Sprintf("account.move,%d", e.ID), ref: string(e.Ref), takeBack: func(ctx context.Context) error { return p.takeBack(ctx, e) }}
	}
	return all, err
}

// anyLeft reports whether there is anything to sweep, of any run.
func (p *Prober) anyLeft(ctx context.Context, b *books) (bool, error) {
	for _, find := range p.finders() {
		if page, err := find(ctx, b, "", 0); err != nil || len(page) > 0 {
			return true, err
		}
	}
	return false, nil
}

// sweep removes what there is, of one run or of all, and returns what is still
// there in the end, as far as that can be told. What cannot be removed keeps
// nothing else, and is tried again once something else has gone.
func (p *Prober) sweep(ctx context.Context, b *books, ref string) (removed int, left []leftover, err error) {
	gone := map[string]bool{}
	var failed error
	for again := true; again; {
		left = nil
		for _, find := range p.finders() {
			stuck, cause, err := p.sweepKind(ctx, b, ref, find, gone)
			left = append(left, stuck...)
			if err != nil {
				return len(gone), left, err
			}
			if cause != nil {
				failed = cause
			}
		}
		again, removed = len(left) > 0 && len(gone) > removed, len(gone)
	}
	if len(left) == 0 {
		return removed, nil, nil
	}
	return removed, left, fault.Wrap(fmt.Sprintf("remove %d records", len(left)), failed, byHand)
}

// sweepKind removes the records of one kind, page by page, and returns those
// that are stuck, with the last cause. What has gone is added to gone.
func (p *Prober) sweepKind(ctx context.Context, b *books, ref string, find finder, gone map[string]bool) (stuck []leftover, cause, err error) {
	for {
		page, err := find(ctx, b, ref, len(stuck))
		if err != nil || len(page) == 0 {
			return stuck, cause, err
		}
		progress := false
		for _, l := range page {
			if err := remove(ctx, l, gone); err != nil {
				cause, stuck = err, append(stuck, l)
				continue
			}
			gone[l.key], progress = true, true
		}
		if progress {
			stuck = nil // their turn again
		}
	}
}

// byHand is what helps when something cannot be removed.
const byHand = "remove the payments and entries tagged " + Tag + " in the synthetic company by hand"

// remove takes back one record. That somebody else has done so is as well.
func remove(ctx context.Context, l leftover, gone map[string]bool) error {
	if gone[l.key] {
		delete(gone, l.key)
		return errors.New("Odoo said that it was deleted, and it is still there") //nolint:staticcheck // a product's name
	}
	err := l.takeBack(ctx)
	if odoorpc.ClassOf(err) == "odoo.exceptions.MissingError" {
		return nil
	}
	return err
}

// takeBack takes back one entry.
func (p *Prober) takeBack(ctx context.Context, e entry) error {
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
	err := p.call(ctx, "account.move", "unlink", id, nil, nil)
	if fault.KindOf(err) != fault.Rejected {
		return err
	}
	if shared, cause := p.numberShared(ctx, e); cause != nil || !shared {
		return errors.Join(err, cause)
	}
	if err := p.call(ctx, "account.move", "write", []any{[]int64{e.ID}, map[string]any{"name": "/"}}, nil, nil); err != nil {
		return err
	}
	return p.call(ctx, "account.move", "unlink", id, nil, nil)
}

// numberShared reports whether another entry has an entry's number. Odoo shows
// the first number of a year on a draft already: two that are made at once have
// the same, and it deletes neither while the other is there. Such a number can
// be taken off one of them without a gap.
func (p *Prober) numberShared(ctx context.Context, e entry) (bool, error) {
	if e.Name == "" || e.Name == "/" {
		return false, nil
	}
	var others int
	domain := []any{
		[]any{"company_id", "=", p.config.Synthetic.Company},
		[]any{"journal_id", "=", int64(e.Journal)},
		[]any{"name", "=", string(e.Name)},
		[]any{"id", "!=", e.ID},
	}
	err := p.call(ctx, "account.move", "search_count", []any{domain}, nil, &others)
	return others > 0, err
}

// settle closes intents whose run can have left nothing: a search found
// nothing, and too much time has passed for anything to appear. It returns how many
// stay open.
func (p *Prober) settle() (open int, err error) {
	pending, err := p.intents.Pending()
	if err != nil {
		return 0, blocked("read the intent log", err, "")
	}
	for _, i := range pending {
		switch {
		case i.Tenant != p.tenant:
		case p.now().Sub(i.At) <= settleAfter:
			open++
		default:
			if err := p.intents.Done(i, p.now()); err != nil {
				return open, blocked("write the intent log", err, "")
			}
		}
	}
	return open, nil
}
