package setup

import (
	"context"
	"errors"

	"github.com/closewatch/closewatch/internal/fault"
)

// bookSteps make what the flows write in and to.
func (s *Setup) bookSteps() []step {
	return []step{
		s.recordStep("sale-journal", "a sale journal "+s.SaleJournal+" of that company, used by nobody else: with an income account, no hash, no electronic format",
			"Invoicing > Configuration > Journals > New", &s.found.sale, s.saleJournal),
		s.aliasStep(),
		s.recordStep("bank-journal", "a bank journal "+s.BankJournal+" of that company, used by nobody else: with a suspense account, no hash",
			"Invoicing > Configuration > Journals > New", &s.found.bank, s.bankJournal),
		s.recordStep("customer", "a customer that belongs to that company alone and has no e-mail address",
			"Invoicing > Customers > Customers > New", &s.found.partner, s.customer),
		s.recordStep("product", "a service that belongs to that company alone",
			"Invoicing > Customers > Products > New", &s.found.product, s.product),
	}
}

func (s *Setup) saleJournal(context.Context) (record, error) {
	r := s.journal("sale", s.SaleJournal)
	r.content = func(ctx context.Context) (content, error) {
		account, err := s.incomeAccount(ctx)
		c := s.journalContent("sale", s.SaleJournal, s.Name+" sales")
		c.values["default_account_id"] = account
		c.keep["default_account_id"] = account
		c.keep["edi_format_ids"] = []int64{}
		return c, err
	}
	return r, nil
}

func (s *Setup) bankJournal(context.Context) (record, error) {
	r := s.journal("bank", s.BankJournal)
	r.content = func(ctx context.Context) (content, error) {
		c := s.journalContent("bank", s.BankJournal, s.Name+" bank")
		company, err := s.read(ctx, "res.company", s.found.company, []string{"account_journal_suspense_account_id"})
		if account := idOf(company["account_journal_suspense_account_id"]); account != 0 {
			c.keep["suspense_account_id"] = account
		}
		return c, err
	}
	return r, nil
}

// aliasStep takes away the e-mail address that Odoo gives every sale journal:
// whoever writes to it makes an entry there.
func (s *Setup) aliasStep() step {
	return step{
		name: "mail-alias", what: "no e-mail address of the sale journal: what is sent to one becomes an entry",
		menu: "Invoicing > Configuration > Journals > " + s.SaleJournal + " > Advanced Settings > Email Alias: empty",
		check: func(ctx context.Context) (string, error) {
			alias, err := s.alias(ctx)
			if err != nil || alias == 0 {
				return "", err
			}
			return "the journal has one", nil
		},
		do: func(ctx context.Context) error {
			alias, err := s.alias(ctx)
			if err != nil {
				return err
			}
			return s.write(ctx, "mail.alias", alias, map[string]any{"alias_name": false}) // the journal itself would choose another
		},
	}
}

// alias is the sale journal's alias while it has a name; 0 when it has none.
func (s *Setup) alias(ctx context.Context) (int64, error) {
	if has, err := s.has(ctx, "account.journal", "alias_id"); err != nil || !has || s.found.sale == 0 {
		return 0, err
	}
	journal, err := s.read(ctx, "account.journal", s.found.sale, []string{"alias_id"})
	id := idOf(journal["alias_id"])
	if err != nil || id == 0 {
		return 0, err
	}
	alias, err := s.read(ctx, "mail.alias", id, []string{"alias_name"})
	if name, _ := alias["alias_name"].(string); err != nil || name == "" {
		return 0, err
	}
	return id, nil
}

func (s *Setup) journal(kind, code string) record {
	return record{
		mark: kind + "_journal", model: "account.journal",
		likely: []any{[]any{"company_id", "=", s.found.company}, []any{"code", "=", code}, []any{"type", "=", kind}},
	}
}

func (s *Setup) journalContent(kind, code, name string) content {
	return content{
		values: map[string]any{"name": name, "code": code, "type": kind, "company_id": s.found.company},
		keep:   map[string]any{"active": true, "code": code, "restrict_mode_hash_table": false},
	}
}

// incomeAccount is what the chart's own sale journal books to, or else the
// first income account.
func (s *Setup) incomeAccount(ctx context.Context) (int64, error) {
	var rows []map[string]any
	domain := []any{[]any{"company_id", "=", s.found.company}, []any{"type", "=", "sale"}, []any{"default_account_id", "!=", false}}
	err := s.call(ctx, "account.journal", "search_read", []any{domain}, map[string]any{"fields": []string{"default_account_id"}, "order": "id", "limit": 1}, &rows)
	if err != nil {
		return 0, err
	}
	if len(rows) > 0 {
		return idOf(rows[0]["default_account_id"]), nil
	}
	accounts, err := s.search(ctx, "account.account", []any{[]any{"account_type", "=", "income"}}, 1)
	if err != nil {
		return 0, err
	}
	if len(accounts) == 0 {
		return 0, &fault.Error{Op: "find an income account", Kind: fault.Rejected, Err: errors.New("the company's chart has none"), Hint: "load the generic chart of accounts in that company"}
	}
	return accounts[0], nil
}

func (s *Setup) customer(context.Context) (record, error) {
	name := s.Name + " customer"
	return record{
		mark: "customer", model: "res.partner",
		likely: []any{[]any{"company_id", "=", s.found.company}, []any{"name", "=", name}},
		content: fixed(
			map[string]any{"name": name, "company_id": s.found.company},
			map[string]any{
				"active": true, "company_id": s.found.company, "email": false,
				"invoice_sending_method": "manual", "invoice_edi_format": false, "ubl_cii_format": false, "peppol_endpoint": false,
			},
		),
	}, nil
}

func (s *Setup) product(context.Context) (record, error) {
	name := s.Name + " service"
	return record{
		mark: "product", model: "product.product",
		likely:  []any{[]any{"company_id", "=", s.found.company}, []any{"name", "=", name}},
		content: func(ctx context.Context) (content, error) { return s.productContent(ctx, name) },
	}, nil
}

func (s *Setup) productContent(ctx context.Context, name string) (content, error) {
	kind := "type"
	if detailed, err := s.has(ctx, "product.product", "detailed_type"); err != nil {
		return content{}, err
	} else if detailed { // 16 and 17, where type follows it
		kind = "detailed_type"
	}
	var err error
	if s.found.tax, err = s.salesTax(ctx); err != nil {
		return content{}, err
	}
	taxes := []int64{}
	if s.found.tax != 0 {
		taxes = append(taxes, s.found.tax)
	}
	return content{
		values: map[string]any{
			"name": name, "company_id": s.found.company, kind: "service", "list_price": 50.0, "purchase_ok": false,
			"taxes_id": []any{[]any{6, 0, taxes}}, "supplier_taxes_id": []any{[]any{6, 0, []int64{}}},
		},
		keep: map[string]any{"active": true, "company_id": s.found.company, kind: "service", "taxes_id": taxes},
	}, nil
}

// salesTax finds a percentage on top of the price among the taxes that came
// with the chart; 0 when there is none, and none is made.
func (s *Setup) salesTax(ctx context.Context) (int64, error) {
	var rows []struct {
		ID       int64 `json:"id"`
		Active   bool  `json:"active"`
		Included bool  `json:"price_include"`
	}
	domain := []any{[]any{"company_id", "=", s.found.company}, []any{"type_tax_use", "=", "sale"}, []any{"amount_type", "=", "percent"}, []any{"amount", ">", 0}}
	err := s.call(ctx, "account.tax", "search_read", []any{domain}, map[string]any{"fields": []string{"active", "price_include"}, "order": "id"}, &rows)
	if err != nil {
		return 0, err
	}
	for _, t := range rows {
		if t.Active && !t.Included {
			return t.ID, nil
		}
	}
	return 0, nil
}
