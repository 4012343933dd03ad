package odoo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
)

// guards returns what is asked before every write of a run, cheapest first.
// The last one reads company and journals again.
func (p *Prober) guards(name string, level flow.Level, b *books) []flow.Guard {
	local := []flow.Guard{
		p.killSwitch.Guard(),
		{Name: "approval", Check: func(context.Context) error { return p.approval(name, level) }},
	}
	books := []flow.Guard{
		{Name: "books", Check: func(ctx context.Context) error { return p.refresh(ctx, b) }},
		{Name: "company", Check: func(context.Context) error { return p.companyGuard(b) }},
		{Name: "partner", Check: func(context.Context) error { return p.partnerGuard(b) }},
		{Name: "journals", Check: func(context.Context) error { return p.journalGuard(b) }},
		{Name: "lock-dates", Check: func(context.Context) error { return p.lockGuard(b) }},
		{Name: "erasable", Check: func(context.Context) error { return erasableGuard(b) }},
	}
	return slices.Concat(local, p.extra, books)
}

func (p *Prober) approval(name string, level flow.Level) error {
	if level == flow.L3 && !p.config.approved(p.environment, name) {
		return errors.New("posting in production has not been approved; write approval: {by, on} for this flow")
	}
	return nil
}

// rateGuard counts the runs that wrote in the last hour, restarts included.
func (p *Prober) rateGuard() flow.Guard {
	return flow.Guard{Name: "rate-cap", Check: func(context.Context) error {
		n, err := p.intents.Since(p.now().Add(-time.Hour))
		if err != nil {
			return err
		}
		if n >= p.config.RunsPerHour {
			return fmt.Errorf("%d runs wrote in the last hour, the cap is runsPerHour: %d", n, p.config.RunsPerHour)
		}
		return nil
	}}
}

// companyGuard makes sure that the company is the synthetic one and that the
// user can reach no other.
func (p *Prober) companyGuard(b *books) error {
	want := p.config.Synthetic.Company
	switch {
	case want == 0 || b.company.ID != want:
		return errors.New("the company is not the one under synthetic.company")
	case b.company.Parent != 0:
		return errors.New("the company is a branch of another and shares its books; use a company of its own")
	case !slices.Contains(b.companies, want):
		return errors.New("the monitoring user may not enter synthetic.company")
	case len(b.companies) > 1 && !p.config.Synthetic.AllowOtherCompanies:
		return fmt.Errorf("the monitoring user may enter %d companies; allow it synthetic.company alone, or write allowOtherCompanies: true", len(b.companies))
	}
	return nil
}

// partnerGuard makes sure that nobody is written to.
func (p *Prober) partnerGuard(b *books) error {
	switch {
	case int64(b.partner.Company) != p.config.Synthetic.Company:
		return errors.New("the partner does not belong to synthetic.company alone; set its company")
	case b.partner.Email != "":
		return errors.New("the partner has an e-mail address; remove it, so that nothing can be sent")
	}
	return nil
}

func (p *Prober) journalGuard(b *books) error {
	for _, j := range []struct {
		journal
		want string
	}{{b.sale, "sale"}, {b.bank, "bank"}} {
		switch {
		case j.ID == 0:
			continue // not configured, or found missing by the flow that needs it
		case int64(j.Company) != p.config.Synthetic.Company:
			return fmt.Errorf("journal %s does not belong to synthetic.company", j.Code)
		case j.Type != j.want:
			return fmt.Errorf("journal %s is of type %s, not %s", j.Code, j.Type, j.want)
		case j.Hashed:
			return fmt.Errorf("journal %s secures posted entries with a hash: they could never be removed; use another journal", j.Code)
		}
	}
	return nil
}

// lockGuard makes sure that today is open. Odoo would not refuse to post: it
// would quietly post on another day.
func (p *Prober) lockGuard(b *books) error {
	today := p.today()
	for _, field := range slices.Sorted(maps.Keys(b.company.locks)) {
		if date := b.company.locks[field]; date >= today {
			return fmt.Errorf("%s of the synthetic company reaches today; lift it there", field)
		}
	}
	return nil
}

// erasableGuard makes sure that no setting keeps posted entries for ever.
func erasableGuard(b *books) error {
	if len(b.company.frozen) > 0 {
		return fmt.Errorf("%s is on: posted entries could never be removed; switch it off for the synthetic company", b.company.frozen[0])
	}
	return nil
}
