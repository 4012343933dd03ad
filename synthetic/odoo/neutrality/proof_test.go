package neutrality

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

func TestJudge(t *testing.T) {
	same := func(c Company) Company {
		c.Numbers, c.NumbersWithout, c.Balances, c.BalancesWithout = "n", "n", "b", "b"
		return c
	}
	synthetic := Company{ID: 2, Synthetic: true, Reachable: true, Own: Own{Entries: 1, Items: 3}, Numbers: "x", Balances: "y"}
	with := func(change func(*Company)) Company {
		c := same(Company{ID: 1, Entries: 40, Items: 90})
		change(&c)
		return c
	}
	for name, tt := range map[string]struct {
		real    Company
		others  bool
		missing bool
		want    Verdict
		reason  string
	}{
		"nothing of the prober's":      {real: with(func(*Company) {}), want: Neutral},
		"an entry":                     {real: with(func(c *Company) { c.Own.Entries = 1 }), want: NotNeutral, reason: "company 1: 1 entry of the prober's"},
		"items in somebody's entry":    {real: with(func(c *Company) { c.Own.Items = 2 }), want: NotNeutral, reason: "company 1: 2 items of the prober's"},
		"a payment and matches":        {real: with(func(c *Company) { c.Own.Payments, c.Own.Matches = 1, 2 }), want: NotNeutral, reason: "company 1: 1 payment, 2 matches of the prober's"},
		"a balance":                    {real: with(func(c *Company) { c.BalancesWithout = "other" }), want: NotNeutral, reason: "trial balance is not what"},
		"a number":                     {real: with(func(c *Company) { c.NumbersWithout = "other" }), want: NotNeutral, reason: "holds numbers"},
		"the user may enter it":        {real: with(func(c *Company) { c.Reachable = true }), want: NotNeutral, reason: "may enter it"},
		"the user may, by the estate":  {real: with(func(c *Company) { c.Reachable = true }), others: true, want: Neutral},
		"there is no synthetic one":    {real: with(func(*Company) {}), missing: true, want: Unknown, reason: "the synthetic company is not in this database"},
		"no synthetic one, and a find": {real: with(func(c *Company) { c.Own.Entries = 1 }), missing: true, want: Unknown, reason: "the synthetic company is not in this database"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Proof{Companies: []Company{tt.real}}
			if !tt.missing {
				p.Companies = append(p.Companies, synthetic)
			}
			p.judge(tt.others)
			if p.Verdict != tt.want || !strings.Contains(strings.Join(p.Reasons, "; "), tt.reason) || (tt.want == Neutral) != (len(p.Reasons) == 0) {
				t.Errorf("verdict %s for %q, want %s for %q", p.Verdict, p.Reasons, tt.want, tt.reason)
			}
			if (p.Hint == "") != (tt.want == Neutral) {
				t.Errorf("hint %q", p.Hint)
			}
		})
	}
}

func TestWhatCannotBeToldIsUnknown(t *testing.T) {
	asked := func(err error) Asker {
		return func(context.Context, ...pgsession.Query) pgsession.Results {
			return pgsession.Results{{Name: "ledger-proof", Err: err}}
		}
	}
	user := func(context.Context) (int64, error) { return 8, nil }
	nobody := func(context.Context) (int64, error) { return 0, errors.New("Odoo is down") }
	for name, tt := range map[string]struct {
		s            Settings
		reason, hint string
	}{
		"no synthetic company": {Settings{Ask: asked(nil), User: user}, "no synthetic company", "synthetic.company"},
		"no database":          {Settings{Synthetic: 2, User: user}, "no access to the tenant's database", "sql.dsn"},
		"who the prober is":    {Settings{Synthetic: 2, Ask: asked(nil), User: nobody}, "find the prober's user", ""},
		"no function":          {Settings{Synthetic: 2, User: user, Ask: asked(&fault.Error{Op: "ask", Kind: fault.Schema, Err: errors.New("no such function")})}, "no such function", "closewatch-role.sql"},
		"no right":             {Settings{Synthetic: 2, User: user, Ask: asked(&fault.Error{Op: "ask", Kind: fault.Denied, Err: errors.New("permission denied")})}, "permission denied", "closewatch-role.sql"},
		"too slow":             {Settings{Synthetic: 2, User: user, Ask: asked(&fault.Error{Op: "ask", Kind: fault.Timeout, Err: errors.New("cancelled")})}, "cancelled", "quieter time"},
		"no answer":            {Settings{Synthetic: 2, User: user, Ask: asked(nil)}, "not complete", "rights"},
		"half an answer": {Settings{Synthetic: 2, User: user, Ask: func(context.Context, ...pgsession.Query) pgsession.Results {
			one := "1"
			return pgsession.Results{{Name: "ledger-proof", Columns: []string{"company"}, Rows: []pgsession.Row{pgsession.NewRow([]string{"company"}, &one)}}}
		}}, "a value is missing", "another version"},
	} {
		t.Run(name, func(t *testing.T) {
			before := &Before{At: time.Unix(1, 0)}
			tt.s.RememberedState = before
			p := New(tt.s).Prove(t.Context())
			if p.Verdict != Unknown || p.Conclusive() || !strings.Contains(strings.Join(p.Reasons, "; "), tt.reason) || !strings.Contains(p.Hint, tt.hint) {
				t.Errorf("%s %q %q", p.Verdict, p.Reasons, p.Hint)
			}
			if diff := cmp.Diff(before, p.Before); diff != "" {
				t.Error(diff)
			}
		})
	}
}
