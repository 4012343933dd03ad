package odoo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// sql changes the tables of a stand-in directly.
func sql(t *testing.T, l ledger, statement string) {
	t.Helper()
	if err := servers.postgres.Exec(t.Context(), "postgres", l.rpc.Database, statement); err != nil {
		t.Fatal(err)
	}
}

func TestAGuardStopsARunBeforeItWrites(t *testing.T) {
	today := time.Now().UTC().Format(time.DateOnly)
	tests := map[string]struct {
		prepare func(t *testing.T, l ledger, s *odoo.Settings)
		undo    string // SQL
		want    string // in the reason
	}{
		"a lock date that reaches today": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE res_company SET fiscalyear_lock_date = '"+today+"' WHERE id = 2")
			},
			undo: "UPDATE res_company SET fiscalyear_lock_date = NULL WHERE id = 2",
			want: "guard lock-dates: fiscalyear_lock_date",
		},
		"a hard lock in the future": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE res_company SET hard_lock_date = '2999-12-31' WHERE id = 2")
			},
			undo: "UPDATE res_company SET hard_lock_date = NULL WHERE id = 2",
			want: "guard lock-dates: hard_lock_date",
		},
		"an audit trail that keeps entries": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE res_company SET check_account_audit_trail = true WHERE id = 2")
			},
			undo: "UPDATE res_company SET check_account_audit_trail = false WHERE id = 2",
			want: "guard erasable: check_account_audit_trail",
		},
		"a branch of a real company": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE res_company SET parent_id = 1 WHERE id = 2")
			},
			undo: "UPDATE res_company SET parent_id = NULL WHERE id = 2",
			want: "guard company: the company is a branch",
		},
		"a right that was taken away": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, fmt.Sprintf("DELETE FROM res_groups_users_rel WHERE uid = %d AND gid = 27", odoosim.ProbeUID))
			},
			undo: fmt.Sprintf("INSERT INTO res_groups_users_rel (uid, gid) VALUES (%d, 27)", odoosim.ProbeUID),
			want: "guard rights: the monitoring user may not create account.bank.statement.line",
		},
		"every accounting right taken away": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, fmt.Sprintf("DELETE FROM res_groups_users_rel WHERE uid = %d AND gid <> 1", odoosim.ProbeUID))
			},
			undo: fmt.Sprintf("INSERT INTO res_groups_users_rel (uid, gid) VALUES (%[1]d, 23), (%[1]d, 25), (%[1]d, 27)", odoosim.ProbeUID),
			want: "guard rights: the monitoring user may not create account.move",
		},
		"an accounting administrator": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, fmt.Sprintf("INSERT INTO res_groups_users_rel (uid, gid) VALUES (%d, 26)", odoosim.ProbeUID))
			},
			undo: fmt.Sprintf("DELETE FROM res_groups_users_rel WHERE uid = %d AND gid = 26", odoosim.ProbeUID),
			want: "guard privilege: the monitoring user is an accounting administrator",
		},
		"an administrator of users": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, fmt.Sprintf("INSERT INTO res_groups_users_rel (uid, gid) VALUES (%d, 3)", odoosim.ProbeUID))
			},
			undo: fmt.Sprintf("DELETE FROM res_groups_users_rel WHERE uid = %d AND gid = 3", odoosim.ProbeUID),
			want: "guard privilege: the monitoring user is an administrator of users",
		},
		"a connection for e-invoices": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "INSERT INTO account_edi_proxy_client_user (company_id, proxy_type) VALUES (2, 'peppol')")
			},
			undo: "DELETE FROM account_edi_proxy_client_user",
			want: "guard e-invoicing: the synthetic company has a connection",
		},
		"a part in Peppol": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE res_company SET account_peppol_proxy_state = 'sender' WHERE id = 2")
			},
			undo: "UPDATE res_company SET account_peppol_proxy_state = 'not_registered' WHERE id = 2",
			want: "guard e-invoicing: the synthetic company takes part in Peppol",
		},
		"a journal that makes electronic invoices": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "INSERT INTO account_edi_format (id, code, name) VALUES (1, 'facturx_1_0_05', 'Factur-X')")
				sql(t, l, "INSERT INTO account_edi_format_account_journal_rel VALUES (15, 1)")
			},
			undo: "DELETE FROM account_edi_format_account_journal_rel",
			want: "guard e-invoicing: journal SYNI makes electronic invoices",
		},
		"a country that has its invoices reported": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "INSERT INTO ir_module_module (name, state) VALUES ('l10n_it_edi', 'installed')")
				sql(t, l, "UPDATE res_company SET account_fiscal_country_id = 109 WHERE id = 2")
			},
			undo: "UPDATE res_company SET account_fiscal_country_id = 233 WHERE id = 2", // the module of another country is no matter
			want: "guard e-invoicing: module l10n_it_edi",
		},
		"notifications by e-mail": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE res_partner SET email = 'probe@example.com' WHERE id = 42")
			},
			undo: "UPDATE res_partner SET email = NULL WHERE id = 42",
			want: "guard mail: the monitoring user gets its notifications by e-mail",
		},
		"a journal that takes in mail": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE account_journal SET alias_name = 'syn', alias_domain = 'example.com' WHERE code = 'SYNI'")
			},
			undo: "UPDATE account_journal SET alias_domain = NULL WHERE code = 'SYNI'", // a name alone receives nothing
			want: "guard mail: journal SYNI has an e-mail address",
		},
		"a payment method that exports": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "INSERT INTO account_payment_method_line (id, code, payment_type, journal_id) VALUES (900, 'sepa_ct', 'outbound', 16)")
			},
			undo: "DELETE FROM account_payment_method_line WHERE id = 900",
			want: "guard payment-export: journal SYNB has the payment method sepa_ct",
		},
		"another database than the estate names": {
			prepare: func(_ *testing.T, _ ledger, s *odoo.Settings) { s.Config.Synthetic.Database = "0123456789abcdef" },
			want:    "guard database: the database is not the one under synthetic.database",
		},
		"a neutralised copy that is called production": {
			prepare: func(t *testing.T, l ledger, s *odoo.Settings) {
				sql(t, l, "INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true')")
				s.Environment, s.Config.Approvals = odoo.Production, approved
			},
			undo: "DELETE FROM ir_config_parameter WHERE key = 'database.is_neutralized'",
			want: "guard database: the database is a neutralised copy",
		},
		"a database that does not say which it is": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE ir_config_parameter SET key = 'gone' WHERE key = 'database.uuid'")
			},
			undo: "UPDATE ir_config_parameter SET key = 'database.uuid' WHERE key = 'gone'",
			want: "guard database: read the database's identity",
		},
		"a guard that panics": {
			prepare: func(_ *testing.T, _ ledger, s *odoo.Settings) {
				s.Guards = []flow.Guard{{Name: "hard-close", Check: func(context.Context) error { panic("no calendar") }}}
			},
			want: "guard hard-close: run: panic: no calendar",
		},
		"a guard that does not answer in time": {
			prepare: func(_ *testing.T, _ ledger, s *odoo.Settings) {
				s.Guards = []flow.Guard{{Name: "hard-close", Check: func(context.Context) error { return context.DeadlineExceeded }}}
			},
			want: "guard hard-close: context deadline exceeded",
		},
		"a user who may enter a real company": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, fmt.Sprintf("INSERT INTO res_company_users_rel (user_id, cid) VALUES (%d, 1)", odoosim.ProbeUID))
			},
			undo: fmt.Sprintf("DELETE FROM res_company_users_rel WHERE user_id = %d AND cid = 1", odoosim.ProbeUID),
			want: "guard company: the monitoring user may enter 2 companies",
		},
		"a journal secured with a hash": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, "UPDATE account_journal SET restrict_mode_hash_table = true WHERE code = 'SYNI'")
			},
			undo: "UPDATE account_journal SET restrict_mode_hash_table = false WHERE code = 'SYNI'",
			want: "guard journals: journal SYNI secures posted entries",
		},
		"a journal of the wrong type": {
			prepare: func(_ *testing.T, _ ledger, s *odoo.Settings) { s.Config.Synthetic.SaleJournal = "SYNB" },
			want:    "guard journals: journal SYNB is of type bank",
		},
		"a partner with an e-mail address": {
			prepare: func(t *testing.T, l ledger, _ *odoo.Settings) {
				sql(t, l, fmt.Sprintf("UPDATE res_partner SET email = 'someone@example.com' WHERE id = %d", odoosim.SyntheticPartner))
			},
			undo: fmt.Sprintf("UPDATE res_partner SET email = NULL WHERE id = %d", odoosim.SyntheticPartner),
			want: "guard mail: the partner has an e-mail address",
		},
		"a partner shared with real companies": {
			prepare: func(_ *testing.T, _ ledger, s *odoo.Settings) { s.Config.Synthetic.Partner = odoosim.FirstCustomer },
			want:    "guard partner: the partner does not belong to synthetic.company",
		},
		"the kill switch": {
			prepare: func(t *testing.T, _ ledger, s *odoo.Settings) {
				path := filepath.Join(t.TempDir(), "stop")
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				s.KillSwitch = flow.NewKillSwitch(path)
			},
			want: "guard kill-switch: the kill switch",
		},
		"production without an approval": {
			prepare: func(_ *testing.T, _ ledger, s *odoo.Settings) { s.Environment = odoo.Production },
			want:    "guard approval: posting in production has not been approved",
		},
		"too many runs in an hour, also of a process that is gone": {
			prepare: func(t *testing.T, _ ledger, s *odoo.Settings) {
				s.Config.RunsPerHour = 2
				for i := range 2 {
					in := flow.Intent{ID: strconv.Itoa(i), Tenant: "x", At: time.Now()}
					if err := errors.Join(s.Intents.Begin(in), s.Intents.Done(in, time.Now())); err != nil {
						t.Fatal(err)
					}
				}
			},
			want: "guard rate-cap: 2 runs wrote in the last hour",
		},
		"the calendar": {
			prepare: func(_ *testing.T, _ ledger, s *odoo.Settings) {
				s.Guards = []flow.Guard{{Name: "hard-close", Check: func(context.Context) error { return errors.New("the books are closing") }}}
			},
			want: "guard hard-close: the books are closing",
		},
		"no intent log": {
			prepare: func(_ *testing.T, _ ledger, s *odoo.Settings) { s.Intents = nil },
			want:    "there is no intent log",
		},
	}
	l, _ := standIn(t, "guards")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBreaker()
			b.armed = true
			s := l.settings(t, l.client(t, b))
			tt.prepare(t, l, &s)
			before := written(t, l)
			run := execute(t.Context(), odoo.NewBankReconciliation(odoo.New(s)), flow.L3)
			if tt.undo != "" {
				sql(t, l, tt.undo)
			}
			if run.Outcome != flow.Blocked || run.Kind != fault.Blocked || !strings.Contains(run.Reason, tt.want) {
				t.Errorf("outcome %s, kind %s: %s; want blocked: %s", run.Outcome, run.Kind, run.Reason, tt.want)
			}
			if run.Hint == "" && !strings.Contains(tt.want, "hard-close") {
				t.Errorf("%s: nothing says what to do", run.Reason)
			}
			if after := written(t, l); after != before {
				t.Errorf("%s entries were made, want %s", after, before)
			}
			if i := slices.IndexFunc(b.seen, writes); i >= 0 {
				t.Errorf("the run called %s", b.seen[i])
			}
		})
	}
	run := execute(t.Context(), odoo.NewBankReconciliation(odoo.New(l.settings(t, l.client(t, nil)))), flow.L3)
	if run.Outcome != flow.Passed {
		t.Errorf("with nothing in the way: %s, %s", run.Outcome, run.Reason)
	}
}

var approved = map[string]odoo.Approval{odoo.BankReconciliationName: {By: "controller", On: "2026-11-20"}}

// written tells how many entries were ever made, those taken back included.
func written(t *testing.T, l ledger) string {
	t.Helper()
	n, err := servers.postgres.Value(t.Context(), "postgres", l.rpc.Database, "SELECT concat_ws('/', (SELECT last_value FROM account_move_id_seq), (SELECT count(*) FROM account_move))")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func writes(call string) bool {
	_, method, _ := strings.Cut(call, "/")
	if slices.Contains([]string{"web/session/account", "web/login", "web/webclient/version_info"}, method) {
		return false
	}
	return !slices.Contains([]string{"web/session/authenticate", "read", "search_read", "fields_get", "has_access", "check_access_rights"}, method)
}

// TestGuardsAreAskedBeforeEveryWrite closes the books while a run is under
// way.
func TestGuardsAreAskedBeforeEveryWrite(t *testing.T) {
	l, _ := standIn(t, "guards_each")
	p := odoo.New(l.settings(t, tamper{Client: l.client(t, nil), before: func(model, method string) {
		if model == "account.move" && method == "create" {
			sql(t, l, "UPDATE account_journal SET restrict_mode_hash_table = true WHERE code = 'SYNI'")
		}
	}}))
	run := execute(t.Context(), odoo.NewInvoicePosting(p), flow.L3)
	if run.Outcome != flow.Blocked || run.FailedStep != "post-invoice" || len(run.Leftovers) > 0 {
		t.Errorf("outcome %s at %s: %s; left %v", run.Outcome, run.FailedStep, run.Reason, run.Leftovers)
	}
	if ours, _ := l.tagged(t, l.client(t, nil)); ours != 0 {
		t.Errorf("%d entries left", ours)
	}
}

func TestOneFlowWritesAtATime(t *testing.T) {
	l, _ := standIn(t, "single")
	var p *odoo.Prober
	var inner flow.Run
	p = odoo.New(l.settings(t, tamper{Client: l.client(t, nil), before: func(model, method string) {
		if model == "account.move" && method == "action_post" && inner.ID == "" {
			inner = execute(context.Background(), odoo.NewInvoicePosting(p), flow.L1)
		}
	}}))
	for range 2 { // the second proves that the first gave the turn back
		inner = flow.Run{}
		if run := execute(t.Context(), odoo.NewInvoicePosting(p), flow.L3); run.Outcome != flow.Passed {
			t.Errorf("the outer run: %s, %s", run.Outcome, run.Reason)
		}
		if inner.Outcome != flow.Blocked || !strings.Contains(inner.Reason, "another flow is writing") {
			t.Errorf("the inner run: %s, %s", inner.Outcome, inner.Reason)
		}
	}
}

// TestNothingIsWrittenWhileSomethingIsLeftOver makes an entry that cannot be
// removed: a middle number of its journal.
func TestNothingIsWrittenWhileSomethingIsLeftOver(t *testing.T) {
	l, _ := standIn(t, "stuck")
	s := l.settings(t, tamper{Client: l.client(t, nil), instead: func(model, method string) (error, bool) {
		if model == "account.move" && (method == "button_draft" || method == "unlink") {
			return &fault.Error{Op: "call", Kind: fault.Rejected, Err: errors.New("it is not the last one in the chain")}, true
		}
		return nil, false
	}})
	run := execute(t.Context(), odoo.NewInvoicePosting(odoo.New(s)), flow.L3)
	if run.Outcome != flow.Passed || len(run.Leftovers) != 1 || !strings.HasPrefix(run.Leftovers[0], odoo.Tag) {
		t.Fatalf("outcome %s, left %v", run.Outcome, run.Leftovers)
	}
	again := execute(t.Context(), odoo.NewInvoicePosting(odoo.New(s)), flow.L3)
	if again.Outcome != flow.Blocked || len(again.Leftovers) != 1 {
		t.Errorf("while it is left over: %s, %s; left %v", again.Outcome, again.Reason, again.Leftovers)
	}
	if ours, _ := l.tagged(t, l.client(t, nil)); ours != 1 {
		t.Errorf("%d entries, want the one", ours)
	}
	report, err := odoo.New(s).Sweep(t.Context())
	if err == nil || report.Found != 1 || report.Removed != 0 || len(report.Left) != 1 {
		t.Errorf("Sweep() = %+v, %v", report, err)
	}
	s.Client = l.client(t, nil) // the obstacle is gone
	after := execute(t.Context(), odoo.NewInvoicePosting(odoo.New(s)), flow.L3)
	if after.Outcome != flow.Passed || !slices.Contains(stepNames(after), "(remove-leftovers)") {
		t.Errorf("afterwards: %s, %s; steps %v", after.Outcome, after.Reason, stepNames(after))
	}
	if ours, _ := l.tagged(t, l.client(t, nil)); ours != 0 {
		t.Errorf("%d entries left", ours)
	}
}
