package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/pgsession"
	flows "github.com/closewatch/closewatch/synthetic/odoo"
	"github.com/closewatch/closewatch/synthetic/odoo/neutrality"
)

// openDaily returns what proves every day that the prober of a component left
// real books alone, or nil where there is no synthetic company.
func openDaily(p *Plan, c plannedComponent, client *odoorpc.Client, state string, now func() time.Time, log *slog.Logger, tell func(neutrality.Proof)) *neutrality.Daily {
	synthetic := c.odoo.Synthetic
	if synthetic.Company == 0 {
		return nil
	}
	return neutrality.NewDaily(neutrality.DailySettings{
		Name: c.odoo.RPC.Database, File: filepath.Join(state, "neutrality-"+c.Name+".json"), Tell: tell, Now: now, Log: log,
		Prover: func(before *neutrality.Before, user int64) *neutrality.Prover {
			return neutrality.New(neutrality.Settings{
				Synthetic: synthetic.Company, OtherCompanies: synthetic.AllowOtherCompanies, Tag: flows.Tag, Now: now,
				Ask: p.proofAsker(c, log), User: client.UserID, RememberedUser: user, RememberedState: before,
			})
		},
	})
}

// proofAsker asks the tenant's database with the time that a proof takes. Every
// batch has a connection of its own: there is one a day.
func (p *Plan) proofAsker(c plannedComponent, log *slog.Logger) neutrality.Asker {
	dsn, allowed := c.odoo.SQL.DSN, c.odoo.SQL.AllowSuperuser
	if dsn.IsZero() {
		database := p.postgres[c.Environment]
		dsn, allowed = database.DSN, allowed || database.AllowSuperuser
	}
	if dsn.IsZero() {
		return nil
	}
	return func(ctx context.Context, queries ...pgsession.Query) pgsession.Results {
		session := pgsession.Open(pgsession.Settings{
			DSN: dsn, Database: c.odoo.RPC.Database, MaxRows: neutrality.MaxCompanies,
			StatementTimeout: neutrality.StatementTimeout, BatchTimeout: neutrality.StatementTimeout + 10*time.Second,
			Superuser: pgsession.NoSuperuser(c.Environment, allowed, log.With("component", c.Name)),
		})
		defer session.Close() //nolint:contextcheck // it is closed whether or not ctx is done
		return session.Batch(ctx, queries...)
	}
}

// toldOfProof records a proof: the verdict, and what it stands on for each
// company.
func (c *chronicle) toldOfProof(t tenant, p neutrality.Proof) {
	own := p.Foreign()
	refs := map[string]string{"environment": t.environment, "component": t.component, "tenant": t.name, "at": instant(p.At), "companies": strconv.Itoa(len(p.Companies))}
	if p.Before != nil {
		refs["before"] = instant(p.Before.At)
	}
	if p.Conclusive() {
		refs["foreign_records"] = strconv.FormatInt(own.Total(), 10)
	}
	entries := []evidence.Entry{{Class: evidence.Flow, Action: "neutrality-proof", Outcome: string(p.Verdict), Refs: refs, Digest: digestOf(p)}}
	for _, company := range p.Companies {
		refs := map[string]string{
			"environment": t.environment, "tenant": t.name, "company": strconv.FormatInt(company.ID, 10), "synthetic": strconv.FormatBool(company.Synthetic),
			"entries": strconv.FormatInt(company.Entries, 10), "items": strconv.FormatInt(company.Items, 10), "payments": strconv.FormatInt(company.Payments, 10),
			"own_records": strconv.FormatInt(company.Own.Total(), 10), "reachable": strconv.FormatBool(company.Reachable),
			"numbers": company.Numbers, "numbers_without": company.NumbersWithout, "balances": company.Balances, "balances_without": company.BalancesWithout,
		}
		if was, ok := p.Before.Company(company.ID); ok {
			refs["entries_before"], refs["items_before"] = strconv.FormatInt(was.Entries, 10), strconv.FormatInt(was.Items, 10)
		}
		entries = append(entries, evidence.Entry{Class: evidence.Flow, Action: "books-compared", Refs: stated(refs)})
	}
	c.tell(entries...)
}

// proven says a verdict in the daemon's log when it is not the good one.
func proven(log *slog.Logger, component string, p neutrality.Proof) {
	switch {
	case p.Verdict == neutrality.NotNeutral:
		log.Error("real books are not as they would be without the prober", "component", component, "reasons", p.Reasons, "hint", p.Hint)
	case !p.Conclusive():
		log.Warn("neutrality of the prober was not proved", "component", component, "reasons", p.Reasons, "hint", p.Hint)
	}
}

// A TenantProof is a proof and where it was made.
type TenantProof struct {
	Environment string `json:"environment"`
	Component   string `json:"component"`
	Tenant      string `json:"tenant"`
	neutrality.Proof
}

// ProveNeutrality makes a proof on each Odoo component that has a synthetic
// company, outside the daemon: nothing is kept. only names one component; empty
// means all.
func ProveNeutrality(ctx context.Context, p *Plan, only, version string, log *slog.Logger) ([]TenantProof, error) {
	var out []TenantProof
	for _, c := range p.components {
		if c.odoo == nil || only != "" && c.Name != only {
			continue
		}
		client, err := odoorpc.New(c.odoo.RPC, odoorpc.Options{Version: version})
		if err != nil {
			return out, err
		}
		daily := openDaily(p, c, client, "", time.Now, log, nil)
		if daily != nil {
			proof, err := daily.Prove(ctx)
			if err != nil {
				client.Close()
				return out, err
			}
			out = append(out, TenantProof{c.Environment, c.Name, c.odoo.RPC.Database, proof})
		}
		client.Close()
	}
	if len(out) == 0 {
		missing := errors.New("no odoo component has a synthetic company")
		if only != "" {
			missing = fmt.Errorf("the odoo component %q has no synthetic company, or does not exist", only)
		}
		return nil, &fault.Error{Op: "prove neutrality", Kind: fault.Rejected, Err: missing, Hint: "configure synthetic.company; without one, nothing is written"}
	}
	return out, nil
}
