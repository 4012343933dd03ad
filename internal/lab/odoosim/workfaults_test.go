package odoosim_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

func TestWorkFaultsAreReversible(t *testing.T) {
	r := newRig(t, "workfaults", nil)
	f := r.server.Faults()
	submit := `INSERT INTO queue_job (uuid, channel, state, date_created) SELECT 'j' || i, 'root.einvoice', 'pending', now() AT TIME ZONE 'utc' FROM generate_series(1, 5) i`
	count := func(where string) string { return r.value("SELECT count(*) FROM " + where) }

	f.SetJobsKilled(true)
	r.sql(submit)
	eventually(t, "two jobs being abandoned", func() bool {
		return count("queue_job WHERE state = 'started' AND 'odoo-' || worker_pid NOT IN (SELECT application_name FROM pg_stat_activity)") == "2"
	})
	f.SetCronHog(odoosim.CronAutoPost)
	f.SetCronLoops(odoosim.CronMailQueue)
	f.SetCronKilled(odoosim.CronCurrencyRates)
	f.SetJobsEndless(true)
	f.SetJobrunnerGone(true)
	if diff := cmp.Diff([]string{"jobrunner-gone", "jobs-killed", "jobs-endless", "cron-hog", "cron-killed", "cron-loops"}, f.Active()); diff != "" {
		t.Errorf("Active() (-want +got):\n%s", diff)
	}
	r.sql(`UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'utc' WHERE cron_name = '` + odoosim.CronAutoPost + `'`)
	eventually(t, "the action reporting that it begins", func() bool { return count("ir_cron_progress WHERE timed_out_counter = 1") == "1" })

	if err := f.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if active := f.Active(); len(active) > 0 {
		t.Errorf("after Clear() still active: %v", active)
	}
	eventually(t, "the jobs being done", func() bool { return count("queue_job WHERE state <> 'done'") == "0" })
	eventually(t, "the action ending", func() bool {
		return count("ir_cron WHERE cron_name = '"+odoosim.CronAutoPost+"' AND lastcall IS NOT NULL AND failure_count = 0") == "1"
	})
}
