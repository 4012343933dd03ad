package app

import (
	"testing"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

func TestACauseInWords(t *testing.T) {
	application := tiering.Candidate{Component: "erp", Kind: process.Odoo, What: "erp refuses it", Confidence: tiering.Likely, Inferred: true}
	for name, tt := range map[string]struct {
		shared     *tiering.Cause
		candidates []tiering.Candidate
		want       string
	}{
		"the component that the impacts share": {&tiering.Cause{Component: "db", Kind: process.Postgres}, []tiering.Candidate{application}, "db"},
		"what is suspected, and how surely":    {nil, []tiering.Candidate{application}, "erp (likely)"},
		"what is no component":                 {nil, []tiering.Candidate{{What: "the test itself", Confidence: tiering.Possible}}, "the test itself (possible)"},
		"nothing is suspected":                 {nil, nil, ""},
		"nobody knows":                         {nil, []tiering.Candidate{{Kind: tiering.UnknownCause, What: "something that is not watched"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			im := tiering.Impact{Verdict: tiering.Verdict{Candidates: tt.candidates}}
			if got := causeInWords(&incident.Incident{Cause: tt.shared}, im); got != tt.want {
				t.Errorf("it says %q, want %q", got, tt.want)
			}
		})
	}
}
