package odoosim

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

func statementMethods() map[string]method {
	return map[string]method{
		"create":                     createStatementLines,
		"write":                      writeStatementLines,
		"unlink":                     unlinkStatementLines,
		"action_undo_reconciliation": undoReconciliation,
	}
}

// A statementLine is a row of account_bank_statement_line with its accounts.
type statementLine struct {
	id, move, journal, partner int64
	ref                        string
	amount                     float64
	liquidity, suspense        int64
}

func (e *env) statementLine(id int64) (*statementLine, error) {
	s := &statementLine{}
	return s, e.row(`SELECT s.id, s.move_id, s.journal_id, coalesce(s.partner_id, 0), coalesce(s.payment_ref, ''), s.amount::float8,
			coalesce(j.default_account_id, 0), coalesce(j.suspense_account_id, 0)
		FROM account_bank_statement_line s JOIN account_journal j ON j.id = s.journal_id WHERE s.id = $1`, id).
		Scan(&s.id, &s.move, &s.journal, &s.partner, &s.ref, &s.amount, &s.liquidity, &s.suspense)
}

func createStatementLines(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opCreate); err != nil {
		return nil, err
	}
	list, batch := c.arg(0, "vals_list").([]any)
	if !batch {
		list = []any{c.arg(0, "vals_list")}
	}
	ids := []int64{}
	for _, v := range list {
		vals, _ := v.(map[string]any)
		id, err := e.createStatementLine(vals)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if batch {
		return ids, nil
	}
	return ids[0], nil
}

// createStatementLine imports one line of a bank statement. It is posted at
// once, against the journal's suspense account.
func (e *env) createStatementLine(vals map[string]any) (int64, error) {
	journal := toInt(vals["journal_id"])
	if journal == 0 {
		return 0, userError("A bank statement line needs a bank journal.")
	}
	if err := e.visible(e.s.models["account.journal"], []int64{journal}, "read"); err != nil {
		return 0, err
	}
	day := toString(vals["date"])
	setDefault(&day, e.today())
	moveID, err := e.createMove(map[string]any{"move_type": "entry", "journal_id": journal, "date": day, "partner_id": vals["partner_id"], "ref": vals["ref"]})
	if err != nil {
		return 0, err
	}
	var id int64
	err = e.row(`INSERT INTO account_bank_statement_line (move_id, journal_id, company_id, partner_id, currency_id, sequence, payment_ref, amount, amount_currency,
			is_reconciled, amount_residual, create_uid, write_uid, create_date, write_date)
		SELECT m.id, m.journal_id, m.company_id, m.partner_id, m.currency_id, 1, $2, $3::numeric, 0, false, -$3::numeric, $4, $4, $5, $5
		FROM account_move m WHERE m.id = $1 RETURNING id`,
		moveID, nullable(vals["payment_ref"]), toFloat(vals["amount"]), e.user.id, e.now).Scan(&id)
	if err != nil {
		return 0, err
	}
	if err := e.exec(`UPDATE account_move SET statement_line_id = $2 WHERE id = $1`, moveID, id); err != nil {
		return 0, err
	}
	if err := e.fillStatementLine(id); err != nil {
		return 0, err
	}
	m, err := e.move(moveID)
	if err != nil {
		return 0, err
	}
	if err := e.post(m); err != nil {
		return 0, err
	}
	return id, e.exec(`UPDATE account_bank_statement_line SET internal_index = $2 WHERE id = $1`, id, internalIndex(m.date, 1, id))
}

// internalIndex orders lines: date, then reversed sequence, then id.
func internalIndex(day string, sequence, id int64) string {
	return fmt.Sprintf("%s%010d%010d", strings.ReplaceAll(day, "-", ""), math.MaxInt32-sequence, id)
}

// fillStatementLine writes the two items a fresh line has: the bank account
// and the suspense account.
func (e *env) fillStatementLine(id int64) error {
	s, err := e.statementLine(id)
	if err != nil {
		return err
	}
	if s.liquidity == 0 || s.suspense == 0 {
		return userError("You can't create a new statement line without a suspense account set on the journal.")
	}
	m, err := e.move(s.move)
	if err != nil {
		return err
	}
	if err := e.exec(`DELETE FROM account_move_line WHERE move_id = $1`, s.move); err != nil {
		return err
	}
	for _, it := range []item{{account: s.liquidity, balance: s.amount}, {account: s.suspense, balance: -s.amount}} {
		it.display, it.name, it.partner = "product", s.ref, s.partner
		if _, err := e.insertItem(m, it); err != nil {
			return err
		}
	}
	return e.refreshMoves([]int64{s.move})
}

// statementLines are those a call may change.
func (e *env) statementLines(c *call, op operation) ([]int64, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if err := e.may(e.model(c), op); err != nil {
		return nil, err
	}
	return ids, e.visible(e.model(c), ids, verbOf(op))
}

func writeStatementLines(e *env, c *call) (any, error) {
	ids, err := e.statementLines(c, opWrite)
	if err != nil {
		return nil, err
	}
	vals, err := c.values(1, "vals")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := e.writeStatementLine(id, vals); err != nil {
			return nil, err
		}
	}
	return true, nil
}

func (e *env) writeStatementLine(id int64, vals map[string]any) error {
	model := e.s.models["account.bank.statement.line"]
	rebuild := false
	for _, v := range sorted(vals) {
		if v.key == "line_ids" {
			continue
		}
		f, ok := model.field(v.key)
		if !ok || !slices.Contains([]string{"payment_ref", "partner_id", "amount", "sequence"}, v.key) {
			return valueError("Invalid field '%s' on model 'account.bank.statement.line'", v.key)
		}
		rebuild = rebuild || v.key != "sequence"
		if err := e.setColumn("account_bank_statement_line", id, f, v.value); err != nil {
			return err
		}
	}
	if rebuild {
		if err := e.undo(id); err != nil {
			return err
		}
	}
	for _, cmd := range toList(vals["line_ids"]) {
		list := toList(cmd)
		var changes map[string]any
		if len(list) == 3 && toInt(list[0]) == 1 {
			changes, _ = list[2].(map[string]any)
		}
		if changes == nil {
			return valueError("Wrong value for account.bank.statement.line.line_ids: %s", pyRepr(cmd))
		}
		if err := e.changeLines(toIDs(list[1]), changes); err != nil {
			return err
		}
	}
	return nil
}

func unlinkStatementLines(e *env, c *call) (any, error) {
	ids, err := e.statementLines(c, opUnlink)
	if err != nil {
		return nil, err
	}
	owners, err := e.ids(`SELECT move_id FROM account_bank_statement_line WHERE id = ANY($1) ORDER BY id DESC`, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range owners {
		m, err := e.move(id)
		if err != nil {
			return nil, err
		}
		if m.hashed {
			return nil, userError("You cannot delete journal items belonging to a locked journal entry.")
		}
		if err := e.checkLocks(m); err != nil {
			return nil, err
		}
		if err := e.deleteMoves([]*move{m}); err != nil {
			return nil, err
		}
	}
	return true, nil
}

func undoReconciliation(e *env, c *call) (any, error) {
	ids, err := e.statementLines(c, opWrite)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := e.undo(id); err != nil {
			return nil, err
		}
	}
	return noResult{}, nil
}

// undo removes a line's matches and rebuilds its items, under new ids.
func (e *env) undo(id int64) error {
	lines, err := e.ids(`SELECT l.id FROM account_move_line l JOIN account_bank_statement_line s ON s.move_id = l.move_id WHERE s.id = $1`, id)
	if err != nil {
		return err
	}
	if err := e.unreconcile(lines); err != nil {
		return err
	}
	return e.fillStatementLine(id)
}
