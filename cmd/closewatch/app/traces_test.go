package app

import (
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
)

// The trace ID of an alert is found in the record, and its verdict comes out the
// same again; so does any other instant.
func TestATraceIsFoundInTheRecord(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.config, r.calendar = "config", "calendar"
	ids := map[string]tiering.Tier{}
	for n := range 40 {
		failures := 0
		if n > 3 && n < 20 {
			failures = n - 3
		}
		r.tick(t, Told{}, signal.OK, failures)
		for k, id := range r.now.Traces {
			ids[id] = r.now.Impacts[0].Tier
			if r.now.Impacts[0].Key != k {
				t.Fatalf("a trace of %v", k)
			}
		}
	}
	if len(ids) < 20 {
		t.Fatalf("%d traces of what stood", len(ids))
	}
	for i := range r.stored {
		r.stored[i].Config, r.stored[i].Calendar = "config", "calendar"
	}
	read := records(func(from, to time.Time) iter.Seq2[tickrecord.Record, error] {
		return func(yield func(tickrecord.Record, error) bool) {
			for _, rec := range r.stored {
				if !rec.At.Before(from) && rec.At.Before(to) && !yield(rec, nil) {
					return
				}
			}
		}
	})
	title := func(name string) string { return name }
	for id, tier := range ids {
		found, err := read.explain(Question{Trace: id}, title)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %d verdicts, %v", id, len(found), err)
		}
		if x := found[0]; x.TraceID != id || x.Rederived != "identical" || x.Impact.Tier != tier {
			t.Errorf("%s is %s, re-derived %q, want %s, identical", x.TraceID, x.Impact.Tier, x.Rederived, tier)
		}
	}
	found, err := read.explain(Question{Process: "invoice-posting", At: noon.Add(150 * time.Second), WhyNot: tiering.BusinessCritical}, title)
	if err != nil || len(found) != 1 || found[0].WhyNot == nil {
		t.Fatalf("why not: %+v, %v", found, err)
	}
	if g := found[0].WhyNot.Gates[0]; !strings.HasPrefix(g.First, "needs a second witness: one failing run so far") {
		t.Errorf("after one failing run the nearest gate is %+v", g)
	}
	for question, want := range map[Question]string{
		{Trace: "T6a0c1f30"}:                  "no trace ID",
		{Trace: "T00000000-0123456789abcdef"}: "nothing is recorded",
		{At: noon.Add(-time.Hour)}:            "nothing is recorded",
	} {
		if _, err := read.explain(question, title); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want it to say %q", question, err, want)
		}
	}
}

// What is explained of the record tells whom the cause reaches and in which order
// to recover, as of the newest tick; of what works it tells neither.
func TestAnExplanationTellsWhomTheCauseReaches(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.outage(t)
	read := records(func(from, to time.Time) iter.Seq2[tickrecord.Record, error] {
		return func(yield func(tickrecord.Record, error) bool) {
			for _, rec := range r.stored {
				if !rec.At.Before(from) && rec.At.Before(to) && !yield(rec, nil) {
					return
				}
			}
		}
	})
	at := func(after time.Duration) Explanation {
		t.Helper()
		found, err := read.explain(Question{At: noon.Add(after)}, func(name string) string { return name })
		if err != nil || len(found) != 1 {
			t.Fatalf("%d verdicts, %v", len(found), err)
		}
		return found[0]
	}
	x := at(5 * time.Minute)
	if len(x.Reaches) != 1 || x.Reaches[0].Key != x.Impact.Key || x.Reaches[0].Condition != tiering.ConditionFails {
		t.Errorf("db reaches %+v, want the one process that needs it, which fails", x.Reaches)
	}
	if len(x.Order) != 2 || x.Order[0].Component != "db" || x.Order[1].Process == nil {
		t.Errorf("the order of recovery is %+v, want db and then the process", x.Order)
	}
	if x := at(time.Minute); x.Reaches != nil || x.Order != nil {
		t.Errorf("while it works: %+v, %+v", x.Reaches, x.Order)
	}
}

// A signal is a symptom of whom it concerns: of every process that cannot do
// without the database, or of those whose catalogue entry names it, in the
// entity it is about.
func TestSignalsThatAreSymptoms(t *testing.T) {
	posting, payroll := acme(catalogued(t, "invoice-posting")), acme(catalogued(t, "payroll"))
	for _, s := range []*subject{&posting, &payroll} {
		s.needs = []need{{"db", process.Postgres, process.Hard, ""}, {"erp", process.Odoo, process.Hard, ""}}
	}
	a := &assembler{subjects: []subject{posting, payroll}}
	key := posting.key
	tests := map[string]struct {
		reading          signal.Reading
		posting, payroll tiering.Symptom
	}{
		"two primaries":                     {signal.Reading{Signal: "postgres_split_brain", Component: "db", State: signal.Critical}, tiering.SplitBrain, tiering.SplitBrain},
		"another's primary is lost":         {signal.Reading{Signal: "postgres_up", Component: "other", State: signal.Critical}, "", ""},
		"its primary is lost":               {signal.Reading{Signal: "postgres_up", Component: "db", State: signal.Critical}, tiering.PrimaryLost, tiering.PrimaryLost},
		"it is fine":                        {signal.Reading{Signal: "postgres_up", Component: "db", State: signal.OK}, "", ""},
		"nobody knows":                      {signal.Reading{Signal: "postgres_up", Component: "db", State: signal.Unknown}, "", ""},
		"its books do not balance":          {signal.Reading{Signal: "odoo_entries_unbalanced", Tenant: key.Tenant, Labels: labels{"entity": key.Entity}, State: signal.Critical}, tiering.Integrity, ""},
		"books of a company without a name": {signal.Reading{Signal: "odoo_entries_unbalanced", Tenant: key.Tenant, Labels: labels{"entity": "company-9"}, State: signal.Critical}, tiering.Integrity, ""},
		"the prober's own books":            {signal.Reading{Signal: "odoo_entries_unbalanced", Tenant: key.Tenant, Labels: labels{"entity": "synthetic"}, State: signal.Critical}, "", ""},
		"another tenant's books":            {signal.Reading{Signal: "odoo_entries_unbalanced", Tenant: "else", Labels: labels{"entity": key.Entity}, State: signal.Critical}, "", ""},
		"conflicts in its Odoo":             {signal.Reading{Signal: "odoo_conflicts_exhausted", Component: "erp", State: signal.Critical}, tiering.FailedPosting, ""},
		"something else":                    {signal.Reading{Signal: "postgres_storage", Component: "db", State: signal.Critical}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.reading.Environment = key.Environment
			bad := symptomatic([]signal.Reading{tt.reading})
			for _, x := range []struct {
				of   subject
				want tiering.Symptom
			}{{posting, tt.posting}, {payroll, tt.payroll}} {
				got := tiering.Symptom("")
				if found := a.findings(x.of, bad); len(found) > 0 {
					got = found[0].Symptom
				}
				if got != x.want {
					t.Errorf("of %s it is %q, want %q", x.of.process.Name, got, x.want)
				}
			}
		})
	}
}
