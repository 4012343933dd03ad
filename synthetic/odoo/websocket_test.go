package odoo_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

func TestWebsocketOfAStandIn(t *testing.T) {
	l, server := standIn(t, "websocket")
	t.Run("what it suffers is what the run says", func(t *testing.T) { suffer(t, l, server) })
	t.Run("a bus that delivers nothing", func(t *testing.T) { deafBus(t, l, server) })
	t.Run("a kill switch stops presence", func(t *testing.T) { killSwitch(t, l) })
	t.Run("every version tells that the user is online", func(t *testing.T) { everyVersion(t, l) })
}

func suffer(t *testing.T, l ledger, server *odoosim.Server) {
	t.Helper()
	closes := func(code int) func() { return func() { server.Faults().SetWebsocketCloses(code) } }
	tests := []struct {
		name   string
		break_ func()
		step   string
		kind   fault.Kind
		want   string // in the reason or the hint
	}{
		{"the ingress does not know the gevent port", func() { server.Faults().SetWebsocketMisrouted(true) }, "open-websocket", fault.Unavailable, "gevent port"},
		{"sessions are not shared", closes(4001), "subscribe", fault.Auth, "code 4001"},
		{"connections are ended early", closes(4002), "subscribe", fault.Limit, "websocket_keep_alive_timeout"},
		{"no database connection is left", closes(1013), "subscribe", fault.Limit, "db_maxconn_gevent"},
		{"the gevent process restarts", closes(1001), "subscribe", fault.Unavailable, "restarted"},
		{"an error of Odoo", closes(1011), "subscribe", fault.Unavailable, "look in the log"},
		{"an end that nobody asked for", closes(1000), "subscribe", fault.Schema, "nobody asked"},
		{"nothing", func() {}, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.break_()
			run := execute(t.Context(), odoo.NewWebsocket(odoo.New(l.settings(t, l.client(t, nil)))), flow.L1)
			if err := server.Faults().Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
			if run.FailedStep != tt.step || run.Kind != tt.kind || !strings.Contains(run.Reason+run.Hint, tt.want) || (run.Outcome == flow.Passed) != (tt.kind == "") {
				t.Errorf("%s, kind %q at %q: %s (%s)", run.Outcome, run.Kind, run.FailedStep, run.Reason, run.Hint)
			}
		})
	}
}

// A websocket opens and answers although nothing reaches it: only L1 sees that.
func deafBus(t *testing.T, l ledger, server *odoosim.Server) {
	t.Helper()
	server.Faults().SetBusDeaf(true)
	defer server.Faults().SetBusDeaf(false)
	l.rpc.Timeout = estate.Duration(3 * time.Second)
	f := odoo.NewWebsocket(odoo.New(l.settings(t, l.client(t, nil))))
	if run := execute(t.Context(), f, flow.L0); run.Outcome != flow.Passed || !strings.Contains(strings.Join(run.CannotDetect, "; "), "notifications") {
		t.Errorf("L0 %s: %s; cannot detect %v", run.Outcome, run.Reason, run.CannotDetect)
	}
	run := execute(t.Context(), f, flow.L1)
	if run.FailedStep != "receive-notification" || run.Kind != fault.Timeout || !strings.Contains(run.Hint, "pooler") {
		t.Errorf("L1 %s, kind %q at %q: %s (%s)", run.Outcome, run.Kind, run.FailedStep, run.Reason, run.Hint)
	}
}

// Presence is written, so that a kill switch stops it; to listen it does not.
func killSwitch(t *testing.T, l ledger) {
	t.Helper()
	s := l.settings(t, l.client(t, nil))
	s.KillSwitch = flow.NewKillSwitch("")
	s.KillSwitch.Pause("month end")
	f := odoo.NewWebsocket(odoo.New(s))
	for level, want := range map[flow.Level]flow.Outcome{flow.L0: flow.Passed, flow.L1: flow.Blocked} {
		if run := execute(t.Context(), f, level); run.Outcome != want {
			t.Errorf("%s %s: %s", level, run.Outcome, run.Reason)
		}
	}
}

// Each version says differently who is online, and 16 not only when it changes.
func everyVersion(t *testing.T, l ledger) {
	t.Helper()
	for _, version := range []int{16, 17, 19} {
		t.Run(strconv.Itoa(version), func(t *testing.T) {
			other := l.as(t, version)
			for range 2 { // the second finds what the first left on the bus
				if run := execute(t.Context(), odoo.NewWebsocket(odoo.New(other.settings(t, other.client(t, nil)))), flow.L1); run.Outcome != flow.Passed {
					t.Errorf("%s at %s: %s", run.Outcome, run.FailedStep, run.Reason)
				}
			}
		})
	}
}

func TestWebsocket(t *testing.T) {
	l := openLedger(t)
	t.Run("a user who is online already", func(t *testing.T) { onlineAlready(t, l) })
	t.Run("old notifications are not believed", func(t *testing.T) { oldNotifications(t, l) })
}

// A browser or another prober keeps the user online meanwhile: to be told of its
// coming online, it has to go away first.
func onlineAlready(t *testing.T, l ledger) {
	t.Helper()
	other := open(t, l)
	defer other.Abandon()
	send(t, other, "subscribe", map[string]any{"channels": presenceOf(t, l), "last": 0})
	appear(t, l, other)
	if err := other.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	run := execute(t.Context(), odoo.NewWebsocket(odoo.New(l.settings(t, l.client(t, nil)))), flow.L1)
	if run.Outcome != flow.Passed {
		t.Errorf("%s at %s: %s", run.Outcome, run.FailedStep, run.Reason)
	}
}

// What the bus still holds of an earlier run is no sign of life: it comes before
// the pong of a ping that is sent behind a subscription, and is dropped with it.
func oldNotifications(t *testing.T, l ledger) {
	t.Helper()
	first := open(t, l)
	send(t, first, "subscribe", map[string]any{"channels": presenceOf(t, l), "last": 0})
	if err := first.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	appear(t, l, first)
	if told, err := first.Receive(t.Context()); err != nil || len(told) == 0 {
		t.Fatalf("Receive() = %v, %v", told, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for _, ping := range []bool{false, true} {
		socket := open(t, l)
		send(t, socket, "subscribe", map[string]any{"channels": presenceOf(t, l), "last": 0})
		patience := time.Minute
		if ping {
			patience = time.Second // nothing comes
			if err := socket.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		told, err := socket.Receive(ctx)
		cancel()
		if ping != (fault.KindOf(err) == fault.Timeout) {
			t.Errorf("after a ping %t: %v, %v", ping, told, err)
		}
		socket.Abandon()
	}
}

func open(t *testing.T, l ledger) *odoorpc.Socket {
	t.Helper()
	socket, err := l.client(t, nil).Websocket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(socket.Abandon)
	return socket
}

func send(t *testing.T, socket *odoorpc.Socket, event string, data map[string]any) {
	t.Helper()
	if err := socket.Send(t.Context(), event, data); err != nil {
		t.Fatal(err)
	}
}

// appear has the monitoring user go away and come online.
func appear(t *testing.T, l ledger, socket *odoorpc.Socket) {
	t.Helper()
	version, err := l.client(t, nil).Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, idle := range []time.Duration{time.Hour, 0} {
		data := map[string]any{"inactivity_period": idle.Milliseconds()}
		if version.Major < 19 {
			data["im_status_ids_by_model"] = map[string]any{"res.partner": []int64{partnerOf(t, l)}}
		}
		send(t, socket, "update_presence", data)
	}
}

func presenceOf(t *testing.T, l ledger) []string {
	t.Helper()
	return []string{fmt.Sprintf("odoo-presence-res.partner_%d", partnerOf(t, l))}
}

func partnerOf(t *testing.T, l ledger) int64 {
	t.Helper()
	c := l.client(t, nil)
	uid, err := c.UserID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var users []struct {
		Partner []any `json:"partner_id"`
	}
	if err := c.Call(t.Context(), "res.users", "read", []any{[]int64{uid}, []string{"partner_id"}}, nil, &users); err != nil || len(users) != 1 {
		t.Fatalf("%v, %v", users, err)
	}
	return int64(users[0].Partner[0].(float64))
}

// as is l served by a stand-in of another version.
func (l ledger) as(t *testing.T, version int) ledger {
	t.Helper()
	server, err := odoosim.New(odoosim.Options{DSN: startPostgres(t).DSN("postgres", l.rpc.Database), Version: version})
	if err != nil {
		t.Fatal(err)
	}
	start(t, server)
	l.rpc.URL, l.rpc.Password = server.URL(), secret.New("probe")
	return l
}
