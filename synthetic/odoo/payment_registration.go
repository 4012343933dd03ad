package odoo

import (
	"context"
	"errors"
	"slices"

	"github.com/closewatch/closewatch/internal/flow"
)

// PaymentRegistrationName is the name of the flow PaymentRegistration.
const PaymentRegistrationName = "payment-registration"

// PaymentRegistration posts an invoice and registers its payment the way a
// user does, with the Pay button's wizard, and verifies that nothing of the
// invoice is left to pay. Then everything is taken back. There is no L1: a
// payment needs a posted invoice.
//
// What a paid invoice looks like depends on the edition. Community always
// books the payment on an outstanding account and calls the invoice paid at
// once; Enterprise calls it in_payment until the bank reports the money, and
// from 18 on books nothing before that when the journal's payment method has no
// outstanding account. Such a payment takes its number from a sequence that all
// companies of the database share, so the flow refuses to make one; should one
// appear nevertheless, it is verified as far as it goes and removed.
type PaymentRegistration struct{ p *Prober }

// NewPaymentRegistration returns the flow on p's tenant.
func NewPaymentRegistration(p *Prober) PaymentRegistration { return PaymentRegistration{p} }

// Name implements flow.Flow.
func (PaymentRegistration) Name() string { return PaymentRegistrationName }

// Process implements flow.Flow.
func (PaymentRegistration) Process() string { return "payment-registration" }

// Levels implements flow.Flow.
func (PaymentRegistration) Levels() []flow.Level { return levels[PaymentRegistrationName] }

// CannotDetect implements flow.Limiter.
func (PaymentRegistration) CannotDetect(flow.Level) []string {
	return []string{
		"payment runs: batches, payment files and their sending to a bank, online payments",
		"the way from in_payment to paid, which Enterprise goes when the bank reports the money; Community calls an invoice paid at once",
		"payments without a journal entry, as Odoo 18 and 19 Enterprise make where no outstanding account is set: the flow refuses to make one",
		"vendor bills; trouble in real companies, journals and customers",
	}
}

// Run implements flow.Flow.
func (f PaymentRegistration) Run(ctx context.Context, level flow.Level, r *flow.Recorder) error {
	return f.p.transact(ctx, f.Name(), level, r, func(ctx context.Context, t *transaction) error {
		if t.bank.ID == 0 {
			return notFound("bank journal", "synthetic.bankJournal")
		}
		if err := r.Write(ctx, "prepare-payment", t.prepareBooking); err != nil {
			return err
		}
		inv, err := t.createInvoice(ctx)
		if err != nil {
			return err
		}
		if err := t.postInvoice(ctx, inv); err != nil {
			return err
		}
		p, err := t.verifyPosted(ctx, inv)
		if err != nil {
			return err
		}
		if err := t.registerPayment(ctx, inv); err != nil {
			return err
		}
		return t.verifyPayment(ctx, inv, p.receivable)
	})
}

// registerPayment opens the wizard on the invoice and confirms it. What the
// wizard proposes, the amount above all, is left as it is: that is what is
// tested. The payment's removal is registered before it is made, and finds it
// by reference, so that it does not matter whether an answer comes.
func (t *transaction) registerPayment(ctx context.Context, inv int64) error {
	on := map[string]any{"context": map[string]any{"active_model": "account.move", "active_ids": []int64{inv}}}
	values := map[string]any{"journal_id": t.bank.ID, "payment_date": t.today(), "communication": t.ref}
	var wizard int64
	if err := t.writeWith(ctx, "open-payment", "account.payment.register", "create", []any{values}, on, &wizard); err != nil {
		return err
	}
	t.r.Defer("remove-payment", t.removePayments)
	return t.writeWith(ctx, "register-payment", "account.payment.register", "action_create_payments", []any{[]int64{wizard}}, on, nil)
}

// prepareBooking makes sure that the payment will have an entry. In 16 and 17
// every payment has one. Later it has one when its method has an outstanding
// account, or when no accounting beyond Invoicing is installed. Whether that is
// so, Odoo tells by the account that it gives a draft, which has no number and
// is deleted at once. That answer is kept until a payment contradicts it.
func (t *transaction) prepareBooking(ctx context.Context) error {
	field, err := t.paymentRef(ctx)
	if err != nil {
		return err
	}
	if field == "ref" {
		t.r.Note("entry=always")
		return nil
	}
	set, err := t.outstandingSet(ctx)
	if err != nil {
		return err
	}
	if set || t.paying.entries {
		t.r.Note("entry=expected")
		return nil
	}
	if t.paying.entries, err = t.draftHasAccount(ctx); err != nil {
		return err
	}
	if !t.paying.entries {
		return blocked("register a payment", errors.New("it would have no journal entry, and take its number from a sequence that all companies share"),
			"set an outstanding account on the incoming payment method of the journal under synthetic.bankJournal")
	}
	t.r.Note("entry=found")
	return nil
}

// outstandingSet reports whether every incoming payment method of the bank
// journal has an outstanding account.
func (t *transaction) outstandingSet(ctx context.Context) (bool, error) {
	var methods []struct {
		Account reference `json:"payment_account_id"`
	}
	domain := []any{[]any{"journal_id", "=", t.bank.ID}, []any{"payment_type", "=", "inbound"}}
	if err := t.call(ctx, "account.payment.method.line", "search_read", []any{domain}, map[string]any{"fields": []string{"payment_account_id"}}, &methods); err != nil {
		return false, err
	}
	for _, m := range methods {
		if m.Account == 0 {
			return false, nil
		}
	}
	return len(methods) > 0, nil
}

// draftHasAccount makes a draft payment, reads its outstanding account and
// deletes it.
func (t *transaction) draftHasAccount(ctx context.Context) (bool, error) {
	values := map[string]any{
		"payment_type": "inbound", "partner_type": "customer", "partner_id": t.partner.ID, "amount": float64(untaxed),
		"journal_id": t.bank.ID, "date": t.today(), "memo": t.ref,
	}
	var id int64
	if err := t.change(ctx, "account.payment", "create", []any{values}, nil, &id); err != nil {
		return false, err
	}
	var drafts []struct {
		Account reference `json:"outstanding_account_id"`
	}
	if err := t.call(ctx, "account.payment", "read", []any{[]int64{id}, []string{"outstanding_account_id"}}, nil, &drafts); err != nil {
		return false, err
	}
	draft, err := one(drafts, "the draft payment")
	if err != nil {
		return false, err
	}
	return draft.Account != 0, t.change(ctx, "account.payment", "unlink", []any{[]int64{id}}, nil, nil)
}

// removePayments takes back the payments of this run.
func (t *transaction) removePayments(ctx context.Context) error {
	found, err := t.payments(ctx, t.books, t.ref, 0)
	if err != nil {
		return err
	}
	t.r.Note("found=%d", len(found))
	for _, p := range found {
		if err := t.removePayment(ctx, p.ID, p.State); err != nil {
			return err
		}
	}
	return nil
}

// verifyPayment looks at the payment, at its entry and at what it did to the
// invoice.
func (t *transaction) verifyPayment(ctx context.Context, inv int64, receivable item) error {
	var made payment
	err := t.r.Step(ctx, "verify-payment", func(ctx context.Context) error {
		found, err := t.payments(ctx, t.books, t.ref, 0)
		if err != nil {
			return err
		}
		if made, err = one(found, "the payment by its reference"); err != nil {
			return err
		}
		return t.verifyMade(ctx, made, receivable)
	})
	if err != nil {
		return err
	}
	return t.r.Step(ctx, "verify-paid", func(ctx context.Context) error {
		return t.verifyPaid(ctx, inv, receivable, made.Entry != 0)
	})
}

func (t *transaction) verifyMade(ctx context.Context, made payment, receivable item) error {
	var v verdict
	v.say("state", made.State)
	v.check("payment",
		flow.Assert(slices.Contains([]string{"posted", "in_process", "paid"}, made.State), "the state of the payment"),
		flow.Assert(made.Amount.equals(receivable.Residual), "the amount of the payment against the invoice's residual"),
		flow.Assert(made.Type == "inbound" && made.PartnerType == "customer", "the direction of the payment"),
		flow.Assert(int64(made.Partner) == t.partner.ID, "the customer of the payment"),
	)
	v.check("place",
		flow.Assert(int64(made.Company) == t.config.Synthetic.Company, "the company of the payment"),
		flow.Assert(int64(made.Journal) == t.bank.ID, "the journal of the payment"),
	)
	v.check("date", flow.Assert(string(made.Date) == t.today(), "the date of the payment"))
	if made.Entry == 0 {
		t.paying.entries = false // ask again before the next one
		v.say("entry", "none")
	} else if err := t.verifyEntry(ctx, &v, made, receivable); err != nil {
		return err
	}
	t.r.Note("%s", v.note())
	return v.err()
}

// verifyEntry checks the double entry that a payment booked: money on one
// account, less to ask for on the receivable.
func (t *transaction) verifyEntry(ctx context.Context, v *verdict, made payment, receivable item) error {
	entry, err := t.readInvoice(ctx, int64(made.Entry))
	if err != nil {
		return err
	}
	items, err := t.readItems(ctx, int64(made.Entry))
	if err != nil {
		return err
	}
	paid := balances{}.with(onAccount(items, receivable.Account)).total()
	v.check("entry",
		flow.Assert(entry.State == "posted", "the state of the payment's entry"),
		flow.Assert(string(entry.Date) == t.today(), "the accounting date of the payment: Odoo moved it, as it does under a lock date"),
		balanced(items),
		flow.Assert((paid.Credit-paid.Debit).equals(made.Amount), "the credit on the receivable account"),
	)
	return nil
}

// verifyPaid checks the invoice and its receivable item once a payment is
// registered. A payment without an entry cannot have settled the receivable.
func (t *transaction) verifyPaid(ctx context.Context, inv int64, before item, booked bool) error {
	paid, err := t.readInvoice(ctx, inv)
	if err != nil {
		return err
	}
	items, err := t.readItems(ctx, inv)
	if err != nil {
		return err
	}
	receivable, err := receivableOf(items)
	if err != nil {
		return err
	}
	var v verdict
	v.say("payment_state", string(paid.PaymentState))
	v.check("paid", paidState(paid))
	if booked {
		v.check("residual", settled(paid, receivable))
	} else {
		v.check("open",
			flow.Assert(receivable.Residual.equals(before.Residual) && !receivable.Reconciled, "the receivable's residual after a payment that booked no entry"),
		)
	}
	t.r.Note("%s", v.note())
	return v.err()
}

// paidState checks that an invoice counts as paid: at once in Community, in
// Enterprise not before the bank says so.
func paidState(inv invoice) error {
	return flow.Assert(inv.PaymentState == "paid" || inv.PaymentState == "in_payment", "the invoice's payment state")
}

// settled checks that nothing of an invoice is left to pay.
func settled(inv invoice, receivable item) error {
	return errors.Join(
		flow.Assert(inv.Residual.equals(0), "the invoice's residual"),
		flow.Assert(receivable.Residual.equals(0), "the receivable's residual"),
		flow.Assert(receivable.Reconciled, "the receivable's reconciled flag"),
		flow.Assert(receivable.FullReconcile != 0, "the receivable's full reconciliation"),
	)
}
