package odoorpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"go.opentelemetry.io/otel/propagation"

	"github.com/closewatch/closewatch/internal/fault"
)

// Bounds of a websocket.
const (
	maxMessage = 1 << 20 // bytes
	maxWaiting = 16      // messages that nobody has received yet
)

// A Notification is what Odoo's bus delivers to a browser.
type Notification struct {
	ID   int64 // grows with each
	Type string
	Body json.RawMessage
}

// A Socket is a websocket to Odoo's bus, as a browser keeps one open for
// messages, presence and badges. One goroutine uses it at a time, and abandons
// it in the end.
//
// Odoo serves what is sent one after the other: the pong of a Ping comes after
// all that the messages before it brought about.
type Socket struct {
	conn     *websocket.Conn
	messages chan []byte   // the newest maxWaiting
	ended    chan struct{} // closed when nothing more is read, and err says why
	err      error
	timeout  time.Duration
}

// Websocket opens a websocket with the web session. It logs in when there is no
// session yet. Odoo makes the handshake with any session, even one that is over,
// and only says so when something is sent. API keys make no session: with one,
// Websocket is blocked.
func (c *Client) Websocket(ctx context.Context) (*Socket, error) {
	const op = "open a websocket to Odoo"
	if err := c.MayBrowse(op); err != nil {
		return nil, err
	}
	s, err := c.login(ctx, session{})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout.D())
	defer cancel()
	header := http.Header{
		"User-Agent": {c.userAgent},
		"Origin":     {c.origin()},
		"Cookie":     {(&http.Cookie{Name: sessionCookie, Value: s.cookie}).String()},
	}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
	conn, resp, err := websocket.Dial(ctx, c.base.String()+"/websocket", &websocket.DialOptions{ //nolint:bodyclose // Dial says that its body needs no closing
		HTTPClient: c.upgrading(), HTTPHeader: header, Host: c.cfg.Host,
	})
	if err != nil {
		if resp != nil {
			return nil, notUpgraded(op, resp.StatusCode)
		}
		return nil, notAnswered(op, err)
	}
	conn.SetReadLimit(maxMessage)
	return newSocket(conn, c.cfg.Timeout.D()), nil //nolint:contextcheck // it outlives the handshake, until Close or Abandon
}

// newSocket reads in the background until the connection ends, since pongs and
// close codes are only seen while somebody reads.
func newSocket(conn *websocket.Conn, timeout time.Duration) *Socket {
	s := &Socket{conn: conn, messages: make(chan []byte, maxWaiting), ended: make(chan struct{}), timeout: timeout}
	go func() {
		defer close(s.ended)
		for {
			_, message, err := conn.Read(context.Background())
			if err != nil {
				s.err = err
				_ = conn.CloseNow() // so that a ping does not wait for what nobody reads
				return
			}
			s.keep(message)
		}
	}()
	return s
}

// keep never waits: when nobody receives, the oldest message goes.
func (s *Socket) keep(message []byte) {
	for {
		select {
		case s.messages <- message:
			return
		default:
		}
		select {
		case <-s.messages:
		default:
		}
	}
}

// Send sends an event: "subscribe" or "update_presence".
func (s *Socket) Send(ctx context.Context, event string, data map[string]any) error {
	op := "send " + event + " over the websocket"
	message, err := json.Marshal(map[string]any{"event_name": event, "data": data})
	if err != nil {
		return &fault.Error{Op: op, Kind: fault.Internal, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, message); err != nil {
		return s.broken(op, err)
	}
	return nil
}

// Ping waits for the pong. What came before it and was not received is dropped.
func (s *Socket) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := s.conn.Ping(ctx); err != nil {
		return s.broken("ping over the websocket", err)
	}
	for {
		select {
		case <-s.messages:
		default:
			return nil
		}
	}
}

// Receive waits for the next message of the bus. A message may hold several
// notifications.
func (s *Socket) Receive(ctx context.Context) ([]Notification, error) {
	const op = "receive from the websocket"
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	select {
	case message := <-s.messages:
		return notifications(op, message)
	case <-s.ended:
		return nil, s.broken(op, s.err)
	case <-ctx.Done():
		return nil, &fault.Error{Op: op, Kind: fault.Timeout, Err: ctx.Err()}
	}
}

func notifications(op string, message []byte) ([]Notification, error) {
	var rows []struct {
		ID      int64 `json:"id"`
		Message struct {
			Type    string          `json:"type"`
			Payload json.RawMessage `json:"payload"`
		} `json:"message"`
	}
	if err := json.Unmarshal(message, &rows); err != nil {
		return nil, &fault.Error{Op: op, Kind: fault.Schema, Err: shapeOf(err), Hint: version}
	}
	out := make([]Notification, len(rows))
	for i, r := range rows {
		out[i] = Notification{ID: r.ID, Type: r.Message.Type, Body: r.Message.Payload}
	}
	return out, nil
}

// Close says good-bye as a browser does, with code 1000, and waits for the
// answer.
func (s *Socket) Close() error {
	err := s.conn.Close(websocket.StatusNormalClosure, "")
	<-s.ended
	switch {
	case err != nil:
	case websocket.CloseStatus(s.err) == websocket.StatusNormalClosure:
		return nil // the reader met the answer
	case errors.Is(s.err, net.ErrClosed):
		return nil // the library met it, before the reader read again
	}
	return s.broken("close the websocket", s.err)
}

// Abandon ends the connection without a word, unless it is closed already.
func (s *Socket) Abandon() {
	_ = s.conn.CloseNow() // whether it was still open is nobody's concern
	<-s.ended
}

// broken says why the connection is of no use any more: with the code that Odoo
// closed it with, when it did, rather than with what that led to.
func (s *Socket) broken(op string, err error) error {
	if errors.Is(err, net.ErrClosed) {
		<-s.ended
		err = s.err
	}
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		kind, hint := closeKind(closed.Code)
		return &fault.Error{Op: op, Kind: kind, Err: fmt.Errorf("Odoo closed it with code %d", closed.Code), Hint: hint} //nolint:staticcheck // a product's name
	}
	out := notAnswered(op, err)
	if f, ok := errors.AsType[*fault.Error](out); ok && f.Kind == fault.Unreachable {
		f.Hint = "look at Odoo's gevent process, and at how long the ingress keeps websockets: the connection was cut"
	}
	return out
}

// Odoo's own close codes.
const (
	closeSessionExpired = 4001
	closeTooOld         = 4002 // KEEP_ALIVE_TIMEOUT: the connection lived for as long as Odoo allows
)

// closeKind says what a close code of Odoo means.
func closeKind(code websocket.StatusCode) (fault.Kind, string) {
	switch code {
	case closeSessionExpired:
		return fault.Auth, "check that sessions last: Odoo forgot this one right after it logged in, as when instances do not share them"
	case websocket.StatusTryAgainLater:
		return fault.Limit, "raise db_maxconn_gevent or look for what floods the websocket: Odoo had no database connection left or counted too many messages"
	case closeTooOld:
		return fault.Limit, "raise websocket_keep_alive_timeout: Odoo ended a connection that is still young"
	case websocket.StatusGoingAway, websocket.StatusServiceRestart:
		return fault.Unavailable, "nothing to do once: Odoo's gevent process was stopped or restarted; if it lasts, look at limit_memory_soft of gevent"
	case websocket.StatusNormalClosure:
		return fault.Schema, "check what stands before Odoo: it ended a connection that nobody asked to end"
	default:
		return fault.Unavailable, "look in the log of Odoo's gevent process"
	}
}

// notUpgraded describes an answer to the handshake that is not an upgrade.
func notUpgraded(op string, status int) error {
	const route = "have the ingress send /websocket to Odoo's gevent port (8072), with the headers Upgrade, Connection and Origin"
	kind, hint := fault.Unavailable, route
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusForbidden, http.StatusTooManyRequests, http.StatusRequestTimeout:
		kind, hint = kindOf("", "", status)
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		hint = "start Odoo's gevent process: the ingress finds nobody at its port"
	case http.StatusGatewayTimeout:
		kind, hint = fault.Timeout, "look at Odoo's gevent process: it does not answer the ingress"
	case http.StatusSeeOther:
		hint = databaseDown
	case http.StatusSwitchingProtocols:
		return &fault.Error{Op: op, Kind: fault.Schema, Err: &Error{Status: status, Text: "not a websocket handshake"}, Hint: route}
	}
	return &fault.Error{Op: op, Kind: kind, Err: &Error{Status: status, Text: "no upgrade"}, Hint: hint}
}

// origin is the site a browser would come from: to a websocket from another one
// Odoo may give a session that is not the user's.
func (c *Client) origin() string {
	host := c.base.Host
	if c.cfg.Host != "" {
		host = c.cfg.Host
	}
	return c.base.Scheme + "://" + host
}

// upgrading is an HTTP client for a handshake, which HTTP/2 does not have.
func (c *Client) upgrading() *http.Client {
	out := *c.http
	if c.owned != nil {
		t := newTransport(c.cfg)
		t.ForceAttemptHTTP2 = false
		t.Protocols = &http.Protocols{}
		t.Protocols.SetHTTP1(true)
		out.Transport = t
	}
	return &out
}
