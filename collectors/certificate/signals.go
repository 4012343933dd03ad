package certificate

import (
	"crypto/x509"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

const day = 24 * time.Hour

// fresh is two of the longest intervals and some.
const fresh = 2*maxInterval + time.Minute

// lives says how much of its life a certificate should have left, by how long
// the whole of it is; the first row that is long enough counts.
//
// A certificate of a year or of 90 days is renewed 30 days before its end, by
// machines and calendars alike. At 21 days a renewal has been failing for more
// than a week, and there is time to find out why; at 7 days somebody has to
// order one by hand, which a bank or an authority may take days to grant. Where
// a third of the life is less than 21 days, renewal is due at that third (15 of
// 45 days), and 10 and 4 days say the same. Certificates of a week are made anew
// every two or three days.
var lives = []struct {
	name              string
	upTo              time.Duration // 0 is any
	warning, critical time.Duration
}{
	{"short", 10 * day, 2 * day, 1 * day},
	{"medium", 63 * day, 10 * day, 4 * day},
	{"long", 0, 21 * day, 7 * day},
}

// lifeOf names the row of lives.
func lifeOf(c *x509.Certificate) string {
	life := c.NotAfter.Sub(c.NotBefore)
	for _, l := range lives {
		if l.upTo == 0 || life <= l.upTo {
			return l.name
		}
	}
	return ""
}

// refusals are what clients refuse a certificate for, in words.
var refusals = []struct {
	reason reason
	says   string
}{
	{expired, "has ended: clients refuse it"},
	{notYetValid, "has not begun: clients refuse it, unless the clock of this machine is wrong"},
	{hostname, "is for other names than it is asked for: clients refuse it"},
	{selfSigned, "is self-signed and not trusted: clients refuse it"},
	{untrusted, "has no chain to a trusted authority: it is sent without one, the chain has ended, or the authority is not known here"},
}

// Signals defines what is judged of certificates. One that ends soon is still
// valid, and accounts for no failure: it is told, as context. One that clients
// refuse is a cause.
func Signals() []signal.Definition {
	const of = "Certificate {name} of {component} ({source}) "
	never := signal.Never()
	problem := func(r reason, d signal.Definition) signal.Definition {
		d.Name, d.Kind, d.Metric = "certificate_"+string(r), Kind, "certificate_problem"
		d.Match, d.By = map[string]string{"reason": string(r)}, labels
		d.Fresh, d.Optional = fresh, true
		return d
	}
	out := []signal.Definition{
		{
			Name: "certificate_readable", Kind: Kind, Title: "Certificate can be read", Metric: "certificate_readable", By: labels,
			Aggregate: signal.Min, Direction: signal.Below, Warning: 0.5, Critical: never,
			For: 2 * time.Minute, Fresh: fresh, Role: signal.Health,
			Says: of + "cannot be read",
		},
		{
			Name: "certificate_mismatch", Kind: Kind, Title: "Server shows the certificate of its file", Metric: "certificate_mismatch", By: []string{"name"},
			Warning: 0.5, Critical: never, For: 10 * time.Minute, Fresh: fresh, Role: signal.Context, Optional: true,
			Says: "Server of certificate {name} of {component} shows another one than is in the file: it was renewed and not loaded, or the file is not the server's",
		},
		problem(weak, signal.Definition{
			Title: "Certificate is strong", Warning: 0.5, Critical: never, Role: signal.Context,
			Says: of + "has a key or a signature that is too weak",
		}),
	}
	for _, r := range refusals {
		out = append(out, problem(r.reason, signal.Definition{
			Title: "Certificate is taken by clients", Warning: never, Critical: 0.5, Role: signal.Health, Says: of + r.says,
		}))
	}
	for _, l := range lives {
		out = append(out, signal.Definition{
			Name: "certificate_ends_" + l.name, Kind: Kind, Title: "Certificate lasts", Metric: "certificate_remaining_seconds",
			Match: map[string]string{"life": l.name}, By: labels,
			Aggregate: signal.Min, Direction: signal.Below, Warning: l.warning.Seconds(), Critical: l.critical.Seconds(),
			Fresh: fresh, Role: signal.Context, Unit: "seconds", Optional: true,
			Says: of + "ends in {value}",
		})
	}
	return out
}
