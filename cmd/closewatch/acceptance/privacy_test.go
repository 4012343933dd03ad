package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/web"
)

// TestNothingPersonalLeaves watches an estate whose tables, logs, statements,
// keys and answers are full of names, amounts and document numbers, breaks it
// in ways whose errors quote them, and looks for them in all that the daemon
// publishes, shows, logs, sends and keeps.
func TestNothingPersonalLeaves(t *testing.T) {
	e := newPrivateEstate(t)
	d := startDaemon(t, write(t, filepath.Join(e.dir, "estate.yaml"), e.config()), filepath.Join(e.dir, "data"))
	await(t, time.Minute, func() string {
		return lacks(d.metrics(t), `traefik_accesslog_readable\{component="edge"`, `traefik_accesslog_readable\{component="ingress"`, `odoo_log_readable\{component="erp"`, `odoo_log_readable\{component="erp-json"`, `odoo_log_readable\{component="erp-journal"`, `odoo_log_readable\{component="erp-cri"`)
	})
	e.traffic(t)
	stop := e.sessions(t)
	defer stop()
	find := newSearch()
	look := func(more ...string) {
		t.Helper()
		for place, text := range d.everything(t, more...) {
			for _, hit := range find.in(place, text) {
				t.Error(hit)
			}
		}
	}
	t.Run("it is all seen", func(t *testing.T) {
		await(t, 2*time.Minute, func() string { return e.unseen(t, d) })
	})
	look()
	e.breakIt(t)
	t.Run("and it fails", func(t *testing.T) {
		await(t, 2*time.Minute, func() string { return lacks(d.metrics(t), failures...) })
	})
	// What is stored stays: all of it is there at the end.
	look("/prometheus/api/v1/labels", "/prometheus/api/v1/series?match[]=%7B__name__%3D~%22.%2B%22%7D", "/prometheus/api/v1/metadata")
	if err := d.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for place, text := range map[string]string{"the log": d.log.String(), "what Alertmanager got": e.posted.String()} {
		for _, hit := range find.in(place, text) {
			t.Error(hit)
		}
	}
	for _, hit := range find.files(t, filepath.Join(e.dir, "data")) {
		t.Error(hit)
	}
	for _, name := range []string{"invoice-posting", "payment-registration", "bank-reconciliation", "report-pdf", "websocket"} {
		if failed, _ := failuresKept(t, filepath.Join(e.dir, "data"), name); failed == 0 {
			t.Errorf("no failed run of %s is kept: nothing of it was looked at", name)
		}
	}
	if _, shown := failuresKept(t, filepath.Join(e.dir, "data"), "invoice-posting"); shown == 0 {
		t.Error("of no failed run the shape of its exchange is kept: it was not looked at")
	}
	t.Logf("looked at %d bytes", find.bytes)
}

func (d *daemon) metrics(t *testing.T) string {
	t.Helper()
	_, text := d.get(t, "/metrics")
	return text
}

// failuresKept counts the runs of a flow that failed and are kept, and those of
// them that are kept with the shape of what was exchanged.
func failuresKept(t *testing.T, data, name string) (failed, shown int) {
	t.Helper()
	for run, err := range flow.ReadArchive(app.RunsDir(data)) {
		if err != nil {
			t.Fatal(err)
		}
		if run.Flow != name || run.Outcome != flow.Failed {
			continue
		}
		failed++
		if slices.ContainsFunc(run.Steps, func(s flow.Step) bool { return s.Exchange != "" }) {
			shown++
		}
	}
	return failed, shown
}

// lacks names the beginnings of lines that a text does not have.
func lacks(text string, want ...string) string {
	for _, w := range want {
		line := regexp.MustCompile("^" + w)
		name, _ := regexp.MustCompile(w).LiteralPrefix()
		found := false
		for l := range strings.Lines(text) { // a pattern over all of them takes seconds
			found = found || strings.HasPrefix(l, name) && line.MatchString(l)
		}
		if !found {
			return "no " + w
		}
	}
	return ""
}

// traffic is what users and their logs say.
func (e *privateEstate) traffic(t *testing.T) {
	t.Helper()
	var access, common strings.Builder
	for _, path := range paths() {
		access.WriteString(accessLine(path, "quetschenberger.example"))
		access.WriteString(accessLine(path, company))
		common.WriteString(clfLine(path))
	}
	access.WriteString("torn " + papers + "\n")
	grow(t, e.accessLog, access.String())
	grow(t, e.commonLog, common.String())
	var own strings.Builder
	for _, message := range []string{papers, "Error occurred during watcher callback", "Unable to obtain ACME certificate for domains \"" + email + "\"", "Error renewing certificate from LE: {knoeterich.example []}"} {
		own.WriteString(ownLine(message))
	}
	grow(t, e.ownLog, own.String())
	for format, path := range e.odooLogs {
		grow(t, path, asKept(format, odooRecords()))
	}
}

func grow(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// sessions are those of a person with a role and an application of her own, one
// of which waits for the other; and statements with literals in them.
func (e *privateEstate) sessions(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			_ = e.w.Database.Exec(ctx, email, confidential, inSQL("SET application_name = @PERSON@; BEGIN; UPDATE res_partner SET name = @TEXT@ WHERE id = 10; SELECT pg_sleep(600), @TEXT@")) // ends when it is cancelled
		})
	}
	for _, sql := range []string{
		"SELECT count(*) FROM account_move WHERE payment_reference = @TEXT@ AND amount_total = 748319.27", "COMMENT ON TABLE res_partner IS @TEXT@",
		"DO $$ BEGIN PERFORM 1 FROM account_move WHERE ref = @TEXT@; END $$", "SELECT set_config('application_name', @PERSON@, false) /* " + document + " */",
	} {
		for range 20 {
			e.exec(confidential, sql)
		}
	}
	return func() { cancel(); running.Wait() }
}

// breakIt makes the daemon's own statements fail with messages that quote rows.
func (e *privateEstate) breakIt(t *testing.T) {
	t.Helper()
	e.exec(confidential, `
		ALTER TABLE queue_job ENABLE ROW LEVEL SECURITY;
		CREATE POLICY cast_of_text ON queue_job USING (channel::text || @TEXT@::text <> '' AND (func_string::varchar(400)::int > 0));
		CREATE FUNCTION complain(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'customer %', $1 USING DETAIL = $1, HINT = $1; END $$;
		GRANT EXECUTE ON FUNCTION complain TO PUBLIC;
		ALTER TABLE account_bank_statement_line ENABLE ROW LEVEL SECURITY;
		CREATE POLICY complaining ON account_bank_statement_line USING (complain(payment_ref));
		REVOKE ALL ON mail_mail FROM discreet;`)
}

// failures are the metrics that tell that it is broken.
var failures = []string{`closewatch_scrape_collector_failures_total\{collector="queue",component="erp",[^}]*kind="rejected"[^}]*\} [1-9]`}

// unseen says what has not been seen yet of what there is to be seen.
func (e *privateEstate) unseen(t *testing.T, d *daemon) string {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refused < 2 || e.asked < 2 || !strings.Contains(e.posted.String(), "FinanceProcessImpaired") {
		return fmt.Sprintf("posting was refused %d times, others asked %d times, Alertmanager got %d bytes", e.refused, e.asked, e.posted.Len())
	}
	return lacks(d.metrics(t), seen...)
}

// seen are what each input is told by once what is personal in it was read, as
// beginnings of lines.
var seen = []string{
	`traefik_accesslog_lines_total\{component="ingress",.*result="parsed"\} 30`,
	`traefik_accesslog_lines_total\{component="edge",.*result="parsed"\} 15`,
	`traefik_log_errors_total\{.*\} [1-9]`,
	`traefik_entrypoint_requests_total\{.*\} 5`,
	`odoo_log_errors_total\{addon="account",component="erp",.*\} 1`,
	`odoo_log_errors_total\{addon="account",component="erp-json",.*\} 1`,
	`odoo_log_errors_total\{addon="account",component="erp-journal",.*\} 1`,
	`odoo_log_errors_total\{addon="account",component="erp-cri",.*\} 1`,
	`odoo_log_scheduled_action_failures_total\{.*component="erp",.*\} 1`,
	`odoo_queue_jobs\{.*component="erp",.*state="failed".*\} 20`,
	`odoo_einvoices\{.*component="erp",.*state="rejected".*\} [1-9]`,
	`odoo_mails\{.*component="erp",.*state="failed".*\} [1-9]`,
	`odoo_lock_exceptions\{.*component="erp",.*who="one"\} 1`,
	`odoo_bank_statement_lines_unreconciled\{.*component="erp",.*\} [1-9]`,
	`odoo_hash_entries_checked_total\{component="erp",.*\} [1-9]`,
	`odoo_copy_mail_servers_live\{component="erp",direction="out",.*\} 1`,
	`pg_blocking_root_sessions\{application_name="other",.*relation="res_partner",.*\} 1`,
	`pg_stat_activity_count\{application_name="other",.*usename="other",.*\} 1`,
	`pg_statement_info\{.*datname="confidential",.*process="[a-z]`,
	`closewatch_probe_failures_total\{component="erp",.*flow="payment-registration",kind="rejected",.*\} [1-9]`,
	`closewatch_probe_failures_total\{component="erp",.*flow="bank-reconciliation",kind="rejected",.*\} [1-9]`,
	`closewatch_probe_runs_total\{component="erp",.*flow="report-pdf",.*outcome="failed",.*\} [1-9]`,
	`closewatch_probe_runs_total\{component="erp",.*flow="websocket",.*outcome="failed",.*\} [1-9]`,
	`redis_pattern_scans_total\{.*pattern="mail:\*".*\} 1`,
}

var link = regexp.MustCompile(`(?:href|src|action)="(/[^"#]*)`)

// everything is all that the daemon serves: its pages, by following their
// links, its answers to programs, and what else is asked for.
func (d *daemon) everything(t *testing.T, more ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	next := []string{
		"/", "/status", "/runbooks", "/incidents", "/metrics", "/metrics?component=closewatch", "/-/healthy", "/-/ready",
		"/api/v1/overview", "/api/v1/status", "/api/v1/incidents", "/api/v1/changes", "/api/v1/probing", "/api/v1/gate", "/api/v1/objectives", "/api/v1/explain", "/api/v1/explain?process=invoice-posting",
	}
	next = append(next, more...)
	for _, c := range []string{"db", "cache", "ingress", "edge", "erp", "bank", "metrics"} {
		next = append(next, "/metrics?component="+c)
	}
	var known struct{ Incidents []web.IncidentSummary }
	d.decode(t, "/api/v1/incidents", &known)
	if len(known.Incidents) == 0 {
		t.Error("no incident is shown")
	}
	for _, i := range known.Incidents {
		next = append(next, "/incidents/"+i.ID, "/api/v1/incidents/"+i.ID)
	}
	for len(next) > 0 {
		path := next[0]
		next = next[1:]
		if _, have := out[path]; have {
			continue
		}
		status, text := d.get(t, path)
		if status >= http.StatusInternalServerError {
			t.Errorf("GET %s = %d", path, status)
		}
		out[path] = text
		if !strings.HasPrefix(text, "<") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(next, m[1]) {
				next = append(next, strings.ReplaceAll(m[1], "&amp;", "&"))
			}
		}
	}
	return out
}
