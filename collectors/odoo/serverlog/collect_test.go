package serverlog

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/logtail"
	"github.com/closewatch/closewatch/internal/signal"
)

// TestGolden publishes what logs of each version say.
func TestGolden(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil || len(logs) < 4 {
		t.Fatalf("testdata holds %d logs, %v", len(logs), err)
	}
	for _, path := range logs {
		name := strings.TrimSuffix(filepath.Base(path), ".log")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f := newFile(t)
			f.append(string(text))
			f.poll()
			f.poll()
			f.poll() // a record that nothing is added to has ended
			if err := collectortest.Golden(t, f.log, name); err != nil {
				t.Error(err)
			}
		})
	}
}

// A record whose lines are still being written when the process ends is
// finished by the next, and nothing is counted twice.
func TestRestartInsideATraceback(t *testing.T) {
	f := newFile(t)
	lines := strings.SplitAfter(failing, "\n")
	f.append(strings.Join(lines[:3], ""))
	f.poll()
	f.log.follower.Close()
	f.log = f.follow()
	f.append(strings.Join(lines[3:], ""))
	f.poll()
	want := []string{"prod conflict retried serialization 1", "prod conflict_retried 1", "prod error account KeyError 1", "prod request_failed 1"}
	if diff := cmp.Diff(want, said(f.log.follower.Snapshot().State)); diff != "" {
		t.Errorf("counted differs (-want +got):\n%s", diff)
	}
}

// All that a restart must not lose or double.
func TestRestartKeepsWhatWasCounted(t *testing.T) {
	f := newFile(t)
	var all strings.Builder
	logs, err := filepath.Glob("testdata/*.log")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	f.append(all.String())
	f.poll()
	before := f.log.follower.Snapshot().State
	f.log.follower.Close()
	f.log = f.follow()
	f.poll()
	after := f.log.follower.Snapshot().State
	if diff := cmp.Diff(said(before), said(after)); diff != "" || len(said(after)) < 10 {
		t.Errorf("counts differ (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(before.Tenants["prod"].Operations, after.Tenants["prod"].Operations); diff != "" || len(after.Tenants["prod"].Operations) < 2 {
		t.Errorf("operations differ (-before +after):\n%s", diff)
	}
}

// What signals speak of is five minutes of the log's clock, also while a
// backlog is read, and passes when the log is quiet.
func TestRecent(t *testing.T) {
	when := func(clock string) string { return "2026-11-22 " + clock + ",000 7 INFO prod odoo.service.model: " }
	const given, up = "SERIALIZATION_FAILURE, maximum number of tries reached!\n", "SERIALIZATION_FAILURE, 1 tries left, try again in 1.0 sec...\n"
	r := newReader(Plain)
	exhausted := func() uint64 {
		s := r.Save()
		return s.recent.tenants[0].events[conflictExhausted]
	}
	check := func(situation string, want uint64) {
		t.Helper()
		if got := exhausted(); got != want {
			t.Errorf("%s: %d given up, want %d", situation, got, want)
		}
	}
	r.read(when("01:00:00") + given + when("01:02:00") + given + when("01:30:00") + up)
	check("half an hour later on the log's clock, read at once", 0)
	r.read(when("01:31:00") + given + when("01:31:01") + given)
	check("just now", 2)
	r.clock = r.clock.Add(4 * time.Minute)
	check("four quiet minutes later", 2)
	r.clock = r.clock.Add(2 * time.Minute)
	check("six quiet minutes later", 0)
	r.clock = r.clock.Add(-time.Hour)
	check("our clock was set back", 2)
	r.clock = r.clock.Add(time.Hour)
	r.read(when("02:00:00") + given + when("02:05:30") + given)
	check("one every five and a half minutes", 1)
}

// The ratio is of calls; a night without any has none.
func TestErrorRatio(t *testing.T) {
	call := "2026-11-22 12:00:01,123 7 INFO prod werkzeug: 10.0.0.7 - - [22/Nov/2026 12:00:01] \"POST /web/dataset/call_kw/account.move/action_post HTTP/1.1\" 200 - 53 0.047 0.065\n"
	probe := strings.ReplaceAll(call, "POST /web/dataset/call_kw/account.move/action_post", "GET /web/health")
	raising := "2026-11-22 12:00:01,123 7 ERROR prod odoo.http: Exception during request handling.\nTraceback (most recent call last):\nKeyError: 7\n"
	tests := map[string]struct {
		log   string
		ratio float64
		known bool
	}{
		"nobody works":                   {strings.Repeat(probe, 50), 0, false},
		"hardly anybody, and it fails":   {strings.Repeat(call, fewCalls-1) + raising, 0, false},
		"all goes well":                  {strings.Repeat(call, fewCalls), 0, true},
		"each fourth call fails":         {strings.Repeat(strings.Repeat(call, 4)+raising, 10), 0.25, true},
		"more exceptions than calls":     {strings.Repeat(call, fewCalls) + strings.Repeat(raising, 50), 1, true},
		"business errors are no failure": {strings.Repeat(call+strings.ReplaceAll(raising, "ERROR prod odoo.http: Exception", "WARNING prod odoo.http: Refused"), 30), 0, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newReader(Plain)
			r.read(tt.log)
			r.settle()
			s := r.Save()
			if ratio, known := s.recent.tenants[0].errorRatio(); ratio != tt.ratio || known != tt.known {
				t.Errorf("errorRatio() = %v, %v, want %v, %v", ratio, known, tt.ratio, tt.known)
			}
		})
	}
}

// What is a label is bounded, whatever the log holds.
func TestBounds(t *testing.T) {
	r := newReader(Plain)
	var log strings.Builder
	for i := range 500 {
		fmt.Fprintf(&log, "2026-11-22 12:00:01,123 %d ERROR prod odoo.http: x\nTraceback (most recent call last):\n  File \"/a/addons/addon_%d/m.py\", line 1, in f\nX%dError: x\n", i, i, i)
		fmt.Fprintf(&log, "2026-11-22 12:00:01,123 %d INFO prod odoo.addons.base.models.ir_cron: Starting job `a%d`.\n", i, i)
		fmt.Fprintf(&log, "2026-11-22 12:00:01,123 %d ERROR prod odoo.addons.base.models.ir_cron: Call from cron a%d for server action #1 failed in Job #1\n", i+1000, i)
		fmt.Fprintf(&log, "2026-11-22 12:00:01,123 1 ERROR db%d odoo.service.server: WorkerHTTP (%d) timeout after 120s\n", i, i)
	}
	r.read(log.String())
	r.settle()
	s := r.Save()
	addons, classes := map[string]bool{}, map[string]bool{}
	total := uint64(0)
	for _, e := range s.Tenants["prod"].Errors {
		addons[e.Addon], classes[e.Exception] = true, true
		total += e.Count
	}
	if len(addons) > maxAddons+1 || len(classes) > maxExceptions+1 || total != 1000 {
		t.Errorf("%d addons, %d exceptions, %d errors, want at most %d, %d, and 1000", len(addons), len(classes), total, maxAddons+1, maxExceptions+1)
	}
	if n := len(s.Tenants["prod"].Actions); n > maxActions+1 {
		t.Errorf("%d actions, want at most %d", n, maxActions+1)
	}
	if len(s.Tenants) != 3 || len(r.running) > maxWorkers || len(r.killed) > maxWorkers {
		t.Errorf("%d tenants, %d running, %d killed", len(s.Tenants), len(r.running), len(r.killed))
	}
}

// Of a file that is not Odoo's log that is said, not nothing.
func TestAnotherLog(t *testing.T) {
	f := newFile(t)
	f.append(strings.Repeat("192.0.2.1 - - [22/Nov/2026:12:00:01 +0000] \"GET / HTTP/1.1\" 200 7\n", 30))
	f.poll()
	err := collectortest.Golden(t, f.log, "another_log")
	if fault.KindOf(err) != fault.Schema || !strings.Contains(err.Error(), "none of the last 30 lines") {
		t.Errorf("Collect() = %v", err)
	}
	if strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("the error quotes the log: %v", err)
	}
}

// A log that is not there is a finding; what was recent is then not known.
func TestMissingLog(t *testing.T) {
	f := newFile(t)
	f.poll()
	err := collectortest.Golden(t, f.log, "missing")
	if fault.KindOf(err) != fault.Unreachable || !strings.Contains(fault.HintOf(err), "log.file") {
		t.Errorf("Collect() = %v, hint %q", err, fault.HintOf(err))
	}
}

func TestSignals(t *testing.T) {
	if err := signal.Check(Signals()); err != nil {
		t.Error(err)
	}
}

// TestPrivacy reads records full of what must not be kept, and looks for it in
// all that is published, and in the file that is kept.
func TestPrivacy(t *testing.T) {
	secrets := []string{"Miller", "Müller", "GmbH", "1.234,56", "1234.56", "INV/2026/00042", "DE89370400440532013000", "miller@example.com", "10.0.0.7", "s3cret", "UPDATE"}
	text := strings.Join(secrets, " ")
	records := ""
	for _, logger := range []string{
		logHTTP, logServer, logRetry, logSQL, logRegistry, logCron, logReport, logAttachment, logUsers, logMail, logJobrunner + ".runner",
		"odoo.addons.Miller.models", "odoo.addons.account.models.account_move", "Miller",
	} {
		for _, l := range []string{"INFO", "WARNING", "ERROR", "CRITICAL"} {
			head := "2026-11-22 12:00:01,123 7 " + l + " prod " + logger + ": "
			records += head + text + "\n" + head + "Exception during request handling. " + text + "\n" + text + "\n" +
				"Traceback (most recent call last):\n  File \"/opt/odoo/addons/account/models/account_move.py\", line 1, in Miller\n    " + text + "\n" +
				"odoo.exceptions.UserError: " + text + "\n" + text + "\nTraceback (most recent call last):\n  File \"/home/Miller/1234.56/addons/INV/2026/00042.py\", line 1, in f\nMiller: " + text + "\n" +
				head + "bad query: UPDATE res_partner SET name = 'Miller'\nERROR: " + text + "\n" +
				head + "SERIALIZATION_FAILURE " + text + ", maximum number of tries reached!\n" +
				head + "Wkhtmltopdf failed (error code: -11). " + text + "\n" +
				head + "Login failed for db:prod login:miller@example.com from 10.0.0.7\n" +
				head + "failed sending mail (id: 7) due to " + text + "\n"
		}
	}
	for _, path := range []string{"/web/login?login=miller@example.com", "/report/pdf/account.report_invoice/INV/2026/00042", "/web/dataset/call_kw/Miller/1.234,56", "/jsonrpc#Miller.UPDATE", "/Miller"} {
		records += "2026-11-22 12:00:01,123 7 INFO Miller werkzeug: 10.0.0.7 - Miller [22/Nov/2026 12:00:01] \"POST " + path + " HTTP/1.1\" 200 - 5 0.1 0.1\n"
	}
	f := newFile(t)
	f.append(records)
	f.poll()
	f.poll()
	f.poll()
	published := published(t, f.log)
	kept, err := os.ReadFile(logtail.StateFile(filepath.Dir(f.path), "odoolog", "erp"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		for where, text := range map[string]string{"published": published, "kept": string(kept)} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is %s", secret, where)
			}
		}
	}
	if !strings.Contains(published, `value:"account"`) || len(kept) < 500 {
		t.Error("hardly anything was counted: nothing was tested")
	}
}
