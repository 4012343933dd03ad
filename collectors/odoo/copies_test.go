package odoo

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/deploy/sql"
	"github.com/closewatch/closewatch/internal/secret"
)

// live is all that a copy could act on outside.
const live = `
	DELETE FROM ir_mail_server; INSERT INTO ir_mail_server (smtp_host, active) VALUES ('smtp.example.com', true), ('localhost', true), ('smtp.example.com', false);
	DELETE FROM fetchmail_server; INSERT INTO fetchmail_server (state, server_type, active) VALUES ('done', 'imap', true), ('draft', 'imap', true), ('done', 'local', true);
	DELETE FROM account_edi_proxy_client_user; INSERT INTO account_edi_proxy_client_user (edi_mode, active) VALUES ('prod', true), ('test', true), ('prod', false);
	DELETE FROM account_online_link; INSERT INTO account_online_link (state) VALUES ('connected'), ('disconnected');
	DELETE FROM payment_provider; INSERT INTO payment_provider (code, state) VALUES ('stripe', 'enabled'), ('custom', 'enabled'), ('adyen', 'test'), ('none', 'enabled');`

// neutralise does what Odoo does to a copy.
const neutralise = `
	UPDATE ir_mail_server SET active = false; INSERT INTO ir_mail_server (smtp_host, active) VALUES ('invalid', true);
	UPDATE fetchmail_server SET active = false; UPDATE account_edi_proxy_client_user SET edi_mode = 'test'; UPDATE payment_provider SET state = 'disabled';
	INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true');`

// A database outside production tells what it could do there, and whether it is
// production's.
func TestCopies(t *testing.T) {
	te := newTenant(t, 18)
	te.exec(`INSERT INTO ir_config_parameter (key, value) VALUES ('database.uuid', 'a-uuid'), ('database.secret', 'a-secret')`)
	known := &Identities{}
	look := func(environment string, allow ...string) map[string]float64 {
		t.Helper()
		s := Settings{Component: environment, Environment: environment, Identities: known}
		s.Config.SetDefaults()
		s.Config.Database, s.Config.SQL.DSN, s.Config.Copies.Allow = te.name, secret.New(te.p.DSN("copyreader", "postgres")), allow
		i := New(s).(*instance)
		defer i.Close()
		return mustCollect(t, &copies{db: i.db, watch: i.copies})
	}
	nothing := map[string]float64{
		"odoo_copy_mail_servers_live{out}": 0, "odoo_copy_mail_servers_live{in}": 0,
		"odoo_copy_links_live{edi}": 0, "odoo_copy_links_live{bank}": 0, "odoo_copy_links_live{payments}": 0,
	}
	everything := map[string]float64{
		"odoo_copy_mail_servers_live{out}": 1, "odoo_copy_mail_servers_live{in}": 1,
		"odoo_copy_links_live{edi}": 1, "odoo_copy_links_live{bank}": 1, "odoo_copy_links_live{payments}": 1,
	}
	and := func(all map[string]float64, unneutralized float64) map[string]float64 {
		all = maps.Clone(all)
		all["odoo_copy_unneutralized{}"] = unneutralized
		return all
	}
	check := func(situation string, got, want map[string]float64) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", situation, diff)
		}
	}
	te.exec("CREATE ROLE copyreader LOGIN")
	check("nothing may be read", look("staging"), map[string]float64{})
	te.exec("%s", sql.Role("copyreader"))
	check("a fresh database", look("staging"), nothing)
	te.exec(live)
	check("live, and production is not known", look("staging"), everything)
	check("production itself", look("production"), map[string]float64{})
	check("a copy of production as it was restored", look("staging"), and(everything, 1))
	allowed := and(everything, 1)
	delete(allowed, "odoo_copy_mail_servers_live{out}")
	delete(allowed, "odoo_copy_links_live{payments}")
	check("what is allowed to be live", look("staging", mailOut, linkPay), allowed)
	te.exec(neutralise)
	check("a neutralised copy", look("staging"), func() map[string]float64 {
		all := and(nothing, 0)
		delete(all, "odoo_copy_links_live{bank}") // its state says nothing any more
		return all
	}())
	te.exec(`UPDATE ir_mail_server SET active = true`)
	if got := look("dr")["odoo_copy_mail_servers_live{out}"]; got != 2 {
		t.Errorf("mail switched on again in a neutralised copy: %v servers, want 2", got)
	}
	te.exec(`UPDATE ir_config_parameter SET value = 'another' WHERE key = 'database.uuid'; DROP TABLE account_online_link, payment_provider, fetchmail_server, ir_mail_server`)
	check("another database, without the modules", look("staging"), map[string]float64{"odoo_copy_links_live{edi}": 0})
	if _, err := te.p.Value(t.Context(), "copyreader", te.name, `SELECT value FROM ir_config_parameter`); err == nil {
		t.Error("the role may read the secrets of Odoo")
	}
}

// Beside production on its server only what carries its identity is a copy, and
// tenants that were all made from one template carry the same.
func TestDatabasesBesideProduction(t *testing.T) {
	facts := copyFacts{identity: "prod", live: map[string]float64{mailOut: 1}}
	tests := map[string]struct {
		environment string
		change      func(*copyFacts)
		alike       int
		want        map[string]float64
	}{
		"a copy":                               {"production", func(*copyFacts) {}, 1, map[string]float64{"odoo_copy_unneutralized{erp_test}": 1, "odoo_copy_mail_servers_live{out,erp_test}": 1}},
		"a neutralised copy":                   {"production", func(f *copyFacts) { f.neutralized = true }, 1, map[string]float64{"odoo_copy_unneutralized{erp_test}": 0, "odoo_copy_mail_servers_live{out,erp_test}": 1}},
		"another tenant":                       {"production", func(f *copyFacts) { f.identity = "other" }, 1, map[string]float64{}},
		"a tenant whose identity is not known": {"production", func(f *copyFacts) { f.identity = "" }, 700, map[string]float64{}},
		"tenants made from one template":       {"production", func(*copyFacts) {}, templated + 1, map[string]float64{}},
		"a replica in another environment":     {"dr", func(f *copyFacts) { f.standby = true }, 1, map[string]float64{}},
		"a copy in another environment":        {"staging", func(*copyFacts) {}, 1, map[string]float64{"odoo_copy_unneutralized{erp_test}": 1, "odoo_copy_mail_servers_live{out,erp_test}": 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newCopyWatch(Settings{Component: "erp", Environment: tt.environment})
			w.known.learn("erp", "prod")
			f := facts
			tt.change(&f)
			got, err := collectBut(t, publishing(func(ch chan<- prometheus.Metric) { w.publish(ch, "erp_test", f, tt.alike) }), "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSeriesOfOdoo(t *testing.T) {
	for version, want := range map[string]string{"18.0.1.3": "18.0", "saas~18.2.1.3": "saas~18.2", "": "", "custom": ""} {
		if got := series(version); got != want {
			t.Errorf("series(%q) = %q, want %q", version, got, want)
		}
	}
}

func TestColumnsAreCountedByState(t *testing.T) {
	te := newTenant(t, 17)
	te.exec(`REVOKE SELECT ON account_move FROM reader; GRANT SELECT (id) ON account_move TO reader; DROP TABLE queue_job;
		INSERT INTO ir_module_module (name, latest_version) VALUES ('base', '17.0.1.3')`)
	got := mustCollect(t, &measured{db: te.db})
	there := 0
	for _, col := range wanted["account_move"] {
		if te.db.tables.has("account_move", col) {
			there++
		}
	}
	for series, want := range map[string]float64{
		"odoo_table_columns{readable,account_move}": 1, "odoo_table_columns{denied,account_move}": float64(there - 1),
		"odoo_table_columns{missing,queue_job}": float64(len(wanted["queue_job"])), "odoo_table_columns{denied,queue_job}": 0,
		"odoo_info{17.0}": 1,
	} {
		if have, found := got[series]; !found || have != want {
			t.Errorf("%s = %v (%v), want %v", series, have, found, want)
		}
	}
}
