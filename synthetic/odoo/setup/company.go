package setup

import (
	"context"
	"errors"
	"slices"

	"github.com/closewatch/closewatch/internal/fault"
)

// look learns what all steps build on.
func (s *Setup) look(ctx context.Context) error {
	var err error
	if s.found.version, err = s.Client.Version(ctx); err != nil {
		return err
	}
	if v := s.found.version.Major; v < 16 || v > 19 {
		return &fault.Error{Op: "set up the synthetic company", Kind: fault.Schema, Err: errors.New("Odoo is of another version than 16 to 19"), Hint: "make it by hand, in the steps that are printed without --admin-login"} //nolint:staticcheck // a product's name
	}
	if s.found.admin, err = s.Client.UserID(ctx); err != nil {
		return err
	}
	admin, err := s.read(ctx, "res.users", s.found.admin, []string{"company_id"})
	if err != nil {
		return err
	}
	main, err := s.read(ctx, "res.company", idOf(admin["company_id"]), []string{"currency_id"})
	if err != nil {
		return err
	}
	s.found.currency = idOf(main["currency_id"])
	installed, err := s.search(ctx, "ir.module.module", []any{[]any{"name", "in", []string{"account", "queue_job"}}, []any{"state", "=", "installed"}}, 2)
	if err != nil {
		return err
	}
	if len(installed) == 0 {
		return &fault.Error{Op: "set up the synthetic company", Kind: fault.Schema, Err: errors.New("the app Invoicing is not installed"), Hint: "install Invoicing or Accounting first"}
	}
	s.found.queue = len(installed) == 2
	return nil
}

// companyStep is done outside of the company: nobody may enter one that is
// archived.
func (s *Setup) companyStep() step {
	name := s.Name + " synthetic"
	st := s.recordStep("company", "a company that exists for nothing else, "+name+", in the main company's currency, without e-mail and without audit trail",
		"Settings > Users & Companies > Companies > New", &s.found.company,
		func(context.Context) (record, error) {
			return record{
				mark: "company", model: "res.company", likely: []any{[]any{"name", "=", name}},
				content: fixed(
					map[string]any{"name": name, "currency_id": s.found.currency},
					map[string]any{
						"active": true, "email": false, "parent_id": false,
						"check_account_audit_trail": false, "restrictive_audit_trail": false,
					},
				),
			}, nil
		})
	st.gate = true
	check, do, locate := st.check, st.do, st.locate
	st.check = func(ctx context.Context) (string, error) { s.inside = false; return check(ctx) }
	st.do = func(ctx context.Context) error {
		s.inside = false
		if err := do(ctx); err != nil {
			return err
		}
		return s.enter(ctx)
	}
	st.locate = func(ctx context.Context) error {
		s.inside = false
		if err := locate(ctx); err != nil || s.found.company == 0 {
			return err
		}
		// Of a company that is archived nothing is seen.
		if err := s.write(ctx, "res.company", s.found.company, map[string]any{"active": true}); err != nil {
			return err
		}
		return s.enter(ctx)
	}
	return st
}

// administratorStep lets the administrator into the company: without that the
// later steps are refused.
func (s *Setup) administratorStep() step {
	return step{
		name: "administrator", what: "the administrator may enter that company, to set it up", gate: true,
		menu: "Settings > Users & Companies > Users > the administrator > Allowed Companies",
		check: func(ctx context.Context) (string, error) {
			may, err := s.mayEnter(ctx)
			if err != nil {
				return "", err
			}
			if s.inside = may; !may {
				return "the administrator may not enter it", nil
			}
			return "", nil
		},
		do: s.enter,
	}
}

func (s *Setup) mayEnter(ctx context.Context) (bool, error) {
	row, err := s.read(ctx, "res.users", s.found.admin, []string{"company_ids"})
	return slices.Contains(idsOf(row["company_ids"]), s.found.company), err
}

// enter lets the administrator in, and makes all further calls in the company.
// It writes even what is so already: a worker of Odoo 16 that has made a company
// active goes on refusing it until something of a user is written.
func (s *Setup) enter(ctx context.Context) error {
	err := s.write(ctx, "res.users", s.found.admin, map[string]any{"company_ids": []any{[]any{4, s.found.company}}})
	s.inside = err == nil
	return err
}

// chartStep loads the generic chart of accounts: that of a country may force a
// hash on every posted entry, which could then never be removed.
func (s *Setup) chartStep() step {
	return step{
		name: "chart", what: "the generic chart of accounts in that company: charts of some countries make entries permanent", gate: true,
		menu: "Invoicing > Configuration > Settings > Fiscal Localization > Package: Generic Chart of Accounts",
		check: func(ctx context.Context) (string, error) {
			field := "chart_template"
			if s.found.version.Major < 17 {
				field = "chart_template_id"
			}
			row, err := s.read(ctx, "res.company", s.found.company, []string{field})
			if err != nil || row[field] != false && row[field] != nil {
				return "", err
			}
			return "it has no chart of accounts yet", nil
		},
		do: s.loadChart,
	}
}

func (s *Setup) loadChart(ctx context.Context) error {
	if s.found.version.Major >= 17 {
		return s.call(ctx, "account.chart.template", "try_loading", []any{[]int64{}, "generic_coa", s.found.company, false}, nil, nil)
	}
	template, err := s.given(ctx, "l10n_generic_coa.configurable_chart_template", "account.chart.template")
	if err != nil {
		return err
	}
	if template == 0 {
		return &fault.Error{Op: "load the chart of accounts", Kind: fault.Rejected, Err: errors.New("the generic chart is not installed"), Hint: "install l10n_generic_coa, or load a chart without hashed entries by hand, and run this again"}
	}
	return s.call(ctx, "account.chart.template", "try_loading", []any{[]int64{template}}, map[string]any{"install_demo": false}, nil)
}
