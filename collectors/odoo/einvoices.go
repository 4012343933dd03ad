package odoo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	formatLabels = []string{"tenant", "entity", "format"}
	stageLabels  = []string{"tenant", "entity", "format", "state"}

	einvoicesOpen = prometheus.NewDesc(
		"odoo_einvoices", "E-invoices that are not settled, up to 2000 of a table: queued (Odoo has still to send it), sent (no answer yet), rejected (refused or failed), unclear (a send ended without an answer: it may have arrived).", stageLabels, nil,
	)
	einvoiceOldest = prometheus.NewDesc(
		"odoo_einvoice_oldest_timestamp_seconds", "Since when the longest waiting e-invoice is in this state, as far as its last change or our own sight tells.", stageLabels, nil,
	)
	einvoicesOverdue = prometheus.NewDesc(
		"odoo_einvoices_overdue", "E-invoices in this state for longer than it should last (queued 4 h, sent 25 h, rejected 72 h) and for less than 90 days.", stageLabels, nil,
	)
	einvoicesFinished = prometheus.NewDesc(
		"odoo_einvoices_finished_total", "E-invoices seen to be accepted or rejected since this process began watching.", formatLabels, nil,
	)
	einvoicesRejected = prometheus.NewDesc(
		"odoo_einvoices_rejected_total", "E-invoices seen to be rejected since this process began watching.", formatLabels, nil,
	)
	rejectedRatio = prometheus.NewDesc(
		"odoo_einvoices_rejected_ratio", "Share of rejections among e-invoices accepted or rejected, in the last hour and before; absent with fewer than 10.", []string{"tenant", "format", "period"}, nil,
	)
	rejectedRise = prometheus.NewDesc(
		"odoo_einvoices_rejected_rise_ratio", "By how much the share of rejections of the last hour is above what it was before; absent with fewer than 10 in the hour.", []string{"tenant", "format"}, nil,
	)
	sendingInvoices = prometheus.NewDesc(
		"odoo_invoices_sending", "Invoices that wait for the scheduled action that sends them, up to 2000.", entityLabels, nil,
	)
	sendingOldest = prometheus.NewDesc(
		"odoo_invoice_sending_oldest_timestamp_seconds", "Since when the longest waiting invoice waits to be sent, as far as its last change or our own sight tells.", entityLabels, nil,
	)
	sendingOverdue = prometheus.NewDesc(
		"odoo_invoices_sending_overdue", "Invoices that have waited to be sent for longer than 4 h and less than 90 days.", entityLabels, nil,
	)
)

// A stage is where an e-invoice stands, whatever its format calls that.
type stage string

// Stages. What Odoo was not asked to send has none.
const (
	queued   stage = "queued"
	inFlight stage = "sent"
	rejected stage = "rejected"
	unclear  stage = "unclear"
	accepted stage = "accepted"
)

// openStages are those of e-invoices that are not settled.
var openStages = []stage{queued, inFlight, rejected, unclear}

// patience is how long an e-invoice may be in a stage. Sending follows posting
// at once, and a failed attempt is repeated when the scheduled action next runs.
// Answers are fetched every 12 hours (Odoo's actions for Peppol) or once a day
// (SdI). A rejection wants a person, who may be away over a weekend.
var patience = map[stage]time.Duration{queued: 4 * time.Hour, inFlight: 25 * time.Hour, rejected: 72 * time.Hour}

// forgotten is the age beyond which what is open is left over, not overdue.
const forgotten = 90 * 24 * time.Hour

// sendingFormat stands for invoices that wait to be sent in whatever way.
const sendingFormat = "sending"

// An einvoiceFormat is a way of electronic invoicing that keeps where an invoice
// stands in a column of account_move.
type einvoiceFormat struct {
	name   string
	state  string // SQL over r
	needs  []string
	stages map[string]stage
	// doubtful are states that are left at once, unless nothing came back.
	doubtful map[string]time.Duration
}

// moveFormats are the formats known, as Odoo's own modules keep them. States
// that are not listed wait for nothing.
var moveFormats = []einvoiceFormat{
	{ // account_peppol; one that is queued although the network has a number for it was sent
		name: "peppol", needs: []string{"peppol_move_state", "peppol_message_uuid"},
		state:  "case when r.peppol_move_state = 'to_send' and r.peppol_message_uuid is not null then 'to_send again' else r.peppol_move_state end",
		stages: map[string]stage{"to_send": queued, "to_send again": unclear, "processing": inFlight, "error": rejected, "done": accepted},
	},
	{ // l10n_it_edi
		name: "sdi", needs: []string{"l10n_it_edi_state"}, state: "r.l10n_it_edi_state",
		stages: map[string]stage{
			"being_sent": queued, "processing": inFlight, "rejected": rejected, "rejected_by_pa_partner": rejected,
			"forward_attempt": accepted, "forwarded": accepted, "forward_failed": accepted,
			"accepted_by_pa_partner": accepted, "accepted_by_pa_partner_after_expiry": accepted,
		},
		doubtful: map[string]time.Duration{"being_sent": 15 * time.Minute},
	},
	{ // l10n_pl_edi
		name: "ksef", needs: []string{"l10n_pl_edi_status"}, state: "r.l10n_pl_edi_status",
		stages: map[string]stage{"sent": inFlight, "rejected": rejected, "accepted": accepted},
	},
	{ // l10n_hu_edi
		name: "nav", needs: []string{"l10n_hu_edi_state"}, state: "r.l10n_hu_edi_state",
		stages: map[string]stage{"sent": inFlight, "send_timeout": unclear, "rejected": rejected, "confirmed": accepted, "confirmed_warning": accepted},
	},
	{ // l10n_ro_edi
		name: "spv", needs: []string{"l10n_ro_edi_state"}, state: "r.l10n_ro_edi_state",
		stages: map[string]stage{"invoice_sent": inFlight, "invoice_validated": accepted},
	},
	{ // l10n_my_edi
		name: "myinvois", needs: []string{"l10n_my_edi_state"}, state: "r.l10n_my_edi_state",
		stages: map[string]stage{"in_progress": inFlight, "invalid": rejected, "rejected": rejected, "valid": accepted},
	},
	{ // l10n_tr_nilvera_einvoice
		name: "nilvera", needs: []string{"l10n_tr_nilvera_send_status"}, state: "r.l10n_tr_nilvera_send_status",
		stages: map[string]stage{"sent": inFlight, "waiting": inFlight, "unknown": unclear, "error": rejected, "succeed": accepted},
	},
	{ // account, from Odoo 18 on: sending in the background
		name: sendingFormat, needs: []string{"sending_data"}, state: "case when r.sending_data is not null then 'waiting' end",
		stages: map[string]stage{"waiting": queued},
	},
}

// documentFormat is that of rows of account_edi_document, which say theirs. An
// error stops it until a person acts; with a file made, something was sent before
// it. A hint is news of an invoice that the authority works on.
var documentFormat = einvoiceFormat{
	state: `case when r.state not in ('to_send', 'to_cancel') then r.state
        when r.blocking_level = 'error' then case when r.attachment_id is null then 'failed' else 'failed after sending' end
        when r.blocking_level = 'info' then 'under way' else r.state end`,
	stages: map[string]stage{
		"to_send": queued, "to_cancel": queued, "under way": inFlight, "failed": rejected, "failed after sending": unclear,
		"sent": accepted, "cancelled": accepted,
	},
}

// exchangeFormat is that of OCA's edi framework.
var exchangeFormat = einvoiceFormat{
	name: "edi_oca", state: "r.edi_exchange_state",
	stages: map[string]stage{
		"output_pending": queued, "output_error_on_send": rejected, "output_sent_and_error": rejected,
		"output_sent": accepted, "output_sent_and_processed": accepted,
	},
}

const (
	movesSQL = `
select r.id, r.company_id, r.write_date, f.format, f.state
from account_move r cross join lateral (values {formats}) as f (format, state)
where r.state = 'posted' and {rows}`

	documentsSQL = `
select r.id, m.company_id, r.write_date, t.code as format, f.state
from account_edi_document r
join account_move m on m.id = r.move_id and m.state = 'posted'
join account_edi_format t on t.id = r.edi_format_id
cross join lateral (values ({state})) as f (state)
where {rows}`

	exchangesSQL = `
select r.id, m.company_id, r.write_date, 'edi_oca' as format, f.state
from edi_exchange_record r
join account_move m on m.id = r.res_id
cross join lateral (values ({state})) as f (state)
where r.model = 'account.move' and {rows}`
)

// A register is a table that tells where e-invoices stand.
type register struct {
	*tracker
	formats map[string]einvoiceFormat // by name; "" is any other
	open    map[string]einvoice       // followed, by id and format
}

// An einvoice is one that is not settled.
type einvoice struct {
	id             int64
	entity, format string
	state          string
	stage          stage
	since          time.Time
}

// A kindOfInvoice is what e-invoices are counted by.
type kindOfInvoice struct{ entity, format string }

// einvoices reports e-invoices and invoices that are to be sent.
type einvoices struct {
	db        *database
	made      *tables // that registers was made for
	lacking   error   // what it has and may not be read
	registers []*register
	now       time.Time
	seen      map[kindOfInvoice]bool // places that have had any
	finished  map[kindOfInvoice]float64
	rejected  map[kindOfInvoice]float64
	verdicts  map[string]*verdicts // by format
}

func newEInvoices(db *database) *einvoices {
	return &einvoices{
		db: db, seen: map[kindOfInvoice]bool{}, finished: map[kindOfInvoice]float64{}, rejected: map[kindOfInvoice]float64{}, verdicts: map[string]*verdicts{},
	}
}

// Describe implements collector.Collector.
func (*einvoices) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		einvoicesOpen, einvoiceOldest, einvoicesOverdue, einvoicesFinished, einvoicesRejected, rejectedRatio, rejectedRise,
		sendingInvoices, sendingOldest, sendingOverdue,
	} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (e *einvoices) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := e.db.look(ctx)
	if err != nil {
		return err
	}
	if err := t.require("account_move", "id", "state", "company_id", "write_date"); err != nil {
		return err
	}
	findings := []error{e.register(t)}
	whole := true
	for _, r := range e.registers {
		if err := e.look(ctx, r); err != nil {
			findings, whole = append(findings, err), false
		}
	}
	if whole {
		e.publish(ch)
	}
	return only(findings)
}

// register makes the registers of what a database has. What a former reading of
// the tables found is kept with all that is followed.
func (e *einvoices) register(t *tables) error {
	if e.made == t {
		return e.lacking
	}
	var errs []error
	add := func(table, sql string, formats ...einvoiceFormat) {
		for _, r := range e.registers {
			if r.table == table && r.sql == sql {
				return
			}
		}
		e.registers = slices.DeleteFunc(e.registers, func(r *register) bool { return r.table == table })
		e.registers = append(e.registers, newRegister(table, sql, formats))
	}
	var usable []einvoiceFormat
	var values []string
	for _, f := range moveFormats {
		ok, err := t.may("account_move", f.needs...)
		errs = append(errs, err)
		if ok {
			usable = append(usable, f)
			values = append(values, fmt.Sprintf("('%s', %s)", f.name, f.state))
		}
	}
	if len(usable) > 0 {
		add("account_move", strings.Replace(movesSQL, "{formats}", strings.Join(values, ", "), 1), usable...)
	}
	for _, other := range []struct {
		table, sql string
		format     einvoiceFormat
		cols       []string
	}{
		{"account_edi_document", documentsSQL, documentFormat, []string{"id", "move_id", "edi_format_id", "state", "blocking_level", "attachment_id", "write_date"}},
		{"edi_exchange_record", exchangesSQL, exchangeFormat, []string{"id", "model", "res_id", "edi_exchange_state", "write_date"}},
	} {
		ok, err := t.may(other.table, other.cols...)
		errs = append(errs, err)
		if ok {
			add(other.table, strings.Replace(other.sql, "{state}", other.format.state, 1), other.format)
		}
	}
	e.made, e.lacking = t, only(errs)
	return e.lacking
}

func newRegister(table, sql string, formats []einvoiceFormat) *register {
	r := &register{formats: map[string]einvoiceFormat{}, open: map[string]einvoice{}}
	var open []string
	for _, f := range formats {
		r.formats[f.name] = f
		for state, s := range f.stages {
			if s != accepted {
				open = append(open, state)
			}
		}
	}
	slices.Sort(open)
	r.tracker = newTracker(table, sql, slices.Compact(open))
	return r
}

// look reads one register and brings what is followed up to date.
func (e *einvoices) look(ctx context.Context, r *register) error {
	begun := r.begun
	var ids []int64
	for _, inv := range r.open {
		ids = append(ids, inv.id)
	}
	slices.Sort(ids)
	l, err := r.look(ctx, e.db, slices.Compact(ids))
	if err != nil {
		return err
	}
	e.now = l.now
	before, taken := r.open, map[string]bool{}
	r.open = map[string]einvoice{}
	for _, row := range slices.Concat(l.followed, l.found) {
		inv := e.einvoice(r, row)
		key := fmt.Sprint(inv.id, " ", row.String("format"))
		was, followed := before[key]
		if taken[key] || inv.stage == "" {
			continue
		}
		taken[key] = true
		e.seen[kindOfInvoice{inv.entity, inv.format}] = true
		if followed && was.state == inv.state {
			inv.since = was.since
		}
		e.judge(was, inv, followed, begun)
		if inv.stage != accepted && len(r.open) < maxOpen {
			r.open[key] = inv
		}
	}
	return nil
}

// einvoice reads one row. Its stage is "" when it is of no concern.
func (e *einvoices) einvoice(r *register, row pgsession.Row) einvoice {
	id, _ := row.Int("id")
	inv := einvoice{
		id: id, entity: e.db.entities.name(row.Int("company_id")), format: e.format(label(row.String("format"))), state: row.String("state"),
		since: cmp.Or(at(row, "write_date"), e.now),
	}
	f, known := r.formats[row.String("format")]
	if !known {
		f = r.formats[""]
	}
	inv.stage = f.stages[inv.state]
	if limit, doubt := f.doubtful[inv.state]; doubt && e.now.Sub(inv.since) > limit {
		inv.stage = unclear
	}
	return inv
}

// maxFormats bounds the formats published; further ones are "other".
const maxFormats = 30

func (e *einvoices) format(name string) string {
	if e.verdicts[name] == nil {
		if len(e.verdicts) >= maxFormats {
			name = otherChannel
		}
		if e.verdicts[name] == nil {
			e.verdicts[name] = &verdicts{}
		}
	}
	return name
}

// judge counts an e-invoice that has become accepted or rejected. One that is
// rejected when first seen counts when it became so while we watched.
func (e *einvoices) judge(was, is einvoice, followed, begun bool) {
	refused := is.stage == rejected || is.stage == unclear
	switch {
	case !begun || is.format == sendingFormat:
		return
	case is.stage == accepted:
	case !refused, followed && (was.stage == rejected || was.stage == unclear), !followed && e.now.Sub(is.since) > lateCommit:
		return
	}
	p := kindOfInvoice{is.entity, is.format}
	e.finished[p]++
	if refused {
		e.rejected[p]++
	}
	e.verdicts[is.format].add(e.now, refused)
}

// standing is what one entity's e-invoices of one format and stage come to.
type standing struct {
	n, overdue float64
	oldest     time.Time
}

func (e *einvoices) publish(ch chan<- prometheus.Metric) {
	sums := map[kindOfInvoice]map[stage]standing{}
	for p := range e.seen {
		sums[p] = map[stage]standing{}
	}
	for _, r := range e.registers {
		for _, inv := range r.open {
			s := sums[kindOfInvoice{inv.entity, inv.format}][inv.stage]
			age := e.now.Sub(inv.since)
			s.n++
			s.oldest = earliest(s.oldest, inv.since)
			if limit, timed := patience[inv.stage]; timed && age > limit && age < forgotten {
				s.overdue++
			}
			sums[kindOfInvoice{inv.entity, inv.format}][inv.stage] = s
		}
	}
	tenant := e.db.tenant
	for _, p := range slices.SortedFunc(maps.Keys(sums), func(a, b kindOfInvoice) int {
		return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.format, b.format))
	}) {
		if p.format == sendingFormat {
			s := sums[p][queued]
			gauge(ch, sendingInvoices, s.n, tenant, p.entity)
			gauge(ch, sendingOverdue, s.overdue, tenant, p.entity)
			instant(ch, sendingOldest, s.oldest, tenant, p.entity)
			continue
		}
		for _, stage := range openStages {
			s := sums[p][stage]
			gauge(ch, einvoicesOpen, s.n, tenant, p.entity, p.format, string(stage))
			instant(ch, einvoiceOldest, s.oldest, tenant, p.entity, p.format, string(stage))
			if _, timed := patience[stage]; timed {
				gauge(ch, einvoicesOverdue, s.overdue, tenant, p.entity, p.format, string(stage))
			}
		}
		counter(ch, einvoicesFinished, e.finished[p], tenant, p.entity, p.format)
		counter(ch, einvoicesRejected, e.rejected[p], tenant, p.entity, p.format)
	}
	for _, format := range slices.Sorted(maps.Keys(e.verdicts)) {
		e.verdicts[format].publish(ch, e.now, tenant, format)
	}
}

const (
	recently    = time.Hour
	fewVerdicts = 10   // fewer tell nothing
	oldVerdicts = 2000 // of what was before; more are halved, so that it follows the times
)

// verdicts are the e-invoices of one format that were accepted or rejected: in
// the last hour by the minute, and before.
type verdicts struct {
	recent []verdict // oldest first, at most one a minute
	before verdict
}

type verdict struct {
	at                 time.Time
	finished, rejected float64
}

func (v verdict) ratio() float64 { return v.rejected / v.finished }

// add counts one at an instant.
func (v *verdicts) add(now time.Time, refused bool) {
	at := now.Truncate(time.Minute)
	if len(v.recent) == 0 || v.recent[len(v.recent)-1].at.Before(at) {
		v.recent = append(v.recent, verdict{at: at})
	}
	last := &v.recent[len(v.recent)-1]
	last.finished++
	if refused {
		last.rejected++
	}
}

// publish moves what is older than an hour and compares the hour with it. What
// was before counts as free of rejections while little is known of it.
func (v *verdicts) publish(ch chan<- prometheus.Metric, now time.Time, tenant, format string) {
	for len(v.recent) > 0 && now.Sub(v.recent[0].at) > recently {
		v.before.finished += v.recent[0].finished
		v.before.rejected += v.recent[0].rejected
		v.recent = v.recent[1:]
	}
	if v.before.finished > oldVerdicts {
		v.before.finished, v.before.rejected = v.before.finished/2, v.before.rejected/2
	}
	var hour verdict
	for _, r := range v.recent {
		hour.finished += r.finished
		hour.rejected += r.rejected
	}
	usual := 0.0
	if v.before.finished >= fewVerdicts {
		usual = v.before.ratio()
		gauge(ch, rejectedRatio, usual, tenant, format, "before")
	}
	if hour.finished >= fewVerdicts {
		gauge(ch, rejectedRatio, hour.ratio(), tenant, format, "hour")
		gauge(ch, rejectedRise, max(0, hour.ratio()-usual), tenant, format)
	}
}

// documentSignals say whether documents reach those they are for.
func documentSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_einvoices_unsent", Title: "E-invoices are sent", Metric: "odoo_einvoices_overdue",
			Match: map[string]string{"state": string(queued)}, By: []string{"entity", "format"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 5 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true,
			Says: "{value} e-invoices of {entity} ({format}) have waited for more than 4 hours to be sent",
		},
		{
			Name: "odoo_einvoices_unanswered", Title: "E-invoices are answered", Metric: "odoo_einvoices_overdue",
			Match: map[string]string{"state": string(inFlight)}, By: []string{"entity", "format"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 5 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true,
			Says: "{value} e-invoices of {entity} ({format}) were sent more than a day ago and nobody has answered: do not send them again, ask for their status",
		},
		{
			Name: "odoo_einvoices_rejected_unsettled", Title: "Rejected e-invoices are settled", Metric: "odoo_einvoices_overdue",
			Match: map[string]string{"state": string(rejected)}, By: []string{"entity", "format"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 5 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true,
			Says: "{value} e-invoices of {entity} ({format}) were rejected more than 3 days ago and nothing was done: correct and send them",
		},
		{
			Name: "odoo_einvoices_unclear", Title: "The fate of each e-invoice is known", Metric: "odoo_einvoices",
			Match: map[string]string{"state": string(unclear)}, By: []string{"entity", "format"},
			Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 2 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true,
			Says: "Sending {value} e-invoices of {entity} ({format}) ended without an answer: they may have arrived, so ask for their status before sending again",
		},
		{
			Name: "odoo_einvoices_rejections_rise", Title: "E-invoices are rejected no more than usual", Metric: "odoo_einvoices_rejected_rise_ratio",
			By: []string{"format"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0.25, Critical: 0.5, Exit: 0.6,
			For: 2 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true, Unit: "ratio",
			Says: "The share of e-invoices ({format}) that are rejected has risen by {value} within the hour: look for a change of a module, and hold back further ones",
		},
		{
			Name: "odoo_invoices_unsent", Title: "Invoices are sent when asked for", Metric: "odoo_invoices_sending_overdue",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 5 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true,
			Says: "{value} invoices of {entity} have waited for more than 4 hours to be sent: see whether the scheduled action that sends invoices runs",
		},
	}
}
