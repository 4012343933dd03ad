package odoo

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

// What people complain of, reproduced in a running stand-in: each gives its
// finding, and none once it is over.
func TestWorkThatDoesNotHappenIsFound(t *testing.T) {
	w := newWorkplace(t)
	odoo, err := odoosim.New(odoosim.Options{DSN: w.p.DSN("postgres", w.name), JobTick: 20 * time.Millisecond, JobCost: time.Millisecond, CronTick: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := odoo.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := odoo.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	f := odoo.Faults()
	holds := func(query string) func() bool {
		return func() bool {
			v, err := w.p.Value(t.Context(), "postgres", w.name, "SELECT "+query)
			return err == nil && v == "t"
		}
	}
	const connected = `EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'odoo-4301' AND query = 'SELECT 1')`
	const allDue = `UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'utc' WHERE active`
	const busy = `EXISTS (SELECT FROM pg_locks WHERE relation = 'ir_cron'::regclass AND mode = 'RowShareLock')`
	submit := func() { w.jobs(8, odoosim.ChannelEInvoice, "pending", "0 s", "", "", "") }
	for _, tt := range []struct {
		name    string
		arrange func()
		happens string        // in the database
		later   time.Duration // the look at it
		cron    bool
		want    []string
	}{
		{
			"the job runner is deaf",
			func() { await(t, "connecting", holds(connected)); f.SetJobrunnerDeaf(true); submit() },
			connected, 10 * time.Minute, false,
			[]string{"odoo_jobrunner_deaf{} critical"},
		},
		{
			"the job runner lost its connection",
			func() { f.SetJobrunnerGone(true); submit() },
			"NOT " + connected, 10 * time.Minute, false,
			[]string{"odoo_jobrunner_gone{} critical"},
		},
		{
			"workers die with the jobs they have begun",
			func() { f.SetJobsKilled(true); submit() },
			"(SELECT count(*) FROM queue_job WHERE state = 'started') = 2 AND " + connected, 10 * time.Minute, false,
			[]string{"odoo_queue_orphans{root.einvoice} warning", "odoo_queue_stuck{} critical"},
		},
		{
			"long jobs use up the channel, within their limit",
			func() { f.SetJobsEndless(true); submit() },
			"(SELECT count(*) FROM queue_job WHERE state = 'started') = 2 AND " + connected, 8 * time.Minute, false,
			nil,
		},
		{
			"long jobs beyond their limit",
			func() { f.SetJobsEndless(true); submit() },
			"(SELECT count(*) FROM queue_job WHERE state = 'started') = 2 AND " + connected, 20 * time.Minute, false,
			[]string{"odoo_queue_requeue_risk{root.einvoice} warning"},
		},
		{
			"one scheduled action does not end",
			func() { f.SetCronHog(odoosim.CronAutoPost); w.exec(allDue) },
			busy + ` AND EXISTS (SELECT FROM ir_cron_progress WHERE cron_id = 4 AND timed_out_counter = 1)`, 70 * time.Minute, true,
			[]string{"odoo_scheduled_action_holds_up{" + odoosim.CronAutoPost + "} critical", "odoo_scheduled_action_overdue{} warning"},
		},
		{
			"the cron worker is killed with one scheduled action",
			func() { f.SetCronKilled(odoosim.CronAutoPost); w.exec(allDue) },
			`EXISTS (SELECT FROM ir_cron_progress WHERE cron_id = 4 AND timed_out_counter > 2)`, 70 * time.Minute, true,
			[]string{"odoo_scheduled_action_holds_up{" + odoosim.CronAutoPost + "} critical", "odoo_scheduled_action_overdue{} warning", "odoo_scheduled_action_timed_out{" + odoosim.CronAutoPost + "} critical"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			w.later = 0
			q, a := newQueue(w.db), &actions{db: w.db}
			w.findings(q, a)
			tt.arrange()
			await(t, tt.happens, holds(tt.happens))
			w.later = tt.later
			var got []string
			defer func() {
				if t.Failed() {
					t.Logf("findings (-want +got):\n%s", cmp.Diff(tt.want, got))
				}
			}()
			// A look may fall between two statements of the runner, which is no session of it then.
			await(t, "findings", func() bool {
				if got = w.findings(q); tt.cron {
					got = summed(w.findings(a))
				}
				return cmp.Equal(tt.want, got)
			})
			if err := f.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			over := `NOT EXISTS (SELECT FROM queue_job WHERE state <> 'done') AND NOT EXISTS (SELECT FROM ir_cron WHERE active AND nextcall < now() AT TIME ZONE 'utc')
				AND NOT EXISTS (SELECT FROM (SELECT DISTINCT ON (cron_id) timed_out_counter FROM ir_cron_progress ORDER BY cron_id, id DESC) AS p WHERE timed_out_counter > 0)`
			await(t, "catching up", holds(over))
			w.later = 0
			if found := w.findings(q, a); len(found) > 0 {
				t.Errorf("when it was over: %v", found)
			}
		})
	}

	t.Run("automatic posting starts over and over", func(t *testing.T) {
		w := w.in(t)
		a := &actions{db: w.db}
		f.SetCronLoops(odoosim.CronAutoPost)
		w.exec(`UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'utc' WHERE id = 4`)
		runs := "odoo_scheduled_action_extra_runs{" + odoosim.CronAutoPost + "}"
		await(t, "looping", func() bool { return mustCollect(t, a)[runs] > loopingRuns })
		if diff := cmp.Diff([]string{"odoo_scheduled_action_looping{" + odoosim.CronAutoPost + "} warning"}, w.findings(a)); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
		if err := f.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// summed leaves out the names of the actions that are overdue: there are many.
func summed(findings []string) []string {
	var list []string
	for _, f := range findings {
		if strings.HasPrefix(f, "odoo_scheduled_action_overdue{") {
			f = "odoo_scheduled_action_overdue{} warning"
		}
		list = append(list, f)
	}
	return slices.Compact(list)
}
