package odoosim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// An item is a journal item about to be inserted.
type item struct {
	account, partner, tax int64
	display, name         string
	balance               float64
	quantity, price       float64
	subtotal, total       float64
	maturity              string
	sequence              int
}

func (e *env) insertItem(m *move, it item) (int64, error) {
	if it.account == 0 {
		return 0, validationError("Missing required account on accountable line.")
	}
	setDefault(&it.sequence, 100)
	setDefault(&it.partner, m.partner)
	it.balance = cents(it.balance)
	var id int64
	err := e.row(`INSERT INTO account_move_line (move_id, journal_id, company_id, company_currency_id, currency_id, sequence, account_id, partner_id, tax_line_id,
			move_name, parent_state, ref, name, display_type, date, invoice_date, date_maturity,
			debit, credit, balance, amount_currency, amount_residual, amount_residual_currency, quantity, price_unit, price_subtotal, price_total,
			payment_id, statement_line_id, reconciled, create_uid, write_uid, create_date, write_date)
		SELECT m.id, m.journal_id, m.company_id, m.currency_id, m.currency_id, $2, $3, $4, $5,
			m.name, m.state, m.ref, $6, $7, m.date, m.invoice_date, $8::text::date,
			greatest($9::numeric, 0), greatest(-$9::numeric, 0), $9::numeric, $9::numeric, 0, 0, $10, $11, $12, $13,
			m.origin_payment_id, m.statement_line_id, false, $14, $14, $15, $15
		FROM account_move m WHERE m.id = $1 RETURNING id`,
		m.id, it.sequence, it.account, nullableID(it.partner), nullableID(it.tax),
		nullable(it.name), it.display, nullable(it.maturity),
		it.balance, it.quantity, it.price, it.subtotal, it.total, e.user.id, e.now).Scan(&id)
	return id, err
}

// entryCommand applies one x2many command to line_ids of a plain entry.
func (e *env) entryCommand(m *move, cmd any) error {
	list := toList(cmd)
	if len(list) != 3 || toInt(list[0]) != 0 {
		return valueError("Wrong value for account.move.line_ids: %s", pyRepr(cmd))
	}
	vals, _ := list[2].(map[string]any)
	balance := toFloat(vals["balance"])
	if _, ok := vals["balance"]; !ok {
		balance = toFloat(vals["debit"]) - toFloat(vals["credit"])
	}
	account := toInt(vals["account_id"])
	if account != 0 {
		if err := e.visible(e.s.models["account.account"], []int64{account}, "read"); err != nil {
			return err
		}
	}
	_, err := e.insertItem(m, item{account: account, partner: toInt(vals["partner_id"]), display: "product", name: toString(vals["name"]), balance: balance})
	return err
}

// invoiceCommand applies one x2many command to invoice_line_ids.
func (e *env) invoiceCommand(m *move, cmd any) error {
	list := toList(cmd)
	if len(list) == 0 {
		return valueError("Wrong value for account.move.invoice_line_ids: %s", pyRepr(cmd))
	}
	var vals map[string]any
	if len(list) == 3 {
		vals, _ = list[2].(map[string]any)
	}
	switch toInt(list[0]) {
	case 0:
		return e.addProduct(m, vals)
	case 1:
		return e.changeProduct(m, toInt(list[1]), vals)
	case 2, 3:
		return e.exec(`DELETE FROM account_move_line WHERE move_id = $1 AND id = $2 AND display_type = 'product'`, m.id, toInt(list[1]))
	case 5:
		return e.exec(`DELETE FROM account_move_line WHERE move_id = $1 AND display_type = 'product'`, m.id)
	}
	return valueError("Wrong value for account.move.invoice_line_ids: %s", pyRepr(cmd))
}

func (e *env) addProduct(m *move, vals map[string]any) error {
	quantity := 1.0
	if v, ok := vals["quantity"]; ok {
		quantity = toFloat(v)
	}
	price := toFloat(vals["price_unit"])
	account := toInt(vals["account_id"])
	setDefault(&account, m.defaultAccount)
	subtotal := cents(quantity * price)
	id, err := e.insertItem(m, item{
		account: account, display: "product", name: toString(vals["name"]), balance: sign(m.kind) * subtotal,
		quantity: quantity, price: price, subtotal: subtotal, total: subtotal,
	})
	if err != nil {
		return err
	}
	if product := toInt(vals["product_id"]); product != 0 {
		if err := e.exec(`UPDATE account_move_line SET product_id = $2 WHERE id = $1`, id, product); err != nil {
			return err
		}
	}
	taxes, err := e.taxesOf(m, vals)
	if err != nil || len(taxes) == 0 {
		return err
	}
	return e.exec(`INSERT INTO account_move_line_account_tax_rel SELECT $1, unnest($2::int[])`, id, taxes)
}

// taxesOf reads tax_ids, or takes the company's default sales tax when a line does not say.
func (e *env) taxesOf(m *move, vals map[string]any) ([]int64, error) {
	commands, given := vals["tax_ids"]
	if !given {
		if !isSale(m.kind) {
			return nil, nil
		}
		return e.ids(`SELECT account_sale_tax_id FROM res_company WHERE id = $1 AND account_sale_tax_id IS NOT NULL`, m.company)
	}
	ids := []int64{}
	for _, cmd := range toList(commands) {
		switch list := toList(cmd); {
		case len(list) == 3 && toInt(list[0]) == 6:
			ids = append(ids, toIDs(list[2])...)
		case len(list) >= 2 && toInt(list[0]) == 4:
			ids = append(ids, toInt(list[1]))
		}
	}
	return ids, nil
}

func (e *env) changeProduct(m *move, id int64, vals map[string]any) error {
	var quantity, price float64
	var name string
	err := e.row(`SELECT quantity::float8, price_unit::float8, coalesce(name, '') FROM account_move_line WHERE move_id = $1 AND id = $2 AND display_type = 'product'`, m.id, id).Scan(&quantity, &price, &name)
	if errors.Is(err, pgx.ErrNoRows) {
		return missingError("account.move.line", id, e.user.id)
	}
	if err != nil {
		return err
	}
	if v, ok := vals["quantity"]; ok {
		quantity = toFloat(v)
	}
	if v, ok := vals["price_unit"]; ok {
		price = toFloat(v)
	}
	if v, ok := vals["name"]; ok {
		name = toString(v)
	}
	subtotal := cents(quantity * price)
	return e.exec(`UPDATE account_move_line SET name = $2, quantity = $3, price_unit = $4, price_subtotal = $5, price_total = $5,
			balance = $6::numeric, amount_currency = $6::numeric, debit = greatest($6::numeric, 0), credit = greatest(-$6::numeric, 0), write_uid = $7, write_date = $8
		WHERE id = $1`, id, nullable(name), quantity, price, subtotal, sign(m.kind)*subtotal, e.user.id, e.now)
}

// A taxTotal is the tax of an invoice under one rate.
type taxTotal struct {
	tax, account int64
	name         string
	amount       float64
}

// syncInvoice derives an invoice's tax and payment term items and its totals
// from its product lines, as Odoo does on every change of a draft.
func (e *env) syncInvoice(m *move) error {
	if err := e.exec(`DELETE FROM account_move_line WHERE move_id = $1 AND display_type IN ('tax', 'payment_term')`, m.id); err != nil {
		return err
	}
	var products int64
	var untaxed float64
	if err := e.row(`SELECT count(*), coalesce(sum(price_subtotal), 0)::float8 FROM account_move_line WHERE move_id = $1 AND display_type = 'product'`, m.id).Scan(&products, &untaxed); err != nil {
		return err
	}
	taxes, err := e.taxTotals(m)
	if err != nil {
		return err
	}
	tax := 0.0
	for _, t := range taxes {
		tax += t.amount
		if _, err := e.insertItem(m, item{account: t.account, tax: t.tax, display: "tax", name: t.name, balance: sign(m.kind) * t.amount, sequence: 10000}); err != nil {
			return err
		}
	}
	total := cents(untaxed + tax)
	if products > 0 {
		if err := e.insertTerm(m, total); err != nil {
			return err
		}
	}
	return e.exec(`UPDATE account_move SET amount_untaxed = $2, amount_tax = $3, amount_total = $4, amount_untaxed_signed = $5, amount_total_signed = $6 WHERE id = $1`,
		m.id, cents(untaxed), cents(tax), total, -sign(m.kind)*untaxed, -sign(m.kind)*total)
}

func (e *env) taxTotals(m *move) ([]taxTotal, error) {
	rows, err := e.tx.Query(e.ctx, `SELECT t.id, t.account_id, t.name->>'en_US', round(sum(l.price_subtotal) * t.amount / 100, 2)::float8
		FROM account_move_line l JOIN account_move_line_account_tax_rel r ON r.account_move_line_id = l.id JOIN account_tax t ON t.id = r.account_tax_id
		WHERE l.move_id = $1 AND l.display_type = 'product' GROUP BY t.id ORDER BY t.id`, m.id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t taxTotal, err error) {
		return t, row.Scan(&t.tax, &t.account, &t.name, &t.amount)
	})
}

func (e *env) insertTerm(m *move, total float64) error {
	kind := map[bool]string{true: "asset_receivable", false: "liability_payable"}[isSale(m.kind)]
	account, err := e.counterpart(m.company, kind)
	if err != nil {
		return err
	}
	due := m.dueDate
	setDefault(&due, m.invoiceDate)
	setDefault(&due, e.today())
	if e.s.opts.Version < 18 {
		due = "" // set by payment terms only
	}
	_, err = e.insertItem(m, item{account: account, display: "payment_term", balance: -sign(m.kind) * total, maturity: due, sequence: 12000})
	return err
}

// counterpart is the company's receivable or payable account.
func (e *env) counterpart(company int64, kind string) (int64, error) {
	var id int64
	err := e.row(`SELECT a.id FROM account_account a JOIN account_account_res_company_rel c ON c.account_account_id = a.id
		WHERE a.account_type = $1 AND c.res_company_id = $2 ORDER BY a.id LIMIT 1`, kind, company).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, validationError("Missing required account on accountable line.")
	}
	return id, err
}

// checkBalanced refuses an entry whose debits and credits differ.
func (e *env) checkBalanced(m *move) error {
	var debit, credit float64
	var name, journal string
	err := e.row(`SELECT coalesce(sum(l.debit), 0)::float8, coalesce(sum(l.credit), 0)::float8, coalesce(m.name, '/'), j.name->>'en_US'
		FROM account_move m JOIN account_journal j ON j.id = m.journal_id LEFT JOIN account_move_line l ON l.move_id = m.id
		WHERE m.id = $1 GROUP BY m.id, j.id`, m.id).Scan(&debit, &credit, &name, &journal)
	if err != nil || cents(debit-credit) == 0 {
		return err
	}
	if e.s.opts.Version >= 19 {
		return userError("The entry is not balanced.")
	}
	return userError("An error has occurred.\n\nThe move (Draft Entry %s) is not balanced.\nThe total of debits equals %s and the total of credits equals %s.\nYou might want to specify a default account on journal \"%s\" to automatically balance each move.",
		name, money(debit), money(credit), journal)
}

func money(f float64) string { return fmt.Sprintf("$\u00a0%.2f", f) }

func lineMethods() map[string]method {
	return map[string]method{
		"write":                 writeLines,
		"reconcile":             reconcileLines,
		"remove_move_reconcile": removeReconcile,
	}
}

func writeLines(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	vals, err := c.values(1, "vals")
	if err != nil {
		return nil, err
	}
	m := e.model(c)
	if err := e.may(m, opWrite); err != nil {
		return nil, err
	}
	if err := e.visible(m, ids, "write"); err != nil {
		return nil, err
	}
	return true, e.changeLines(ids, vals)
}

// changeLines changes an item's account, name or partner. On a posted entry
// that is allowed while the item is not reconciled and its date not locked.
func (e *env) changeLines(ids []int64, vals map[string]any) error {
	model := e.s.models["account.move.line"]
	owners, err := e.ids(`SELECT DISTINCT move_id FROM account_move_line WHERE id = ANY($1)`, ids)
	if err != nil {
		return err
	}
	for _, id := range owners {
		m, err := e.move(id)
		if err != nil {
			return err
		}
		if m.hashed {
			return userError("You cannot edit the following fields: Account.\nThe following entries are already hashed:\n%s", m.name)
		}
		if err := e.checkLocks(m); err != nil {
			return err
		}
	}
	for _, v := range sorted(vals) {
		f, ok := model.field(v.key)
		if !ok || !slices.Contains([]string{"account_id", "name", "partner_id"}, v.key) {
			return valueError("Invalid field '%s' on model 'account.move.line'", v.key)
		}
		if v.key == "account_id" {
			if err := e.checkAccountChange(ids, toInt(v.value)); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if err := e.setColumn("account_move_line", id, f, v.value); err != nil {
				return err
			}
		}
	}
	return e.refreshLines(ids)
}

func (e *env) checkAccountChange(ids []int64, account int64) error {
	if err := e.visible(e.s.models["account.account"], []int64{account}, "read"); err != nil {
		return err
	}
	matched, err := e.ids(`SELECT DISTINCT l.id FROM account_move_line l JOIN account_partial_reconcile p ON l.id IN (p.debit_move_id, p.credit_move_id) WHERE l.id = ANY($1)`, ids)
	if err != nil || len(matched) == 0 {
		return err
	}
	return userError("You cannot do this modification on a reconciled journal entry. You can just change some non legal fields or you must unreconcile first.")
}
