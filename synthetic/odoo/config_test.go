package odoo_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

func configured(change func(*odoo.Config)) odoo.Config {
	var c odoo.Config
	c.SetDefaults()
	c.Synthetic = odoo.Synthetic{Company: 2, SaleJournal: "SYNI", BankJournal: "SYNB", Partner: 43}
	change(&c)
	return c
}

func TestConfigProblems(t *testing.T) {
	tests := map[string]struct {
		change func(*odoo.Config)
		want   []string
	}{
		"all well":               {func(*odoo.Config) {}, nil},
		"nothing but defaults":   {func(c *odoo.Config) { c.Synthetic = odoo.Synthetic{} }, nil},
		"a flow that is unknown": {func(c *odoo.Config) { c.Levels = map[string]flow.Level{"payroll": "L3"} }, []string{"levels.payroll"}},
		"a level it lacks":       {func(c *odoo.Config) { c.Levels = map[string]flow.Level{"bank-reconciliation": "L1"} }, []string{"levels.bank-reconciliation"}},
		"off":                    {func(c *odoo.Config) { c.Levels = map[string]flow.Level{"login": odoo.Off} }, nil},
		"everything missing that posting needs": {func(c *odoo.Config) {
			c.Synthetic = odoo.Synthetic{}
			c.Levels = map[string]flow.Level{"bank-reconciliation": "L3"}
		}, []string{"synthetic.company", "synthetic.saleJournal", "synthetic.bankJournal", "synthetic.partner"}},
		"no bank journal, and payments": {func(c *odoo.Config) {
			c.Synthetic.BankJournal = ""
			c.Levels = map[string]flow.Level{"payment-registration": "L3"}
		}, []string{"synthetic.bankJournal"}},
		"payments alone, and nothing that they need": {func(c *odoo.Config) {
			c.Synthetic = odoo.Synthetic{}
			c.Levels = map[string]flow.Level{"payment-registration": "L3"}
		}, []string{"synthetic.company", "synthetic.saleJournal", "synthetic.bankJournal", "synthetic.partner"}},
		"no bank journal, no reconciliation": {func(c *odoo.Config) { c.Synthetic.BankJournal = "" }, nil},
		"times": {func(c *odoo.Config) {
			c.RunsPerHour = 0
			c.Intervals = map[string]time.Duration{"login": 5, "payroll": time.Minute}
		}, []string{"intervals.login", "intervals.payroll", "runsPerHour"}},
		"a date": {func(c *odoo.Config) {
			c.Approvals = map[string]odoo.Approval{"invoice-posting": {By: "controller", On: "last week"}}
		}, []string{"approvals.invoice-posting.on"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := configured(tt.change)
			var fields []string
			for _, p := range c.Validate() {
				fields = append(fields, p.Field)
				if p.What == "" || p.Remedy == "" {
					t.Errorf("%+v does not say what is wrong and what to write", p)
				}
			}
			if diff := cmp.Diff(tt.want, fields); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func approve(c *odoo.Config, name, by string) {
	c.Approvals = map[string]odoo.Approval{name: {By: by, On: "2026-11-20"}}
}

func TestL3InProductionNeedsAnApproval(t *testing.T) {
	l3 := map[string]flow.Level{"invoice-posting": flow.L3}
	tests := map[string]struct {
		config      odoo.Config
		environment string
		problems    int
	}{
		"drafts in production":  {configured(func(*odoo.Config) {}), odoo.Production, 0},
		"posting in staging":    {configured(func(c *odoo.Config) { c.Levels = l3 }), "staging", 0},
		"posting in production": {configured(func(c *odoo.Config) { c.Levels = l3 }), odoo.Production, 1},
		"approved":              {configured(func(c *odoo.Config) { c.Levels = l3; approve(c, "invoice-posting", "controller") }), odoo.Production, 0},
		"approved by nobody":    {configured(func(c *odoo.Config) { c.Levels = l3; approve(c, "invoice-posting", "") }), odoo.Production, 1},
		"another flow approved": {configured(func(c *odoo.Config) { c.Levels = l3; approve(c, "bank-reconciliation", "controller") }), odoo.Production, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.config.ValidateIn(tt.environment); len(got) != tt.problems {
				t.Errorf("%v, want %d problems", got, tt.problems)
			}
		})
	}
}

func TestWhatRunsWithoutAWord(t *testing.T) {
	want := map[string]flow.Level{
		"login": "L0", "websocket": "L0", "reporting": "L0", "report-pdf": "L1", "invoice-posting": "L1", "payment-registration": "", "bank-reconciliation": "",
	}
	c := configured(func(*odoo.Config) {})
	bare := configured(func(c *odoo.Config) { c.Synthetic = odoo.Synthetic{} })
	for name, level := range want {
		if got, on := c.Level(name); got != level || on != (level != "") {
			t.Errorf("%s: %q, %t", name, got, on)
		}
		if _, on := bare.Level(name); on != (name == "login" || name == "websocket") {
			t.Errorf("%s without a synthetic company: %t", name, on)
		}
	}
}
