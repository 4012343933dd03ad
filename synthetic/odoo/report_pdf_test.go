package odoo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

func TestWhyADocumentIsNotPrinted(t *testing.T) {
	l, server := standInWith(t, "printing", func(o *odoosim.Options) { o.LimitTimeReal = 3 * time.Second })
	tests := []struct {
		name string
		how  odoosim.PrintFault
		step string
		kind fault.Kind
		want string // in the reason or the hint
	}{
		{"not installed", odoosim.PrintToolMissing, "print-one-page", fault.Unavailable, "install wkhtmltopdf"},
		{"without its patches", odoosim.PrintToolUnpatched, "print-one-page", fault.Unavailable, "lacks its patched Qt"},
		{"killed", odoosim.PrintToolKilled, "print-one-page", fault.Limit, "ended by signal 9"},
		{"out of memory", odoosim.PrintToolCrashed, "print-one-page", fault.Limit, "ended by signal 11"},
		{"cannot reach Odoo", odoosim.PrintToolFails, "print-one-page", fault.Unavailable, "web.base.url"},
		{"a broken template", odoosim.PrintTemplateFails, "print-one-page", fault.Unavailable, "HTTP 500"},
		{"an empty document", odoosim.PrintsNothing, "print-one-page", fault.Assertion, "the document is empty"},
		{"half a document", odoosim.PrintsHalf, "print-one-page", fault.Assertion, "the document is cut off"},
		{"pages missing", odoosim.PrintsOnePage, "print-many-pages", fault.Assertion, "1 of 3 pages"},
		{"the worker is killed at its limit", odoosim.PrintKillsWorker, "print-one-page", fault.Unreachable, "limit_time_real"},
		{"nothing", odoosim.PrintsWell, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server.Faults().SetPrinting(tt.how)
			s := l.settings(t, l.client(t, nil))
			s.Config.Printing.Pages = 3
			run := execute(t.Context(), odoo.NewReportPDF(odoo.New(s)), flow.L1)
			if run.FailedStep != tt.step || run.Kind != tt.kind || !strings.Contains(run.Reason+run.Hint, tt.want) {
				t.Errorf("%s, kind %q at %q: %s (%s)", run.Outcome, run.Kind, run.FailedStep, run.Reason, run.Hint)
			}
			if (run.Outcome == flow.Passed) != (tt.kind == "") || run.Outcome != flow.Passed && run.Hint == "" && tt.kind != fault.Assertion {
				t.Errorf("outcome %s, hint %q", run.Outcome, run.Hint)
			}
			if ours, _ := l.tagged(t, l.client(t, nil)); ours != 0 || len(run.Leftovers) > 0 {
				t.Errorf("%d entries left, told of %v", ours, run.Leftovers)
			}
		})
	}
	t.Run("only a short document", func(t *testing.T) {
		s := l.settings(t, l.client(t, nil))
		s.Config.Printing.Pages = 0
		run := execute(t.Context(), odoo.NewReportPDF(odoo.New(s)), flow.L1)
		if run.Outcome != flow.Passed || slices.Contains(stepNames(run), "print-many-pages") {
			t.Errorf("%s: %s, with steps %v", run.Outcome, run.Reason, stepNames(run))
		}
	})
	t.Run("an API key, which makes no session", func(t *testing.T) {
		key := l
		key.rpc.APIKey, key.rpc.Password = l.rpc.Password, l.rpc.APIKey
		p := odoo.New(key.settings(t, key.client(t, nil)))
		for _, f := range []flow.Flow{odoo.NewReportPDF(p), odoo.NewWebsocket(p)} {
			run := execute(t.Context(), f, f.Levels()[0])
			if run.Outcome != flow.Blocked || !strings.Contains(run.Hint, "password") {
				t.Errorf("%s %s: %s (%s)", f.Name(), run.Outcome, run.Reason, run.Hint)
			}
			if f.Name() == odoo.ReportPDFName && len(run.Steps) > 0 {
				t.Errorf("%v were done for a document that cannot be had", stepNames(run))
			}
		}
	})
}

func TestHowManyPages(t *testing.T) {
	for pages, problems := range map[int]int{-1: 1, 0: 0, 200: 0, 1000: 0, 1001: 1} {
		c := odoo.Printing{Pages: pages}
		if got := c.Validate(); len(got) != problems {
			t.Errorf("%d pages: %v", pages, got)
		}
	}
	var c odoo.Config
	c.SetDefaults()
	if found := c.Decode("report-pdf", estate.Section{}); c.Printing.Pages != 200 || found != nil {
		t.Errorf("without a word: %d pages, %v", c.Printing.Pages, found)
	}
}
