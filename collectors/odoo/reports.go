package odoo

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	pdfsSampled = prometheus.NewDesc(
		"odoo_invoice_pdfs_sampled", "The newest invoices marked as sent, up to 200, whose PDF was looked for in the list of attachments.", []string{"tenant"}, nil,
	)
	pdfsMissing = prometheus.NewDesc(
		"odoo_invoice_pdfs_missing", "Of these, invoices that have no PDF, or an empty one.", []string{"tenant"}, nil,
	)
	pdfsMissingRatio = prometheus.NewDesc(
		"odoo_invoice_pdfs_missing_ratio", "Share of invoices marked as sent that have no PDF; absent with fewer than 20 and where no PDF was ever kept, as before Odoo 17.", []string{"tenant"}, nil,
	)
)

const (
	maxSampledPDFs = 200
	fewPDFs        = 20   // fewer tell nothing
	recentEntries  = 5000 // ids among which sent invoices are looked for
)

// reports looks for the PDFs of invoices. Odoo 17 and later make the PDF before
// they mark an invoice as sent, and attach it under a name of its own.
type reports struct {
	db   *database
	kept bool // a PDF has been seen: this Odoo keeps them so
}

// Describe implements collector.Collector.
func (*reports) Describe(ch chan<- *prometheus.Desc) {
	ch <- pdfsSampled
	ch <- pdfsMissing
	ch <- pdfsMissingRatio
}

// pdfsSQL leaves out the last ten minutes, and what Italian e-invoicing marks as
// sent without a PDF.
func pdfsSQL(t *tables) string {
	other := ""
	if t.readable("account_move", "l10n_it_edi_state") {
		other = " and l10n_it_edi_state is null"
	}
	return `
select count(*) as sampled, count(*) filter (where not exists (
    select from ir_attachment f
    where f.res_model = 'account.move' and f.res_id = sent.id and f.res_field = 'invoice_pdf_report_file' and f.file_size > 0
)) as missing
from (
    select id from account_move
    where id > $1 and state = 'posted' and is_move_sent and move_type in ('out_invoice', 'out_refund')
      and write_date < (now() at time zone 'utc') - interval '10 minutes'` + other + `
    order by id desc limit $2
) as sent`
}

// Collect implements collector.Collector.
func (r *reports) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := r.db.look(ctx)
	if err != nil {
		return err
	}
	if ok, err := t.may("account_move", "id", "state", "move_type", "is_move_sent", "write_date"); !ok {
		return err
	}
	if ok, err := t.may("ir_attachment", "res_model", "res_id", "res_field", "file_size"); !ok {
		return err
	}
	rs := r.db.ask(ctx, pgsession.Query{Name: "account_move ids", SQL: entriesHighSQL})
	if err := r.db.judge(rs); err != nil {
		return err
	}
	high, _ := rs[0].First().Int("high")
	rs = r.db.ask(ctx, pgsession.Query{Name: "account_move sent", SQL: pdfsSQL(t), Args: []any{max(0, high-recentEntries), maxSampledPDFs}})
	if err := r.db.judge(rs); err != nil {
		return err
	}
	sampled, _ := rs[0].First().Float("sampled")
	missing, _ := rs[0].First().Float("missing")
	r.kept = r.kept || missing < sampled
	if !r.kept {
		return nil
	}
	gauge(ch, pdfsSampled, sampled, r.db.tenant)
	gauge(ch, pdfsMissing, missing, r.db.tenant)
	if sampled >= fewPDFs {
		gauge(ch, pdfsMissingRatio, missing/sampled, r.db.tenant)
	}
	return nil
}

// reportSignals say whether reports are made and kept.
func reportSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_invoice_pdfs_missing", Title: "Invoices that were sent have their PDF", Metric: "odoo_invoice_pdfs_missing_ratio",
			Aggregate: signal.Max, Direction: signal.Above, Warning: 0.25, Critical: signal.Never(), Exit: 0.6,
			For: 15 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true, Unit: "ratio",
			Says: "{value} of the newest invoices of {tenant} that are marked as sent have no PDF: see whether attachments were removed or the PDF engine fails",
		},
	}
}
