package odoo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
)

// WebsocketName is the name of the flow Websocket.
const WebsocketName = "websocket"

// Websocket keeps a connection to Odoo's bus as a browser does. At L0 it opens
// one, subscribes and is answered; at L1 it is also told something: that the
// monitoring user has come online, which goes from an Odoo worker through
// PostgreSQL to the gevent process and out to the browser.
//
// L1 writes, though no books: the presence of the monitoring user, which Odoo
// sets back when the connection ends, and the notification itself, which Odoo
// deletes. Every browser that a user leaves open writes the same.
type Websocket struct{ p *Prober }

// NewWebsocket returns the flow on p's tenant.
func NewWebsocket(p *Prober) Websocket { return Websocket{p} }

// A Bus opens websockets; *odoorpc.Client is one.
type Bus interface {
	Websocket(ctx context.Context) (*odoorpc.Socket, error)
}

// Name implements flow.Flow.
func (Websocket) Name() string { return WebsocketName }

// Process implements flow.Flow: the bus serves every process; reporting is the
// least demanding of them.
func (Websocket) Process() string { return "reporting" }

// Levels implements flow.Flow.
func (Websocket) Levels() []flow.Level { return levels[WebsocketName] }

// CannotDetect implements flow.Limiter.
func (Websocket) CannotDetect(level flow.Level) []string {
	limits := []string{"connections that are cut after minutes: this one lives for seconds", "too many browsers for the gevent process"}
	if level == flow.L0 {
		limits = append(limits, "whether notifications reach a browser: the bus through PostgreSQL")
	}
	return limits
}

// Run implements flow.Flow.
func (f Websocket) Run(ctx context.Context, level flow.Level, r *flow.Recorder) error {
	var partner int64
	err := r.Step(ctx, "log-in", func(ctx context.Context) (err error) {
		partner, err = f.p.readPartnerOfUser(ctx)
		return err
	})
	if err != nil {
		return err
	}
	var socket *odoorpc.Socket
	err = r.Step(ctx, "open-websocket", func(ctx context.Context) (err error) {
		socket, err = f.p.client.Websocket(ctx)
		return err
	})
	if err != nil {
		return err
	}
	defer socket.Abandon()
	if err := r.Step(ctx, "subscribe", func(ctx context.Context) error { return subscribe(ctx, socket, partner) }); err != nil {
		return err
	}
	if level == flow.L1 {
		r.Guard(f.p.killSwitch.Guard())
		r.Guard(f.p.extra...)
		if err := f.receive(ctx, r, socket, partner); err != nil {
			return err
		}
	}
	return r.Step(ctx, "close-websocket", func(context.Context) error { return socket.Close() })
}

// ready implements preparer: it opens a websocket and closes it again.
func (f Websocket) ready(ctx context.Context) (seen string, err error) {
	socket, err := f.p.client.Websocket(ctx)
	if err != nil {
		return "", err
	}
	defer socket.Abandon()
	return "opens", socket.Close()
}

// readPartnerOfUser reads who the monitoring user is to the bus. The call also
// makes sure that the session is a good one: a websocket opens with any.
func (p *Prober) readPartnerOfUser(ctx context.Context) (int64, error) {
	uid, err := p.client.UserID(ctx)
	if err != nil {
		return 0, err
	}
	var users []struct {
		Partner reference `json:"partner_id"`
	}
	if err := p.call(ctx, "res.users", "read", []any{[]int64{uid}, []string{"partner_id"}}, nil, &users); err != nil {
		return 0, err
	}
	user, err := one(users, "the monitoring user")
	return int64(user.Partner), err
}

// subscribe asks for what concerns the monitoring user and waits until Odoo has
// served that. What the bus still held for it is dropped on the way.
func subscribe(ctx context.Context, socket *odoorpc.Socket, partner int64) error {
	channels := []string{fmt.Sprintf("odoo-presence-res.partner_%d", partner)} // unknown to 16, where no one asks for them
	if err := socket.Send(ctx, "subscribe", map[string]any{"channels": channels, "last": 0}); err != nil {
		return err
	}
	return socket.Ping(ctx)
}

// away is for how long the user was idle, when it is to count as away: more
// than Odoo's half an hour.
const away = time.Hour

// receive makes the monitoring user come online and waits to be told. It is away
// first, since Odoo only tells of changes and may still believe it online.
func (f Websocket) receive(ctx context.Context, r *flow.Recorder, socket *odoorpc.Socket, partner int64) error {
	version, err := f.p.client.Version(ctx)
	if err != nil {
		return err
	}
	return r.Write(ctx, "receive-notification", func(ctx context.Context) error {
		for _, idle := range []time.Duration{away, 0} {
			if err := socket.Send(ctx, "update_presence", presence(version, partner, idle)); err != nil {
				return err
			}
		}
		for {
			told, err := socket.Receive(ctx)
			if fault.KindOf(err) == fault.Timeout {
				return &fault.Error{
					Op: "wait for a notification", Kind: fault.Timeout, Err: errors.New("the websocket is open, but the bus delivers nothing"),
					Hint: "look in the log of Odoo's gevent process: it listens to PostgreSQL on database postgres, which a pooler in transaction mode breaks",
				}
			}
			if err != nil {
				return err
			}
			if slices.ContainsFunc(told, func(n odoorpc.Notification) bool { return tellsOf(n, partner) }) {
				return nil
			}
		}
	})
}

// presence is what a browser says about its user. Since 19 it no longer asks
// for the presence of others in the same breath; up to 16 it is told of its own
// that way.
func presence(v odoorpc.Version, partner int64, idle time.Duration) map[string]any {
	data := map[string]any{"inactivity_period": idle.Milliseconds()}
	if v.Major < 19 {
		data["im_status_ids_by_model"] = map[string]any{"res.partner": []int64{partner}}
	}
	return data
}

// tellsOf reports whether n tells of the partner's presence: of one since 17, of
// all that were asked for before.
func tellsOf(n odoorpc.Notification, partner int64) bool {
	var body struct {
		Partner  reference `json:"partner_id"`
		Partners []struct {
			ID int64 `json:"id"`
		} `json:"partners"`
	}
	if n.Type != "bus.bus/im_status_updated" && n.Type != "bus/im_status" || json.Unmarshal(n.Body, &body) != nil {
		return false
	}
	for _, p := range body.Partners {
		if p.ID == partner {
			return true
		}
	}
	return int64(body.Partner) == partner
}
