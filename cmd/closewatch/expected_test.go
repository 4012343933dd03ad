package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

func TestExpected(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 18, hour, 0, 0, 0, time.UTC) }
	of := func(name, title string, work ...app.WorkSeen) app.Explanation {
		x := app.Explanation{At: at(12), Title: title, Work: work}
		x.Impact.Key = tiering.Key{Process: name, Entity: "acme", Tenant: "prod", Environment: "production"}
		return x
	}
	late := of("bank-feed", "Bank feed",
		app.WorkSeen{Source: process.Schedule, Name: "BNK2", Says: "bank statement", Due: at(34)},
		app.WorkSeen{
			Source: process.Schedule, Name: "BNK1", Says: "bank statement", Due: at(14), Since: at(10), Missing: true, Lacks: 2,
			Why: "due Wed 18 Nov 10:00, and the newest is of Fri 13 Nov 2026: 2 working days are missing",
		})
	fine := of("e-invoicing", "E-invoicing",
		app.WorkSeen{Source: process.QueueJobs, Name: "root.einvoice", Says: "e-invoices waiting to be sent", Count: 3, Due: at(13)},
		app.WorkSeen{Source: process.History, Name: "e-invoices accepted", Says: "e-invoices accepted"})
	tests := map[string]struct {
		found []app.Explanation
		args  []string
		want  string
		fails bool
	}{
		"something is missing": {[]app.Explanation{fine, late}, nil, `
┌─────────────┬────────┬──────────────────────────────────────────────┬───────────────────┬────────────┐
│ process     │ entity │ what                                         │ due               │ done?      │
├─────────────┼────────┼──────────────────────────────────────────────┼───────────────────┼────────────┤
│ bank-feed   │ acme   │ bank statement: BNK1                         │ 2026-11-18 14:00Z │ missing: 2 │
│ e-invoicing │ acme   │ e-invoices waiting to be sent: root.einvoice │ 2026-11-18 13:00Z │ 3 wait     │
│ bank-feed   │ acme   │ bank statement: BNK2                         │ 2026-11-19 10:00Z │ in time    │
│ e-invoicing │ acme   │ e-invoices accepted                          │ –                 │ as usual   │
└─────────────┴────────┴──────────────────────────────────────────────┴───────────────────┴────────────┘
Bank feed of acme: bank statement (due Wed 18 Nov 10:00, and the newest is of Fri 13 Nov 2026: 2
working days are missing)
1 missing of 4 that can be told.
`, true},
		"nothing is":      {[]app.Explanation{fine}, []string{"--missing"}, "\nNo expected work is missing.\n", false},
		"nothing is told": {nil, nil, "\n", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(tt.found) }))
			defer daemon.Close()
			cmd := newExpected()
			var out bytes.Buffer
			cmd.SetOut(&out)
			cmd.SetArgs(append(tt.args, "--address", daemon.URL))
			cmd.SilenceUsage, cmd.SilenceErrors = true, true
			err := cmd.ExecuteContext(t.Context())
			if _, is := errors.AsType[*findings](err); is != tt.fails || !is && err != nil {
				t.Errorf("ends with %v", err)
			}
			if diff := cmp.Diff(tt.want, "\n"+out.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
		})
	}
	cmd := newExpected()
	cmd.SetArgs([]string{"bank-fed"})
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "bank-feed") {
		t.Errorf("an unknown process: %v", err)
	}
}
