package odoosim

import (
	"errors"

	"github.com/jackc/pgx/v5"
)

// A payment is a row of account_payment being made.
type payment struct {
	journal, partner, company, method int64
	kind, partnerType, memo, date     string // kind: inbound, outbound
	amount                            float64
	outstanding, destination          int64
}

func paymentMethods() map[string]method {
	return map[string]method{
		"create":        createPayment,
		"action_post":   onPayments((*env).postPayment),
		"action_draft":  onPayments((*env).draftPayment),
		"action_cancel": onPayments((*env).cancelPayment),
		"unlink":        unlinkPayments,
	}
}

func createPayment(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opCreate); err != nil {
		return nil, err
	}
	vals, err := c.values(0, "vals_list")
	if err != nil {
		return nil, err
	}
	p := payment{
		journal: toInt(vals["journal_id"]), partner: toInt(vals["partner_id"]), amount: toFloat(vals["amount"]),
		kind: toString(vals["payment_type"]), partnerType: toString(vals["partner_type"]), memo: toString(vals[paymentRef(e.s.opts.Version)]), date: toString(vals["date"]),
	}
	setDefault(&p.kind, "inbound")
	setDefault(&p.partnerType, "customer")
	setDefault(&p.date, e.today())
	if err := e.completePayment(&p); err != nil {
		return nil, err
	}
	return e.insertPayment(p)
}

// completePayment finds the journal, the method and the accounts a payment uses.
func (e *env) completePayment(p *payment) error {
	if p.journal == 0 {
		err := e.row(`SELECT id FROM account_journal WHERE type IN ('bank', 'cash') AND company_id = $1 AND active ORDER BY sequence, type, code LIMIT 1`, e.company()).Scan(&p.journal)
		if err != nil {
			return err
		}
	}
	if err := e.visible(e.s.models["account.journal"], []int64{p.journal}, "read"); err != nil {
		return err
	}
	err := e.row(`SELECT j.company_id, l.id, coalesce(l.payment_account_id, 0) FROM account_journal j
		JOIN account_payment_method_line l ON l.journal_id = j.id AND l.payment_type = $2 WHERE j.id = $1 ORDER BY l.sequence, l.id LIMIT 1`, p.journal, p.kind).
		Scan(&p.company, &p.method, &p.outstanding)
	if errors.Is(err, pgx.ErrNoRows) {
		return userError("Please define a payment method line on your payment.")
	}
	if err != nil || p.destination != 0 {
		return err
	}
	kind := map[bool]string{true: "asset_receivable", false: "liability_payable"}[p.partnerType == "customer"]
	p.destination, err = e.counterpart(p.company, kind)
	return err
}

// defaultOutstanding is the account that a payment uses whose method has none:
// from 18 on there is none with Enterprise, and then no entry is booked.
func (e *env) defaultOutstanding(p *payment) error {
	if p.outstanding != 0 || e.s.opts.Enterprise && e.s.opts.Version >= 18 {
		return nil
	}
	name := map[bool]string{true: "Outstanding Receipts", false: "Outstanding Payments"}[p.kind == "inbound"]
	err := e.row(`SELECT a.id FROM account_account a JOIN account_account_res_company_rel c ON c.account_account_id = a.id
		WHERE a.name->>'en_US' = $1 AND c.res_company_id = $2`, name, p.company).Scan(&p.outstanding)
	if errors.Is(err, pgx.ErrNoRows) {
		return userError("No outstanding account could be found to make the payment")
	}
	return err
}

// paymentRef names the field of a payment that carries its reference.
func paymentRef(version int) string {
	if version >= 18 {
		return "memo"
	}
	return "ref"
}

// paymentFields are those that differ between versions: before 18 a payment is
// its entry, and has that one's state and reference.
func paymentFields(version int) []field {
	if version >= 18 {
		return []field{char("state"), char("memo")}
	}
	return []field{
		computed("state", kindChar, "coalesce((SELECT m.state FROM account_move m WHERE m.id = {t}.move_id), 'draft')"),
		computed("ref", kindChar, "{t}.memo"),
	}
}

// insertPayment makes a draft payment. Before 18 it has its entry at once;
// later it gets one when it is posted.
func (e *env) insertPayment(p payment) (int64, error) {
	if err := e.defaultOutstanding(&p); err != nil {
		return 0, err
	}
	var id int64
	err := e.row(`INSERT INTO account_payment (journal_id, company_id, payment_method_line_id, currency_id, partner_id, outstanding_account_id, destination_account_id,
			state, payment_type, partner_type, memo, date, amount, amount_company_currency_signed, is_reconciled, is_matched, is_sent, create_uid, write_uid, create_date, write_date)
		SELECT j.id, j.company_id, $2, coalesce(j.currency_id, c.currency_id), $3, $4, $5,
			'draft', $6::varchar, $7, $8, $9::text::date, $10::numeric, CASE WHEN $6::varchar = 'inbound' THEN $10::numeric ELSE -$10::numeric END, false, false, false, $11, $11, $12, $12
		FROM account_journal j JOIN res_company c ON c.id = j.company_id WHERE j.id = $1 RETURNING id`,
		p.journal, p.method, nullableID(p.partner), nullableID(p.outstanding), p.destination,
		p.kind, p.partnerType, nullable(p.memo), p.date, p.amount, e.user.id, e.now).Scan(&id)
	if err != nil || e.s.opts.Version >= 18 {
		return id, err
	}
	return id, e.bookPayment(id)
}

// bookPayment makes the entry of a payment: money on its way on the
// outstanding account, against the partner's account. Without an outstanding
// account there is none.
func (e *env) bookPayment(id int64) error {
	var p payment
	err := e.row(`SELECT journal_id, coalesce(partner_id, 0), payment_type, coalesce(memo, ''), date::text, amount::float8, coalesce(outstanding_account_id, 0), destination_account_id
		FROM account_payment WHERE id = $1`, id).Scan(&p.journal, &p.partner, &p.kind, &p.memo, &p.date, &p.amount, &p.outstanding, &p.destination)
	if err != nil || p.outstanding == 0 {
		return err
	}
	moveID, err := e.createMove(map[string]any{
		"move_type": "entry", "journal_id": p.journal, "date": p.date, "partner_id": p.partner, "ref": p.memo, "origin_payment_id": id,
	})
	if err != nil {
		return err
	}
	m, err := e.move(moveID)
	if err != nil {
		return err
	}
	amount := p.amount
	if p.kind == "outbound" {
		amount = -amount
	}
	name := "Manual Payment: " + p.memo
	for _, it := range []item{{account: p.outstanding, balance: amount}, {account: p.destination, balance: -amount, maturity: p.date}} {
		it.display, it.name = "product", name
		if _, err := e.insertItem(m, it); err != nil {
			return err
		}
	}
	return e.exec(`UPDATE account_payment SET move_id = $2, name = nullif($3, '/') WHERE id = $1`, id, moveID, m.name)
}

func onPayments(fn func(*env, int64) error) method {
	return func(e *env, c *call) (any, error) {
		ids, err := e.paymentIDs(c, opWrite)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if err := fn(e, id); err != nil {
				return nil, err
			}
		}
		return noResult{}, nil
	}
}

func (e *env) paymentIDs(c *call, op operation) ([]int64, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if err := e.may(e.model(c), op); err != nil {
		return nil, err
	}
	return ids, e.visible(e.model(c), ids, verbOf(op))
}

// paymentMove is the entry of a payment, nil when it has none.
func (e *env) paymentMove(id int64) (*move, error) {
	ids, err := e.ids(`SELECT move_id FROM account_payment WHERE id = $1 AND move_id IS NOT NULL`, id)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return e.move(ids[0])
}

func (e *env) setPaymentState(id int64, state string) error {
	return e.exec(`UPDATE account_payment SET state = $2, write_uid = $3, write_date = $4 WHERE id = $1`, id, state, e.user.id, e.now)
}

// postPayment books the payment, or where there is nothing to book gives it a
// number of the sequence that payments of all companies share.
func (e *env) postPayment(id int64) error {
	m, err := e.paymentMove(id)
	if err == nil && m == nil {
		if err = e.bookPayment(id); err == nil {
			m, err = e.paymentMove(id)
		}
	}
	if err != nil {
		return err
	}
	if m == nil {
		return e.exec(`UPDATE account_payment SET state = 'in_process', name = coalesce(name, 'PAY' || lpad(id::text, 5, '0')), write_uid = $2, write_date = $3 WHERE id = $1`, id, e.user.id, e.now)
	}
	if err := e.checkPostable(m); err != nil {
		return err
	}
	if err := e.setPaymentState(id, "in_process"); err != nil {
		return err
	}
	if err := e.post(m); err != nil {
		return err
	}
	return e.exec(`UPDATE account_payment SET name = $2 WHERE id = $1`, id, m.name)
}

func (e *env) draftPayment(id int64) error {
	m, err := e.paymentMove(id)
	if err != nil {
		return err
	}
	if m != nil && m.state != "draft" {
		if err := e.toDraft([]*move{m}); err != nil {
			return err
		}
	}
	if err := e.setPaymentState(id, "draft"); err != nil {
		return err
	}
	return e.refreshRegistered(id)
}

// refreshRegistered derives the invoices on which a payment was registered.
func (e *env) refreshRegistered(id int64) error {
	invoices, err := e.ids(`SELECT invoice_id FROM account_move__account_payment WHERE payment_id = $1`, id)
	if err != nil {
		return err
	}
	return e.refreshDocuments(invoices)
}

// cancelPayment cancels; from 18 on an entry that is still a draft is deleted
// with it.
func (e *env) cancelPayment(id int64) error {
	m, err := e.paymentMove(id)
	if err != nil {
		return err
	}
	if err := e.setPaymentState(id, "canceled"); err != nil || m == nil {
		return err
	}
	if m.state == "draft" && e.s.opts.Version >= 18 {
		return e.unlink([]*move{m}, e.user.in(groupManager))
	}
	return e.cancel([]*move{m})
}

func unlinkPayments(e *env, c *call) (any, error) {
	ids, err := e.paymentIDs(c, opUnlink)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		m, err := e.paymentMove(id)
		if err != nil {
			return nil, err
		}
		if m != nil {
			if m.state != "draft" {
				if err := e.toDraft([]*move{m}); err != nil {
					return nil, err
				}
			}
			if err := e.unlink([]*move{m}, e.user.in(groupManager)); err != nil {
				return nil, err
			}
		}
		registered, err := e.ids(`SELECT invoice_id FROM account_move__account_payment WHERE payment_id = $1`, id)
		if err != nil {
			return nil, err
		}
		if err := e.exec(`DELETE FROM account_payment WHERE id = $1`, id); err != nil {
			return nil, err
		}
		if err := e.refreshDocuments(registered); err != nil {
			return nil, err
		}
	}
	return true, nil
}
