package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// planOf loads an estate written in a test; its components need no network.
func planOf(t *testing.T, body string) *Plan {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("password", []byte("pw"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "estate.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\n"+body), 0o600); err != nil {
		t.Fatal(err)
	}
	plan, err := Load(file)
	if err != nil {
		t.Fatalf("load:\n%v", err)
	}
	return plan
}

const (
	database = `  db: {postgres: {dsn: "postgres://closewatch@127.0.0.1:1/postgres"}}
`
	session = `  cache: {redis: {url: "redis://127.0.0.1:1/0"}}
`
	proxy = `  ingress: {traefik: {metrics: "http://127.0.0.1:1/metrics"}}
`
)

// odoo is an Odoo component with a synthetic company.
func odoo(name, tenant, more string) string {
	return fmt.Sprintf(`  %s:
    %s
    odoo: {url: "http://127.0.0.1:1", database: %s, login: cw, password: "${file:password}", synthetic: {company: 2, saleJournal: S, bankJournal: B, partner: 3}}
`, name, more, tenant)
}

// resolved is what a subject comes to, in words.
func resolved(subjects []subject, process string) map[string][]string {
	out := map[string][]string{}
	for _, s := range subjects {
		if s.key.Process != process {
			continue
		}
		words := []string{}
		for _, n := range s.needs {
			words = append(words, fmt.Sprintf("%s %s %s", n.component, n.kind, n.role))
		}
		if kinds := s.notWatchedKinds(); len(kinds) > 0 {
			words = append(words, "not watched: "+strings.Join(kinds, ", "))
		}
		for _, f := range s.flows {
			words = append(words, "flow "+f)
		}
		out[s.key.Environment+"/"+s.key.Tenant+"/"+s.key.Entity] = words
	}
	return out
}

func TestSubjects(t *testing.T) {
	tests := map[string]struct {
		estate, process string
		want            map[string][]string // by environment, tenant and entity
	}{
		"the catalogue's needs, all watched": {
			estate:  "components:\n" + database + session + proxy + odoo("erp", "prod", ""),
			process: "invoice-posting",
			want: map[string][]string{"production/prod/acme": {
				"cache redis soft", "db postgres hard", "erp odoo hard", "ingress traefik hard",
				"not watched: backup, identity, tax", "flow invoice-posting",
			}},
		},
		"what is not declared is not watched": {
			estate:  "components:\n" + database + odoo("erp", "prod", ""),
			process: "invoice-posting",
			want: map[string][]string{"production/prod/acme": {
				"db postgres hard", "erp odoo hard", "not watched: backup, identity, redis, tax, traefik", "flow invoice-posting",
			}},
		},
		"the estate's needs replace the catalogue's": {
			estate:  "components:\n" + database + session + proxy + odoo("erp", "prod", "") + "processes: {invoice-posting: {needs: [{component: db, role: hard}, {kind: redis, role: hard, use: sessions}, {kind: endpoint, role: soft}]}}\n",
			process: "invoice-posting",
			want: map[string][]string{"production/prod/acme": {
				"cache redis hard", "db postgres hard", "not watched: endpoint", "flow invoice-posting",
			}},
		},
		"a process that is switched off": {
			estate:  "components:\n" + database + "processes: {invoice-posting: {enabled: false}}\n",
			process: "invoice-posting",
			want:    map[string][]string{},
		},
		"no flow tells of it": {
			estate:  "components:\n" + odoo("erp", "prod", ""),
			process: "payroll",
			want: map[string][]string{"production/prod/acme": {
				"erp odoo hard", "not watched: backup, bank, identity, postgres, redis, standby, tax, traefik",
			}},
		},
		"a flow that is switched off": {
			estate:  "components:\n" + odoo("erp", "prod", "") + "schedule: {flows: {invoice-posting: {enabled: false}}}\n",
			process: "invoice-posting",
			want: map[string][]string{"production/prod/acme": {
				"erp odoo hard", "not watched: backup, identity, postgres, redis, standby, tax, traefik",
			}},
		},
		"entities of two tenants, in two environments, and a flow on one of them": {
			estate: "entities: [{name: at, tenant: prod, company: 1}, {name: uk, tenant: prod, company: 2}, {name: trial, tenant: copy, company: 1}]\n" +
				"components:\n" + database + odoo("erp", "prod", "") + odoo("erp-copy", "copy", "environment: staging") +
				"schedule: {flows: {invoice-posting: {component: erp-copy, enabled: false}}}\n",
			process: "invoice-posting",
			want: map[string][]string{
				"production/prod/at": {"db postgres hard", "erp odoo hard", "not watched: backup, identity, redis, tax, traefik", "flow invoice-posting"},
				"production/prod/uk": {"db postgres hard", "erp odoo hard", "not watched: backup, identity, redis, tax, traefik", "flow invoice-posting"},
				"staging/copy/trial": {"erp-copy odoo hard", "not watched: backup, identity, postgres, redis, standby, tax, traefik"},
			},
		},
		"two tenants and no entities": {
			estate:  "components:\n" + odoo("erp-1", "one", "") + odoo("erp-2", "two", ""),
			process: "bank-feed",
			want: map[string][]string{
				"production/one/one": {"erp-1 odoo hard", "not watched: bank, postgres"},
				"production/two/two": {"erp-2 odoo hard", "not watched: bank, postgres"},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := planOf(t, tt.estate)
			got := resolved(resolveSubjects(p.Estate, p.tenants, p.scheduled), tt.process)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("subjects (-want +got):\n%s", diff)
			}
		})
	}
}
