package traefiksim_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closewatch/closewatch/internal/lab/traefiksim"
)

func TestStoppedProxyRefusesAndComesBackOnItsPorts(t *testing.T) {
	r := newRig(t, traefiksim.AccessLog{})
	r.send(t, call{path: "/ok"})
	address := r.proxy.Address("web")
	if err := r.proxy.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("dial a stopped proxy: %v, %v, want connection refused", conn, err)
	}
	if err := r.proxy.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.proxy.Address("web"); got != address {
		t.Errorf("address after restart = %s, want %s", got, address)
	}
	r.send(t, call{path: "/ok"})
	if line := r.lines(t, 2)[1]; !strings.Contains(line, `"RequestCount":1,`) {
		t.Errorf("a restarted proxy counts from 1: %s", line)
	}
	if got := sample(r.metrics(t), `traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http"}`); got != "1" {
		t.Errorf("requests counted since the restart = %q, want 1", got)
	}
}

func TestStopLetsARequestEnd(t *testing.T) {
	r := newRig(t, traefiksim.AccessLog{})
	conn, _ := r.dial(t, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nhalf")
	r.await(t, "the request to be inside", func() bool {
		return sample(r.metrics(t), `traefik_open_connections{entrypoint="web",protocol="TCP"}`) == "1"
	})
	stopped := make(chan error, 1)
	go func() { stopped <- r.proxy.Stop(t.Context()) }()
	r.await(t, "the listener to close", func() bool {
		other, err := net.Dial("tcp", r.proxy.Address("web"))
		if err == nil {
			_ = other.Close()
		}
		return err != nil
	})
	if _, err := conn.Write([]byte("all")); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if line := r.lines(t, 1)[0]; !strings.Contains(line, `"DownstreamStatus":200,`) {
		t.Errorf("the request under way was not served: %s", line)
	}
}

func TestKillLeavesNoLineOfWhatWasUnderWay(t *testing.T) {
	r := newRig(t, traefiksim.AccessLog{})
	r.send(t, call{path: "/ok"})
	_, _ = openChat(t, r)
	r.proxy.Kill()
	data, err := os.ReadFile(r.log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); n != 1 {
		t.Errorf("%d lines, want only the finished request's:\n%s", n, data)
	}
	if r.proxy.Running() {
		t.Error("a killed proxy is not running")
	}
}

func TestReopenWritesToANewFile(t *testing.T) {
	r := newRig(t, traefiksim.AccessLog{})
	r.send(t, call{path: "/ok"})
	r.lines(t, 1)
	if err := os.Rename(r.log, r.log+".1"); err != nil {
		t.Fatal(err)
	}
	r.send(t, call{path: "/404"}) // still to the old file, under its new name
	r.await(t, "the second line", func() bool {
		data, _ := os.ReadFile(r.log + ".1")
		return strings.Count(string(data), "\n") == 2
	})
	if err := r.proxy.Reopen(); err != nil {
		t.Fatal(err)
	}
	r.send(t, call{path: "/500"})
	if lines := r.lines(t, 1); len(lines) != 1 || !strings.Contains(lines[0], `"/500"`) {
		t.Errorf("new file = %v, want the one line of /500", lines)
	}
}

func TestPing(t *testing.T) {
	r := newRig(t, traefiksim.AccessLog{})
	if got := r.get(t, r.proxy.PingURL()); got != "OK" {
		t.Errorf("ping = %q, want OK", got)
	}
}

func TestBackendsSeeWhereARequestCameFrom(t *testing.T) {
	seen := make(chan *http.Request, 1)
	backend := serve(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r })
	proxy, err := traefiksim.New(traefiksim.Options{
		EntryPoints: []traefiksim.EntryPoint{{Name: "web", Address: "127.0.0.1:0"}},
		Routers:     []traefiksim.Router{{Name: "odoo", Service: "odoo"}},
		Services:    []traefiksim.Service{{Name: "odoo", Servers: []string{backend}}},
		Hostname:    "vm",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := proxy.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Kill)
	r := &rig{proxy: proxy}
	r.send(t, call{
		path: "/jsonrpc?a=1;b=2", host: "erp.example.test",
		headers: map[string]string{"X-Forwarded-For": "203.0.113.9", "X-Real-Ip": "203.0.113.9"},
	})
	got := <-seen
	for name, want := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "X-Forwarded-Host": "erp.example.test",
		"X-Forwarded-Proto": "http", "X-Forwarded-Port": "80", "X-Forwarded-Server": "vm",
	} {
		if have := got.Header.Get(name); have != want {
			t.Errorf("%s = %q, want %q", name, have, want)
		}
	}
	if got.Host != "erp.example.test" || got.URL.RawQuery != "a=1;b=2" {
		t.Errorf("host %q, query %q, want both as the client sent them", got.Host, got.URL.RawQuery)
	}
}

func TestServersTakeTurns(t *testing.T) {
	var backends []string
	for _, name := range []string{"one", "two"} {
		backends = append(backends, serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) }))
	}
	proxy, err := traefiksim.New(traefiksim.Options{
		EntryPoints: []traefiksim.EntryPoint{{Name: "web", Address: "127.0.0.1:0"}},
		Routers:     []traefiksim.Router{{Name: "odoo", Service: "odoo"}},
		Services:    []traefiksim.Service{{Name: "odoo", Servers: backends}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := proxy.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Kill)
	r := &rig{proxy: proxy}
	var got []string
	for range 4 {
		got = append(got, r.get(t, proxy.URL("web")))
	}
	if s := strings.Join(got, " "); s != "one two one two" {
		t.Errorf("answers came from %s, want them to alternate", s)
	}
}

func TestNewReportsEveryMistake(t *testing.T) {
	_, err := traefiksim.New(traefiksim.Options{
		EntryPoints: []traefiksim.EntryPoint{{Name: "metrics"}},
		Routers: []traefiksim.Router{
			{Name: "odoo", Service: "nobody", EntryPoints: []string{"nowhere"}, RateLimit: &traefiksim.RateLimit{}},
		},
		Services:  []traefiksim.Service{{Name: "odoo", Servers: []string{"localhost:8069"}, HealthCheck: &traefiksim.HealthCheck{}}},
		AccessLog: traefiksim.AccessLog{Format: "xml"},
	})
	if err == nil {
		t.Fatal("New accepted seven mistakes")
	}
	for _, want := range []string{
		`entry point "metrics"`, `no service "nobody"`, `no entry point "nowhere"`, "average above 0",
		`server "localhost:8069"`, "interval and a timeout", `format "xml"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestRulesAreTraefiks(t *testing.T) {
	for want, router := range map[string]traefiksim.Router{
		"PathPrefix(`/`)":          {},
		"PathPrefix(`/web`)":       {PathPrefix: "/web"},
		"Host(`erp.example.test`)": {Host: "erp.example.test"},
		"Host(`erp.example.test`) && PathPrefix(`/longpoll`)": {Host: "erp.example.test", PathPrefix: "/longpoll"},
	} {
		if got := router.Rule(); got != want {
			t.Errorf("Rule() = %s, want %s", got, want)
		}
	}
}

// A fresh client has its burst, waits a little for one more, and is refused
// when the wait would be long.
func TestRateLimitWaitsBeforeItRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := traefiksim.NewLimiter(traefiksim.RateLimit{Average: 10, Burst: 2})
		for i, want := range []struct {
			wait time.Duration
			ok   bool
		}{{0, true}, {0, true}, {100 * time.Millisecond, false}} {
			if wait, ok := l.Take("client", time.Now()); wait != want.wait || ok != want.ok {
				t.Errorf("request %d: wait %v, admitted %v, want %v, %v", i, wait, ok, want.wait, want.ok)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
		defer cancel()
		<-ctx.Done()
		if wait, ok := l.Take("client", time.Now()); wait != 40*time.Millisecond || !ok {
			t.Errorf("60 ms later: wait %v, admitted %v, want 40ms, true", wait, ok)
		}
		if wait, ok := l.Take("another client", time.Now()); wait != 0 || !ok {
			t.Errorf("another client: wait %v, admitted %v, want none, true", wait, ok)
		}
	})
}
