package odoosim

import (
	"slices"

	"github.com/jackc/pgx/v5"
)

// An open item is a journal item as matching sees it.
type openItem struct {
	id, account, company, currency int64
	residual                       float64
	reconciled, allowed            bool
	state, accountName, date       string
}

func reconcileLines(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if err := e.may(e.model(c), opWrite); err != nil {
		return nil, err
	}
	if err := e.visible(e.model(c), ids, "write"); err != nil {
		return nil, err
	}
	return noResult{}, e.reconcile(ids)
}

// reconcile matches the debits of the given items with their credits.
func (e *env) reconcile(ids []int64) error {
	items, err := e.openItems(ids)
	if err != nil || len(items) == 0 {
		return err
	}
	if err := checkReconcilable(items); err != nil {
		return err
	}
	slices.SortStableFunc(items, func(a, b openItem) int {
		if a.date < b.date {
			return -1
		} else if a.date > b.date {
			return 1
		}
		return int(a.id - b.id)
	})
	for {
		debit := slices.IndexFunc(items, func(i openItem) bool { return i.residual > 0 })
		credit := slices.IndexFunc(items, func(i openItem) bool { return i.residual < 0 })
		if debit < 0 || credit < 0 {
			break
		}
		amount := cents(min(items[debit].residual, -items[credit].residual))
		if err := e.insertPartial(items[debit], items[credit], amount); err != nil {
			return err
		}
		items[debit].residual = cents(items[debit].residual - amount)
		items[credit].residual = cents(items[credit].residual + amount)
	}
	if err := e.refreshLines(ids); err != nil {
		return err
	}
	return e.closeGroup(ids)
}

func (e *env) openItems(ids []int64) ([]openItem, error) {
	rows, err := e.tx.Query(e.ctx, `SELECT l.id, l.account_id, l.company_id, l.currency_id, coalesce(l.amount_residual, 0)::float8, coalesce(l.reconciled, false),
			coalesce(a.reconcile, false) OR a.account_type IN ('asset_cash', 'liability_credit_card'), l.parent_state, a.name->>'en_US', coalesce(l.date_maturity, l.date)::text
		FROM account_move_line l JOIN account_account a ON a.id = l.account_id WHERE l.id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (i openItem, err error) {
		return i, row.Scan(&i.id, &i.account, &i.company, &i.currency, &i.residual, &i.reconciled, &i.allowed, &i.state, &i.accountName, &i.date)
	})
}

func checkReconcilable(items []openItem) error {
	for _, i := range items {
		switch {
		case i.reconciled:
			return userError("You are trying to reconcile some entries that are already reconciled.")
		case i.state != "posted":
			return userError("You can only reconcile posted entries.")
		case i.account != items[0].account:
			return userError("Entries are not from the same account: %s, %s", items[0].accountName, i.accountName)
		case !i.allowed:
			return userError("Account %s does not allow reconciliation. First change the configuration of this account to allow it.", i.accountName)
		}
	}
	return nil
}

func (e *env) insertPartial(debit, credit openItem, amount float64) error {
	return e.exec(`INSERT INTO account_partial_reconcile (debit_move_id, credit_move_id, debit_currency_id, credit_currency_id, company_id, max_date,
			amount, debit_amount_currency, credit_amount_currency, create_uid, write_uid, create_date, write_date)
		VALUES ($1, $2, $3, $4, $5, $6::text::date, $7, $7, $7, $8, $8, $9, $9)`,
		debit.id, credit.id, debit.currency, credit.currency, debit.company, max(debit.date, credit.date), amount, e.user.id, e.now)
}

// closeGroup marks everything connected to the items as fully reconciled once
// nothing is left open in it.
func (e *env) closeGroup(ids []int64) error {
	group, err := e.ids(`WITH RECURSIVE g(id) AS (
			SELECT unnest($1::int[])
			UNION
			SELECT CASE WHEN p.debit_move_id = g.id THEN p.credit_move_id ELSE p.debit_move_id END
			FROM g JOIN account_partial_reconcile p ON g.id IN (p.debit_move_id, p.credit_move_id))
		SELECT id FROM g`, ids)
	if err != nil {
		return err
	}
	var open int64
	if err := e.row(`SELECT count(*) FROM account_move_line WHERE id = ANY($1) AND NOT coalesce(reconciled, false)`, group).Scan(&open); err != nil {
		return err
	}
	if open == 0 {
		var full int64
		if err := e.row(`INSERT INTO account_full_reconcile (create_uid, write_uid, create_date, write_date) VALUES ($1, $1, $2, $2) RETURNING id`, e.user.id, e.now).Scan(&full); err != nil {
			return err
		}
		if err := e.exec(`UPDATE account_partial_reconcile SET full_reconcile_id = $2 WHERE debit_move_id = ANY($1) OR credit_move_id = ANY($1)`, group, full); err != nil {
			return err
		}
		if err := e.exec(`UPDATE account_move_line SET full_reconcile_id = $2 WHERE id = ANY($1)`, group, full); err != nil {
			return err
		}
	}
	return e.refreshLines(group)
}

func removeReconcile(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if err := e.may(e.model(c), opWrite); err != nil {
		return nil, err
	}
	if err := e.visible(e.model(c), ids, "write"); err != nil {
		return nil, err
	}
	return noResult{}, e.unreconcile(ids)
}

// unreconcile removes every match of the given items.
func (e *env) unreconcile(ids []int64) error {
	partials, err := e.ids(`SELECT id FROM account_partial_reconcile WHERE debit_move_id = ANY($1) OR credit_move_id = ANY($1)`, ids)
	if err != nil || len(partials) == 0 {
		return err
	}
	return e.removePartials(partials)
}

func (e *env) removePartials(partials []int64) error {
	touched, err := e.ids(`SELECT debit_move_id FROM account_partial_reconcile WHERE id = ANY($1)
		UNION SELECT credit_move_id FROM account_partial_reconcile WHERE id = ANY($1)
		UNION SELECT l.id FROM account_move_line l JOIN account_partial_reconcile p ON p.full_reconcile_id = l.full_reconcile_id WHERE p.id = ANY($1)`, partials)
	if err != nil {
		return err
	}
	if err := e.exec(`DELETE FROM account_full_reconcile WHERE id IN (SELECT full_reconcile_id FROM account_partial_reconcile WHERE id = ANY($1))`, partials); err != nil {
		return err
	}
	if err := e.exec(`DELETE FROM account_partial_reconcile WHERE id = ANY($1)`, partials); err != nil {
		return err
	}
	return e.refreshLines(touched)
}

// assignOutstanding matches an outstanding item with a document's open items of
// the same account.
func assignOutstanding(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if _, err := e.moves(ids, opWrite); err != nil {
		return nil, err
	}
	line := toInt(c.arg(1, "line_id"))
	if err := e.visible(e.s.models["account.move.line"], []int64{line}, "write"); err != nil {
		return nil, err
	}
	open, err := e.ids(`SELECT l.id FROM account_move_line l JOIN account_move_line o ON o.account_id = l.account_id
		WHERE o.id = $2 AND l.move_id = ANY($1) AND NOT coalesce(l.reconciled, false) ORDER BY l.id`, ids, line)
	if err != nil {
		return nil, err
	}
	return noResult{}, e.reconcile(append([]int64{line}, open...))
}

func removeOutstanding(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	if _, err := e.moves(ids, opWrite); err != nil {
		return nil, err
	}
	partial := toInt(c.arg(1, "partial_id"))
	if err := e.visible(e.s.models["account.partial.reconcile"], []int64{partial}, "unlink"); err != nil {
		return nil, err
	}
	return true, e.removePartials([]int64{partial})
}
