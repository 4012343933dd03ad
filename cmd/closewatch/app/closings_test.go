package app

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/signal"
)

// locked is what the collector publishes of acme's lock dates.
func locked(dates map[string]string, exceptions ...signal.Sample) []signal.Sample {
	entity := labels{"entity": "acme"}
	out := []signal.Sample{sample("odoo_lock_dates_set", float64(len(dates)), entity)}
	for lock, day := range dates {
		d, err := time.Parse(time.DateOnly, day)
		if err != nil {
			panic(err)
		}
		out = append(out, sample("odoo_lock_date_timestamp_seconds", float64(d.Unix()), labels{"entity": "acme", "lock": lock}))
	}
	return append(out, exceptions...)
}

// collectedAt has samples be collected at an instant.
func collectedAt(samples []signal.Sample, at time.Time) []signal.Sample {
	out := slices.Clone(samples)
	for i := range out {
		out[i].At = at
	}
	return out
}

func exception(lock, who string) signal.Sample {
	return sample("odoo_lock_exceptions", 1, labels{"entity": "acme", "lock": lock, "who": who, "ends": "never"})
}

// TestLockDatesAgainstTheClosePlan takes the states of one month's close in
// turn: what is asked for is a signal, and a close that goes as planned is none.
func TestLockDatesAgainstTheClosePlan(t *testing.T) {
	closes := calendar.DefaultClosePlan()
	plan := calendar.Plan{Entity: "acme", Zone: time.UTC, Close: &closes}
	day := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	type step struct {
		at      string
		samples []signal.Sample
		want    []string
	}
	tests := map[string][]step{
		"a close as planned": {
			{"2026-11-27T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-10-31"}), nil},
			{"2026-12-03T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-10-31"}), nil},
			{"2026-12-04T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-11-30"}), nil},
			{"2026-12-20T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-11-30"}, exception("sale", "everyone")), nil},
		},
		"the lock date is forgotten": {
			{"2026-12-07T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-10-31"}), nil},
			{"2026-12-09T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-10-31"}), []string{"close_overrun warning", "lock_date_late warning"}},
		},
		"the lock for all but advisers is set, as each month": {
			{"2026-12-07T12:00:00Z", locked(map[string]string{"period": "2026-10-31", "fiscalyear": "2025-12-31"}), nil},
			{"2026-12-09T12:00:00Z", locked(map[string]string{"period": "2026-10-31", "fiscalyear": "2025-12-31"}), []string{"close_overrun warning"}},
			{"2026-12-10T12:00:00Z", locked(map[string]string{"period": "2026-11-30", "fiscalyear": "2025-12-31"}), nil},
			{"2026-12-11T12:00:00Z", locked(map[string]string{"period": "2026-10-31", "fiscalyear": "2025-12-31"}), []string{"closed_period_open_again warning"}},
		},
		"lock dates are not used":         {{"2026-12-20T12:00:00Z", locked(nil), nil}},
		"locked once a year":              {{"2026-12-20T12:00:00Z", locked(map[string]string{"fiscalyear": "2025-12-31"}), nil}},
		"lock dates cannot be read":       {{"2026-12-20T12:00:00Z", nil, nil}},
		"an exception after the close":    {{"2026-12-09T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-11-30"}, exception("fiscalyear", "one")), []string{"lock_exception_in_closed_period critical"}}},
		"closed before the month is over": {{"2026-11-27T12:00:00Z", locked(map[string]string{"hard": "2026-11-30"}), []string{"period_closed_early warning"}}},
		"opened again": {
			{"2026-12-09T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-11-30"}), nil},
			{"2026-12-10T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-10-31"}), []string{"closed_period_open_again warning"}},
			{"2026-12-11T12:00:00Z", locked(map[string]string{"fiscalyear": "2026-11-30"}), nil},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			w, cals := newLockWatch(), &calendars{plans: []calendar.Plan{plan}}
			evaluator, err := signal.NewEvaluator(closingSignals())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range steps {
				at := day(s.at)
				var got []string
				for _, after := range []time.Duration{0, time.Hour} { // longer than any hold
					found := w.findings(at.Add(after), indexSamples(collectedAt(s.samples, at.Add(after))), cals)
					for i := range found {
						found[i].At = at.Add(after)
					}
					got = nil
					for _, r := range evaluator.Evaluate(at.Add(after), found) {
						if r.State >= signal.Warning {
							got = append(got, r.Signal+" "+r.State.String())
						}
					}
				}
				slices.Sort(got)
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", s.at, diff)
				}
			}
		})
	}
}
