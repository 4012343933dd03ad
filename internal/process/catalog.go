package process

import "time"

// Catalog returns the built-in processes in the order they are shown. Each call
// returns a fresh copy: an estate changes its own.
func Catalog() []Process {
	return []Process{
		invoicePosting(),
		paymentRegistration(),
		bankReconciliation(),
		supplierPaymentRun(),
		payroll(),
		monthEndClose(),
		statutoryReporting(),
		subscriptionBilling(),
		procurement(),
		inventoryValuation(),
		reporting(),
		eInvoicing(),
		bankFeed(),
	}
}

const (
	second = time.Second
	minute = time.Minute
	hour   = time.Hour
	day    = 24 * time.Hour
)

// everyMorning is when what came overnight is there.
const everyMorning = "every working day 10:00"

// platform is the role on call for what the provider runs.
const platform = "finance-platform"

// openIncident is the first look where nothing more particular is known.
const openIncident = "Open the incident: at which step does it fail, and since which change?"

// erp is what every process inside the ERP needs, and more of its own. Redis is
// soft by default: stock Odoo runs without it. An estate that keeps sessions
// there says hard.
func erp(more ...Dependency) []Dependency {
	return append([]Dependency{
		{Kind: Postgres, Role: Hard, Use: "system of record"},
		{Kind: Standby, Role: Redundant, Use: "copy to fail over to"},
		{Kind: Backup, Role: Redundant, Use: "copy to restore from"},
		{Kind: Odoo, Role: Hard, Use: "application"},
		{Kind: Traefik, Role: Hard, Use: "ingress"},
		{Kind: Redis, Role: Soft, Use: "sessions and queues"},
		{Kind: Identity, Role: Soft, Use: "sign-on"},
	}, more...)
}

// serviceLevel is the usual pair: outcomes without error, and nineteen of
// twenty within the threshold.
func serviceLevel(availability Share, latency time.Duration) []Objective {
	return []Objective{
		{Name: "availability", Kind: Availability, Target: availability, Says: "it is done without an error"},
		{Name: "latency", Kind: Latency, Target: 95 * Percent, Threshold: latency, Says: "it is done fast enough to work with"},
	}
}

// Windows that several processes have.
func workingDays(from, to int, says string) Window {
	return Window{Kind: WorkingDays, From: from, To: to, Says: says}
}

func before(d time.Duration, deadline string) Window {
	return Window{Kind: BeforeDeadline, Before: d, Says: deadline}
}

func daysBefore(n int, deadline string) Window {
	return Window{Kind: BeforeDeadline, BeforeDays: n, Says: deadline}
}
