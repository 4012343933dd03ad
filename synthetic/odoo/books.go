package odoo

import (
	"context"
	"errors"
	"slices"

	"github.com/closewatch/closewatch/internal/fault"
)

// Books are what the prober knows of the synthetic company. They are read
// anew in every run, and their company and journals before every write.
type books struct {
	companies []int64 // that the user may see
	company   company
	sale      journal
	bank      journal
	partner   partner
}

type company struct {
	ID     int64             `json:"id"`
	Parent reference         `json:"parent_id"`
	locks  map[string]string // date by lock; only those that are set
	frozen []string          // audit settings that keep entries from being deleted
}

type journal struct {
	ID       int64     `json:"id"`
	Code     string    `json:"code"`
	Type     string    `json:"type"`
	Company  reference `json:"company_id"`
	Hashed   bool      `json:"restrict_mode_hash_table"`
	Suspense reference `json:"suspense_account_id"`
}

type partner struct {
	ID      int64     `json:"id"`
	Company reference `json:"company_id"`
	Email   text      `json:"email"`
}

// lockFields and auditFields are those of Odoo 16 to 19 together; which of
// them a database has is asked of it.
var (
	lockFields  = []string{"period_lock_date", "fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "purchase_lock_date", "hard_lock_date"}
	auditFields = []string{"check_account_audit_trail", "restrictive_audit_trail", "force_restrictive_audit_trail"}
)

// readCompanies returns the companies that the user may see.
func (p *Prober) readCompanies(ctx context.Context) ([]int64, error) {
	uid, err := p.client.UserID(ctx)
	if err != nil {
		return nil, err
	}
	var users []struct {
		Companies []int64 `json:"company_ids"`
	}
	if err := p.call(ctx, "res.users", "read", []any{[]int64{uid}, []string{"company_ids"}}, nil, &users); err != nil {
		return nil, err
	}
	if len(users) != 1 {
		return nil, &fault.Error{Op: "read the monitoring user", Kind: fault.Assertion, Err: errors.New("it cannot see itself")}
	}
	return users[0].Companies, nil
}

// readBooks reads all that the guards and flows need.
func (p *Prober) readBooks(ctx context.Context) (*books, error) {
	b := &books{}
	var err error
	if b.companies, err = p.readCompanies(ctx); err != nil {
		return nil, err
	}
	if b.partner, err = p.readPartner(ctx); err != nil {
		return nil, err
	}
	return b, p.refresh(ctx, b)
}

// refresh reads again what may change from one write to the next.
func (p *Prober) refresh(ctx context.Context, b *books) error {
	var err error
	if b.company, err = p.readCompany(ctx); err != nil {
		return err
	}
	b.sale, b.bank, err = p.readJournals(ctx)
	return err
}

func (p *Prober) readCompany(ctx context.Context) (company, error) {
	fields, err := p.companyFields(ctx)
	if err != nil {
		return company{}, err
	}
	var rows []map[string]any
	if err := p.call(ctx, "res.company", "read", []any{[]int64{p.config.Synthetic.Company}, append([]string{"parent_id"}, fields...)}, nil, &rows); err != nil {
		return company{}, err
	}
	if len(rows) != 1 {
		return company{}, notFound("company", "synthetic.company")
	}
	return companyOf(p.config.Synthetic.Company, rows[0]), nil
}

func companyOf(id int64, row map[string]any) company {
	c := company{ID: id, locks: map[string]string{}}
	if pair, ok := row["parent_id"].([]any); ok && len(pair) > 0 {
		parent, _ := pair[0].(float64)
		c.Parent = reference(parent)
	}
	for _, f := range lockFields {
		if date, ok := row[f].(string); ok && date != "" {
			c.locks[f] = date
		}
	}
	for _, f := range auditFields {
		if on, _ := row[f].(bool); on {
			c.frozen = append(c.frozen, f)
		}
	}
	return c
}

// companyFields asks once which lock and audit fields the database has.
func (p *Prober) companyFields(ctx context.Context) ([]string, error) {
	p.fieldsMu.Lock()
	defer p.fieldsMu.Unlock()
	if p.fields != nil {
		return p.fields, nil
	}
	wanted := slices.Concat(lockFields, auditFields)
	var known map[string]any
	if err := p.call(ctx, "res.company", "fields_get", []any{wanted, []string{"type"}}, nil, &known); err != nil {
		return nil, err
	}
	fields := slices.DeleteFunc(wanted, func(f string) bool { _, ok := known[f]; return !ok })
	if !slices.Contains(fields, "fiscalyear_lock_date") {
		return nil, &fault.Error{Op: "read the lock dates", Kind: fault.Schema, Err: errors.New("the company has no fiscalyear_lock_date"), Hint: "check that Invoicing is installed"}
	}
	p.fields = fields
	return fields, nil
}

func (p *Prober) readJournals(ctx context.Context) (sale, bank journal, err error) {
	s := p.config.Synthetic
	domain := []any{[]any{"company_id", "=", s.Company}, []any{"code", "in", []string{s.SaleJournal, s.BankJournal}}}
	var rows []journal
	fields := []string{"code", "type", "company_id", "restrict_mode_hash_table", "suspense_account_id"}
	if err := p.call(ctx, "account.journal", "search_read", []any{domain}, map[string]any{"fields": fields}, &rows); err != nil {
		return sale, bank, err
	}
	for _, j := range rows {
		switch j.Code {
		case s.SaleJournal:
			sale = j
		case s.BankJournal:
			bank = j
		}
	}
	if sale.ID == 0 {
		return sale, bank, notFound("sale journal", "synthetic.saleJournal")
	}
	return sale, bank, nil
}

func (p *Prober) readPartner(ctx context.Context) (partner, error) {
	var rows []partner
	err := p.call(ctx, "res.partner", "read", []any{[]int64{p.config.Synthetic.Partner}, []string{"company_id", "email"}}, nil, &rows)
	if err != nil {
		return partner{}, err
	}
	if len(rows) != 1 {
		return partner{}, notFound("partner", "synthetic.partner")
	}
	return rows[0], nil
}

func notFound(what, setting string) error {
	return &fault.Error{Op: "read the " + what, Kind: fault.Rejected, Err: errors.New("there is none as configured"), Hint: "correct " + setting}
}
