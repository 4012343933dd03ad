package odoo_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/odoorpc"
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

// A stinted client says no to one right, and has notes of its own.
type stinted struct {
	odoo.Client
	model, operation string // "" refuses nothing
	notes            []odoorpc.Note
	printer          string // state of wkhtmltopdf; "" asks Odoo
}

func (s stinted) Call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	switch {
	case model == s.model && method == "has_access" && kwargs["operation"] == s.operation:
		return json.Unmarshal([]byte("false"), out)
	case method == "get_wkhtmltopdf_state" && s.printer != "":
		return json.Unmarshal([]byte(`"`+s.printer+`"`), out)
	}
	return s.Client.Call(ctx, model, method, args, kwargs, out)
}

func (s stinted) Notes(ctx context.Context) ([]odoorpc.Note, error) {
	if s.notes != nil {
		return s.notes, nil
	}
	return s.Client.Notes(ctx)
}

func TestTheDoctorLooksAtWhatEachFlowNeeds(t *testing.T) {
	l, server := queueLedger(t)
	if server == nil {
		return // a real Odoo cannot be broken at will
	}
	soon := time.Now().Add(7 * 24 * time.Hour)
	tests := map[string]struct {
		client   stinted
		break_   func()
		change   func(*odoo.Settings)
		findings []string // that are not ok, as "what: state"
		less     string   // the flow that could not run
		obstacle string
	}{
		"nothing missing": {},
		"no program that prints": {
			break_:   func() { server.Faults().SetPrinting(odoosim.PrintToolMissing) },
			findings: []string{"printing: wrong"}, less: odoo.ReportPDFName, obstacle: "print an invoice: Odoo does not find wkhtmltopdf",
		},
		"one worker": {client: stinted{printer: "workers"}, findings: []string{"printing: wrong"}, less: odoo.ReportPDFName, obstacle: "print an invoice: Odoo has one worker only"},
		"an answer that nobody knows": {
			client: stinted{printer: "x"}, findings: []string{"printing: wrong"}, less: odoo.ReportPDFName, obstacle: "print an invoice: wkhtmltopdf does not answer",
		},
		"an ingress without the gevent port": {
			break_:   func() { server.Faults().SetWebsocketMisrouted(true) },
			findings: []string{"websocket: wrong"}, less: odoo.WebsocketName, obstacle: "open a websocket to Odoo",
		},
		"no right to pay": {
			client:   stinted{model: "account.payment.register", operation: "create"},
			findings: []string{"rights for payment-registration: wrong"}, less: odoo.PaymentRegistrationName,
			obstacle: "rights: the monitoring user may not create account.payment.register",
		},
		"no right to read the ledger": {
			client:   stinted{model: "account.move.line", operation: "read"},
			findings: []string{"rights for reporting: wrong"}, less: odoo.ReportingName,
			obstacle: "rights: the monitoring user may not read account.move.line",
		},
		"no test job, and the flow off": {
			change: func(s *odoo.Settings) { s.Config.Synthetic.QueueJob = 0 },
			less:   odoo.QueueRoundtripName, obstacle: "find the test job: synthetic.queueJob names none",
		},
		"a test job that is gone": {
			change:   func(s *odoo.Settings) { s.Config.Synthetic.QueueJob = 1 << 30 },
			findings: []string{"test job: wrong"}, less: odoo.QueueRoundtripName, obstacle: "find the test job: it is not there",
		},
		"a key that ends soon": {
			client:   stinted{notes: []odoorpc.Note{{Text: "over JSON-2"}, {Text: "ends soon", Hint: "make another", Expires: soon}}},
			findings: []string{"credentials: wrong"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := tt.client
			client.Client = l.client(t, nil)
			s := l.settings(t, client)
			s.Config.Levels = map[string]flow.Level{odoo.PaymentRegistrationName: flow.L3, odoo.BankReconciliationName: flow.L3}
			if tt.change != nil {
				tt.change(&s)
			}
			if tt.break_ != nil {
				tt.break_()
				defer server.Faults().SetPrinting(odoosim.PrintsWell)
				defer server.Faults().SetWebsocketMisrouted(false)
			}
			before := written(t, l)
			p := odoo.New(s)
			d := p.Examine(t.Context(), []flow.Flow{
				odoo.NewPaymentRegistration(p), odoo.NewBankReconciliation(p), odoo.NewReporting(p), odoo.NewReportPDF(p), odoo.NewWebsocket(p), odoo.NewQueueRoundtrip(p),
			})
			var findings []string
			for _, f := range d.Findings {
				if f.State != odoo.OK {
					findings = append(findings, f.What+": "+string(f.State))
				}
			}
			if diff := cmp.Diff(tt.findings, findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			for _, r := range d.Ladder {
				if (r.Highest == "") != (r.Flow == tt.less) {
					t.Errorf("%s could run at %q: %s", r.Flow, r.Highest, r.Obstacle)
				}
				if r.Flow == tt.less && !strings.HasPrefix(r.Obstacle, tt.obstacle) {
					t.Errorf("obstacle %q, want %q", r.Obstacle, tt.obstacle)
				}
			}
			if after := written(t, l); after != before {
				t.Errorf("%s entries were made, want %s", after, before)
			}
		})
	}
}

func TestBooksAreNeededForWhatIsInBooksOnly(t *testing.T) {
	c := configured(func(c *odoo.Config) {
		c.Synthetic, c.Levels = odoo.Synthetic{}, map[string]flow.Level{odoo.WebsocketName: flow.L1}
	})
	if found := c.Validate(); len(found) > 0 {
		t.Errorf("presence alone: %v", found)
	}
	c.Levels[odoo.InvoicePostingName] = flow.L1
	if found := c.Validate(); !slices.ContainsFunc(found, func(p estate.Problem) bool { return p.Field == "synthetic.company" }) {
		t.Errorf("a draft: %v", found)
	}
}
