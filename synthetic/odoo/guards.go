package odoo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
)

// standingGuards are those that need no books: they are asked before the
// books are read, and with the others before every write. Cheapest first.
func (p *Prober) standingGuards(name string, level flow.Level) []flow.Guard {
	guards := []flow.Guard{
		p.killSwitch.Guard(),
		{Name: "approval", Check: func(context.Context) error { return p.approval(name, level) }},
	}
	if level == flow.L3 {
		// A draft in the synthetic company keeps no other company from closing,
		// and is gone within the run.
		guards = append(guards, p.extra...)
	}
	return append(
		guards,
		flow.Guard{Name: "rights", Check: func(ctx context.Context) error { return p.rightsGuard(ctx, name) }},
		flow.Guard{Name: "privilege", Check: p.privilegeGuard},
		flow.Guard{Name: "database", Check: p.databaseGuard},
	)
}

// bookGuards judge what was read last; books, the first of them, reads again.
func (p *Prober) bookGuards(b *books) []flow.Guard {
	judge := func(name string, check func(*books) error) flow.Guard {
		return flow.Guard{Name: name, Check: func(context.Context) error { return check(b) }}
	}
	return []flow.Guard{
		{Name: "books", Check: func(ctx context.Context) error { return p.refresh(ctx, b) }},
		judge("company", p.companyGuard),
		judge("partner", p.partnerGuard),
		judge("journals", p.journalGuard),
		judge("lock-dates", p.lockGuard),
		judge("erasable", erasableGuard),
		judge("e-invoicing", invoicingGuard),
		judge("mail", mailGuard),
		judge("payment-export", exportGuard),
	}
}

// guards returns what is asked before every write of a run.
func (p *Prober) guards(name string, level flow.Level, b *books) []flow.Guard {
	return append(p.standingGuards(name, level), p.bookGuards(b)...)
}

func (p *Prober) approval(name string, level flow.Level) error {
	if level == flow.L3 && !p.config.approved(p.environment, name) {
		return flow.Objection("posting in production has not been approved", "write approval: {by, on} for this flow once the controller has agreed")
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
			return flow.Objection(
				fmt.Sprintf("%d runs wrote in the last hour, the cap is runsPerHour: %d", n, p.config.RunsPerHour),
				"wait, run the flows less often, or raise runsPerHour",
			)
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
		return flow.Objection("the company is not the one under synthetic.company", "correct synthetic.company")
	case b.company.Parent != 0:
		return flow.Objection("the company is a branch of another and shares its books", "use a company of its own")
	case !slices.Contains(b.user.Companies, want):
		return flow.Objection("the monitoring user may not enter synthetic.company", "allow it that company")
	case len(b.user.Companies) > 1 && !p.config.Synthetic.AllowOtherCompanies:
		return flow.Objection(fmt.Sprintf("the monitoring user may enter %d companies", len(b.user.Companies)), "allow it synthetic.company alone, or write allowOtherCompanies: true")
	}
	return nil
}

func (p *Prober) partnerGuard(b *books) error {
	if int64(b.partner.Company) != p.config.Synthetic.Company {
		return flow.Objection("the partner does not belong to synthetic.company alone", "set its company")
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
			return flow.Objection("journal "+j.Code+" does not belong to synthetic.company", "use a journal of that company")
		case j.Type != j.want:
			return flow.Objection(fmt.Sprintf("journal %s is of type %s, not %s", j.Code, j.Type, j.want), "name another journal under synthetic")
		case j.Hashed:
			return flow.Objection("journal "+j.Code+" secures posted entries with a hash: they could never be removed", "use another journal")
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
			return flow.Objection(field+" of the synthetic company reaches today", "lift it there")
		}
	}
	return nil
}

// erasableGuard makes sure that no setting keeps posted entries for ever.
func erasableGuard(b *books) error {
	if len(b.company.frozen) > 0 {
		return flow.Objection(b.company.frozen[0]+" is on: posted entries could never be removed", "switch it off for the synthetic company")
	}
	return nil
}

// peppolOff are the states of a company that takes no part in Peppol (17 to
// 19).
var peppolOff = []string{"", "not_registered", "rejected", "canceled"}

// invoicingGuard makes sure that no invoice is handed to a network or an
// authority: neither by a connection of the company's, nor by a format of the
// journal, nor by what the law of its country has Odoo do.
func invoicingGuard(b *books) error {
	switch {
	case b.company.proxies > 0:
		return flow.Objection("the synthetic company has a connection for e-invoices", "remove its e-invoicing users, or use a company without")
	case !slices.Contains(peppolOff, b.company.peppol):
		return flow.Objection("the synthetic company takes part in Peppol ("+b.company.peppol+")", "deregister it there")
	case b.sale.EDI > 0:
		return flow.Objection("journal "+b.sale.Code+" makes electronic invoices", "clear Electronic invoicing in its advanced settings")
	}
	for _, module := range b.localisations {
		if country := countryOf(module); slices.Contains(b.company.countries, country) {
			return flow.Objection("module "+module+" reports the invoices of the synthetic company's country", "give that company a country without compulsory e-invoicing")
		}
	}
	return nil
}

// countryOf reads the country in the name of a localisation: l10n_it_edi.
func countryOf(module string) string {
	parts := strings.Split(module, "_")
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

// mailGuard makes sure that nobody is written to. Followers of the customer
// and of the journal are no danger: Odoo tells them nothing of an invoice (run
// on 16 to 19), only a customer with an address would follow it.
func mailGuard(b *books) error {
	switch {
	case b.partner.Email != "":
		return flow.Objection("the partner has an e-mail address", "remove it, so that nothing can be sent")
	case b.user.Email != "" && b.user.Notified == "email":
		return flow.Objection("the monitoring user gets its notifications by e-mail", "have them handled in Odoo, or remove its address")
	}
	for _, j := range []journal{b.sale, b.bank} {
		if j.Alias != "" && j.AliasDomain != "" {
			return flow.Objection("journal "+j.Code+" has an e-mail address: whoever writes to it makes an entry there", "remove its alias")
		}
	}
	return nil
}

// paperMethods are the payment methods that leave Odoo by nobody's hand but a
// person's.
var paperMethods = []string{"manual", "check_printing"}

// exportGuard makes sure that no payment can travel to a bank: of any other
// method it cannot be told what a module does with it.
func exportGuard(b *books) error {
	for method := range strings.SplitSeq(string(b.bank.Methods), ",") {
		if method != "" && !slices.Contains(paperMethods, method) {
			return flow.Objection("journal "+b.bank.Code+" has the payment method "+method+", by which payments are exported", "leave it manual payments only")
		}
	}
	return nil
}
