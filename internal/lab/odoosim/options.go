package odoosim

import (
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closewatch/closewatch/internal/fault"
)

// Options configure a Server. The zero value of every field but DSN is usable.
type Options struct {
	DSN      string // PostgreSQL of the tenant database, prepared by InitDatabase
	DBName   string // what clients call it; default: the database in DSN
	RedisURL string // session store; empty keeps sessions in memory
	Version  int    // 16 to 19, default 18

	// Enterprise: with accounting beyond Invoicing, which calls an invoice
	// in_payment until the bank reports the money.
	Enterprise bool

	Workers        int           // HTTP workers, default 4
	LimitTimeReal  time.Duration // a worker busy for longer is killed; default 120 s
	SessionTimeout time.Duration // for one Redis command; default 60 s
	RetryWait      time.Duration // unit of the wait between serialization retries; default 100 ms
	PostingCost    time.Duration // time action_post takes besides its SQL; default none
	ReportCost     time.Duration // time a printed report takes besides its SQL; default none

	JobTick     time.Duration  // how often the job runner looks for work; default 250 ms
	JobCost     time.Duration  // time one job takes; default 100 ms
	JobChannels map[string]int // capacity by channel; default root 4, root.einvoice 2, root.mail 2
	CronTick    time.Duration  // how often the cron worker looks for due actions; default 1 s
	CronScale   float64        // multiplies every action's interval; default 1, 1.0/60 makes a minute a second

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default discards
}

func (o Options) withDefaults() (Options, error) {
	cfg, err := pgx.ParseConfig(o.DSN)
	if err != nil {
		return o, &fault.Error{Op: "read the PostgreSQL connection string", Kind: fault.Rejected, Err: err, Hint: "use postgres://user:password@host:port/database"}
	}
	setDefault(&o.DBName, cfg.Database)
	setDefault(&o.Version, 18)
	setDefault(&o.Workers, 4)
	setDefault(&o.LimitTimeReal, 120*time.Second)
	setDefault(&o.SessionTimeout, time.Minute)
	setDefault(&o.RetryWait, 100*time.Millisecond)
	setDefault(&o.JobTick, 250*time.Millisecond)
	setDefault(&o.JobCost, 100*time.Millisecond)
	setDefault(&o.CronTick, time.Second)
	setDefault(&o.CronScale, 1)
	if o.JobChannels == nil {
		o.JobChannels = map[string]int{ChannelRoot: 4, ChannelEInvoice: 2, ChannelMail: 2}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Version < 16 || o.Version > 19 {
		return o, &fault.Error{Op: "start the Odoo stand-in", Kind: fault.Rejected, Hint: "use a version from 16 to 19"}
	}
	return o, nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
