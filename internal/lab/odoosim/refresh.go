package odoosim

// What follows from journal items and their matches is derived here, once, in
// the order Odoo's computed fields depend on one another: items, then
// documents, then payments, then bank statement lines.

// refreshLines derives the residual of the given items, then what their
// entries derive from it.
func (e *env) refreshLines(ids []int64) error {
	if err := e.exec(`UPDATE account_move_line l
		SET amount_residual = v.residual, amount_residual_currency = v.residual,
			reconciled = v.keeps AND v.residual = 0 AND l.parent_state NOT IN ('draft', 'cancel'),
			matching_number = v.matching
		FROM (
			SELECT x.id, x.keeps,
				CASE WHEN x.keeps THEN x.balance - x.debits + x.credits ELSE 0 END AS residual,
				coalesce(x.full_reconcile_id::text, 'P' || x.first_partial) AS matching
			FROM (
				SELECT l.id, l.balance, l.full_reconcile_id,
					coalesce(a.reconcile, false) OR a.account_type IN ('asset_cash', 'liability_credit_card') AS keeps,
					(SELECT coalesce(sum(p.amount), 0) FROM account_partial_reconcile p WHERE p.debit_move_id = l.id) AS debits,
					(SELECT coalesce(sum(p.amount), 0) FROM account_partial_reconcile p WHERE p.credit_move_id = l.id) AS credits,
					(SELECT min(p.id) FROM account_partial_reconcile p WHERE p.debit_move_id = l.id OR p.credit_move_id = l.id) AS first_partial
				FROM account_move_line l JOIN account_account a ON a.id = l.account_id
				WHERE l.id = ANY($1)) x) v
		WHERE v.id = l.id`, ids); err != nil {
		return err
	}
	moves, err := e.ids(`SELECT DISTINCT move_id FROM account_move_line WHERE id = ANY($1)`, ids)
	if err != nil {
		return err
	}
	return e.refreshDocuments(moves)
}

// refreshMoves derives everything from the items of the given entries up.
func (e *env) refreshMoves(ids []int64) error {
	lines, err := e.ids(`SELECT id FROM account_move_line WHERE move_id = ANY($1)`, ids)
	if err != nil {
		return err
	}
	return e.refreshLines(lines)
}

func (e *env) refreshDocuments(ids []int64) error {
	steps := []string{deriveMoves, derivePayments, deriveStatementLines}
	if e.s.opts.Enterprise {
		steps = []string{deriveMoves, derivePayments, deriveInPayment, derivePayments, deriveStatementLines}
	}
	for _, sql := range steps {
		if err := e.exec(sql, ids); err != nil {
			return err
		}
	}
	return nil
}

// deriveMoves: Community marks an invoice paid as soon as nothing is open,
// reversed when only credit notes closed it.
const deriveMoves = `
UPDATE account_move m
SET amount_residual = abs(v.residual), amount_residual_signed = v.residual, payment_state = v.payment_state,
	amount_total = CASE WHEN m.move_type = 'entry' THEN v.debit ELSE m.amount_total END
FROM (
	SELECT x.*, CASE
		WHEN x.move_type = 'entry' OR x.state <> 'posted' THEN 'not_paid'
		WHEN x.residual = 0 AND x.matches > 0 AND x.move_type IN ('out_invoice', 'in_invoice') AND x.others = 0 THEN 'reversed'
		WHEN x.residual = 0 THEN 'paid'
		WHEN x.matches > 0 THEN 'partial'
		ELSE 'not_paid' END AS payment_state
	FROM (
		SELECT m.id, m.move_type, m.state,
			(SELECT coalesce(sum(l.debit), 0) FROM account_move_line l WHERE l.move_id = m.id) AS debit,
			(SELECT coalesce(sum(l.amount_residual), 0) FROM account_move_line l JOIN account_account a ON a.id = l.account_id
				WHERE l.move_id = m.id AND a.account_type IN ('asset_receivable', 'liability_payable')) AS residual,
			count(o.id) AS matches,
			count(o.id) FILTER (WHERE o.move_type NOT IN ('out_refund', 'in_refund')) AS others
		FROM account_move m
		LEFT JOIN account_move_line l ON l.move_id = m.id AND l.display_type = 'payment_term'
		LEFT JOIN account_partial_reconcile p ON p.debit_move_id = l.id OR p.credit_move_id = l.id
		LEFT JOIN account_move_line ol ON ol.id = CASE WHEN p.debit_move_id = l.id THEN p.credit_move_id ELSE p.debit_move_id END
		LEFT JOIN account_move o ON o.id = ol.move_id
		WHERE m.id = ANY($1) GROUP BY m.id) x) v
WHERE v.id = m.id AND (m.amount_residual, m.amount_residual_signed, m.payment_state, m.amount_total)
	IS DISTINCT FROM (abs(v.residual), v.residual, v.payment_state, CASE WHEN m.move_type = 'entry' THEN v.debit ELSE m.amount_total END)`

// deriveInPayment: with Enterprise, an invoice is in_payment while the bank has
// not reported the money, be the payment booked or only registered.
const deriveInPayment = `
UPDATE account_move m SET payment_state = 'in_payment'
WHERE m.id = ANY($1) AND m.move_type <> 'entry' AND m.state = 'posted' AND (
	m.payment_state = 'paid' AND EXISTS (
		SELECT FROM account_move_line l
		JOIN account_partial_reconcile r ON l.id IN (r.debit_move_id, r.credit_move_id)
		JOIN account_move_line o ON o.id = CASE WHEN r.debit_move_id = l.id THEN r.credit_move_id ELSE r.debit_move_id END
		JOIN account_payment p ON p.move_id = o.move_id
		WHERE l.move_id = m.id AND p.is_matched IS NOT TRUE)
	OR m.payment_state = 'not_paid' AND EXISTS (
		SELECT FROM account_move__account_payment r JOIN account_payment p ON p.id = r.payment_id
		WHERE r.invoice_id = m.id AND p.move_id IS NULL AND p.state = 'in_process'))`

// derivePayments: a payment is paid when its money arrived or every invoice it
// settles is paid.
const derivePayments = `
UPDATE account_payment p
SET is_reconciled = v.reconciled, is_matched = v.matched,
	state = CASE WHEN p.state NOT IN ('paid', 'in_process') THEN p.state WHEN v.matched OR v.settled THEN 'paid' ELSE 'in_process' END
FROM (
	SELECT p.id,
		coalesce(bool_and(l.reconciled) FILTER (WHERE l.account_id = p.destination_account_id), false) AS reconciled,
		coalesce(bool_and(l.amount_residual = 0) FILTER (WHERE l.account_id = p.outstanding_account_id), false) AS matched,
		coalesce((SELECT bool_and(i.payment_state IN ('paid', 'reversed'))
			FROM account_move_line c
			JOIN account_partial_reconcile r ON c.id IN (r.debit_move_id, r.credit_move_id)
			JOIN account_move_line o ON o.id = CASE WHEN r.debit_move_id = c.id THEN r.credit_move_id ELSE r.debit_move_id END
			JOIN account_move i ON i.id = o.move_id AND i.move_type <> 'entry'
			WHERE c.move_id = p.move_id AND c.account_id = p.destination_account_id), false) AS settled
	FROM account_payment p JOIN account_move_line l ON l.move_id = p.move_id
	WHERE p.move_id = ANY($1) GROUP BY p.id) v
WHERE v.id = p.id`

// deriveStatementLines reproduces a trap: is_reconciled only says that no
// suspense item is left, not that anything was matched.
const deriveStatementLines = `
UPDATE account_bank_statement_line s
SET is_reconciled = CASE WHEN v.suspense > 0 THEN v.residual = 0 ELSE true END, amount_residual = v.residual
FROM (
	SELECT s.id, count(l.id) AS suspense,
		CASE WHEN m.checked IS NOT TRUE THEN -s.amount ELSE coalesce(sum(l.amount_currency), 0) END::float8 AS residual
	FROM account_bank_statement_line s
	JOIN account_move m ON m.id = s.move_id
	JOIN account_journal j ON j.id = s.journal_id
	LEFT JOIN account_move_line l ON l.move_id = s.move_id AND l.account_id = j.suspense_account_id
	WHERE s.move_id = ANY($1) GROUP BY s.id, m.id) v
WHERE v.id = s.id`
