// Package synthetic is the shelf of flows: reading Flows tells what is
// compiled in.
package synthetic

import (
	"strings"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic/odoo"
	"github.com/closewatch/closewatch/synthetic/schedule"
)

// Flows lists every flow there is, on p's tenant.
func Flows(p *odoo.Prober) []flow.Flow {
	return []flow.Flow{
		odoo.NewLogin(p),
		odoo.NewInvoicePosting(p),
		odoo.NewPaymentRegistration(p),
		odoo.NewBankReconciliation(p),
		odoo.NewReporting(p),
		odoo.NewReportPDF(p),
		odoo.NewWebsocket(p),
		odoo.NewQueueRoundtrip(p),
	}
}

// Names lists the flows.
func Names() []string {
	var names []string
	for _, f := range Flows(nil) {
		names = append(names, f.Name())
	}
	return names
}

// Levels lists what each flow can run at, safest first.
func Levels() map[string][]string {
	out := map[string][]string{}
	for _, f := range Flows(nil) {
		for _, l := range f.Levels() {
			out[f.Name()] = append(out[f.Name()], string(l))
		}
	}
	return out
}

// NameList is Names in one sentence.
func NameList() string { return strings.Join(Names(), ", ") }

// Plan returns the flows that c turns on, with their levels and cadence.
func Plan(c odoo.Config, p *odoo.Prober) []schedule.Entry {
	var entries []schedule.Entry
	for _, f := range Flows(p) {
		if level, on := c.Level(f.Name()); on {
			name := f.Name()
			entries = append(entries, schedule.Entry{
				Flow: f, Level: level,
				Interval: c.Interval(name), Quiet: c.QuietInterval(name), Critical: c.CriticalInterval(name),
				Timeout: c.Timeout(name), StepTimeout: c.StepTimeout(name),
			})
		}
	}
	return entries
}
