package expected

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

func TestScheduledWork(t *testing.T) {
	const action = "Generate Recurring Invoices from Contracts"
	billing := process.Work{Source: process.ScheduledAction, Match: []string{"generate recurring*"}, Within: time.Hour, Says: "subscriptions invoiced"}
	// shown is what is published of an action that runs every day.
	shown := func(active float64, last, next time.Time, failures float64, more ...signal.Sample) []signal.Sample {
		of := labels{"action": action}
		out := append([]signal.Sample{
			sample("odoo_scheduled_action_active", active, of),
			sample("odoo_scheduled_action_next_call_timestamp_seconds", seconds(next), of),
			sample("odoo_scheduled_action_interval_seconds", (24 * time.Hour).Seconds(), of),
			sample("odoo_scheduled_action_failures", failures, of),
			sample("odoo_scheduled_action_active", 0, labels{"action": "Mail: Email Queue Manager"}), // not ours
		}, more...)
		if !last.IsZero() {
			out = append(out, sample("odoo_scheduled_action_last_call_timestamp_seconds", seconds(last), of))
		}
		return out
	}
	in := func(d time.Duration) time.Time { return noon.Add(d) }
	const day = 24 * time.Hour
	never := time.Time{}
	item := func(w tiering.Work) []tiering.Work {
		w.Source, w.Name, w.Says = process.ScheduledAction, action, billing.Says
		return []tiering.Work{w}
	}
	tests := map[string]struct {
		samples []signal.Sample
		want    []tiering.Work
	}{
		"it is due later": {
			shown(1, in(time.Minute-day), in(time.Minute), 0),
			item(tiering.Work{Oldest: in(time.Minute), Due: in(61 * time.Minute)}),
		},
		"it is a little late, as all are": {
			shown(1, in(-4*time.Minute-day), in(-4*time.Minute), 0),
			item(tiering.Work{Oldest: in(-4 * time.Minute), Due: in(56 * time.Minute)}),
		},
		"it is late": {
			shown(1, in(-6*time.Minute-day), in(-6*time.Minute), 0),
			item(tiering.Work{
				Oldest: in(-6 * time.Minute), Due: in(54 * time.Minute), Missing: true, Lacks: 1, Since: in(-6 * time.Minute), Why: "the scheduled action is 6m late",
			}),
		},
		"it is late because it fails": {
			shown(1, in(-6*time.Minute-day), in(-6*time.Minute), 3),
			item(tiering.Work{
				Oldest: in(-6 * time.Minute), Due: in(54 * time.Minute), Missing: true, Lacks: 1, Since: in(-6 * time.Minute),
				Why: "the scheduled action is 6m late and failed 3 times in a row",
			}),
		},
		"it has not run for days": {
			shown(1, in(-3*day), in(-2*day), 0),
			item(tiering.Work{
				Oldest: in(-2 * day), Due: in(time.Hour - 2*day), Missing: true, Lacks: 3, Since: in(-2 * day),
				Why: "the scheduled action is 2d late, 3 runs are missing",
			}),
		},
		"it is switched off": {
			shown(0, in(-time.Hour), in(23*time.Hour), 0),
			item(tiering.Work{Oldest: in(23 * time.Hour), Due: in(24 * time.Hour), Missing: true, Why: "the scheduled action is switched off"}),
		},
		"it was switched off days ago": {
			shown(0, in(-4*day), in(-3*day), 0),
			item(tiering.Work{
				Oldest: in(-3 * day), Due: in(time.Hour - 3*day), Missing: true, Lacks: 4, Why: "the scheduled action is switched off, 4 runs are missing",
			}),
		},
		"it is shipped switched off and nobody has used it": {shown(0, never, in(-3*day), 0), item(tiering.Work{Oldest: in(-3 * day)})},
		"it has run for an hour and is not late": {
			shown(1, in(-time.Hour-day), in(-time.Hour), 0, sample("odoo_scheduled_action_overdue_seconds", 0, labels{"action": action})),
			item(tiering.Work{Oldest: in(-time.Hour), Due: noon}),
		},
		"its collector has judged it late": {
			shown(1, in(-4*time.Minute-day), in(-4*time.Minute), 0, sample("odoo_scheduled_action_overdue_seconds", 240, labels{"action": action})),
			item(tiering.Work{
				Oldest: in(-4 * time.Minute), Due: in(56 * time.Minute), Missing: true, Lacks: 1, Since: in(-4 * time.Minute), Why: "the scheduled action is 4m late",
			}),
		},
		"it was switched off long ago": {
			shown(0, in(-400*day), in(-399*day), 0, sample("odoo_scheduled_action_deactivated", 0, labels{"action": action})),
			item(tiering.Work{Oldest: in(-399 * day)}),
		},
		"somebody has put it off for good": {
			shown(1, in(-3*day), in(365*day), 0),
			item(tiering.Work{
				Oldest: in(365 * day), Due: in(time.Hour - 2*day), Missing: true, Lacks: 3, Since: in(-2 * day),
				Why: "the scheduled action has not run for 3d and is not to run before 18 November 2027, 3 runs are missing",
			}),
		},
		"somebody has put it off by a day": {
			shown(1, in(-40*time.Hour), in(8*time.Hour), 0),
			item(tiering.Work{Oldest: in(8 * time.Hour), Due: in(9 * time.Hour)}),
		},
		"it has just been made and is due for the first time tomorrow": {
			shown(1, never, in(day), 0),
			item(tiering.Work{Oldest: in(day), Due: in(25 * time.Hour)}),
		},
		"it was never scheduled": {shown(1, never, time.Unix(0, 0), 0), item(tiering.Work{})},
		"the database's clock is ten minutes behind": {
			shown(1, in(-12*time.Minute-day), in(-12*time.Minute), 0, sample("odoo_database_clock_offset_seconds", -600, nil)),
			item(tiering.Work{Oldest: in(-12 * time.Minute), Due: in(58 * time.Minute)}),
		},
		"the database does not tell its interval": {
			[]signal.Sample{
				sample("odoo_scheduled_action_active", 0, labels{"action": action}),
				sample("odoo_scheduled_action_next_call_timestamp_seconds", seconds(in(-time.Hour)), labels{"action": action}),
			},
			item(tiering.Work{Oldest: in(-time.Hour), Due: noon, Missing: true, Lacks: 1, Why: "the scheduled action is switched off"}),
		},
		"the database has no such action": {nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := New(5*time.Minute).Judge(noon, published(tt.samples), acme("subscription-billing", billing))
			if diff := cmp.Diff(tt.want, got, ignoreDone); diff != "" {
				t.Errorf("Judge (-want +got):\n%s", diff)
			}
		})
	}
}
