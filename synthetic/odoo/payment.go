package odoo

import (
	"context"
	"errors"

	"github.com/closewatch/closewatch/internal/fault"
)

// A payment as Odoo reads it back. In 16 and 17 it is its journal entry and
// has that one's state (draft, posted, cancel); from 18 on it has a state of
// its own (draft, in_process, paid, canceled, rejected) and need not have an
// entry.
type payment struct {
	ID          int64     `json:"id"`
	Ref         text      `json:"ref"`
	Memo        text      `json:"memo"`
	State       string    `json:"state"`
	Entry       reference `json:"move_id"`
	Amount      amount    `json:"amount"`
	Type        string    `json:"payment_type"`
	PartnerType string    `json:"partner_type"`
	Partner     reference `json:"partner_id"`
	Journal     reference `json:"journal_id"`
	Company     reference `json:"company_id"`
	Date        text      `json:"date"`
}

// paying is what a Prober has learnt of how a database keeps payments. It
// belongs to who holds writing.
type paying struct {
	ref     string // the field of account.payment that carries the reference
	entries bool   // a payment was found to have an entry though no account is set for it
}

// payments finds payments by reference, newest first, a page from offset on:
// those of one run, or of every run when ref is empty.
func (p *Prober) payments(ctx context.Context, b *books, ref string, offset int) ([]payment, error) {
	field, err := p.paymentRef(ctx)
	if err != nil {
		return nil, err
	}
	fields := []string{field, "state", "move_id", "amount", "payment_type", "partner_type", "partner_id", "journal_id", "company_id", "date"}
	var found []payment
	err = p.call(ctx, "account.payment", "search_read", []any{p.tagged(b, field, ref)}, map[string]any{
		"fields": fields, "order": "id desc", "limit": atOnce, "offset": offset,
	}, &found)
	return found, err
}

// paymentRef asks once which field of a payment carries the reference: memo
// from 18 on, before that the ref of its entry.
func (p *Prober) paymentRef(ctx context.Context) (string, error) {
	if p.paying.ref != "" {
		return p.paying.ref, nil
	}
	wanted := []string{"memo", "ref"}
	var known map[string]any
	if err := p.call(ctx, "account.payment", "fields_get", []any{wanted, []string{"type"}}, nil, &known); err != nil {
		return "", err
	}
	for _, field := range wanted {
		if _, ok := known[field]; ok {
			p.paying.ref = field
			return field, nil
		}
	}
	return "", &fault.Error{Op: "read the fields of a payment", Kind: fault.Schema, Err: errors.New("it has neither memo nor ref"), Hint: "check the Odoo version: 16 to 19 are known"}
}

// removePayment takes back a payment, its matching and its entry, whatever
// state it is in.
func (p *Prober) removePayment(ctx context.Context, id int64, state string) error {
	on := []any{[]int64{id}}
	if state != "draft" {
		if err := p.call(ctx, "account.payment", "action_draft", on, nil, nil); err != nil {
			return err
		}
	}
	return p.call(ctx, "account.payment", "unlink", on, nil, nil)
}
