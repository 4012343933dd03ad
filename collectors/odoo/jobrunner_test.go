package odoo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
)

func TestHeldJobs(t *testing.T) {
	now := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	yes, no := true, false
	tests := map[string]struct {
		job          heldJob
		orphan, risk string
	}{
		"just handed out":          {heldJob{state: "enqueued", enqueued: ago(5 * time.Second)}, "", ""},
		"handed out and not begun": {heldJob{state: "enqueued", enqueued: ago(2 * time.Minute)}, notTaken, ""},
		"running":                  {heldJob{state: "started", started: ago(time.Minute), session: &yes, locked: &yes}, "", ""},
		"running, nothing is known of its worker":     {heldJob{state: "started", started: ago(time.Minute)}, "", ""},
		"begun, its session is not there yet":         {heldJob{state: "started", started: ago(5 * time.Second), session: &no, locked: &no}, "", ""},
		"its worker is gone":                          {heldJob{state: "started", started: ago(time.Minute), session: &no, locked: &yes}, workerGone, ""},
		"its number was taken by another worker":      {heldJob{state: "started", started: ago(time.Minute), session: &yes, locked: &no}, noLock, ""},
		"beyond the limit, and running":               {heldJob{state: "started", started: ago(time.Hour), session: &yes}, "", stillRunning},
		"beyond the limit, nothing known":             {heldJob{state: "started", started: ago(time.Hour)}, overLimit, ""},
		"started without a date, handed out long ago": {heldJob{state: "started", enqueued: ago(time.Hour)}, overLimit, ""},
		"without any date":                            {heldJob{state: "started"}, "", ""},
		"the server's clock is behind":                {heldJob{state: "started", started: ago(-time.Hour), session: &yes}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if orphan, risk := tt.job.judge(now, 10*time.Minute); orphan != tt.orphan || risk != tt.risk {
				t.Errorf("judge() = %q, %q; want %q, %q", orphan, risk, tt.orphan, tt.risk)
			}
		})
	}
}

func TestWhatTheRunnerDoes(t *testing.T) {
	seen := runner{sessions: 1, visible: true}
	tests := map[string]struct {
		runner        runner
		oldest, taken time.Time
		live, orphans int64
		want          string
	}{
		"nothing waits, nobody is connected":       {runner{visible: true}, time.Time{}, time.Time{}, 0, 0, runnerIdle},
		"nothing waits behind orphans":             {seen, time.Time{}, ago(time.Hour), 0, 5, runnerIdle},
		"a job has just come":                      {seen, ago(time.Second), ago(time.Hour), 0, 0, runnerTaking},
		"short jobs, none held at this moment":     {seen, ago(time.Hour), ago(time.Second), 0, 0, runnerTaking},
		"taken a moment ago, and then it was lost": {runner{visible: true}, ago(time.Hour), ago(time.Second), 0, 0, runnerTaking},
		"long jobs":                          {seen, ago(time.Hour), ago(time.Hour), 1, 5, runnerFull},
		"long jobs, and nobody is connected": {runner{visible: true}, ago(time.Hour), ago(time.Hour), 1, 0, runnerGone},
		"orphans only":                       {seen, ago(time.Hour), ago(time.Hour), 0, 5, runnerBlocked},
		"nothing is held":                    {seen, ago(time.Hour), ago(time.Hour), 0, 0, runnerDeaf},
		"never was any taken":                {seen, ago(time.Hour), time.Time{}, 0, 0, runnerDeaf},
		"sessions are not known":             {runner{}, ago(time.Hour), ago(time.Hour), 0, 0, runnerDeaf},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.runner.state(evening, tt.oldest, tt.taken, tt.live, tt.orphans); got != tt.want {
				t.Errorf("state() = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPace(t *testing.T) {
	start := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	var p pace
	for _, step := range []struct {
		after time.Duration
		count float64
		rate  float64
		known bool
	}{
		{0, 0, 0, false},
		{15 * time.Second, 30, 0, false},
		{30 * time.Second, 60, 2, true},
		{60 * time.Second, 60, 1, true},
		{5 * time.Minute, 60, 0.2, true},
		{5*time.Minute + 30*time.Second, 60, 0, true}, // the window begins at 30 s
	} {
		p.note(start.Add(step.after), step.count)
		if rate, known := p.rate(); rate != step.rate || known != step.known {
			t.Errorf("after %v: %v, %v; want %v, %v", step.after, rate, known, step.rate, step.known)
		}
	}
	for i := range 10 * pacePoints {
		p.note(start.Add(time.Hour+time.Duration(i)*time.Millisecond), 60)
	}
	if len(p.points) > pacePoints {
		t.Errorf("%d points are kept", len(p.points))
	}
}

// A queue at work gives no finding, whatever it does.
func TestAHealthyQueueGivesNoFinding(t *testing.T) {
	w := newWorkplace(t)
	w.session("odoo-4301", "SELECT 1")
	worker := "worker_pid=4200"
	w.session("odoo-4200", "BEGIN")
	for name, arrange := range map[string]func(w *workplace){
		"empty":       func(*workplace) {},
		"quiet night": func(w *workplace) { w.jobs(2000, "root", "done", "9 hours", "9 hours", "9 hours", "") },
		"quiet weekend with a few failures that wait for Monday": func(w *workplace) {
			w.jobs(3, "root", "failed", "60 hours", "60 hours", "60 hours", "")
			w.jobs(500, "root", "done", "50 hours", "50 hours", "50 hours", "")
		},
		"the next run is planned": func(w *workplace) {
			w.jobs(50, "root", "pending", "3 days", "", "", "eta=now()+interval'2days'")
		},
		"waiting for others": func(w *workplace) {
			w.jobs(50, "root", "wait_dependencies", "5 hours", "", "", "")
		},
		"month-end rush that is being worked off": func(w *workplace) {
			w.jobs(9000, "root.einvoice", "pending", "40 minutes", "", "", "")
			w.jobs(4, "root.einvoice", "started", "40 minutes", "3 seconds", "2 seconds", worker)
			w.jobs(4, "root.einvoice", "enqueued", "40 minutes", "1 second", "", "")
			w.jobs(500, "root.einvoice", "done", "45 minutes", "1 minute", "1 minute", "")
		},
		"a long job uses the channel up": func(w *workplace) {
			w.jobs(1, "root", "started", "9 minutes", "9 minutes", "9 minutes", worker)
			w.jobs(10, "root", "pending", "8 minutes", "", "", "")
		},
		"a job waits to be tried again": func(w *workplace) {
			w.jobs(5, "root", "pending", "1 hour", "", "", "retry=1 max_retries=5 eta=now()+interval'10minutes'")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			arrange(w)
			if found := w.findings(newQueue(w.db)); len(found) > 0 {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestAQueueThatIsIllIsToldFromAnother(t *testing.T) {
	w := newWorkplace(t)
	runner := w.session("odoo-4301", "LISTEN queue_job")
	if _, err := runner.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	w.session("odoo-4200", "BEGIN")
	waiting := func(w *workplace) { w.jobs(20, "root.einvoice", "pending", "10 minutes", "", "", "") }
	tests := []struct {
		name    string
		arrange func(w *workplace)
		want    []string
	}{
		{"connected and deaf", func(w *workplace) {
			waiting(w)
			w.jobs(5, "root.einvoice", "done", "20 minutes", "20 minutes", "20 minutes", "")
		}, []string{"odoo_jobrunner_deaf{} critical"}},
		{"jobs of dead workers use the channel up", func(w *workplace) {
			waiting(w)
			w.jobs(2, "root.einvoice", "started", "20 minutes", "20 minutes", "20 minutes", "worker_pid=5200")
		}, []string{"odoo_queue_orphans{root.einvoice} warning", "odoo_queue_stuck{} critical"}},
		{"handed out, and nobody begins", func(w *workplace) {
			waiting(w)
			w.jobs(2, "root", "enqueued", "20 minutes", "20 minutes", "", "")
		}, []string{"odoo_queue_orphans{root} warning", "odoo_queue_stuck{} critical"}},
		{"a job runs for too long", func(w *workplace) {
			w.jobs(1, "root", "started", "1 hour", "1 hour", "1 hour", "worker_pid=4200")
		}, []string{"odoo_queue_requeue_risk{root} warning"}},
		{"jobs wait for hours while others are taken", func(w *workplace) {
			w.jobs(3, "root.low", "pending", "3 hours", "", "", "")
			w.jobs(3, "root", "started", "1 minute", "1 minute", "1 minute", "worker_pid=4200")
		}, []string{"odoo_queue_waiting{root.low} warning"}},
		{"the last try, and the same work twice", func(w *workplace) {
			w.jobs(2, "root", "pending", "1 minute", "", "", "retry=4 max_retries=5 identity_key='a'")
			w.jobs(2, "root", "pending", "1 minute", "", "", "retry=4 max_retries=0 identity_key=md5(random()::text)")
		}, []string{"odoo_queue_duplicates{root} warning", "odoo_queue_last_try{root} warning"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := w.in(t)
			tt.arrange(w)
			if diff := cmp.Diff(tt.want, w.findings(newQueue(w.db))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}

	t.Run("not connected", func(t *testing.T) {
		w := w.in(t)
		waiting(w)
		if err := runner.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		await(t, "the session's end", func() bool {
			v, err := w.p.Value(t.Context(), "postgres", w.name, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'odoo-4301'")
			return err == nil && v == "0"
		})
		if diff := cmp.Diff([]string{"odoo_jobrunner_gone{} critical"}, w.findings(newQueue(w.db))); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
	})

	t.Run("the role may not see sessions", func(t *testing.T) {
		w := w.in(t)
		waiting(w)
		w.exec("REVOKE pg_monitor FROM reader")
		defer w.exec("GRANT pg_monitor TO reader")
		got := mustCollect(t, newQueue(w.db))
		if n, found := got["odoo_jobrunner_sessions{}"]; found {
			t.Errorf("%v sessions were published", n)
		}
		if got["odoo_jobrunner_state{deaf}"] != 1 {
			t.Error("nothing is said of jobs that nobody takes")
		}
		if n, found := got["odoo_queue_orphan_jobs{worker_gone,root.einvoice}"]; found {
			t.Errorf("%v workers are said to be gone", n)
		}
	})
}

// Newer versions of queue_job keep a row locked for each job that runs.
func TestTheLockTableTellsOrphans(t *testing.T) {
	w := newWorkplace(t)
	w.exec(`CREATE TABLE queue_job_lock (id serial PRIMARY KEY, queue_job_id int NOT NULL REFERENCES queue_job ON DELETE CASCADE);
		CREATE INDEX ON queue_job_lock (queue_job_id); GRANT SELECT ON queue_job_lock TO reader`)
	defer w.exec(`DROP TABLE queue_job_lock`)
	w.session("odoo-4200", "BEGIN")
	w.jobs(3, "root", "started", "2 minutes", "2 minutes", "2 minutes", "worker_pid=4200")
	w.exec(`INSERT INTO queue_job_lock (queue_job_id) SELECT id FROM queue_job LIMIT 2`)
	got := mustCollect(t, newQueue(w.db))
	if got["odoo_queue_orphan_jobs{no_lock,root}"] != 1 || got["odoo_queue_orphan_jobs{worker_gone,root}"] != 0 {
		t.Errorf("orphans: %v", got)
	}
}

func TestDrainAndCatchUp(t *testing.T) {
	w := newWorkplace(t)
	w.jobs(600, "root", "pending", "10 seconds", "", "", "")
	q := newQueue(w.db)
	got := mustCollect(t, q)
	if _, known := got["odoo_queue_catch_up_seconds{root}"]; known || got["odoo_queue_runnable_jobs{root}"] != 600 {
		t.Errorf("at first: %v", got)
	}
	w.later = time.Minute
	w.exec(`UPDATE queue_job SET state = 'done' WHERE id <= 120; UPDATE queue_job SET state = 'failed' WHERE id BETWEEN 121 AND 130`)
	w.jobs(20, "root", "pending", "1 second", "", "", "")
	got = mustCollect(t, q)
	rate, catchUp := got["odoo_queue_drain_jobs_per_second{root}"], got["odoo_queue_catch_up_seconds{root}"]
	if rate < 1.5 || rate > 2 || catchUp < 490/rate-1 || catchUp > 490/rate+1 {
		t.Errorf("draining %v a second, %v s to go; want up to 2 and 490 jobs' worth", rate, catchUp)
	}
	if got["odoo_queue_jobs_created_total{root}"] != 20 || got["odoo_queue_jobs_failed_total{root}"] != 10 {
		t.Errorf("%v created and %v failed, want 20 and 10", got["odoo_queue_jobs_created_total{root}"], got["odoo_queue_jobs_failed_total{root}"])
	}
	w.later = 20 * time.Minute
	mustCollect(t, q)
	w.later = 30 * time.Minute
	if _, known := mustCollect(t, q)["odoo_queue_catch_up_seconds{root}"]; known {
		t.Error("a queue that does not drain is said to catch up")
	}
}

func TestQueueOfTheStandIn(t *testing.T) {
	w := newWorkplace(t)
	w.session("odoo-4301", "SELECT 1")
	w.jobs(2, "root", "failed", "1 hour", "", "", "")
	w.jobs(3, "root.einvoice", "wait_dependencies", "1 hour", "", "", "")
	w.jobs(4, "root.einvoice", "pending", "1 hour", "", "", "eta=now()+interval'1day'")
	q := newQueue(w.db)
	mustCollect(t, q)
	w.later = time.Minute
	if err := collectortest.Golden(t, q, "queue_work"); err != nil {
		t.Error(err)
	}
}

func TestAJobLimitIsADurationThatJobsMayTake(t *testing.T) {
	var c Config
	c.SetDefaults()
	if ps := c.Validate(); len(ps) > 0 {
		t.Errorf("the defaults: %v", ps)
	}
	c.SQL.QueueJobLimit = 0
	if ps := c.Validate(); len(ps) != 1 || ps[0].Field != "sql.queueJobLimit" {
		t.Errorf("no limit: %v", ps)
	}
}

// await waits for a condition of the database.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s did not happen in time", what)
		case <-tick.C:
		}
	}
}
