package odoo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/secret"
)

// What is lacking is said as a statement, and running it is enough.
func TestExamine(t *testing.T) {
	te := newTenant(t, 18)
	examine := func(database string) string {
		s := Settings{Component: "erp", Environment: "test"}
		s.Config.SetDefaults()
		s.Config.Database, s.Config.SQL.DSN = database, secret.New(te.p.DSN("reader", "postgres"))
		i := New(s)
		defer i.Close()
		var b strings.Builder
		for _, f := range collector.Examine(t.Context(), i) {
			fmt.Fprintf(&b, "%s | %s | %s | %s\n", f.Subject, f.State, f.Text, f.Do)
		}
		return b.String()
	}
	wants := func(situation, found string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(found, w) {
				t.Errorf("%s: nothing says %q:\n%s", situation, w, found)
			}
		}
	}
	wants("all is granted", examine(te.name), "database | ok | role reader", "copies | advice | copies of production cannot be recognised", "account_move | ok", "queue_job | ok")

	te.exec("REVOKE SELECT ON ir_cron FROM reader; REVOKE SELECT ON account_move FROM reader; GRANT SELECT (id, state) ON account_move TO reader; DROP TABLE queue_job CASCADE")
	found := examine(te.name)
	wants("rights are revoked", found, "ir_cron | refused",
		"account_move | refused | the role may not read move_type, company_id, journal_id, date, auto_post, create_date, write_date", "| psql -d "+te.name+" -c 'GRANT SELECT (move_type, company_id, journal_id, date, auto_post, create_date, write_date")
	if strings.Contains(found, "queue_job") {
		t.Errorf("an Odoo without queue_job lacks something:\n%s", found)
	}
	for line := range strings.Lines(found) {
		if _, grant, given := strings.Cut(line, " -c '"); given {
			te.exec(strings.TrimSuffix(strings.TrimSpace(grant), "'"))
		}
	}
	if found := examine(te.name); strings.Contains(found, "refused") {
		t.Errorf("after doing what was said:\n%s", found)
	}
	wants("not an Odoo database", examine("postgres"), "database | missing", "check that database names an Odoo database")
	wants("no database", examine("nowhere"), "database | missing", "database nowhere does not exist")
}
