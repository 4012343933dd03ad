package endpoint

import (
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// fresh is two of the longest intervals and some.
const fresh = 2*maxInterval + time.Minute

// patience says after how many failures in a row a class of services is bad.
// One failure is a lost packet or a restart; two at the interval of a minute
// are an outage somebody may be waiting on. Identity, banks and tax engines are
// asked while a person waits, or against a cut-off, and stop the work at once;
// reports and documents are queued and made up for, so they have five runs
// before they count as lost.
var patience = []struct {
	class             Class
	title             string
	warning, critical float64
}{
	{Bank, "Bank interface works", signal.Never(), 2},
	{Tax, "Tax engine works", signal.Never(), 2},
	{Identity, "Identity provider works", signal.Never(), 2},
	{Reporting, "Reporting service works", 2, 5},
	{Documents, "Document service works", 2, 5},
}

// Signals defines what is judged of a service: that it is measured at all, and
// for each check of its class how often in a row it has failed.
func Signals() []signal.Definition {
	out := []signal.Definition{{
		Name: "endpoint_checked", Kind: Kind, Title: "Service is checked", Metric: "probe_success",
		Aggregate: signal.Count, Direction: signal.Below, Warning: signal.Never(), Critical: signal.Never(),
		Fresh: fresh, Role: signal.Health,
		Says: "{component} is not checked",
	}}
	for _, p := range patience {
		out = append(out, signal.Definition{
			Name: "endpoint_" + string(p.class) + "_failing", Kind: Kind, Title: p.title,
			Metric: "endpoint_check_consecutive_failures", Match: map[string]string{"class": string(p.class)}, By: []string{"check"},
			// The state is entered at the number itself: counts are whole.
			Warning: p.warning - 0.5, Critical: p.critical - 0.5,
			Fresh: fresh, Role: signal.Health, Optional: true,
			Says: "{component} has failed its check {check} {value} times in a row",
		})
	}
	return out
}
