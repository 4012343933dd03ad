package odoosim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A chain is the series of numbers of one journal, period and kind of document.
type chain struct {
	prefix string // "SYNI/2026/"
	width  int
}

// chainOf: sales, banks and cash number by year, other journals by month; a
// journal may keep credit notes (R) and payments (P) apart.
func chainOf(m *move) chain {
	prefix, width := fmt.Sprintf("%s/%s/%s/", m.journalCode, m.date[:4], m.date[5:7]), 4
	switch m.journalType {
	case "sale", "bank", "cash", "credit":
		prefix, width = fmt.Sprintf("%s/%s/", m.journalCode, m.date[:4]), 5
	}
	if m.refundSequence && isRefund(m.kind) {
		prefix = "R" + prefix
	}
	if m.paymentSequence && m.payment != 0 {
		prefix = "P" + prefix
	}
	return chain{prefix, width}
}

func (c chain) name(number int64) string { return fmt.Sprintf("%s%0*d", c.prefix, c.width, number) }

func (e *env) lastNumber(m *move, c chain) (int64, error) {
	var n int64
	err := e.row(`SELECT coalesce(max(sequence_number), 0) FROM account_move WHERE journal_id = $1 AND sequence_prefix = $2 AND id <> $3`, m.journal, c.prefix, m.id).Scan(&n)
	return n, err
}

// nameFirstDraft numbers a draft that is the first of its chain: Odoo shows
// users where the series starts before they post.
func (e *env) nameFirstDraft(m *move) error {
	if numbered(m.name) {
		return nil
	}
	c := chainOf(m)
	last, err := e.lastNumber(m, c)
	if err != nil || last > 0 {
		return err
	}
	m.name, m.prefix, m.number = c.name(1), c.prefix, 1
	if err := e.exec(`UPDATE account_move SET name = $2, sequence_prefix = $3, sequence_number = 1, made_sequence_gap = true WHERE id = $1`, m.id, m.name, m.prefix); err != nil {
		return err
	}
	return e.mirrorToLines([]int64{m.id})
}

// maxNumberTries bounds how many concurrent posters of one journal a post steps over.
const maxNumberTries = 50

// assignNumber gives a move being posted its number. Others may be posting in
// the same journal: the unique index on names decides, and the loser takes the
// next number.
func (e *env) assignNumber(m *move) error {
	c := chainOf(m)
	number, keep := m.number, numbered(m.name) && m.prefix == c.prefix
	if !keep {
		last, err := e.lastNumber(m, c)
		if err != nil {
			return err
		}
		number = last + 1
	}
	for try := range maxNumberTries {
		err := e.tryNumber(m, c, number, try > 0)
		if err == nil {
			m.name, m.prefix, m.number = c.name(number), c.prefix, number
			return nil
		}
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "23505" {
			return err
		}
		if keep && m.postedBefore {
			return validationError("Posted journal entry must have an unique sequence number per company.\nProblematic numbers: %s\n", m.name)
		}
		number++
	}
	return userError("No free number was found in %s", c.prefix)
}

// tryNumber posts under a number inside a savepoint. A number just refused to
// us belongs to someone we cannot see yet, so the one after it leaves no gap.
func (e *env) tryNumber(m *move, c chain, number int64, follows bool) error {
	return pgx.BeginFunc(e.ctx, e.tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(e.ctx, `UPDATE account_move m SET state = 'posted', name = $2, sequence_prefix = $3::varchar, sequence_number = $4::int,
			made_sequence_gap = $4::int > 1 AND NOT $5 AND NOT EXISTS (
				SELECT FROM account_move p WHERE p.journal_id = m.journal_id AND p.sequence_prefix = $3::varchar AND p.sequence_number = $4::int - 1)
			WHERE id = $1`, m.id, c.name(number), c.prefix, number, follows)
		return err
	})
}

// checkEndOfChain refuses to delete numbers with later numbers behind them, or
// that another entry has too.
func (e *env) checkEndOfChain(ms []*move) error {
	for _, m := range ms {
		if !numbered(m.name) || m.number == 0 {
			continue
		}
		later, err := e.ids(`SELECT id FROM account_move WHERE journal_id = $1 AND sequence_prefix = $2 AND sequence_number >= $3 AND id <> $4`, m.journal, m.prefix, m.number, m.id)
		if err != nil {
			return err
		}
		for _, id := range later {
			if !slices.Contains(moveIDs(ms), id) {
				return userError("You cannot delete this entry, as it has already consumed a sequence number and is not the last one in the chain. You should probably revert it instead.")
			}
		}
	}
	return nil
}
