package redis

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestStalledAndKilled(t *testing.T) {
	t.Parallel()
	r := startRedis(t, startLab(t), lab.RedisOptions{})
	tasks, stop := watch(t, r.URL())
	becomes(t, tasks["server"], "up", is("redis_up", 1))
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	p := becomes(t, tasks["server"], "down while stalled", is("redis_up", 0))
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v to see the stall", took)
	}
	if fault.KindOf(p.err) != fault.Timeout || p.values["redis_ping_worst_seconds"] < 0.3 {
		t.Errorf("stalled: worst ping %v, %v", p.values["redis_ping_worst_seconds"], p.err)
	}
	becomes(t, tasks["server"], "counting timeouts", func(p published) bool { return p.values["redis_ping_failures_total{kind=timeout}"] >= 2 })
	begun = time.Now()
	if p := collectAll(t, tasks["info"]); fault.KindOf(p.err) != fault.Timeout || len(p.values) > 0 || time.Since(begun) > 2*time.Second {
		t.Errorf("INFO of a stalled server took %v: %v %v", time.Since(begun), p.values, p.err)
	}
	if err := r.Resume(); err != nil {
		t.Fatal(err)
	}
	becomes(t, tasks["server"], "up again", is("redis_up", 1))
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	p = becomes(t, tasks["server"], "down when killed", func(p published) bool {
		// At first the connection that was open is reset.
		return is("redis_up", 0)(p) && fault.KindOf(p.err) == fault.Unreachable && strings.Contains(p.err.Error(), "refused")
	})
	if want := "ask Redis " + r.Addr + ": connection refused (check that the server runs, its bind address and any firewall between)"; p.err.Error() != want {
		t.Errorf("got  %v\nwant %s", p.err, want)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	becomes(t, tasks["server"], "up after a restart", is("redis_up", 1))
	stop()
}

func TestFindings(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	r := startRedis(t, l, lab.RedisOptions{Password: secret.New("right"), Args: []string{"--user", "blind", "on", ">seen", "+ping"}})
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	tests := map[string]struct {
		url  string
		kind fault.Kind
		want string // the end of the message
	}{
		"wrong password": {"redis://:hunter2@" + r.Addr + "/0", fault.Auth, "(check user and password in the URL)"},
		"no password":    {"redis://" + r.Addr + "/0", fault.Auth, "(check user and password in the URL)"},
		"no database":    {"redis://:right@" + r.Addr + "/99", fault.Schema, "(name a database that exists, such as /0)"},
		"refused":        {"redis://127.0.0.1:1/0", fault.Unreachable, "(check that the server runs, its bind address and any firewall between)"},
		"unknown host":   {"redis://no-such-host.invalid:6379/0", fault.DNS, "(check the host name)"},
		"silent":         {"redis://" + silent.Addr().String() + "/0", fault.Timeout, "no answer within the deadline"},
		"a web server":   {"redis://" + strings.TrimPrefix(web.URL, "http://") + "/0", fault.Schema, "(check that a Redis server listens at this address)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tasks, _ := watch(t, tt.url)
			p := becomes(t, tasks["server"], "down", is("redis_up", 0))
			q := collectAll(t, tasks["info"])
			for task, err := range map[string]error{"server": p.err, "info": q.err} {
				if fault.KindOf(err) != tt.kind || err == nil || !strings.HasSuffix(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("task %s:\ngot  %v (kind %s)\nwant … %s (kind %s)", task, err, fault.KindOf(err), tt.want, tt.kind)
				}
			}
			if len(q.values) > 0 {
				t.Errorf("INFO of a server that does not answer publishes %v", q.values)
			}
		})
	}
	t.Run("a user who may not read INFO", func(t *testing.T) {
		tasks, _ := watch(t, "redis://blind:seen@"+r.Addr+"/0")
		becomes(t, tasks["server"], "up", is("redis_up", 1))
		if p := collectAll(t, tasks["info"]); fault.KindOf(p.err) != fault.Denied {
			t.Errorf("INFO = %v, want kind denied", p.err)
		}
	})
}
