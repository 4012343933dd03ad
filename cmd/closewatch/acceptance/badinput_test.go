package acceptance

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/lab/world"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/web"
)

// parts are what a small estate is made of. Each situation spoils one of them.
type parts struct {
	db, sql, tenant, metrics, accessLog, url string
}

func (p parts) estate(password string) string {
	return fmt.Sprintf(`apiVersion: closewatch/v1
kind: Estate
metadata: {name: small}
environment: test
components:
  db:      {postgres: {dsn: %q, interval: 1s, connectTimeout: 1s}}
  ingress: {traefik: {metrics: %q, accessLog: %q, interval: 5s}}
  erp:
    odoo:
      url: %q
      database: %s
      login: nobody
      password: "${file:%s}"
      companies: [{id: 1, entity: small}, {id: 2, synthetic: true}]
      sql: {dsn: %q, interval: 1s, slowInterval: 30s}
      health: {interval: 5s, timeout: 5s}
schedule: {flows: {login: {enabled: false}}}
timing: {tick: 1s, scale: 0.1}
`, p.db, p.metrics, p.accessLog, p.url, p.tenant, password, p.sql)
}

// Roles of the small estates. The last may log in with a password only, and
// pg_monitor is granted to the others but the second.
const (
	watcher   = "watcher"
	plainRole = "plain"
	locked    = "locked"
)

// Each situation is one clear finding on the component it is about, says what
// to do, and leaves everything else as it was.
func TestBadInput(t *testing.T) {
	w := shared.get(t)
	makeRoles(t, w)
	password := write(t, filepath.Join(t.TempDir(), "password"), "wrong")
	maintenance := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(rw, "<!DOCTYPE html>\n<html><body>We are migrating. Back at noon.</body></html>\n")
	}))
	t.Cleanup(maintenance.Close)
	// A log is followed from its end; these lines come once it is followed.
	torn := newLog(t, w, `rted":"2026-11-22T05:40:24Z"}`+"\n")
	long := newLog(t, w, `{"RequestPath":"/`+strings.Repeat("x", 10<<20)+`"}`+"\n")
	// What traffic does to a database that is short of processors (sessions that
	// wait for locks, tables that wait for autovacuum) is no situation of these.
	w.Load.Pause()
	t.Cleanup(w.Load.Resume)
	if err := w.Database.Exec(t.Context(), "postgres", odoosim.Database, "VACUUM"); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "access.log")
	withPassword := strings.Replace(w.Database.DSN(locked, "postgres"), locked+"@", locked+":${file:"+password+"}@", 1)

	good := parts{
		db: w.Database.DSN(watcher, "postgres"), sql: w.Database.DSN(watcher, "postgres"), tenant: odoosim.Database,
		metrics: w.Ingress.MetricsURL, accessLog: w.Ingress.AccessLog, url: w.Odoo.URL(),
	}
	situations := []struct {
		name    string
		spoil   func(*parts)
		log     *logFile
		on      string      // component; "" for none
		finding web.Finding // on it; text and hint are parts of what is said
	}{
		{
			name: "nothing is wrong", spoil: func(*parts) {},
		},
		{
			name: "wrong password", spoil: func(p *parts) { p.db = withPassword },
			// It answers, and what else is to be known of it is not.
			on: "db", finding: web.Finding{State: signal.Warning, Text: `password authentication failed for user "locked"`, Hint: "password"},
		},
		{
			name: "unreachable host", spoil: func(p *parts) { p.db = "postgres://watcher@127.0.0.1:1/postgres?sslmode=disable" },
			on: "db", finding: web.Finding{State: signal.Critical, Text: "PostgreSQL db does not answer: connect to PostgreSQL 127.0.0.1:1: connection refused", Hint: "check that the server runs"},
		},
		{
			name: "unknown database", spoil: func(p *parts) { p.db = w.Database.DSN(watcher, "nowhere") },
			on: "db", finding: web.Finding{State: signal.Critical, Text: `database "nowhere" does not exist`, Hint: "name one that does"},
		},
		{
			name: "role without pg_monitor", spoil: func(p *parts) { p.db = w.Database.DSN(plainRole, "postgres") },
			on: "db", finding: web.Finding{State: signal.Warning, Text: "role plain does not have pg_monitor", Hint: "GRANT pg_monitor TO plain;"},
		},
		{
			name: "unknown tenant", spoil: func(p *parts) { p.tenant = "elsewhere" },
			on: "erp", finding: web.Finding{State: signal.Critical, Text: `database "elsewhere" does not exist`, Hint: "name one that does"},
		},
		{
			name: "access log missing", spoil: func(p *parts) { p.accessLog = missing },
			on: "ingress", finding: web.Finding{State: signal.Warning, Text: "open " + missing + ": no such file or directory", Hint: "check accessLog against Traefik's accessLog.filePath"},
		},
		{
			name: "access log truncated in mid-line", spoil: func(p *parts) { p.accessLog = torn.path }, log: torn,
			on: "ingress", finding: web.Finding{State: signal.Warning, Text: "cannot be understood: torn, or not Traefik's", Hint: "rotate the log by renaming it"},
		},
		{
			name: "access log with a line of 10 MB", spoil: func(p *parts) { p.accessLog = long.path }, log: long,
			on: "ingress", finding: web.Finding{State: signal.Warning, Text: "exceed 256 KiB and were skipped", Hint: "drop it with accessLog.fields.headers"},
		},
		{
			name: "Odoo answers HTML", spoil: func(p *parts) { p.url = maintenance.URL },
			on: "erp", finding: web.Finding{State: signal.Critical, Text: "HTML", Hint: "url"},
		},
	}
	daemons := make([]*daemon, len(situations))
	for i, s := range situations { // all run at once: each needs a few seconds, none much else
		p := good
		s.spoil(&p)
		dir := t.TempDir()
		daemons[i] = startDaemon(t, write(t, filepath.Join(dir, "estate.yaml"), p.estate(password)), filepath.Join(dir, "data"))
	}
	for i, s := range situations {
		t.Run(s.name, func(t *testing.T) {
			d := daemons[i]
			await(t, time.Minute, func() string {
				s.log.growOnce(t, d)
				_, _, missing := unlike(t, d, s.on, s.finding)
				return missing
			})
			if status, _ := d.get(t, "/-/ready"); status != http.StatusOK {
				t.Errorf("/-/ready = %d", status)
			}
			if status, page := d.get(t, "/"); status != http.StatusOK || !strings.Contains(page, html.EscapeString(s.finding.Hint)) {
				t.Errorf("GET / = %d, want the hint %q on it", status, s.finding.Hint)
			}
		})
	}
	reached := time.Now()
	for i, s := range situations {
		t.Run(s.name+", and it stays so", func(t *testing.T) {
			await(t, time.Minute, func() string {
				at, there, missing := unlike(t, daemons[i], s.on, s.finding)
				switch {
				case !there:
					t.Fatal(missing)
				case at.Sub(reached) < 3*time.Second:
					return "three more ticks"
				}
				return missing // besides it, what a slow machine does passes
			})
		})
	}
}

// unlike says how the findings on the overview differ from the one wanted, if
// any, whether that one is there, and at which tick that was. The other
// components must be well.
func unlike(t *testing.T, d *daemon, on string, want web.Finding) (at time.Time, there bool, difference string) {
	t.Helper()
	var o web.Overview
	d.decode(t, "/api/v1/overview", &o)
	var b strings.Builder
	same, there := len(o.Components) == 3, on == ""
	for _, c := range o.Components {
		fmt.Fprintf(&b, "%s is %s\n", c.Name, c.State)
		for _, f := range c.Findings {
			fmt.Fprintf(&b, "    %s: %s\n        %s\n", f.State, f.Text, f.Hint)
		}
		if c.Name != on {
			same = same && c.State == signal.OK && len(c.Findings) == 0
			continue
		}
		there = slices.ContainsFunc(c.Findings, func(f web.Finding) bool { return says(f, want) })
		same = same && there && len(c.Findings) == 1
	}
	if same {
		return o.AsOf, true, ""
	}
	return o.AsOf, there, fmt.Sprintf("want one finding on %q: %s: … %s … (… %s …); have\n%s", on, want.State, want.Text, want.Hint, b.String())
}

func says(f, want web.Finding) bool {
	return f.State == want.State && strings.Contains(f.Text, want.Text) && strings.Contains(f.Hint, want.Hint) && !strings.Contains(f.Text, f.Hint)
}

// makeRoles makes the roles of the small estates.
func makeRoles(t *testing.T, w *world.World) {
	t.Helper()
	exec := func(db, sql string) {
		t.Helper()
		if err := w.Database.Exec(t.Context(), "postgres", db, sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("postgres", fmt.Sprintf("CREATE ROLE %s LOGIN; CREATE ROLE %s LOGIN; CREATE ROLE %s LOGIN PASSWORD 'right'", watcher, plainRole, locked))
	exec(odoosim.Database, odoosim.GrantSQL(watcher))
	exec(odoosim.Database, odoosim.GrantSQL(locked))
	for _, role := range []string{watcher, locked} { // many daemons share it here
		exec("postgres", "ALTER ROLE "+role+" CONNECTION LIMIT -1")
	}
	requirePassword(t, w.Database, locked)
}

// requirePassword has the server ask one role for its password.
func requirePassword(t *testing.T, p *lab.Postgres, role string) {
	t.Helper()
	hba := filepath.Join(p.DataDir, "pg_hba.conf")
	rest, err := os.ReadFile(hba)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hba, append([]byte("host all "+role+" 127.0.0.1/32 scram-sha-256\n"), rest...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Exec(t.Context(), "postgres", "postgres", "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
}

// A logFile is an access log that gets more lines once a daemon follows it.
type logFile struct {
	path  string
	lines string
	grown bool
}

// newLog makes a log of a few recorded lines of the ingress, all of them about
// requests that were answered well. What comes later is content among more of
// them.
func newLog(t *testing.T, w *world.World, content string) *logFile {
	t.Helper()
	var recorded []byte
	await(t, time.Minute, func() string {
		all, err := os.ReadFile(w.Ingress.AccessLog)
		if err != nil {
			return err.Error()
		}
		recorded = nil
		n := 0
		for line := range bytes.Lines(all) {
			if bytes.HasSuffix(line, []byte("\n")) && bytes.Contains(line, []byte(`"DownstreamStatus":200,`)) {
				recorded, n = append(recorded, line...), n+1
			}
		}
		if n < 20 {
			return fmt.Sprintf("%d requests", n)
		}
		return ""
	})
	return &logFile{path: write(t, filepath.Join(t.TempDir(), "access.log"), string(recorded)), lines: string(recorded) + content + string(recorded)}
}

// growOnce writes what comes later as soon as the daemon follows the log.
func (l *logFile) growOnce(t *testing.T, d *daemon) {
	t.Helper()
	if l == nil || l.grown {
		return
	}
	if _, metrics := d.get(t, "/metrics?component=ingress"); !strings.Contains(metrics, "traefik_accesslog_readable{") {
		return
	}
	l.grown = true
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(l.lines); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
