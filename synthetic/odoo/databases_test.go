package odoo_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// TestACopyIsNotTakenForTheOriginal follows one database through a restore, a
// copy and a restart of the prober.
func TestACopyIsNotTakenForTheOriginal(t *testing.T) {
	l, _ := standIn(t, "identity")
	path := filepath.Join(t.TempDir(), "databases.json")
	draft := func(change func(*odoo.Settings)) flow.Run {
		s := l.settings(t, l.client(t, nil))
		s.Component, s.Databases = "erp", odoo.NewDatabases(path) // as after a restart
		if change != nil {
			change(&s)
		}
		return execute(t.Context(), odoo.NewInvoicePosting(odoo.New(s)), flow.L1)
	}
	passes := func(what string, run flow.Run) {
		t.Helper()
		if run.Outcome != flow.Passed {
			t.Errorf("%s: %s, %s", what, run.Outcome, run.Reason)
		}
	}
	blocked := func(what string, run flow.Run, want string) {
		t.Helper()
		if run.Outcome != flow.Blocked || !strings.Contains(run.Reason, want) || run.Hint == "" {
			t.Errorf("%s: %s, %s (%s); want blocked: %s", what, run.Outcome, run.Reason, run.Hint, want)
		}
	}
	production := func(s *odoo.Settings) { s.Environment = odoo.Production }
	copied := func(s *odoo.Settings) { s.Component, s.Environment = "copy", "staging" }

	passes("the first", draft(production))
	passes("the same", draft(production))
	blocked("a copy beside it", draft(copied), "copy of production and was not neutralised")
	sql(t, l, "INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true')")
	passes("a neutralised copy", draft(copied))
	sql(t, l, "DELETE FROM ir_config_parameter WHERE key = 'database.is_neutralized'")

	sql(t, l, "UPDATE ir_config_parameter SET value = 'another' WHERE key = 'database.uuid'")
	again := draft(production)
	blocked("one that was restored", again, "the database is another one than on")
	_, named, _ := strings.Cut(again.Hint, "synthetic.database: ")
	named, _, _ = strings.Cut(named, " ")
	passes("one that the estate names, as the hint says", draft(func(s *odoo.Settings) { s.Environment, s.Config.Synthetic.Database = odoo.Production, named }))
	passes("which is remembered then", draft(production))
}

// TestStandingAnswersAreAskedAnew gives the customer an address while a run is
// under way that takes longer than an answer stands.
func TestStandingAnswersAreAskedAnew(t *testing.T) {
	for name, tt := range map[string]struct {
		later time.Duration
		want  flow.Outcome
	}{
		"while the answer stands": {0, flow.Passed},
		"a minute later":          {time.Minute, flow.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := standIn(t, "standing")
			late := time.Duration(0)
			s := l.settings(t, tamper{Client: l.client(t, nil), before: func(model, method string) {
				if model == "account.move" && method == "create" {
					sql(t, l, "UPDATE res_partner SET email = 'someone@example.com' WHERE id = 43")
					late = tt.later
				}
			}})
			s.Now = func() time.Time { return time.Now().Add(late) }
			run := execute(t.Context(), odoo.NewInvoicePosting(odoo.New(s)), flow.L3)
			if run.Outcome != tt.want {
				t.Errorf("outcome %s at %s: %s; want %s", run.Outcome, run.FailedStep, run.Reason, tt.want)
			}
			if ours, _ := l.tagged(t, l.client(t, nil)); ours != 0 {
				t.Errorf("%d entries left", ours)
			}
		})
	}
}
