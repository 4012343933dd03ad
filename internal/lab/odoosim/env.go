package odoosim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// An env is what one RPC runs in: a transaction, a user and a context.
type env struct {
	ctx       context.Context
	s         *Server
	tx        pgx.Tx
	user      *user
	context   map[string]any
	companies []int64 // allowed, the current one first
	now       time.Time
	su        bool // checks no rights: the server's own work
}

// A user is who calls.
type user struct {
	id, partner, company int64
	login, name          string
	companies            []int64
	groups               []int64
}

// Groups by id, as seeded.
const (
	groupUser       = 1
	groupERPManager = 3
	groupSystem     = 4
	groupBilling    = 23
	groupReadonly   = 24
	groupAccounting = 25
	groupManager    = 26
	groupBasic      = 27
	groupTestJob    = 30 // made by AddTestJob
)

func (u *user) in(groups ...int64) bool {
	return slices.ContainsFunc(groups, func(g int64) bool { return slices.Contains(u.groups, g) })
}

func loadUser(ctx context.Context, tx pgx.Tx, uid int64) (*user, error) {
	u := &user{id: uid}
	err := tx.QueryRow(ctx, `SELECT u.login, p.name, u.company_id, u.partner_id,
			ARRAY(SELECT cid FROM res_company_users_rel WHERE user_id = u.id ORDER BY cid),
			ARRAY(SELECT gid FROM res_groups_users_rel WHERE uid = u.id ORDER BY gid)
		FROM res_users u JOIN res_partner p ON p.id = u.partner_id WHERE u.id = $1 AND u.active`, uid).
		Scan(&u.login, &u.name, &u.company, &u.partner, &u.companies, &u.groups)
	return u, err
}

// newEnv checks the companies the context asks for against the user's own.
func (s *Server) newEnv(ctx context.Context, tx pgx.Tx, uid int64, rpcContext map[string]any) (*env, error) {
	u, err := loadUser(ctx, tx, uid)
	if err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, accessDenied()
		}
		return nil, err
	}
	e := &env{ctx: ctx, s: s, tx: tx, user: u, context: rpcContext, companies: u.companies, now: s.now()}
	if asked := toIDs(rpcContext["allowed_company_ids"]); len(asked) > 0 {
		for _, c := range asked {
			if !slices.Contains(u.companies, c) {
				return nil, accessError("Access to unauthorized or invalid companies.")
			}
		}
		e.companies = asked
	} else if i := slices.Index(u.companies, u.company); i > 0 {
		e.companies = append([]int64{u.company}, slices.Delete(slices.Clone(u.companies), i, i+1)...)
	}
	return e, nil
}

// system is the environment of the server's own work, in every company.
func (s *Server) system(ctx context.Context, tx pgx.Tx) *env {
	return &env{
		ctx: ctx, s: s, tx: tx, su: true, now: s.now(), context: map[string]any{},
		user: &user{id: 1, company: MainCompany, name: "OdooBot"}, companies: []int64{MainCompany, SyntheticCompany},
	}
}

func (e *env) company() int64 {
	if len(e.companies) > 0 {
		return e.companies[0]
	}
	return e.user.company
}

func (e *env) today() string { return e.now.Format(time.DateOnly) }

func (e *env) exec(sql string, args ...any) error {
	_, err := e.tx.Exec(e.ctx, sql, args...)
	return err
}

func (e *env) row(sql string, args ...any) pgx.Row { return e.tx.QueryRow(e.ctx, sql, args...) }

// ids runs a query of one column.
func (e *env) ids(sql string, args ...any) ([]int64, error) {
	rows, err := e.tx.Query(e.ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// may refuses what the user's groups do not allow, in Odoo's words.
func (e *env) may(m *model, op operation) error {
	r, ok := m.rights[op]
	if e.su || !ok || e.user.in(r.groups...) {
		return nil
	}
	return accessError("You are not allowed to %s '%s' (%s) records.\n\nThis operation is allowed for the following groups:\n\t- %s\n\nContact your administrator to request access if necessary.",
		op, m.title, m.name, r.listed)
}

// visible refuses records of companies that are not allowed, and records that
// do not exist.
func (e *env) visible(m *model, ids []int64, verb string) error {
	found, err := e.existing(m, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.Contains(found, id) {
			return missingError(m.name, id, e.user.id)
		}
	}
	return e.ruled(m, ids, verb)
}

func (e *env) existing(m *model, ids []int64) ([]int64, error) {
	return e.ids("SELECT id FROM "+m.table+" WHERE id = ANY($1)", ids)
}

// ruled applies the record rules to records that exist.
func (e *env) ruled(m *model, ids []int64, verb string) error {
	if m.rule == "" || e.su {
		return nil
	}
	hidden, err := e.ids("SELECT t.id FROM "+m.table+" t WHERE t.id = ANY($1) AND NOT coalesce("+e.expand(m.rule, "t")+", false)", ids)
	if err != nil || len(hidden) == 0 {
		return err
	}
	return accessError("Uh-oh! Looks like you have stumbled upon some top-secret records.\n\nSorry, %s (id=%d) doesn't have '%s' access to:\n- %s (%s)\n\nIf you really, really need access, perhaps you can win over your friendly administrator with a batch of freshly baked cookies.\n\nThis seems to be a multi-company issue, but you do not have access to the proper company to access the record anyhow.",
		e.user.name, e.user.id, verb, m.title, m.name)
}
