package load

import (
	"log/slog"
	"net/url"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// Options say whom a Load works for and how hard.
type Options struct {
	BaseURL  string // of the ingress
	Host     string // Host header by which the ingress knows the tenant; empty: the one in BaseURL
	DB       string
	Login    string
	Password secret.Value

	InvoicesPerMinute float64       // default 60
	Mix               Mix           // default DefaultMix
	Concurrency       int           // pieces of work under way at most, default 8
	Timeout           time.Duration // of one request, default 15 s
	Log               *slog.Logger  // default discards
}

// A Mix says what becomes of an invoice and what else people do, as shares of
// the number of invoices.
type Mix struct {
	Sent       float64 // printed and sent: a job for e-invoicing and one for mail
	Paid       float64 // a payment is registered
	Reconciled float64 // its money arrives on a bank statement and is matched; only if not Paid
	Browsed    float64 // somebody reads lists and the ledger
	Printed    float64 // its PDF is downloaded
}

// DefaultMix is an ordinary day.
func DefaultMix() Mix {
	return Mix{Sent: 0.5, Paid: 0.4, Reconciled: 0.35, Browsed: 0.5, Printed: 0.1}
}

func (o Options) withDefaults() (Options, error) {
	const op = "prepare business traffic"
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" {
		return o, &fault.Error{Op: op, Kind: fault.Rejected, Err: err, Hint: "give the ingress as http://host:port"}
	}
	if o.DB == "" || o.Login == "" || o.Password.IsZero() {
		return o, &fault.Error{Op: op, Kind: fault.Rejected, Hint: "give the database, a login and its password"}
	}
	if o.InvoicesPerMinute < 0 {
		return o, &fault.Error{Op: op, Kind: fault.Rejected, Hint: "give a rate of invoices above zero"}
	}
	if o.InvoicesPerMinute == 0 {
		o.InvoicesPerMinute = 60
	}
	if o.Mix == (Mix{}) {
		o.Mix = DefaultMix()
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 8
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
