package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/tiering"
)

func TestCausesAreExplained(t *testing.T) {
	posting := tiering.Key{Process: "invoice-posting", Entity: "acme"}
	x := &app.Explanation{
		Impact: tiering.Impact{Verdict: tiering.Verdict{
			Candidates: []tiering.Candidate{
				{What: "db does not answer", Confidence: tiering.High, For: []string{"PostgreSQL db does not answer", "it began 10s earlier"}},
				{What: "erp does not answer", Confidence: tiering.Possible, Against: []string{"db is critical, which explains it"}},
			},
			Excluded: []tiering.Exclusion{{Component: "cache", Why: "answers, takes writes"}, {Component: "ingress", Why: "answers"}},
		}},
		Reaches: []tiering.Reach{
			{Key: posting, Condition: tiering.ConditionFails},
			{Key: tiering.Key{Process: "payroll", Entity: "acme"}, Condition: tiering.ConditionUnknown},
		},
		Order: []tiering.Turn{{Component: "db", Why: "critical; invoice-posting needs it"}, {Process: &posting, Why: "service tier A, no deadline is near"}},
	}
	var out bytes.Buffer
	printCauses(sheet{&out}, x)
	want := `  cause        1. db does not answer (high)
                  + PostgreSQL db does not answer
                  + it began 10s earlier
               2. erp does not answer (possible)
                  − db is critical, which explains it
  ruled out    cache: answers, takes writes
               ingress: answers
  reaches      impaired: invoice-posting of acme
               not known: payroll of acme
  recover      1. db (critical; invoice-posting needs it)
               2. invoice-posting of acme (service tier A, no deadline is near)
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	out.Reset()
	printCauses(sheet{&out}, &app.Explanation{})
	if out.Len() > 0 {
		t.Errorf("of what works nothing is told, got:\n%s", out.String())
	}
}
