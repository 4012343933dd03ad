package odoo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
)

// ReportPDFName is the name of the flow ReportPDF.
const ReportPDFName = "report-pdf"

// ReportPDF prints a draft invoice, first as it is and then with a long text
// below it. The draft is never posted and deleted afterwards: Odoo keeps no copy
// of a printed draft.
type ReportPDF struct{ p *Prober }

// NewReportPDF returns the flow on p's tenant.
func NewReportPDF(p *Prober) ReportPDF { return ReportPDF{p} }

// A Printer fetches what Odoo prints; *odoorpc.Client is one.
type Printer interface {
	Get(ctx context.Context, op, path string, limit int64) (odoorpc.Page, error)
}

// Printing is what ReportPDF is configured with.
type Printing struct {
	Pages int `yaml:"pages"` // of the long document; 0 prints the short one only
}

// Bounds of a printed document.
const (
	defaultPages = 200
	maxPages     = 1000
	maxDocument  = 64 << 20 // bytes
)

// SetDefaults implements estate.Defaulter.
func (c *Printing) SetDefaults() { c.Pages = defaultPages }

// Validate implements estate.Validator.
func (c *Printing) Validate() []estate.Problem {
	if c.Pages < 0 || c.Pages > maxPages {
		return []estate.Problem{{Field: "pages", What: fmt.Sprintf("is not between 0 and %d", maxPages), Remedy: "write how many pages the long document has, such as 200; 0 prints a short one only"}}
	}
	return nil
}

// invoiceReport is the report that users print invoices with. It has the same
// name in Odoo 16 to 19.
const invoiceReport = "account.report_invoice"

// Name implements flow.Flow.
func (ReportPDF) Name() string { return ReportPDFName }

// Process implements flow.Flow.
func (ReportPDF) Process() string { return "reporting" }

// Levels implements flow.Flow.
func (ReportPDF) Levels() []flow.Level { return levels[ReportPDFName] }

// CannotDetect implements flow.Limiter.
func (ReportPDF) CannotDetect(flow.Level) []string {
	return []string{
		"how long Odoo takes to gather the figures of a large report: the pages hold text, not records",
		"what posting adds to printing: the stored copy, electronic invoices, payment codes",
		"whether the print looks right, and the layouts of real companies",
	}
}

// Run implements flow.Flow.
func (f ReportPDF) Run(ctx context.Context, level flow.Level, r *flow.Recorder) error {
	if err := f.p.client.MayBrowse("print an invoice"); err != nil {
		return err // before a draft is made for nothing
	}
	return f.p.transact(ctx, f.Name(), level, r, func(ctx context.Context, t *transaction) error {
		id, err := t.createInvoice(ctx)
		if err != nil {
			return err
		}
		if err := t.print(ctx, "print-one-page", id, 1); err != nil {
			return err
		}
		pages := t.config.Printing.Pages
		if pages == 0 {
			return nil
		}
		text := map[string]any{"narration": manyPages(pages)}
		if err := t.write(ctx, "add-pages", "account.move", "write", []any{[]int64{id}, text}, nil); err != nil {
			return err
		}
		return t.print(ctx, "print-many-pages", id, pages)
	})
}

// ready implements preparer: it asks Odoo whether it found the program that
// prints when it started.
func (f ReportPDF) ready(ctx context.Context) (seen string, err error) {
	const op = "print an invoice"
	if err := f.p.client.MayBrowse(op); err != nil {
		return "", err
	}
	var state string
	if err := f.p.client.Call(ctx, "ir.actions.report", "get_wkhtmltopdf_state", []any{}, nil, &state); err != nil {
		return "", err
	}
	var why, remedy string
	switch state {
	case "ok":
		return "Odoo has found wkhtmltopdf", nil
	case "install":
		return "", notInstalled(op)
	case "upgrade":
		why, remedy = "wkhtmltopdf is older than 0.12.0", "install the build of wkhtmltopdf that Odoo asks for, with patched Qt"
	case "workers":
		why, remedy = "Odoo has one worker only, and printing needs a second one to serve it the styles", "set workers to 2 or more"
	default:
		why, remedy = "wkhtmltopdf does not answer with its version", "run wkhtmltopdf --version where Odoo's workers run"
	}
	return "", &fault.Error{Op: op, Kind: fault.Unavailable, Err: errors.New(why), Hint: remedy}
}

// notInstalled says that there is nothing to print with.
func notInstalled(op string) error {
	return &fault.Error{
		Op: op, Kind: fault.Unavailable, Err: errors.New("Odoo does not find wkhtmltopdf"), //nolint:staticcheck // a product's name
		Hint: "install wkhtmltopdf where Odoo's workers run, and restart Odoo: it looks for it when it starts",
	}
}

// manyPages is a text of n pages. Odoo prints it below the lines of an invoice.
func manyPages(n int) string {
	const page, last = `<p style="page-break-after: always">synthetic</p>`, `<p>synthetic</p>`
	return strings.Repeat(page, n-1) + last
}

// print prints the invoice and verifies that it is a PDF of so many pages, or of
// more: a company's layout may need another for its terms.
func (t *transaction) print(ctx context.Context, step string, id int64, pages int) error {
	return t.r.Step(ctx, step, func(ctx context.Context) error {
		printed, err := t.client.Get(ctx, "fetch the document", fmt.Sprintf("/report/pdf/%s/%d", invoiceReport, id), maxDocument)
		if err != nil {
			return notPrinted(printed, err)
		}
		n, err := countPages(printed.Body)
		if err != nil {
			return notDocument(printed, err)
		}
		t.r.Note("pages=%d bytes=%d", n, len(printed.Body))
		return flow.Assert(n >= pages, "the document has %d of %d pages", n, pages)
	})
}

// notDocument says what came instead of a whole PDF.
func notDocument(printed odoorpc.Page, err error) error {
	kind, hint := fault.Assertion, "print an invoice by hand and look in Odoo's log: wkhtmltopdf without its patched Qt prints nothing at times"
	if strings.HasPrefix(printed.Header.Get("Content-Type"), "text/html") {
		kind, hint = fault.Schema, "check that url leads to Odoo and not to a page before it"
	}
	return &fault.Error{Op: "read the printed invoice", Kind: kind, Err: err, Hint: hint}
}

// wkhtmltopdf is the program that Odoo prints with. Its name stands in what Odoo
// says of it in every language.
var wkhtmltopdf = []byte("wkhtmltopdf")

// killed finds the signal that ended wkhtmltopdf in what Odoo says.
var killed = regexp.MustCompile(`\(.{0,60}?-(6|9|11|15)\)`)

// notPrinted says why Odoo did not print: from the page that came, when it speaks
// of the program that prints.
func notPrinted(printed odoorpc.Page, err error) error {
	const op = "print the invoice"
	said := bytes.ToLower(printed.Body)
	switch kind := fault.KindOf(err); {
	case kind == fault.Unreachable, kind == fault.Timeout:
		return fault.Wrap(op, err, "look in Odoo's log for a worker killed at limit_time_real; printing hangs when no second worker is free to serve wkhtmltopdf the styles")
	case !bytes.Contains(said, wkhtmltopdf):
		return err
	}
	signal := killed.FindSubmatch(said)
	switch {
	case signal != nil:
		return &fault.Error{
			Op: op, Kind: fault.Limit, Err: fmt.Errorf("wkhtmltopdf was ended by signal %s", signal[1]),
			Hint: "look for a lack of memory: limit_memory_hard of Odoo, the limits of its container, the kernel's log",
		}
	case bytes.Contains(said, []byte("unpatched")):
		return &fault.Error{
			Op: op, Kind: fault.Unavailable, Err: errors.New("wkhtmltopdf lacks its patched Qt"),
			Hint: "install the build of wkhtmltopdf that Odoo asks for, with patched Qt",
		}
	case bytes.Contains(said, []byte("failed")):
		return &fault.Error{
			Op: op, Kind: fault.Unavailable, Err: errors.New("wkhtmltopdf failed"),
			Hint: "look in Odoo's log for what it said; most often it cannot reach Odoo at web.base.url or report.url, or no worker is free to serve it",
		}
	}
	return notInstalled(op)
}
