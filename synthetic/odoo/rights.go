package odoo

import (
	"context"
	"slices"

	"github.com/closewatch/closewatch/internal/flow"
)

// rightsOf lists what a flow does, its clean-up included. One that is missing
// half-way leaves the clean-up to the janitor, so it is asked for before anything
// is written.
func rightsOf(name string) []right {
	invoices := all("account.move")
	switch name {
	case InvoicePostingName, ReportPDFName:
		return invoices
	case PaymentRegistrationName:
		return slices.Concat(invoices, []right{{"account.payment.register", "create"}}, all("account.payment"))
	case BankReconciliationName:
		return slices.Concat(invoices, all("account.bank.statement.line"), []right{{"account.move.line", "write"}})
	case ReportingName:
		return []right{{"account.move.line", "read"}}
	}
	return nil // it only reads what every user may, or what setup lets it
}

// groupFor says which group of Odoo gives a right to a model.
func groupFor(model string) string {
	if model == "account.bank.statement.line" {
		return "give it Show Full Accounting Features, a group that Odoo lists under Technical in developer mode"
	}
	return "give it Invoicing: Billing"
}

// What nobody who only probes may do, and who may.
var tooMuch = []struct {
	right
	role string
	why  string
}{
	{right{"account.journal", "write"}, "accounting administrator", "Odoo lets it delete numbers out of the middle of a sequence, and that gap stays"},
	{right{"res.users", "write"}, "administrator of users", "it could give itself any right"},
}

// rightsGuard makes sure that the user may do everything that the flow does.
func (p *Prober) rightsGuard(ctx context.Context, name string) error {
	for _, r := range rightsOf(name) {
		ok, err := p.may(ctx, r)
		if err != nil {
			return err
		}
		if !ok {
			return flow.Objection("the monitoring user may not "+r.operation+" "+r.model, groupFor(r.model))
		}
	}
	return nil
}

// privilegeGuard makes sure that the user may do little else.
func (p *Prober) privilegeGuard(ctx context.Context) error {
	for _, r := range tooMuch {
		ok, err := p.may(ctx, r.right)
		if err != nil {
			return err
		}
		if ok {
			return flow.Objection("the monitoring user is "+article(r.role)+": "+r.why, "take that role away from it")
		}
	}
	return nil
}

func article(noun string) string {
	if slices.Contains([]byte("aeiou"), noun[0]) {
		return "an " + noun
	}
	return "a " + noun
}
