package odoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// Books are what the prober knows of the synthetic company. They are read
// anew in every run, and what may change meanwhile before every write.
type books struct {
	user          user
	company       company
	sale          journal
	bank          journal
	partner       partner
	localisations []string // installed modules that report invoices to an authority
}

type user struct {
	Companies []int64 `json:"company_ids"` // that it may enter
	Email     text    `json:"email"`
	Notified  text    `json:"notification_type"` // "email" or "inbox"
}

type company struct {
	ID        int64
	Parent    reference
	Currency  reference
	locks     map[string]string // date by lock; only those that are set
	frozen    []string          // audit settings that keep entries from being deleted
	proxies   int               // connections to e-invoicing networks
	peppol    string            // state there; "" where there is none
	countries []string          // its own and that of its taxes, in lower case
}

type journal struct {
	ID          int64     `json:"id"`
	Code        string    `json:"code"`
	Type        string    `json:"type"`
	Company     reference `json:"company_id"`
	Hashed      bool      `json:"restrict_mode_hash_table"`
	Suspense    reference `json:"suspense_account_id"`
	EDI         count     `json:"edi_format_ids"`
	Methods     text      `json:"selected_payment_method_codes"` // ",manual,manual,"
	Alias       text      `json:"alias_name"`
	AliasDomain text      `json:"alias_domain"`
}

type partner struct {
	ID      int64     `json:"id"`
	Company reference `json:"company_id"`
	Email   text      `json:"email"`
}

// Fields of Odoo 16 to 19 together; which of them a database has is asked of
// it.
var (
	lockFields    = []string{"period_lock_date", "fiscalyear_lock_date", "tax_lock_date", "sale_lock_date", "purchase_lock_date", "hard_lock_date"}
	auditFields   = []string{"check_account_audit_trail", "restrictive_audit_trail", "force_restrictive_audit_trail"}
	outsideFields = []string{"account_edi_proxy_client_ids", "account_peppol_proxy_state", "country_code", "account_fiscal_country_id"}
	journalFields = []string{
		"code", "type", "company_id", "restrict_mode_hash_table", "suspense_account_id",
		"edi_format_ids", "selected_payment_method_codes", "alias_name", "alias_domain",
	}
)

// readUser reads the monitoring user's own record, of no company in
// particular: Odoo 19 refuses to name companies outside the one it is asked in.
func (p *Prober) readUser(ctx context.Context) (user, error) {
	uid, err := p.client.UserID(ctx)
	if err != nil {
		return user{}, err
	}
	var users []user
	if err := p.client.Call(ctx, "res.users", "read", []any{[]int64{uid}, []string{"company_ids", "email", "notification_type"}}, nil, &users); err != nil {
		return user{}, err
	}
	if len(users) != 1 {
		return user{}, &fault.Error{Op: "read the monitoring user", Kind: fault.Assertion, Err: errors.New("it cannot see itself")}
	}
	return users[0], nil
}

// readBooks reads all that the guards and flows need.
func (p *Prober) readBooks(ctx context.Context) (*books, error) {
	b := &books{}
	return b, p.refresh(ctx, b)
}

// refresh reads again what may change from one write to the next.
func (p *Prober) refresh(ctx context.Context, b *books) error {
	var err error
	if b.user, err = ask(p, "user", func() (user, error) { return p.readUser(ctx) }); err != nil {
		return err
	}
	if b.partner, err = ask(p, "partner", func() (partner, error) { return p.readPartner(ctx) }); err != nil {
		return err
	}
	if b.localisations, err = ask(p, "localisations", func() ([]string, error) { return p.readLocalisations(ctx) }); err != nil {
		return err
	}
	if b.company, err = p.readCompany(ctx); err != nil {
		return err
	}
	b.sale, b.bank, err = p.readJournals(ctx)
	return err
}

func (p *Prober) readCompany(ctx context.Context) (company, error) {
	fields, err := p.fieldsOf(ctx, "res.company", slices.Concat(lockFields, auditFields, outsideFields))
	if err != nil {
		return company{}, err
	}
	if !slices.Contains(fields, "fiscalyear_lock_date") {
		return company{}, &fault.Error{Op: "read the lock dates", Kind: fault.Schema, Err: errors.New("the company has no fiscalyear_lock_date"), Hint: "check that Invoicing is installed"}
	}
	var rows []map[string]any
	if err := p.call(ctx, "res.company", "read", []any{[]int64{p.config.Synthetic.Company}, slices.Concat([]string{"parent_id", "currency_id"}, fields)}, nil, &rows); err != nil {
		return company{}, err
	}
	if len(rows) != 1 {
		return company{}, notFound("company", "synthetic.company")
	}
	c := companyOf(p.config.Synthetic.Company, rows[0])
	if id := many2one(rows[0], "account_fiscal_country_id"); id != 0 {
		code, err := ask(p, fmt.Sprintf("country %d", id), func() (string, error) { return p.readCountry(ctx, id) })
		if err != nil {
			return company{}, err
		}
		c.countries = append(c.countries, code)
	}
	return c, nil
}

// readCountry returns the code of a country in lower case.
func (p *Prober) readCountry(ctx context.Context, id reference) (string, error) {
	var rows []struct {
		Code string `json:"code"`
	}
	if err := p.call(ctx, "res.country", "read", []any{[]int64{int64(id)}, []string{"code"}}, nil, &rows); err != nil {
		return "", err
	}
	row, err := one(rows, "the country of the company's taxes")
	return strings.ToLower(row.Code), err
}

// readLocalisations lists the installed modules that report the invoices of a
// country: l10n_it_edi, l10n_es_edi_sii, l10n_tr_nilvera.
func (p *Prober) readLocalisations(ctx context.Context) ([]string, error) {
	domain := []any{[]any{"state", "in", []string{"installed", "to upgrade"}}, "|", []any{"name", "=like", `l10n\_%\_edi%`}, []any{"name", "=like", `l10n\_%\_nilvera%`}}
	var rows []struct {
		Name string `json:"name"`
	}
	if err := p.call(ctx, "ir.module.module", "search_read", []any{domain}, map[string]any{"fields": []string{"name"}, "order": "name"}, &rows); err != nil {
		return nil, err
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return names, nil
}

func companyOf(id int64, row map[string]any) company {
	c := company{ID: id, Parent: many2one(row, "parent_id"), Currency: many2one(row, "currency_id"), locks: map[string]string{}}
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
	if ids, ok := row["account_edi_proxy_client_ids"].([]any); ok {
		c.proxies = len(ids)
	}
	c.peppol, _ = row["account_peppol_proxy_state"].(string)
	if code, ok := row["country_code"].(string); ok && code != "" {
		c.countries = append(c.countries, strings.ToLower(code))
	}
	return c
}

// many2one reads the id of a reference; 0 when it is empty.
func many2one(row map[string]any, field string) reference {
	pair, ok := row[field].([]any)
	if !ok || len(pair) == 0 {
		return 0
	}
	id, _ := pair[0].(float64)
	return reference(id)
}

func (p *Prober) readJournals(ctx context.Context) (sale, bank journal, err error) {
	s := p.config.Synthetic
	domain := []any{[]any{"company_id", "=", s.Company}, []any{"code", "in", []string{s.SaleJournal, s.BankJournal}}}
	fields, err := p.fieldsOf(ctx, "account.journal", journalFields)
	if err != nil {
		return sale, bank, err
	}
	var rows []journal
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
