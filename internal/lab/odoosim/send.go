package odoosim

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// openSendWizard answers the action behind "Send & Print".
func openSendWizard(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if _, err := e.moves(ids, opWrite); err != nil {
		return nil, err
	}
	return object{
		{"name", "Print & Send"},
		{"type", "ir.actions.act_window"},
		{"view_mode", "form"},
		{"res_model", "account.move.send.wizard"},
		{"target", "new"},
		{"context", object{{"active_model", "account.move"}, {"active_ids", ids}}},
	}, nil
}

func createSendWizard(e *env, c *call) (any, error) {
	if err := e.may(e.model(c), opCreate); err != nil {
		return nil, err
	}
	vals, err := c.values(0, "vals_list")
	if err != nil {
		return nil, err
	}
	move := toInt(vals["move_id"])
	if active := toIDs(c.context()["active_ids"]); move == 0 && len(active) > 0 {
		move = active[0]
	}
	m, err := e.move(move)
	if err != nil {
		return nil, err
	}
	if m.state != "posted" {
		return nil, userError("You can only Print & Send posted invoices.")
	}
	var id int64
	err = e.row(`INSERT INTO account_move_send_wizard (move_id, create_uid, write_uid, create_date, write_date) VALUES ($1, $2, $2, $3, $3) RETURNING id`, move, e.user.id, e.now).Scan(&id)
	return id, err
}

// sendAndPrint hands the invoice to the job queue: one job transmits it to the
// e-invoicing network, one mails it to the customer.
func sendAndPrint(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil || len(ids) != 1 {
		return nil, errors.Join(err, valueError("Expected singleton: account.move.send.wizard%s", pyRepr(c.arg(0, "ids"))))
	}
	found, err := e.ids(`SELECT move_id FROM account_move_send_wizard WHERE id = $1`, ids[0])
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, missingError(c.model, ids[0], e.user.id)
	}
	ms, err := e.moves(found, opWrite)
	if err != nil {
		return nil, err
	}
	m := ms[0]
	if err := e.enqueue(m, ChannelEInvoice, "_send_einvoice"); err != nil {
		return nil, err
	}
	if err := e.exec(`INSERT INTO mail_mail (mail_message_id, state, auto_delete, create_uid, write_uid, create_date, write_date)
		VALUES (nextval('mail_message_id_seq'), 'outgoing', true, $1, $1, $2, $2)`, e.user.id, e.now); err != nil {
		return nil, err
	}
	if err := e.enqueue(m, ChannelMail, "_send_mail"); err != nil {
		return nil, err
	}
	if err := e.exec(`UPDATE account_move SET is_move_sent = true, sending_data = NULL, write_uid = $2, write_date = $3 WHERE id = $1`, m.id, e.user.id, e.now); err != nil {
		return nil, err
	}
	return object{{"type", "ir.actions.act_url"}, {"url", fmt.Sprintf("/account/download_invoice_documents/%d/pdf", m.id)}, {"target", "download"}}, nil
}

// enqueue inserts a pending job for a move.
func (e *env) enqueue(m *move, channel, methodName string) error {
	id, err := newUUID()
	if err != nil {
		return err
	}
	return e.exec(`INSERT INTO queue_job (user_id, company_id, priority, retry, max_retries, uuid, name, model_name, method_name, func_string, state, channel, identity_key, records, date_created)
		VALUES ($1, $2, 10, 0, 5, $3, $4, 'account.move', $5, $6, 'pending', $7, $8, $9, $10)`,
		e.user.id, m.company, id, "account.move."+methodName, methodName, fmt.Sprintf("account.move(%d,).%s()", m.id, methodName),
		channel, fmt.Sprintf("account.move.%s:%d", methodName, m.id), fmt.Sprintf(`{"_type": "odoo_recordset", "model": "account.move", "ids": [%d], "uid": %d}`, m.id, e.user.id), e.now)
}

func newUUID() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], nil
}
