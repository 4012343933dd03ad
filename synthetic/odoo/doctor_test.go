package odoo_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

func TestTheDoctorSaysWhatTheFlowsWouldMeet(t *testing.T) {
	l, _ := standIn(t, "doctor")
	tests := map[string]struct {
		do, undo string // SQL
		change   func(*odoo.Settings)
		findings []string // that are not ok, as "what: state"
		highest  map[string]flow.Level
		obstacle string // to posting invoices
	}{
		"nothing in the way": {
			highest: map[string]flow.Level{"login": "L0", "invoice-posting": "L3", "bank-reconciliation": "L3"},
		},
		"several things at once": {
			do:       "UPDATE res_company SET sale_lock_date = '2999-12-31' WHERE id = 2; UPDATE res_partner SET email = 'a@example.com' WHERE id = 43",
			undo:     "UPDATE res_company SET sale_lock_date = NULL; UPDATE res_partner SET email = NULL",
			findings: []string{"lock dates: wrong", "mail off: wrong"},
			highest:  map[string]flow.Level{"login": "L0", "invoice-posting": "", "bank-reconciliation": ""},
			obstacle: "lock-dates: sale_lock_date of the synthetic company reaches today",
		},
		"a right for one of the flows missing": {
			do:       "DELETE FROM res_groups_users_rel WHERE uid = 8 AND gid = 27",
			undo:     "INSERT INTO res_groups_users_rel (uid, gid) VALUES (8, 27)",
			findings: []string{"rights for bank-reconciliation: wrong"},
			highest:  map[string]flow.Level{"login": "L0", "invoice-posting": "L3", "bank-reconciliation": ""},
		},
		"production without an approval": {
			change: func(s *odoo.Settings) {
				s.Environment = odoo.Production
				s.Config.Levels = map[string]flow.Level{odoo.BankReconciliationName: odoo.Off, odoo.InvoicePostingName: flow.L1}
			},
			highest:  map[string]flow.Level{"login": "L0", "invoice-posting": "L1", "bank-reconciliation": ""},
			obstacle: "approval: posting in production has not been approved",
		},
		"books that cannot be read": {
			change:   func(s *odoo.Settings) { s.Config.Synthetic.Company = 77 },
			findings: []string{"books can be read: unknown"},
			highest:  map[string]flow.Level{"login": "L0", "invoice-posting": "", "bank-reconciliation": ""},
			obstacle: "books: call res.partner/read",
		},
		"no synthetic company": {
			change: func(s *odoo.Settings) {
				s.Config.Synthetic, s.Config.Levels = odoo.Synthetic{}, nil
			},
			highest:  map[string]flow.Level{"login": "L0", "invoice-posting": "", "bank-reconciliation": ""},
			obstacle: "no synthetic company is configured",
		},
		"a wrong password": {
			change: func(s *odoo.Settings) {
				there := l
				there.rpc.Password = secret.New("wrong")
				s.Client = there.client(t, nil)
			},
			findings: []string{"login: wrong"},
			highest:  map[string]flow.Level{"login": "", "invoice-posting": "", "bank-reconciliation": ""},
			obstacle: "Odoo does not let us in",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := l.settings(t, l.client(t, nil))
			s.Config.Levels = map[string]flow.Level{odoo.InvoicePostingName: flow.L3, odoo.BankReconciliationName: flow.L3}
			if tt.change != nil {
				tt.change(&s)
			}
			if tt.do != "" {
				sql(t, l, tt.do)
				defer sql(t, l, tt.undo)
			}
			before := written(t, l)
			p := odoo.New(s)
			d := p.Examine(t.Context(), []flow.Flow{odoo.NewLogin(p), odoo.NewInvoicePosting(p), odoo.NewBankReconciliation(p)})
			var findings []string
			for _, f := range d.Findings {
				if f.State != odoo.OK {
					findings = append(findings, f.What+": "+string(f.State))
					if f.Why == "" || f.Remedy == "" {
						t.Errorf("%+v does not say why, or what to do", f)
					}
				}
			}
			if diff := cmp.Diff(tt.findings, findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if d.Healthy() != (len(tt.findings) == 0) {
				t.Errorf("Healthy() = %v", d.Healthy())
			}
			highest := map[string]flow.Level{}
			for _, r := range d.Ladder {
				highest[r.Flow] = r.Highest
				if r.Flow == odoo.InvoicePostingName && !strings.HasPrefix(r.Obstacle, tt.obstacle) {
					t.Errorf("obstacle = %q, want %q", r.Obstacle, tt.obstacle)
				}
				if (r.Highest != "") != (len(r.CannotDetect) > 0) {
					t.Errorf("%s at %q cannot detect %v", r.Flow, r.Highest, r.CannotDetect)
				}
			}
			if diff := cmp.Diff(tt.highest, highest); diff != "" {
				t.Errorf("ladder (-want +got):\n%s", diff)
			}
			if after := written(t, l); after != before {
				t.Errorf("%s entries were made, want %s", after, before)
			}
		})
	}
}
