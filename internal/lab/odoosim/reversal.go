package odoosim

import "errors"

// createReversal opens the credit note wizard on the context's documents.
func createReversal(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opCreate); err != nil {
		return nil, err
	}
	vals, err := c.values(0, "vals_list")
	if err != nil {
		return nil, err
	}
	ms, err := e.moves(toIDs(c.context()["active_ids"]), opRead)
	if err != nil {
		return nil, err
	}
	if len(ms) == 0 {
		return nil, userError("There is nothing to reverse.")
	}
	for _, m := range ms {
		if m.state != "posted" {
			return nil, userError("You can only reverse posted moves.")
		}
	}
	journal := toInt(vals["journal_id"])
	setDefault(&journal, ms[0].journal)
	day := toString(vals["date"])
	setDefault(&day, e.today())
	var id int64
	err = e.row(`INSERT INTO account_move_reversal (journal_id, company_id, reason, date, create_uid, write_uid, create_date, write_date)
		VALUES ($1, $2, $3, $4::text::date, $5, $5, $6, $6) RETURNING id`, journal, ms[0].company, nullable(vals["reason"]), day, e.user.id, e.now).Scan(&id)
	if err != nil {
		return nil, err
	}
	return id, e.exec(`INSERT INTO account_move_reversal_move SELECT $1, unnest($2::int[])`, id, moveIDs(ms))
}

// refundMoves makes a draft credit note for each document of the wizard.
func refundMoves(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil || len(ids) != 1 {
		return nil, errors.Join(err, valueError("Expected singleton: account.move.reversal%s", pyRepr(c.arg(0, "ids"))))
	}
	var journal int64
	var reason, day string
	if err := e.visible(e.model(c), ids, "read"); err != nil {
		return nil, err
	}
	if err := e.row(`SELECT journal_id, coalesce(reason, ''), date::text FROM account_move_reversal WHERE id = $1`, ids[0]).Scan(&journal, &reason, &day); err != nil {
		return nil, err
	}
	originals, err := e.ids(`SELECT move_id FROM account_move_reversal_move WHERE reversal_id = $1 ORDER BY move_id`, ids[0])
	if err != nil {
		return nil, err
	}
	made := []int64{}
	kind := ""
	for _, id := range originals {
		m, err := e.move(id)
		if err != nil {
			return nil, err
		}
		refund, refundKind, err := e.refund(m, journal, reason, day)
		if err != nil {
			return nil, err
		}
		made, kind = append(made, refund), refundKind
	}
	action := object{{"name", "Reverse Moves"}, {"type", "ir.actions.act_window"}, {"res_model", "account.move"}}
	if len(made) == 1 {
		return append(action, member{"view_mode", "form"}, member{"res_id", made[0]}, member{"context", object{{"default_move_type", kind}}}), nil
	}
	return append(action, member{"view_mode", "list,form"}, member{"domain", []any{[]any{"id", "in", made}}}), nil
}

func (e *env) refund(m *move, journal int64, reason, day string) (int64, string, error) {
	kind := map[string]string{"out_invoice": "out_refund", "in_invoice": "in_refund"}[m.kind]
	if kind == "" {
		return 0, "", userError("The stand-in reverses invoices and bills only.")
	}
	ref := "Reversal of: " + m.name
	if reason != "" {
		ref += ", " + reason
	}
	id, err := e.createMove(map[string]any{
		"move_type": kind, "journal_id": journal, "partner_id": m.partner, "date": day, "invoice_date": day, "ref": ref, "reversed_entry_id": m.id,
	})
	if err != nil {
		return 0, "", err
	}
	r, err := e.move(id)
	if err != nil {
		return 0, "", err
	}
	if err := e.exec(`INSERT INTO account_move_line (move_id, journal_id, company_id, company_currency_id, currency_id, sequence, account_id, partner_id, move_name, parent_state, ref,
			name, display_type, date, invoice_date, debit, credit, balance, amount_currency, amount_residual, amount_residual_currency,
			quantity, price_unit, price_subtotal, price_total, reconciled, create_uid, write_uid, create_date, write_date)
		SELECT r.id, r.journal_id, r.company_id, l.company_currency_id, l.currency_id, l.sequence, l.account_id, l.partner_id, r.name, r.state, r.ref,
			l.name, l.display_type, r.date, r.invoice_date, l.credit, l.debit, -l.balance, -l.amount_currency, 0, 0,
			l.quantity, l.price_unit, l.price_subtotal, l.price_total, false, $3, $3, $4, $4
		FROM account_move_line l, account_move r WHERE l.move_id = $1 AND l.display_type = 'product' AND r.id = $2 ORDER BY l.id`, m.id, r.id, e.user.id, e.now); err != nil {
		return 0, "", err
	}
	if err := e.exec(`INSERT INTO account_move_line_account_tax_rel
		SELECT n.id, t.account_tax_id
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS k FROM account_move_line WHERE move_id = $1 AND display_type = 'product') o
		JOIN (SELECT id, row_number() OVER (ORDER BY id) AS k FROM account_move_line WHERE move_id = $2 AND display_type = 'product') n USING (k)
		JOIN account_move_line_account_tax_rel t ON t.account_move_line_id = o.id`, m.id, r.id); err != nil {
		return 0, "", err
	}
	return id, kind, e.fillMove(r, map[string]any{})
}

// reconcileReversal matches a posted credit note with the document it reverses.
func (e *env) reconcileReversal(m *move) error {
	lines, err := e.ids(`SELECT l.id FROM account_move_line l JOIN account_account a ON a.id = l.account_id
		WHERE l.move_id IN ($1, $2) AND l.parent_state = 'posted' AND a.account_type IN ('asset_receivable', 'liability_payable') AND NOT coalesce(l.reconciled, false)
		ORDER BY l.id`, m.reversed, m.id)
	if err != nil || len(lines) < 2 {
		return err
	}
	return e.reconcile(lines)
}
