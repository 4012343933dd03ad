package expected

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

func TestWhenWorkWasLastDone(t *testing.T) {
	billing := process.Work{Source: process.ScheduledAction, Match: []string{"generate recurring*"}, Within: time.Hour, Says: "subscriptions invoiced"}
	of := labels{"action": "Generate Recurring Invoices from Contracts"}
	ran := noon.Add(-20 * time.Minute)
	shown := func(more ...signal.Sample) []signal.Sample {
		return append(more, sample("odoo_scheduled_action_active", 1, of), sample("odoo_scheduled_action_next_call_timestamp_seconds", seconds(noon.Add(time.Hour)), of))
	}
	last := func(t time.Time) signal.Sample {
		return sample("odoo_scheduled_action_last_call_timestamp_seconds", seconds(t), of)
	}
	ahead := sample("odoo_database_clock_offset_seconds", 600, nil)
	for name, tt := range map[string]struct {
		work    process.Work
		samples []signal.Sample
		want    time.Time
	}{
		"jobs were taken":                 {einvoices, queue(3, noon.Add(-2*time.Minute), ran), ran},
		"and none waits":                  {einvoices, queue(0, time.Unix(0, 0), ran), ran},
		"no job was ever taken":           {einvoices, queue(3, noon.Add(-2*time.Minute), time.Time{}), time.Time{}},
		"by a clock ten minutes ahead":    {einvoices, append(queue(0, time.Unix(0, 0), ran.Add(10*time.Minute)), ahead), ran},
		"an action ran":                   {billing, shown(last(ran)), ran},
		"an action has never run":         {billing, shown(), time.Time{}},
		"it ran by a clock that is ahead": {billing, shown(last(ran.Add(10*time.Minute)), ahead), ran},
	} {
		t.Run(name, func(t *testing.T) {
			got := New(5*time.Minute).Judge(noon, published(tt.samples), acme("e-invoicing", tt.work))
			if len(got) != 1 || !got[0].Done.Equal(tt.want) {
				t.Errorf("Judge = %+v, want it done at %v", got, tt.want)
			}
		})
	}
}
