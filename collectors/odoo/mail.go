package odoo

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	mailsWaiting = prometheus.NewDesc(
		"odoo_mails", "Mails by state, up to 2000: outgoing (to be sent, those scheduled for later left out), failed (in the last 7 days).", []string{"tenant", "state"}, nil,
	)
	mailOldest = prometheus.NewDesc(
		"odoo_mail_oldest_outgoing_timestamp_seconds", "Since when the longest waiting mail could have been sent.", []string{"tenant"}, nil,
	)
	mailsOverdue = prometheus.NewDesc(
		"odoo_mails_overdue", "Mails that could have been sent more than 2 h ago, and less than 90 days.", []string{"tenant"}, nil,
	)
	mailsFailed = prometheus.NewDesc(
		"odoo_mails_failed_recent", "Mails that failed in the last hour, by what was wrong: address (of who is to get it), server (all else).", []string{"tenant", "cause"}, nil,
	)
	invoicesUndelivered = prometheus.NewDesc(
		"odoo_invoices_undelivered", "Invoices marked as sent whose message to the customer failed or came back in the last 7 days, and none got through since.", entityLabels, nil,
	)
	undeliveredOldest = prometheus.NewDesc(
		"odoo_invoice_undelivered_oldest_timestamp_seconds", "When the oldest of the messages that did not reach a customer was written.", entityLabels, nil,
	)
)

const (
	// mailPatience is two turns of Odoo's hourly scheduled action that sends what
	// was not sent at once.
	mailPatience = 2 * time.Hour
	// mailMemory is how long a failure is of interest.
	mailMemory = 7 * 24 * time.Hour
	// sweptNotifications is how far back by id failed messages are looked for.
	sweptNotifications = 200000
	maxFailed          = 5000 // of these
)

// addressFailures are the kinds of failure that lie with who is to get a mail.
var addressFailures = []string{"mail_email_invalid", "mail_email_missing", "mail_bounce", "mail_bl", "mail_optout", "mail_dup"}

// mailsSQL leaves out failures that are long past: they stay in the table.
const mailsSQL = `
select r.id, f.state, r.failure_type, r.scheduled_date, r.create_date, r.write_date
from mail_mail r
cross join lateral (values (case when r.state = 'outgoing' or r.state = 'exception' and r.write_date > (now() at time zone 'utc') - interval '7 days' then r.state end)) as f (state)
where {rows}`

// undeliveredSQL begins with failures, which are few, and goes on by primary
// keys. A message that reached the same customer later settles the matter; it is
// looked up for each, never all of them at once.
const undeliveredSQL = `
with failed as (
    select mail_message_id, res_partner_id from mail_notification
    where id > $1 and notification_status in ('exception', 'bounce') limit $2
)
select a.company_id, count(distinct a.id) as n, min(m.create_date) as oldest
from failed
join mail_message m on m.id = failed.mail_message_id and m.model = 'account.move'
join account_move a on a.id = m.res_id
where a.state = 'posted' and a.is_move_sent and a.move_type in ('out_invoice', 'out_refund')
  and m.create_date > (now() at time zone 'utc') - $3::interval
  and (failed.res_partner_id is null or failed.res_partner_id in (a.partner_id, a.commercial_partner_id))
  and (
    select later.id from mail_message later join mail_notification got on got.mail_message_id = later.id
    where later.model = 'account.move' and later.res_id = a.id and later.id > m.id
      and got.notification_status = 'sent' and got.res_partner_id in (a.partner_id, a.commercial_partner_id) limit 1) is null
group by 1`

// mails reports what Odoo has to send by mail, and invoices that did not arrive.
type mails struct {
	db      *database
	tracker *tracker
	open    map[int64]mail
	seen    map[string]bool // entities with an undelivered invoice at some time
}

// A mail is one that waits or has failed.
type mail struct {
	failed  bool
	address bool      // the failure lies with who is to get it
	since   time.Time // could have been sent, or failed
}

func newMails(db *database) *mails {
	return &mails{
		db: db, tracker: newTracker("mail_mail", mailsSQL, []string{"outgoing", "exception"}),
		open: map[int64]mail{}, seen: map[string]bool{},
	}
}

// Describe implements collector.Collector.
func (*mails) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{mailsWaiting, mailOldest, mailsOverdue, mailsFailed, invoicesUndelivered, undeliveredOldest} {
		ch <- d
	}
}

// Collect implements collector.Collector. An Odoo without mail has nothing to
// report.
func (m *mails) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := m.db.look(ctx)
	if err != nil {
		return err
	}
	return only([]error{m.outgoing(ctx, t, ch), m.undelivered(ctx, t, ch)})
}

func (m *mails) outgoing(ctx context.Context, t *tables, ch chan<- prometheus.Metric) error {
	ok, err := t.may("mail_mail", "id", "state", "failure_type", "scheduled_date", "create_date", "write_date")
	if !ok {
		return err
	}
	l, err := m.tracker.look(ctx, m.db, slices.Sorted(maps.Keys(m.open)))
	if err != nil {
		return err
	}
	m.open = map[int64]mail{}
	for _, row := range slices.Concat(l.followed, l.found) {
		if id, _ := row.Int("id"); len(m.open) < maxOpen {
			m.open[id] = readMail(row)
		}
	}
	m.publish(ch, l.now)
	return nil
}

func readMail(row pgsession.Row) mail {
	if row.String("state") == "exception" {
		return mail{failed: true, address: slices.Contains(addressFailures, row.String("failure_type")), since: at(row, "write_date")}
	}
	return mail{since: latest(at(row, "create_date"), at(row, "scheduled_date"))}
}

func (m *mails) publish(ch chan<- prometheus.Metric, now time.Time) {
	var outgoing, failed, overdue, address, server float64
	var oldest time.Time
	for _, one := range m.open {
		age := now.Sub(one.since)
		switch {
		case one.failed:
			failed++
			if age <= recently && one.address {
				address++
			} else if age <= recently {
				server++
			}
		case age >= 0:
			outgoing++
			oldest = earliest(oldest, one.since)
			if age > mailPatience && age < forgotten {
				overdue++
			}
		}
	}
	tenant := m.db.tenant
	gauge(ch, mailsWaiting, outgoing, tenant, "outgoing")
	gauge(ch, mailsWaiting, failed, tenant, "failed")
	gauge(ch, mailsOverdue, overdue, tenant)
	gauge(ch, mailsFailed, address, tenant, "address")
	gauge(ch, mailsFailed, server, tenant, "server")
	instant(ch, mailOldest, oldest, tenant)
}

// undelivered needs the tables of mail; account alone has none.
func (m *mails) undelivered(ctx context.Context, t *tables, ch chan<- prometheus.Metric) error {
	for _, need := range []struct {
		table string
		cols  []string
	}{
		{"mail_notification", []string{"id", "mail_message_id", "res_partner_id", "notification_status"}},
		{"mail_message", []string{"id", "model", "res_id", "create_date"}},
		{"account_move", []string{"id", "state", "company_id", "move_type", "is_move_sent", "partner_id", "commercial_partner_id"}},
	} {
		if ok, err := t.may(need.table, need.cols...); !ok {
			return err
		}
	}
	rs := m.db.ask(ctx, pgsession.Query{Name: "mail_notification ids", SQL: "select coalesce((select max(id) from mail_notification), 0) as high"})
	if err := m.db.judge(rs); err != nil {
		return err
	}
	high, _ := rs[0].First().Int("high")
	rs = m.db.ask(ctx, pgsession.Query{Name: "mail_notification", SQL: undeliveredSQL, Args: []any{max(0, high-sweptNotifications), maxFailed, mailMemory}})
	if err := m.db.judge(rs); err != nil {
		return err
	}
	n, oldest := map[string]float64{}, map[string]time.Time{}
	for _, entity := range m.db.entities.all() {
		n[entity] = 0
	}
	for entity := range m.seen {
		n[entity] = 0
	}
	for _, row := range rs[0].Rows {
		entity := m.db.entities.name(row.Int("company_id"))
		count, _ := row.Int("n")
		m.seen[entity] = true
		n[entity] += float64(count)
		oldest[entity] = earliest(oldest[entity], at(row, "oldest"))
	}
	for _, entity := range slices.Sorted(maps.Keys(n)) {
		gauge(ch, invoicesUndelivered, n[entity], m.db.tenant, entity)
		instant(ch, undeliveredOldest, oldest[entity], m.db.tenant, entity)
	}
	return nil
}

// mailSignals say whether mail leaves and arrives.
func mailSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_mails_waiting", Title: "Mail leaves Odoo", Metric: "odoo_mails_overdue",
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 5 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true,
			Says: "{value} mails have waited in {tenant} for more than 2 hours to be sent: see whether the scheduled action that sends mail runs",
		},
		{
			Name: "odoo_mails_failing", Title: "The mail server takes mail", Metric: "odoo_mails_failed_recent",
			Match: map[string]string{"cause": "server"}, Aggregate: signal.Sum, Direction: signal.Above,
			Warning: 4, Critical: signal.Never(), Exit: 0.5,
			For: 2 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true,
			Says: "The mail server did not take {value} mails of {tenant} in the last hour: check the server and its login in Odoo, then send them again from the list of failed mails",
		},
		{
			Name: "odoo_invoices_undelivered", Title: "Invoices marked as sent arrive", Metric: "odoo_invoices_undelivered",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 10 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true,
			Says: "{value} invoices of {entity} are marked as sent but did not reach the customer: correct the address or the mail server and send them again",
		},
	}
}
