package odoosim

import (
	"crypto/sha256"
	"encoding/hex"
)

// actionPost validates drafts. It answers false: there is nothing to show.
func actionPost(e *env, c *call) (any, error) {
	if err := e.s.faults.beforePosting(e.ctx, e.s.opts.PostingCost); err != nil {
		return nil, err
	}
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	ms, err := e.moves(ids, opWrite)
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		if err := e.checkPostable(m); err != nil {
			return nil, err
		}
	}
	for _, m := range ms {
		if err := e.post(m); err != nil {
			return nil, err
		}
	}
	return false, nil
}

func (e *env) checkPostable(m *move) error {
	switch {
	case m.state != "draft":
		return userError("The entry %s (id %d) must be in draft.", m.name, m.id)
	case m.lines == 0:
		if e.s.opts.Version >= 19 {
			return userError("Even magicians can't post nothing!")
		}
		return userError("You need to add a line before posting.")
	case isInvoice(m.kind) && m.partner == 0 && isSale(m.kind):
		return userError("The field 'Customer' is required, please complete it to validate the Customer Invoice.")
	case isInvoice(m.kind) && m.partner == 0:
		return userError("The field 'Vendor' is required, please complete it to validate the Vendor Bill.")
	case isInvoice(m.kind) && m.invoiceDate == "" && !isSale(m.kind):
		return userError("The Bill/Refund date is required to validate this document.")
	case m.autoPost == "at_date" && m.date > e.today():
		return userError("This move is configured to be auto-posted on %s", m.date)
	}
	return nil
}

// post numbers a draft, under a date that is not locked, and derives what
// follows from that.
func (e *env) post(m *move) error {
	if isInvoice(m.kind) && m.invoiceDate == "" {
		m.invoiceDate, m.date = e.today(), e.today()
	}
	day, err := e.accountingDate(m)
	if err != nil {
		return err
	}
	m.date = day
	if err := e.exec(`UPDATE account_move SET date = $2::text::date, invoice_date = $3::text::date,
			invoice_date_due = coalesce(invoice_date_due, $3::text::date), write_uid = $4, write_date = $5 WHERE id = $1`,
		m.id, m.date, nullable(m.invoiceDate), e.user.id, e.now); err != nil {
		return err
	}
	if err := e.assignNumber(m); err != nil {
		return err
	}
	if err := e.exec(`UPDATE account_move SET posted_before = true,
			payment_reference = CASE WHEN $2 THEN coalesce(nullif(payment_reference, ''), name) ELSE payment_reference END
		WHERE id = $1`, m.id, isInvoice(m.kind) && isSale(m.kind)); err != nil {
		return err
	}
	if err := e.nameTerms(m); err != nil {
		return err
	}
	m.state = "posted"
	if m.restricted {
		if err := e.hash(m); err != nil {
			return err
		}
	}
	if err := e.refreshMoves([]int64{m.id}); err != nil {
		return err
	}
	if m.reversed != 0 {
		return e.reconcileReversal(m)
	}
	return nil
}

func (e *env) nameTerms(m *move) error {
	if err := e.mirrorToLines([]int64{m.id}); err != nil {
		return err
	}
	return e.exec(`UPDATE account_move_line l SET name = concat_ws(' - ', nullif(m.ref, ''), m.payment_reference),
			date_maturity = CASE WHEN $2 THEN coalesce(l.date_maturity, m.invoice_date_due) ELSE l.date_maturity END
		FROM account_move m WHERE m.id = l.move_id AND m.id = $1 AND l.display_type = 'payment_term'`, m.id, e.s.opts.Version >= 18)
}

// hash seals a posted entry of a restricted journal; it can never be undone.
func (e *env) hash(m *move) error {
	var previous string
	if err := e.row(`SELECT coalesce((SELECT inalterable_hash FROM account_move WHERE journal_id = $1 AND inalterable_hash IS NOT NULL ORDER BY sequence_number DESC LIMIT 1), '')`, m.journal).Scan(&previous); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(previous + m.name + m.date))
	m.hashed = true
	return e.exec(`UPDATE account_move SET inalterable_hash = $2 WHERE id = $1`, m.id, "$4$"+hex.EncodeToString(sum[:]))
}

// toDraft takes entries back. They keep their number and lose their reconciliations.
func (e *env) toDraft(ms []*move) error {
	for _, m := range ms {
		if m.state != "posted" && m.state != "cancel" {
			return userError("Only posted/cancelled journal entries can be reset to draft.")
		}
		if m.hashed {
			if e.s.opts.Version == 17 {
				return userError("You cannot modify a posted entry of this journal because it is in strict mode.")
			}
			return userError("You cannot reset to draft a locked journal entry.")
		}
		if err := e.checkLocks(m); err != nil {
			return err
		}
	}
	lines, err := e.ids(`SELECT id FROM account_move_line WHERE move_id = ANY($1)`, moveIDs(ms))
	if err != nil {
		return err
	}
	if err := e.unreconcile(lines); err != nil {
		return err
	}
	return e.setState(ms, "draft")
}

// cancel cancels drafts, and posted entries by way of a draft.
func (e *env) cancel(ms []*move) error {
	for _, m := range ms {
		switch m.state {
		case "posted":
			if err := e.toDraft([]*move{m}); err != nil {
				return err
			}
		case "draft":
		default:
			return userError("Only draft journal entries can be cancelled.")
		}
	}
	if err := e.exec(`UPDATE account_move SET auto_post = 'no' WHERE id = ANY($1)`, moveIDs(ms)); err != nil {
		return err
	}
	return e.setState(ms, "cancel")
}

func (e *env) setState(ms []*move, state string) error {
	ids := moveIDs(ms)
	if err := e.exec(`UPDATE account_move SET state = $2, made_sequence_gap = coalesce(sequence_number, 0) <> 0, write_uid = $3, write_date = $4 WHERE id = ANY($1)`,
		ids, state, e.user.id, e.now); err != nil {
		return err
	}
	for _, m := range ms {
		m.state = state
	}
	if err := e.mirrorToLines(ids); err != nil {
		return err
	}
	return e.refreshMoves(ids)
}
