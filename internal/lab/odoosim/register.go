package odoosim

import (
	"errors"
	"math"

	"github.com/jackc/pgx/v5"
)

// createRegister opens the "Pay" wizard on the documents of the context.
func createRegister(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opCreate); err != nil {
		return nil, err
	}
	vals, err := c.values(0, "vals_list")
	if err != nil {
		return nil, err
	}
	lines, err := e.payableLines(c.context())
	if err != nil {
		return nil, err
	}
	var total float64
	var company, partner, account int64
	var memo string
	err = e.row(`SELECT sum(l.amount_residual)::float8, min(l.company_id), coalesce(min(l.partner_id), 0), min(l.account_id), string_agg(DISTINCT m.name, ', ' ORDER BY m.name)
		FROM account_move_line l JOIN account_move m ON m.id = l.move_id WHERE l.id = ANY($1)`, lines).Scan(&total, &company, &partner, &account, &memo)
	if err != nil {
		return nil, err
	}
	p := payment{journal: toInt(vals["journal_id"]), partner: partner, kind: "inbound", partnerType: "customer", destination: account}
	if total < 0 {
		p.kind = "outbound"
	}
	var accountType string
	if err := e.row(`SELECT account_type FROM account_account WHERE id = $1`, account).Scan(&accountType); err != nil {
		return nil, err
	}
	if accountType == "liability_payable" {
		p.partnerType = "supplier"
	}
	if err := e.completePayment(&p); err != nil {
		return nil, err
	}
	source := math.Abs(total)
	amount := source
	if v, ok := vals["amount"]; ok {
		amount = toFloat(v)
	}
	if v := toString(vals["communication"]); v != "" {
		memo = v
	}
	day := toString(vals["payment_date"])
	setDefault(&day, e.today())
	var id int64
	err = e.row(`INSERT INTO account_payment_register (journal_id, company_id, partner_id, currency_id, payment_method_line_id, payment_type, partner_type,
			communication, payment_date, amount, source_amount, can_edit_wizard, create_uid, write_uid, create_date, write_date)
		SELECT $1, c.id, $3, c.currency_id, $4, $5, $6, $7, $8::text::date, $9, $10, true, $11, $11, $12, $12 FROM res_company c WHERE c.id = $2 RETURNING id`,
		p.journal, company, nullableID(partner), p.method, p.kind, p.partnerType, memo, day, amount, source, e.user.id, e.now).Scan(&id)
	if err != nil {
		return nil, err
	}
	return id, e.exec(`INSERT INTO account_payment_register_move_line_rel SELECT $1, unnest($2::int[])`, id, lines)
}

// payableLines are the open receivable or payable items of the active records.
func (e *env) payableLines(ctx map[string]any) ([]int64, error) {
	ids := toIDs(ctx["active_ids"])
	column := "l.move_id"
	if toString(ctx["active_model"]) == "account.move.line" {
		column = "l.id"
	} else if _, err := e.moves(ids, opRead); err != nil {
		return nil, err
	}
	var drafts int64
	if err := e.row(`SELECT count(*) FROM account_move_line l WHERE `+column+` = ANY($1) AND l.parent_state <> 'posted'`, ids).Scan(&drafts); err != nil {
		return nil, err
	}
	if drafts > 0 {
		return nil, userError("You can only register payments for posted journal entries.")
	}
	lines, err := e.ids(`SELECT l.id FROM account_move_line l JOIN account_account a ON a.id = l.account_id
		WHERE `+column+` = ANY($1) AND a.account_type IN ('asset_receivable', 'liability_payable') AND l.amount_residual <> 0 ORDER BY l.id`, ids)
	if err == nil && len(lines) == 0 {
		return nil, userError("You can't register a payment because there is nothing left to pay on the selected journal items.")
	}
	return lines, err
}

func writeRegister(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	vals, err := c.values(1, "vals")
	if err != nil {
		return nil, err
	}
	for _, v := range sorted(vals) {
		f, ok := e.model(c).field(v.key)
		if !ok || f.column == "" {
			return nil, valueError("Invalid field '%s' on model 'account.payment.register'", v.key)
		}
		for _, id := range ids {
			if err := e.setColumn("account_payment_register", id, f, v.value); err != nil {
				return nil, err
			}
		}
	}
	return true, nil
}

// createPayments makes, posts and matches the wizard's payment.
func createPayments(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil || len(ids) != 1 {
		return nil, errors.Join(err, raise("builtins.ValueError", "Expected singleton: account.payment.register%s", pyRepr(c.arg(0, "ids"))))
	}
	if err := e.visible(e.model(c), ids, "read"); err != nil {
		return nil, err
	}
	p := payment{}
	err = e.row(`SELECT journal_id, coalesce(partner_id, 0), company_id, payment_method_line_id, payment_type, partner_type, coalesce(communication, ''), payment_date::text, amount::float8
		FROM account_payment_register WHERE id = $1`, ids[0]).
		Scan(&p.journal, &p.partner, &p.company, &p.method, &p.kind, &p.partnerType, &p.memo, &p.date, &p.amount)
	if err != nil {
		return nil, err
	}
	lines, err := e.ids(`SELECT line_id FROM account_payment_register_move_line_rel WHERE wizard_id = $1 ORDER BY line_id`, ids[0])
	if err != nil {
		return nil, err
	}
	paid, err := e.pay(p, lines)
	if err != nil {
		return nil, err
	}
	if toBool(c.context()["dont_redirect_to_payments"]) {
		return true, nil
	}
	return object{
		{"name", "Payments"},
		{"type", "ir.actions.act_window"},
		{"res_model", "account.payment"},
		{"context", object{{"create", false}}},
		{"view_mode", "form"},
		{"res_id", paid},
	}, nil
}

func (e *env) pay(p payment, lines []int64) (int64, error) {
	if len(lines) == 0 {
		return 0, userError("You can't register a payment because there is nothing left to pay on the selected journal items.")
	}
	if err := e.row(`SELECT account_id FROM account_move_line WHERE id = $1`, lines[0]).Scan(&p.destination); err != nil {
		return 0, err
	}
	if err := e.completePayment(&p); err != nil {
		return 0, err
	}
	id, err := e.insertPayment(p)
	if err != nil {
		return 0, err
	}
	if err := e.postPayment(id); err != nil {
		return 0, err
	}
	if err := e.exec(`INSERT INTO account_move__account_payment SELECT DISTINCT move_id, $2::int FROM account_move_line WHERE id = ANY($1)`, lines, id); err != nil {
		return 0, err
	}
	if m, err := e.paymentMove(id); m == nil {
		return id, errors.Join(err, e.refreshRegistered(id))
	}
	var counterpart int64
	err = e.row(`SELECT l.id FROM account_move_line l JOIN account_payment p ON p.move_id = l.move_id AND p.destination_account_id = l.account_id WHERE p.id = $1`, id).Scan(&counterpart)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, validationError("Missing required account on accountable line.")
	}
	if err != nil {
		return 0, err
	}
	return id, e.reconcile(append([]int64{counterpart}, lines...))
}
