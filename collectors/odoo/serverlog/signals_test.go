package serverlog

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/signal"
)

// samplesOf are what a collector publishes, as signals read it.
func samplesOf(t *testing.T, l *Log, at time.Time) []signal.Sample {
	t.Helper()
	ch := make(chan prometheus.Metric, 10000)
	if err := l.Collect(t.Context(), ch); err != nil {
		t.Error(err)
	}
	close(ch)
	var out []signal.Sample
	for m := range ch {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			t.Fatal(err)
		}
		if d.GetHistogram() != nil {
			continue
		}
		s := signal.Sample{Name: collectortest.Metric(m.Desc()), At: at, Value: d.GetGauge().GetValue() + d.GetCounter().GetValue(), Labels: map[string]string{"environment": "test", "component": "erp"}}
		for _, label := range d.GetLabel() {
			s.Labels[label.GetName()] = label.GetValue()
		}
		out = append(out, s)
	}
	return out
}

// TestFindings is what people are told of each pain, and that they are told
// nothing when there is none.
func TestFindings(t *testing.T) {
	record := func(level, logger, message string) string {
		return "2026-11-22 12:00:01,123 31 " + level + " prod " + logger + ": " + message + "\n"
	}
	repeat := func(n int, s string) string { return strings.Repeat(s, n) }
	call := record("INFO", logWeb, `10.0.0.7 - - [22/Nov/2026 12:00:01] "POST /web/dataset/call_kw/account.move/action_post HTTP/1.1" 200 - 53 0.047 0.065`)
	raises := record("ERROR", logHTTP, "Exception during request handling.") + "Traceback (most recent call last):\n  File \"/mnt/extra-addons/acme_treasury/models/a.py\", line 1, in f\nKeyError: 7\n"
	tests := map[string]struct {
		log  string
		want []string
	}{
		"an ordinary day": {repeat(500, call), nil},
		"a month-end rush: some transactions collide and all get through": {
			repeat(5000, call) + repeat(60, record("INFO", logRetry, "SERIALIZATION_FAILURE, 4 tries left, try again in 0.3170 sec...")), nil,
		},
		"users make mistakes":                       {repeat(100, call) + repeat(50, record("WARNING", logHTTP, "You cannot post a hashed entry.")), nil},
		"idle cron workers are killed all day":      {record("INFO", logCron, "Starting job `a`.") + record("INFO", logCron, "Job `a` done.") + repeat(5, record("ERROR", logServer, "WorkerCron (7) timeout after 60s")), nil},
		"workers are recycled":                      {repeat(20, record("INFO", logServer, "Worker (31) virtual memory limit (2684354560) reached.")), nil},
		"an addon fails now and then":               {repeat(500, call) + repeat(5, raises), nil},
		"a night without a line":                    {"", nil},
		"an action is killed while it runs":         {record("INFO", logCron, "Job 'a' (7) starting") + record("ERROR", logServer, "WorkerCron (31) timeout after 120s"), []string{"odoo_workers_killed_action warning"}},
		"an action fails on 16 and 17":              {record("ERROR", logCron, "Call from cron a for server action #7 failed in Job #8"), []string{"odoo_scheduled_action_raised warning"}},
		"a storm of conflicts":                      {repeat(101, record("INFO", logRetry, "SERIALIZATION_FAILURE, 4 tries left, try again in 0.3170 sec...")) + repeat(11, record("INFO", logRetry, "SERIALIZATION_FAILURE, maximum number of tries reached!")), []string{"odoo_conflicts_exhausted critical", "odoo_conflicts_retried warning"}},
		"a big PDF crashes wkhtmltopdf":             {record("WARNING", logReport, "Wkhtmltopdf failed (error code: -11). Memory limit too low"), []string{"odoo_pdf_failures warning"}},
		"a request is killed for its time":          {record("ERROR", logServer, "WorkerHTTP (7) timeout after 120s"), []string{"odoo_workers_killed_time warning"}},
		"the pool of connections is drained":        {repeat(500, call) + record("ERROR", logHTTP, "Exception during request handling.") + "Traceback (most recent call last):\npsycopg2.pool.PoolError: The Connection Pool Is Full\n", []string{"odoo_connection_pool_full warning"}},
		"PostgreSQL takes no more connections":      {record("ERROR", "odoo.x", "x") + "Traceback (most recent call last):\npsycopg2.OperationalError: FATAL:  sorry, too many clients already\n", []string{"odoo_connections_refused warning"}},
		"websockets reach the workers":              {record("ERROR", logHTTP, "Exception during request handling.") + "Traceback (most recent call last):\nRuntimeError: Couldn't bind the websocket. Is the connection opened on the evented port (8072)?\n", []string{"odoo_websocket_misrouted warning"}},
		"a deployment breaks an addon":              {repeat(100, call) + repeat(40, raises), []string{"odoo_addon_errors warning acme_treasury", "odoo_rpc_errors critical"}},
		"files are missing after a restore":         {repeat(6, record("INFO", logAttachment, "_read_file reading /data/filestore/prod/6a/6ad8")), []string{"odoo_attachments_unreadable warning"}},
		"modules wait to be upgraded":               {record("WARNING", logCron, "Skipping database prod because of modules to install/upgrade/remove."), []string{"odoo_scheduled_actions_skipped warning"}},
		"the database cannot be loaded, repeatedly": {repeat(4, record("ERROR", logRegistry, "Failed to load registry")), []string{"odoo_registry_failures critical"}},
		"the job runner fails again and again":      {repeat(4, record("ERROR", logJobrunner+".runner", "exception: sleeping 5s and retrying")), []string{"odoo_jobrunner_failures warning"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFile(t)
			f.append(tt.log)
			f.poll()
			f.poll()
			f.poll() // a record that nothing is added to has ended
			e, err := signal.NewEvaluator(Signals())
			if err != nil {
				t.Fatal(err)
			}
			e.Expect([]signal.Subject{{Kind: "odoo", Environment: "test", Component: "erp"}})
			var got []string
			for minute := range 20 { // longer than any hold; what is recent stays so
				now := time.Date(2026, 11, 22, 12, minute, 0, 0, time.UTC)
				got = nil
				for _, r := range e.Evaluate(now, samplesOf(t, f.log, now)) {
					if r.State == signal.Warning || r.State == signal.Critical {
						got = append(got, strings.TrimSpace(r.Signal+" "+r.State.String()+" "+r.Labels["addon"]))
						if strings.ContainsAny(r.Text, "{}") || !strings.Contains(r.Text, "erp") {
							t.Errorf("%s says %q", r.Signal, r.Text)
						}
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}
