package odoosim

import (
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A move is a row of account_move with what its journal adds.
type move struct {
	id, journal, company, currency   int64
	partner, payment, statementLine  int64
	reversed                         int64
	name, state, kind, ref, autoPost string
	date, invoiceDate, dueDate       string
	prefix                           string
	number                           int64
	postedBefore, hashed             bool
	journalCode, journalType         string
	refundSequence, paymentSequence  bool
	restricted                       bool // the journal hashes posted entries
	defaultAccount                   int64
	lines                            int64
}

const moveColumns = `m.id, m.journal_id, m.company_id, m.currency_id, coalesce(m.partner_id, 0), coalesce(m.origin_payment_id, 0),
	coalesce(m.statement_line_id, 0), coalesce(m.reversed_entry_id, 0), coalesce(m.name, ''), m.state, m.move_type, coalesce(m.ref, ''), m.auto_post,
	m.date::text, coalesce(m.invoice_date::text, ''), coalesce(m.invoice_date_due::text, ''), coalesce(m.sequence_prefix, ''), coalesce(m.sequence_number, 0),
	coalesce(m.posted_before, false), m.inalterable_hash IS NOT NULL,
	j.code, j.type, coalesce(j.refund_sequence, false), coalesce(j.payment_sequence, false), coalesce(j.restrict_mode_hash_table, false),
	coalesce(j.default_account_id, 0), (SELECT count(*) FROM account_move_line l WHERE l.move_id = m.id)`

func scanMove(row pgx.CollectableRow) (*move, error) {
	m := &move{}
	return m, row.Scan(&m.id, &m.journal, &m.company, &m.currency, &m.partner, &m.payment,
		&m.statementLine, &m.reversed, &m.name, &m.state, &m.kind, &m.ref, &m.autoPost,
		&m.date, &m.invoiceDate, &m.dueDate, &m.prefix, &m.number,
		&m.postedBefore, &m.hashed,
		&m.journalCode, &m.journalType, &m.refundSequence, &m.paymentSequence, &m.restricted,
		&m.defaultAccount, &m.lines)
}

// moves loads the moves an operation works on, refusing those the user may not touch.
func (e *env) moves(ids []int64, op operation) ([]*move, error) {
	m := e.s.models["account.move"]
	if err := e.may(m, op); err != nil {
		return nil, err
	}
	if err := e.visible(m, ids, verbOf(op)); err != nil {
		return nil, err
	}
	rows, err := e.tx.Query(e.ctx, "SELECT "+moveColumns+` FROM account_move m JOIN account_journal j ON j.id = m.journal_id
		WHERE m.id = ANY($1) ORDER BY array_position($1::int[], m.id)`, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanMove)
}

func (e *env) move(id int64) (*move, error) {
	ms, err := e.moves([]int64{id}, opRead)
	if err != nil {
		return nil, err
	}
	return ms[0], nil
}

func verbOf(op operation) string {
	switch op {
	case opWrite:
		return "write"
	case opUnlink:
		return "unlink"
	case opCreate:
		return "create"
	default:
		return "read"
	}
}

func isInvoice(kind string) bool { return kind != "entry" }

func isSale(kind string) bool { return strings.HasPrefix(kind, "out_") }

func isRefund(kind string) bool { return strings.HasSuffix(kind, "_refund") }

// sign is the sign of the balance of an invoice's product lines.
func sign(kind string) float64 {
	if isSale(kind) != isRefund(kind) {
		return -1
	}
	return 1
}

func (s *Server) draftName() any {
	if s.opts.Version >= 19 {
		return nil
	}
	return "/"
}

func numbered(name string) bool { return name != "" && name != "/" }

func moveMethods() map[string]method {
	return map[string]method{
		"create":                        createMoves,
		"write":                         writeMoves,
		"unlink":                        unlinkMoves,
		"action_post":                   actionPost,
		"button_draft":                  onMoves((*env).toDraft),
		"button_cancel":                 onMoves((*env).cancel),
		"js_assign_outstanding_line":    assignOutstanding,
		"js_remove_outstanding_partial": removeOutstanding,
		"action_send_and_print":         openSendWizard,
		"action_invoice_sent":           openSendWizard,
	}
}

// onMoves is a button: it works on records and returns None.
func onMoves(fn func(*env, []*move) error) method {
	return func(e *env, c *call) (any, error) {
		ids, err := c.recordIDs()
		if err != nil {
			return nil, err
		}
		ms, err := e.moves(ids, opWrite)
		if err != nil {
			return nil, err
		}
		return noResult{}, fn(e, ms)
	}
}

func moveIDs(ms []*move) []int64 {
	ids := make([]int64, len(ms))
	for i, m := range ms {
		ids[i] = m.id
	}
	return ids
}

func createMoves(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opCreate); err != nil {
		return nil, err
	}
	list, batch := c.arg(0, "vals_list").([]any)
	if !batch {
		list = []any{c.arg(0, "vals_list")}
	}
	ids := []int64{}
	for _, v := range list {
		vals, ok := v.(map[string]any)
		if !ok {
			return nil, raise("builtins.TypeError", "account.move.create() expects dictionaries of values")
		}
		id, err := e.createMove(vals)
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

func (e *env) createMove(vals map[string]any) (int64, error) {
	kind := toString(vals["move_type"])
	setDefault(&kind, "entry")
	if !slices.Contains([]string{"entry", "out_invoice", "out_refund", "in_invoice", "in_refund", "out_receipt", "in_receipt"}, kind) {
		return 0, valueError("Wrong value for account.move.move_type: %s", pyRepr(vals["move_type"]))
	}
	journal, err := e.journalFor(kind, toInt(vals["journal_id"]))
	if err != nil {
		return 0, err
	}
	invoiceDate := toString(vals["invoice_date"])
	day := toString(vals["date"])
	setDefault(&day, invoiceDate)
	setDefault(&day, e.today())
	autoPost := toString(vals["auto_post"])
	setDefault(&autoPost, "no")
	var id int64
	err = e.row(`INSERT INTO account_move (journal_id, company_id, currency_id, partner_id, commercial_partner_id, name, ref, state, move_type,
			auto_post, auto_post_until, payment_state, date, invoice_date, invoice_date_due, invoice_origin, narration, payment_reference, invoice_user_id,
			origin_payment_id, reversed_entry_id, amount_untaxed, amount_tax, amount_total, amount_residual, amount_untaxed_signed, amount_total_signed, amount_residual_signed,
			sequence_number, checked, posted_before, made_sequence_gap, is_manually_modified, is_move_sent, create_uid, write_uid, create_date, write_date)
		SELECT j.id, j.company_id, coalesce(j.currency_id, c.currency_id), $2, $2, $3, $4, 'draft', $5,
			$6, $7::text::date, 'not_paid', $8::text::date, $9::text::date, $9::text::date, $10, $11, $12, $13,
			$14, $15, 0, 0, 0, 0, 0, 0, 0,
			0, NOT $16, false, false, false, false, $13, $13, $17, $17
		FROM account_journal j JOIN res_company c ON c.id = j.company_id WHERE j.id = $1 RETURNING id`,
		journal, nullableID(toInt(vals["partner_id"])), e.s.draftName(), nullable(vals["ref"]), kind,
		autoPost, nullable(vals["auto_post_until"]), day, nullable(vals["invoice_date"]), nullable(vals["invoice_origin"]), nullable(vals["narration"]), nullable(vals["payment_reference"]), e.user.id,
		nullableID(toInt(vals["origin_payment_id"])), nullableID(toInt(vals["reversed_entry_id"])), vals["checked"] == false, e.now).Scan(&id)
	if err != nil {
		return 0, err
	}
	m, err := e.move(id)
	if err != nil {
		return 0, err
	}
	return id, e.fillMove(m, vals)
}

func (e *env) fillMove(m *move, vals map[string]any) error {
	if isInvoice(m.kind) {
		for _, cmd := range toList(vals["invoice_line_ids"]) {
			if err := e.invoiceCommand(m, cmd); err != nil {
				return err
			}
		}
		if err := e.syncInvoice(m); err != nil {
			return err
		}
	} else {
		for _, cmd := range toList(vals["line_ids"]) {
			if err := e.entryCommand(m, cmd); err != nil {
				return err
			}
		}
	}
	if err := e.nameFirstDraft(m); err != nil {
		return err
	}
	if err := e.checkBalanced(m); err != nil {
		return err
	}
	return e.refreshMoves([]int64{m.id})
}

func toList(v any) []any {
	list, _ := v.([]any)
	return list
}

// journalFor is the journal asked for, or the first one of the right type.
func (e *env) journalFor(kind string, asked int64) (int64, error) {
	if asked != 0 {
		return asked, e.visible(e.s.models["account.journal"], []int64{asked}, "read")
	}
	want := "general"
	if isInvoice(kind) {
		want = map[bool]string{true: "sale", false: "purchase"}[isSale(kind)]
	}
	var id int64
	err := e.row(`SELECT id FROM account_journal WHERE type = $1 AND company_id = $2 AND active ORDER BY sequence, type, code LIMIT 1`, want, e.company()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, userError("No journal could be found in company %d for any of those types: %s", e.company(), want)
	}
	return id, err
}

// writableMoveFields lists what a plain write may set, and whether a posted
// move still takes it.
func writableMoveFields() map[string]bool {
	return map[string]bool{
		"ref": true, "narration": true, "payment_reference": true, "invoice_origin": true, "checked": true, "invoice_date_due": true,
		"partner_id": false, "invoice_date": false, "date": false, "auto_post": true, "auto_post_until": true,
	}
}

func writeMoves(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	vals, err := c.values(1, "vals")
	if err != nil {
		return nil, err
	}
	ms, err := e.moves(ids, opWrite)
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		if err := e.writeMove(m, vals); err != nil {
			return nil, err
		}
	}
	return true, nil
}

func (e *env) writeMove(m *move, vals map[string]any) error {
	model := e.s.models["account.move"]
	writable := writableMoveFields()
	for _, v := range sorted(vals) {
		if v.key == "invoice_line_ids" {
			continue
		}
		if v.key == "name" && m.state == "draft" && !numbered(toString(v.value)) {
			if err := e.exec(`UPDATE account_move SET name = '/', sequence_prefix = '', sequence_number = 0 WHERE id = $1`, m.id); err != nil {
				return err
			}
			continue
		}
		whenPosted, ok := writable[v.key]
		f, known := model.field(v.key)
		if !known || !ok {
			return valueError("Invalid field '%s' on model 'account.move'", v.key)
		}
		if m.state == "posted" && !whenPosted {
			return userError("You cannot modify the following readonly fields on a posted move: %s", v.key)
		}
		if err := e.setColumn("account_move", m.id, f, v.value); err != nil {
			return err
		}
	}
	if err := e.mirrorToLines([]int64{m.id}); err != nil {
		return err
	}
	commands, ok := vals["invoice_line_ids"]
	if !ok {
		return nil
	}
	if m.state != "draft" {
		return userError("You cannot modify the following readonly fields on a posted move: invoice_line_ids")
	}
	return e.fillMove(m, map[string]any{"invoice_line_ids": commands})
}

// setColumn writes one stored field and the write stamps.
func (e *env) setColumn(table string, id int64, f field, value any) error {
	var v any
	cast := ""
	switch {
	case isFalse(value) && f.kind != kindBool:
	case f.kind == kindBool:
		v = toBool(value)
	case f.kind == kindInt || f.kind == kindMany2one:
		v = toInt(value)
	case f.kind == kindFloat:
		v = toFloat(value)
	case f.kind == kindDate:
		v, cast = toString(value), "::text::date"
	case f.kind == kindDatetime:
		v, cast = toString(value), "::text::timestamp"
	default:
		v = toString(value)
	}
	return e.exec("UPDATE "+table+" SET "+f.column+" = $2"+cast+", write_uid = $3, write_date = $4 WHERE id = $1", id, v, e.user.id, e.now)
}

// mirrorToLines copies what journal items repeat of their entry.
func (e *env) mirrorToLines(ids []int64) error {
	return e.exec(`UPDATE account_move_line l
		SET move_name = m.name, parent_state = m.state, ref = m.ref, date = m.date, invoice_date = m.invoice_date,
			partner_id = coalesce(m.partner_id, l.partner_id)
		FROM account_move m WHERE m.id = l.move_id AND m.id = ANY($1)
			AND (l.move_name, l.parent_state, l.ref, l.date, l.invoice_date) IS DISTINCT FROM (m.name, m.state, m.ref, m.date, m.invoice_date)`, ids)
}

// unlinkMoves deletes drafts and cancelled entries. A number that is not the
// last of its chain may only be removed by an accounting manager.
func unlinkMoves(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	ms, err := e.moves(ids, opUnlink)
	if err != nil {
		return nil, err
	}
	return true, e.unlink(ms, e.user.in(groupManager))
}

func (e *env) unlink(ms []*move, force bool) error {
	for _, m := range ms {
		if m.hashed {
			return userError("You cannot delete journal items belonging to a locked journal entry.")
		}
		if err := e.checkLocks(m); err != nil {
			return err
		}
		if m.state == "posted" {
			return userError("You can't delete a posted journal item. Don’t play games with your accounting records; reset the journal entry to draft before deleting it.")
		}
	}
	if !force {
		if err := e.checkEndOfChain(ms); err != nil {
			return err
		}
	}
	return e.deleteMoves(ms)
}

func (e *env) deleteMoves(ms []*move) error {
	lines, err := e.ids(`SELECT id FROM account_move_line WHERE move_id = ANY($1)`, moveIDs(ms))
	if err != nil {
		return err
	}
	if err := e.unreconcile(lines); err != nil {
		return err
	}
	if err := e.exec(`DELETE FROM account_move WHERE id = ANY($1)`, moveIDs(ms)); err != nil {
		return err
	}
	for _, m := range ms {
		if m.number == 0 {
			continue
		}
		if err := e.exec(`UPDATE account_move n SET made_sequence_gap = true
			WHERE n.journal_id = $1 AND n.sequence_prefix = $2 AND n.sequence_number = $3 + 1 AND n.made_sequence_gap IS NOT TRUE
				AND NOT EXISTS (SELECT FROM account_move p WHERE p.journal_id = $1 AND p.sequence_prefix = $2 AND p.sequence_number = $3)`,
			m.journal, m.prefix, m.number); err != nil {
			return err
		}
	}
	return nil
}
