package neutrality

import (
	"context"
	"errors"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// An Asker asks the tenant's database in one round trip, as
// pgsession.Session.Batch does.
type Asker func(context.Context, ...pgsession.Query) pgsession.Results

// Settings are what a Prover is made of.
type Settings struct {
	Synthetic       int64                                // id of the synthetic company
	OtherCompanies  bool                                 // the prober's user may enter others, by configuration
	Tag             string                               // begins the reference of what the prober writes
	Ask             Asker                                // nil: there is no access to the database
	User            func(context.Context) (int64, error) // id of the prober's user
	Now             func() time.Time                     // nil means time.Now
	RememberedUser  int64                                // asked for when User fails; 0: none is remembered
	RememberedState *Before                              // of the last conclusive proof; nil: there was none
}

// A Prover makes proofs on one tenant.
type Prover struct{ s Settings }

// New returns a Prover. Nothing is asked yet.
func New(s Settings) *Prover {
	if s.Now == nil {
		s.Now = time.Now
	}
	return &Prover{s}
}

// The statement reads every entry and item once: seconds where there are
// millions of them.
const proofSQL = `select now() as at, company, reachable, entries, items, payments, numbers, balances,
       own_entries, own_items, own_payments, own_matches, numbers_without, balances_without
  from closewatch_ledger_proof($1::integer, $2::text)`

// Bounds of the statement, for the session that asks it.
const (
	StatementTimeout = 2 * time.Minute
	MaxCompanies     = 10000
)

// Prove looks once. Whatever goes wrong is the reason of an Unknown verdict.
func (p *Prover) Prove(ctx context.Context) Proof {
	proof := Proof{At: p.s.Now().UTC(), Verdict: Unknown, Before: p.s.RememberedState}
	unknown := func(err error, hint string) Proof {
		proof.Reasons = []string{err.Error()}
		proof.Hint = hint
		if own := fault.HintOf(err); hint == "" {
			proof.Hint = own
		}
		return proof
	}
	if p.s.Synthetic == 0 {
		return unknown(errors.New("there is no synthetic company"), "configure synthetic.company")
	}
	if p.s.Ask == nil {
		return unknown(errors.New("there is no access to the tenant's database"), "give the odoo component sql.dsn, or declare the postgres component it lives on")
	}
	user, err := p.s.User(ctx)
	if err != nil {
		user = p.s.RememberedUser
	}
	if user == 0 {
		return unknown(fault.Wrap("find the prober's user", err, ""), "")
	}
	proof.Prober = user
	r := p.s.Ask(ctx, pgsession.Query{Name: "ledger-proof", SQL: proofSQL, Args: []any{user, p.s.Tag}}).Named("ledger-proof")
	if r.Err != nil {
		return unknown(r.Err, hintOf(r.Err))
	}
	if r.Truncated > 0 || len(r.Rows) == 0 {
		return unknown(errors.New("the answer about the companies is not complete"), "look at the rights of the role, and run closewatch-role.sql again")
	}
	for _, row := range r.Rows {
		c, ok := companyOf(row)
		if !ok {
			return unknown(fault.Wrap("read the answer", errors.Join(r.Malformed(), errors.New("a value is missing")), ""), "run closewatch-role.sql again: the function is of another version")
		}
		c.Synthetic = c.ID == p.s.Synthetic
		proof.Companies = append(proof.Companies, c)
	}
	if at, ok := r.First().Time("at"); ok {
		proof.At = at
	}
	proof.judge(p.s.OtherCompanies)
	return proof
}

// hintOf says what to do about a statement that failed.
func hintOf(err error) string {
	kind := fault.KindOf(err)
	if kind == fault.Schema || kind == fault.Denied {
		return "run closewatch-role.sql in the Odoo database: it makes the function closewatch_ledger_proof, or makes it anew after an upgrade"
	}
	if kind == fault.Timeout {
		return "there are more entries than can be read in the time that is allowed; prove on a standby, or at a quieter time"
	}
	return fault.HintOf(err)
}

func companyOf(row pgsession.Row) (c Company, ok bool) {
	ok = true
	number := func(column string) int64 {
		n, there := row.Int(column)
		ok = ok && there
		return n
	}
	c.ID = number("company")
	reachable, there := row.Bool("reachable")
	c.Reachable, ok = reachable, ok && there
	c.Entries, c.Items, c.Payments = number("entries"), number("items"), number("payments")
	c.Own = Own{number("own_entries"), number("own_items"), number("own_payments"), number("own_matches")}
	c.Numbers, c.NumbersWithout = row.String("numbers"), row.String("numbers_without")
	c.Balances, c.BalancesWithout = row.String("balances"), row.String("balances_without")
	return c, ok
}
