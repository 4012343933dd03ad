package traefik

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/lab/traefiksim"
)

func TestWhichOperationsMustNotBeDoneTwice(t *testing.T) {
	want := map[string]bool{
		"account.move/action_post": true, "account.move/create": true, "account.payment.register/action_create_payments": true,
		"account.statement.import/import_file_button": true, "base_import.import/execute_import": true,
		"account.move.send.wizard/action_send_and_print": true, "account.bank.statement.line/create": true,
		"account.move.line/reconcile": true, "account.batch.payment/validate_batch": true, "account.payment.order/open2generated": true,
		"sale.order/action_confirm": true, "account.journal/create_document_from_attachment": true, "button": true,
		"account.move/read": false, "account.move/web_search_read": false, "account.move/write": false, "account.move/button_draft": false,
		"account.payment.register/create": false, "account.move/action_register_payment": false, "account.report/export_file": false,
		"report": false, "web": false, "rpc": false, "other": false, "websocket": false, "bank-api": false,
	}
	c := newClassifier([]string{"sale.order/action_confirm"}, []Rule{{Path: "/api/bank/*", Name: "bank-api"}})
	for op, name := range c.names {
		if w, asked := want[name]; asked && c.writes[op] != w {
			t.Errorf("%s: writes = %v", name, c.writes[op])
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("no operations: %v", want)
	}
}

func TestInterruptedWrites(t *testing.T) {
	const post = "/web/dataset/call_kw/account.move/action_post"
	tests := map[string]struct {
		path, line string // the line without path, host, time and number
		want       float64
	}{
		"timed out":                        {post, `"DownstreamStatus":504,"OriginStatus":504,"OriginDuration":60000000000,"Duration":60000000000,"ServiceName":"s"`, 1},
		"the user gave up":                 {post, `"DownstreamStatus":499,"OriginStatus":499,"OriginDuration":30000000000,"Duration":30000000000,"ServiceName":"s"`, 1},
		"the answer was cut short":         {post, `"DownstreamStatus":200,"OriginStatus":0,"OriginDuration":0,"Duration":900000000,"ServiceName":"s"`, 1},
		"a button of Odoo 16":              {"/web/dataset/call_button", `"DownstreamStatus":504,"OriginStatus":504,"OriginDuration":60000000000,"Duration":60000000000,"ServiceName":"s"`, 1},
		"answered":                         {post, `"DownstreamStatus":200,"OriginStatus":200,"OriginDuration":9,"Duration":30000000000,"ServiceName":"s"`, 0},
		"the page was left at once":        {post, `"DownstreamStatus":499,"OriginStatus":499,"OriginDuration":200000000,"Duration":200000000,"ServiceName":"s"`, 0},
		"Odoo was not reached":             {post, `"DownstreamStatus":502,"OriginStatus":502,"OriginDuration":900000,"Duration":1000000,"ServiceName":"s"`, 0},
		"no server was healthy":            {post, `"DownstreamStatus":503,"OriginStatus":0,"OriginDuration":0,"Duration":1000000`, 0},
		"the upload never arrived":         {post, `"DownstreamStatus":502,"OriginStatus":502,"OriginDuration":9,"Duration":9000000000,"RequestContentSize":3,"request_Content-Length":"9","ServiceName":"s"`, 0},
		"a report that took too long":      {"/report/pdf/account.report_invoice/1", `"DownstreamStatus":504,"OriginStatus":504,"OriginDuration":60000000000,"Duration":60000000000,"ServiceName":"s"`, 0},
		"a list that took too long":        {"/web/dataset/call_kw/account.move/web_search_read", `"DownstreamStatus":504,"OriginStatus":504,"OriginDuration":60000000000,"Duration":60000000000,"ServiceName":"s"`, 0},
		"a probe of ours, which cleans up": {post, `"DownstreamStatus":504,"OriginStatus":504,"OriginDuration":60000000000,"Duration":60000000000,"ServiceName":"s","request_User-Agent":"closewatch-probe/1"`, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.start()
			r.poll()
			r.write(fmt.Sprintf(`{%s,"RequestPath":%q,"RequestHost":"erp.example.com","RequestCount":1,"StartUTC":%q}`+"\n", tt.line, tt.path, r.clock.UTC().Format(time.RFC3339Nano)))
			r.poll()
			c := &accessLog{follower: r.f, now: func() time.Time { return r.clock }}
			for _, family := range []string{"traefik_finance_interrupted_writes_total", "traefik_finance_recent_interrupted_writes"} {
				values, err := labelledValues(t, c, family)
				if err != nil {
					t.Fatal(err)
				}
				if len(values) > 1 {
					t.Errorf("%s = %v", family, values)
				}
				sum := 0.0
				for _, v := range values {
					sum += v
				}
				if sum != tt.want {
					t.Errorf("%s = %v, want %v", family, values, tt.want)
				}
			}
		})
	}
}

func TestInterruptedWritesStopBeingRecent(t *testing.T) {
	const minute = 60e9
	base := int64(1_795_000_000_000_000_000)
	var i interrupted
	if n := i.recent(base); n != 0 {
		t.Errorf("recent = %d of none", n)
	}
	i.add(base)
	i.add(base + 10*minute)
	i.add(base - minute)     // its line came late
	i.add(base - 600*minute) // much too late
	want := map[int64]uint64{0: 3, 15: 3, 24: 3, 36: 1, 45: 0, 100000: 0}
	for minutes, n := range want {
		if got := i.recent(base + minutes*minute); got != n {
			t.Errorf("%d minutes later: recent = %d, want %d", minutes, got, n)
		}
	}
	if i.Total != 4 {
		t.Errorf("total = %d, want all 4", i.Total)
	}
}

func TestInterruptedWritesSurviveARestart(t *testing.T) {
	of := func() *tenants { return newTenants(map[string]string{"erp.example.com": "prod"}, "") }
	before := &reader{newParser(formatAuto), newTally(newClassifier(nil, nil), of())}
	before.Line(fmt.Appendf(nil, `{"DownstreamStatus":504,"Duration":60000000000,"OriginDuration":60000000000,"OriginStatus":504,"RequestHost":"erp.example.com","RequestPath":"/web/dataset/call_kw/account.move/action_post","ServiceName":"s","StartUTC":%q}`, noon().Format(time.RFC3339)))
	saved := before.Save()
	after := &reader{newParser(formatAuto), newTally(newClassifier(nil, nil), of())}
	after.Restore(saved)
	if diff := cmp.Diff(saved.Interrupted, after.Save().Interrupted, cmp.AllowUnexported(savedInterruption{})); diff != "" || len(saved.Interrupted) != 1 {
		t.Errorf("%+v: -want +got:\n%s", saved.Interrupted, diff)
	}
}

// A real proxy gives up on a slow posting: the user sees an error, and the
// signal's number says that it may be done.
func TestAPostingThatTimesOutBehindTheProxy(t *testing.T) {
	release := make(chan struct{})
	odoo := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path != "/web/health" {
			<-release
		}
	}))
	defer odoo.Close()
	defer close(release)
	dir := t.TempDir()
	proxy, err := traefiksim.New(traefiksim.Options{
		EntryPoints: []traefiksim.EntryPoint{{Name: "web", Address: "127.0.0.1:0"}},
		Routers:     []traefiksim.Router{{Name: "odoo", Service: "odoo"}},
		Services:    []traefiksim.Service{{Name: "odoo", Servers: []string{odoo.URL}, ResponseHeaderTimeout: 20 * time.Millisecond}},
		AccessLog:   traefiksim.AccessLog{Path: filepath.Join(dir, "access.log")},
		OwnLog:      traefiksim.OwnLog{Path: filepath.Join(dir, "traefik.log")},
	})
	if err == nil {
		err = proxy.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Kill)

	var c Config
	c.SetDefaults()
	c.Interval = estate.Duration(time.Second)
	c.Metrics, c.AccessLog, c.Log, c.DefaultTenant = proxy.MetricsURL(), filepath.Join(dir, "access.log"), filepath.Join(dir, "traefik.log"), "prod"
	c.Ping = []string{proxy.URL("web") + "/web/health"}
	i := New(Settings{Component: "ingress", Environment: "lab", Config: c, Log: slog.New(slog.DiscardHandler)})
	defer i.Close()
	ctx, stop := context.WithCancel(t.Context())
	following := make(chan error, 1)
	go func() { following <- i.Run(ctx) }()
	defer func() {
		stop()
		if err := <-following; err != nil {
			t.Error(err)
		}
	}()
	tasks := map[string]func(string) map[string]float64{}
	for _, task := range i.Tasks() {
		tasks[task.Name] = func(family string) map[string]float64 {
			values, err := labelledValues(t, task.Collector, family)
			if err != nil {
				t.Errorf("%s: %v", task.Name, err)
			}
			return values
		}
	}
	await := func(what, task, family string, done func(map[string]float64) bool) {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		patience := time.After(30 * time.Second)
		for {
			values := tasks[task](family)
			if done(values) {
				return
			}
			select {
			case <-tick.C:
			case <-patience:
				t.Fatalf("%s: %s is %v", what, family, values)
			}
		}
	}
	await("the access log is looked at", "accesslog", "traefik_accesslog_readable", func(v map[string]float64) bool { return v[""] == 1 })
	await("the own log is looked at", "log", "traefik_log_readable", func(v map[string]float64) bool { return v[""] == 1 })

	resp, err := http.Post(proxy.URL("web")+"/web/dataset/call_kw/account.move/action_post", "application/json", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusGatewayTimeout {
		t.Fatalf("status %d, want 504", resp.StatusCode)
	}
	await("the posting is counted", "accesslog", "traefik_finance_recent_interrupted_writes", func(v map[string]float64) bool {
		return v["account.move/action_post prod"] == 1
	})
	if got := tasks["metrics"]("traefik_router_requests_total"); got["504 odoo@file odoo@file"] != 1 {
		t.Errorf("requests by router = %v", got)
	}
	if got := tasks["ping"]("traefik_entrypoint_reachable"); got[c.Ping[0]] != 1 {
		t.Errorf("reachable = %v", got)
	}
	if err := proxy.RefuseChange(); err != nil {
		t.Fatal(err)
	}
	await("the refused change is told", "log", "traefik_config_refused", func(v map[string]float64) bool { return v[toldByLog] == 1 })
}
