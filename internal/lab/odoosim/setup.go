package odoosim

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

func createJournal(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opCreate); err != nil {
		return nil, err
	}
	vals, err := c.values(0, "vals_list")
	if err != nil {
		return nil, err
	}
	company := toInt(vals["company_id"])
	setDefault(&company, e.company())
	kind := toString(vals["type"])
	account := toInt(vals["default_account_id"])
	bank := kind == "bank" || kind == "cash"
	if bank && account == 0 {
		if account, err = e.createBankAccount(company, toString(vals["name"])); err != nil {
			return nil, err
		}
	}
	var id int64
	err = e.row(`INSERT INTO account_journal (company_id, sequence, code, type, name, default_account_id, suspense_account_id, refund_sequence, payment_sequence,
			invoice_reference_type, invoice_reference_model, active, autocheck_on_post, restrict_mode_hash_table, show_on_dashboard, create_uid, write_uid, create_date, write_date)
		SELECT c.id, 10, $2, $3::varchar, jsonb_build_object('en_US', $4::text), $5, CASE WHEN $6::bool THEN c.account_journal_suspense_account_id END, $3::varchar IN ('sale', 'purchase'), $6::bool,
			'invoice', 'odoo', true, true, $7, true, $8, $8, $9, $9 FROM res_company c WHERE c.id = $1 RETURNING id`,
		company, toString(vals["code"]), kind, toString(vals["name"]), nullableID(account), bank, toBool(vals["restrict_mode_hash_table"]), e.user.id, e.now).Scan(&id)
	if err != nil || !bank {
		return id, err
	}
	return id, e.exec(`INSERT INTO account_payment_method_line (name, sequence, payment_type, journal_id, payment_account_id)
		SELECT 'Manual Payment', 10, t.type, $1, (SELECT a.id FROM account_account a WHERE a.code_store->>$2 = t.code)
		FROM (VALUES ('inbound', '101403'), ('outbound', '101404')) AS t (type, code)`, id, toString(company))
}

// createBankAccount gives a new bank journal its liquidity account.
func (e *env) createBankAccount(company int64, name string) (int64, error) {
	var id int64
	err := e.row(`INSERT INTO account_account (account_type, internal_group, name, code_store, reconcile, deprecated)
		SELECT 'asset_cash', 'asset', jsonb_build_object('en_US', $2::text), jsonb_build_object($1::text, (max((code_store->>$1)::int) + 1)::text), false, false
		FROM account_account WHERE code_store->>$1 LIKE '1014%' RETURNING id`, toString(company), name).Scan(&id)
	if err != nil {
		return 0, err
	}
	return id, e.exec(`INSERT INTO account_account_res_company_rel VALUES ($1, $2)`, id, company)
}

func writeJournal(e *env, c *call) (any, error) {
	ids, vals, err := e.toWrite(c)
	if err != nil {
		return nil, err
	}
	for _, v := range sorted(vals) {
		f, ok := e.model(c).field(v.key)
		if !ok {
			return nil, valueError("Invalid field '%s' on model 'account.journal'", v.key)
		}
		if v.key == "restrict_mode_hash_table" && isFalse(v.value) {
			hashed, err := e.ids(`SELECT id FROM account_move WHERE journal_id = ANY($1) AND inalterable_hash IS NOT NULL LIMIT 1`, ids)
			if err != nil {
				return nil, err
			}
			if len(hashed) > 0 {
				return nil, userError("You cannot modify the field Secure Posted Entries with Hash of a journal that already has accounting entries.")
			}
		}
		for _, id := range ids {
			if v.key == "name" {
				err = e.exec(`UPDATE account_journal SET name = jsonb_build_object('en_US', $2::text), write_uid = $3, write_date = $4 WHERE id = $1`, id, toString(v.value), e.user.id, e.now)
			} else if f.column != "" {
				err = e.setColumn("account_journal", id, f, v.value)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return true, nil
}

// toWrite reads and checks the arguments of a write on existing records.
func (e *env) toWrite(c *call) ([]int64, map[string]any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, nil, err
	}
	vals, err := c.values(1, "vals")
	if err != nil {
		return nil, nil, err
	}
	if err := e.may(e.model(c), opWrite); err != nil {
		return nil, nil, err
	}
	return ids, vals, e.visible(e.model(c), ids, "write")
}

// writeCompany sets lock dates and the name.
func writeCompany(e *env, c *call) (any, error) {
	ids, vals, err := e.toWrite(c)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		for _, v := range sorted(vals) {
			if err := e.writeCompanyField(e.model(c), id, v); err != nil {
				return nil, err
			}
		}
	}
	return true, nil
}

func (e *env) writeCompanyField(m *model, id int64, v member) error {
	f, ok := m.field(v.key)
	if !ok || f.column == "" {
		return valueError("Invalid field '%s' on model 'res.company'", v.key)
	}
	if v.key == "hard_lock_date" {
		if err := e.checkHardLock(id, v.value); err != nil {
			return err
		}
	}
	if (v.key == "hard_lock_date" || v.key == "fiscalyear_lock_date") && !isFalse(v.value) {
		if err := e.checkClosable(id, toString(v.value)); err != nil {
			return err
		}
	}
	if f.kind == kindDate && !isFalse(v.value) {
		if _, err := time.Parse(time.DateOnly, toString(v.value)); err != nil {
			return valueError("time data %s does not match format '%%Y-%%m-%%d'", pyRepr(v.value))
		}
	}
	return e.exec("UPDATE res_company SET "+f.column+" = $2"+castOf(f)+", write_date = $3 WHERE id = $1", id, columnValue(f, v.value), e.now)
}

func castOf(f field) string {
	if f.kind == kindDate {
		return "::text::date"
	}
	return ""
}

func columnValue(f field, v any) any {
	switch f.kind {
	case kindBool:
		return toBool(v)
	case kindInt, kindMany2one:
		return nullableID(toInt(v))
	default:
		return nullable(v)
	}
}

// checkHardLock: a hard lock date only ever moves forward.
func (e *env) checkHardLock(company int64, v any) error {
	var current string
	if err := e.row(`SELECT coalesce(hard_lock_date::text, '') FROM res_company WHERE id = $1`, company).Scan(&current); err != nil {
		return err
	}
	switch {
	case current == "":
		return nil
	case isFalse(v):
		return userError("The Hard Lock Date cannot be removed.")
	case toString(v) < current:
		return userError("A new Hard Lock Date must be posterior (or equal) to the previous one.")
	}
	return nil
}

// checkClosable refuses to lock a period that has unreconciled statement lines.
func (e *env) checkClosable(company int64, day string) error {
	open, err := e.ids(`SELECT s.id FROM account_bank_statement_line s JOIN account_move m ON m.id = s.move_id
		WHERE s.company_id = $1 AND (NOT s.is_reconciled OR s.is_reconciled IS NULL) AND m.date <= $2::text::date AND m.state IN ('draft', 'posted') ORDER BY s.id`, company, day)
	if err != nil || len(open) == 0 {
		return err
	}
	action := object{
		{"name", "Unreconciled Transactions"},
		{"type", "ir.actions.act_window"},
		{"res_model", "account.bank.statement.line"},
		{"context", object{{"create", false}}},
	}
	if len(open) == 1 {
		action = append(action, member{"view_mode", "form"}, member{"res_id", open[0]})
	} else {
		action = append(action, member{"view_mode", "list,form"}, member{"domain", []any{[]any{"id", "in", open}}})
	}
	text := "There are still unreconciled bank statement lines in the period you want to lock.You should either reconcile or delete them."
	button := "Show Unreconciled Bank Statement Line"
	return &odooError{
		name:      "odoo.exceptions.RedirectWarning",
		message:   strings.Join([]string{text, pyRepr(action), button, "None"}, "\n"),
		arguments: []any{text, action, button, nil},
	}
}

func createPartner(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opCreate); err != nil {
		return nil, err
	}
	vals, err := c.values(0, "vals_list")
	if err != nil {
		return nil, err
	}
	var id int64
	err = e.row(`INSERT INTO res_partner (name, complete_name, company_id, is_company, active, create_uid, write_uid, create_date, write_date)
		VALUES ($1, $1, $2, $3, true, $4, $4, $5, $5) RETURNING id`,
		toString(vals["name"]), nullableID(toInt(vals["company_id"])), toBool(vals["is_company"]), e.user.id, e.now).Scan(&id)
	return id, err
}

func writePartner(e *env, c *call) (any, error) {
	ids, vals, err := e.toWrite(c)
	if err != nil {
		return nil, err
	}
	for _, v := range sorted(vals) {
		f, ok := e.model(c).field(v.key)
		if !ok || f.column == "" {
			return nil, valueError("Invalid field '%s' on model 'res.partner'", v.key)
		}
		for _, id := range ids {
			if err := e.setColumn("res_partner", id, f, v.value); err != nil {
				return nil, err
			}
		}
	}
	return true, nil
}

// hasGroup answers both calling styles: on the model, and on a user's record.
func hasGroup(e *env, c *call) (any, error) {
	uid, group := e.user.id, toString(c.arg(0, "group_ext_id"))
	if len(c.args) > 1 {
		if ids := toIDs(c.args[0]); len(ids) == 1 {
			uid = ids[0]
		}
		group = toString(c.args[1])
	}
	module, name, _ := strings.Cut(group, ".")
	u, err := loadUser(e.ctx, e.tx, uid)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, missingError("res.users", uid, e.user.id)
	}
	if err != nil {
		return nil, err
	}
	ids, err := e.ids(`SELECT res_id FROM ir_model_data WHERE module = $1 AND name = $2 AND model = 'res.groups'`, module, name)
	return len(ids) > 0 && slices.Contains(u.groups, ids[0]), err
}

func contextGet(e *env, _ *call) (any, error) {
	return object{{"lang", "en_US"}, {"tz", "UTC"}, {"uid", e.user.id}}, nil
}

func getParam(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opRead); err != nil {
		return nil, err
	}
	var value string
	err := e.row(`SELECT value FROM ir_config_parameter WHERE key = $1`, toString(c.arg(0, "key"))).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return value, err
}

func writeCron(e *env, c *call) (any, error) {
	ids, vals, err := e.toWrite(c)
	if err != nil {
		return nil, err
	}
	for _, v := range sorted(vals) {
		f, ok := e.model(c).field(v.key)
		if !ok || f.column == "" {
			return nil, valueError("Invalid field '%s' on model 'ir.cron'", v.key)
		}
		for _, id := range ids {
			if err := e.setColumn("ir_cron", id, f, v.value); err != nil {
				return nil, err
			}
		}
	}
	return true, nil
}

// triggerCron makes actions due now.
func triggerCron(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if err := e.may(e.model(c), opWrite); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := e.exec(`INSERT INTO ir_cron_trigger (cron_id, call_at, create_uid, write_uid, create_date, write_date) VALUES ($1, $2, $3, $3, $2, $2)`, id, e.now, e.user.id); err != nil {
			return nil, err
		}
	}
	return true, nil
}
