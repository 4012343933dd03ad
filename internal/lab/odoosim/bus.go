package odoosim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5"
)

// A bus delivers notifications to websockets and knows who is present. Rows of
// bus_bus are what is delivered, as in Odoo; how a worker tells the process with
// the websockets of a new row, over PostgreSQL, is not reproduced.
type bus struct {
	mu       sync.Mutex
	browsers map[*browser]bool
	status   map[int64]string // "online", "away" or "offline" by partner
}

// A browser is one websocket.
type browser struct {
	conn    *websocket.Conn
	session *session // nil when it came with none that is known

	mu      sync.Mutex
	partner int64 // subscribed to; 0 before
	last    int64 // id of the newest notification sent
}

// serveWebsocket makes the handshake, with whatever session, and serves events
// until either side ends the connection. A worker, which has no websockets,
// answers 500.
func (s *Server) serveWebsocket(w http.ResponseWriter, r *http.Request) {
	if s.faults.misroutesWebsocket() {
		writeHTML(w, http.StatusInternalServerError, errorPage(500, "Internal Server Error", "The server encountered an internal error and was unable to complete your request. Either the server is overloaded or there is an error in the application."))
		return
	}
	missing := []string{}
	for _, name := range []string{"Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Upgrade", "Origin"} {
		if r.Header.Get(name) == "" {
			missing = append(missing, strings.ToLower(name))
		}
	}
	if len(missing) > 0 {
		writeHTML(w, http.StatusBadRequest, errorPage(400, "Bad Request", "Empty or missing header(s): "+strings.Join(missing, ", ")))
		return
	}
	sess, err := s.loadSession(r)
	if err != nil {
		_ = s.storeFailed(w, err)
		return
	}
	s.background.Add(1)                                                                     // while the handler runs, so that Stop waits for it
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // Odoo does not compare origins either
	if err != nil {
		s.background.Done()
		return // the answer says why
	}
	go func() {
		defer s.background.Done()
		s.serveBrowser(&browser{conn: conn, session: sess})
	}()
}

func (s *Server) serveBrowser(b *browser) {
	s.bus.join(b)
	defer func() {
		s.bus.leave(b)
		_ = b.conn.CloseNow() // unless it is closed already
		if b.partner != 0 && s.base.Err() == nil {
			s.setPresence(b, "offline")
		}
	}()
	for {
		_, message, err := b.conn.Read(s.base)
		if err != nil {
			return
		}
		if code := s.serveEvent(b, message); code != 0 {
			_ = b.conn.Close(code, "") // whether the client is still there or not
			return
		}
	}
}

// serveEvent serves one message. It returns the code to close with, 0 for none.
// What is not understood is logged and forgotten, as Odoo does.
func (s *Server) serveEvent(b *browser, message []byte) websocket.StatusCode {
	if code := s.faults.closesWebsocket(); code != 0 {
		return websocket.StatusCode(code)
	}
	var event struct {
		Name string `json:"event_name"`
		Data struct {
			Last       int64           `json:"last"`
			Inactivity *int64          `json:"inactivity_period"`
			Asked      json.RawMessage `json:"im_status_ids_by_model"`
		} `json:"data"`
	}
	if err := json.Unmarshal(message, &event); err != nil {
		s.opts.Log.Error("websocket message", "err", err)
		return 0
	}
	partner, alive, err := s.partnerOf(b.session)
	switch {
	case err != nil:
		return websocket.StatusInternalError
	case !alive:
		return sessionExpiredCode
	case event.Name == "subscribe":
		b.subscribe(partner, event.Data.Last)
		s.deliver(b)
	case event.Name == "update_presence" && partner != 0:
		if event.Data.Inactivity == nil || (event.Data.Asked == nil) != (s.opts.Version >= 19) {
			s.opts.Log.Error("websocket message", "err", "TypeError: missing or unexpected argument of _update_bus_presence()")
			return 0
		}
		status := "online"
		if *event.Data.Inactivity > awayAfter.Milliseconds() {
			status = "away"
		}
		s.setPresence(b, status)
	}
	return 0
}

// What Odoo's bus goes by: AWAY_TIMER, the age up to which a first subscription
// is given what it missed, and the close code SESSION_EXPIRED.
const (
	awayAfter          = 30 * time.Minute
	missedFor          = 50 * time.Second
	sessionExpiredCode = websocket.StatusCode(4001)
)

// partnerOf finds the user of a session: 0 for nobody. A session that is no
// longer there is not alive; up to 16 neither is one that never was.
func (s *Server) partnerOf(sess *session) (partner int64, alive bool, err error) {
	if sess == nil {
		return 0, s.opts.Version > 16, nil
	}
	known, err := s.sessions.load(s.base, sess.ID)
	if err != nil || known == nil {
		return 0, false, err
	}
	if known.UID == 0 {
		return 0, true, nil
	}
	err = s.onBus(func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT partner_id::int8 FROM res_users WHERE id = $1", known.UID).Scan(&partner)
	})
	return partner, true, err
}

// onBus runs fn on a connection of its own: the process with the websockets is
// none of the workers.
func (s *Server) onBus(fn func(context.Context, *pgx.Conn) error) error {
	conn, err := pgx.Connect(s.base, s.opts.DSN)
	if err != nil {
		return err
	}
	defer end(s.base, conn)
	return fn(s.base, conn)
}

// setPresence notes that the browser's user is online, away or gone, and tells
// so: since 17 when it changed, before when it was asked for.
func (s *Server) setPresence(b *browser, status string) {
	changed := s.bus.setStatus(b.partner, status)
	if s.opts.Version >= 17 && !changed || s.opts.Version == 16 && status == "offline" {
		return
	}
	message := object{{"type", "bus.bus/im_status_updated"}, {"payload", object{{"im_status", status}, {"partner_id", b.partner}}}}
	switch {
	case s.opts.Version == 16:
		message = object{{"type", "bus/im_status"}, {"payload", object{{"partners", []any{object{{"id", b.partner}, {"im_status", status}}}}}}}
	case s.opts.Version >= 19:
		message[1].value = object{{"presence_status", status}, {"im_status", status}, {"guest_id", false}, {"partner_id", b.partner}}
	}
	err := s.onBus(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "INSERT INTO bus_bus (channel, message, create_date, write_date) VALUES ($1, $2, $3, $3)",
			s.presenceChannel(b.partner), string(appendJSON(nil, message)), s.now())
		return err
	})
	if err != nil {
		s.opts.Log.Error("bus", "err", err)
		return
	}
	for _, other := range s.bus.subscribed(b.partner) {
		s.deliver(other)
	}
}

func (s *Server) presenceChannel(partner int64) string {
	return fmt.Sprintf(`["%s","res.partner",%d,"presence"]`, s.opts.DBName, partner)
}

// deliver sends what the browser has not seen.
func (s *Server) deliver(b *browser) {
	if s.faults.isBusDeaf() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var rows []string
	err := s.onBus(func(ctx context.Context, conn *pgx.Conn) error {
		found, err := conn.Query(ctx, "SELECT id::int8, message FROM bus_bus WHERE channel = $1 AND id > $2 AND ($2 > 0 OR create_date > $3) ORDER BY id",
			s.presenceChannel(b.partner), b.last, s.now().Add(-missedFor))
		if err != nil {
			return err
		}
		var id int64
		var message string
		_, err = pgx.ForEachRow(found, []any{&id, &message}, func() error {
			rows = append(rows, fmt.Sprintf(`{"id": %d, "message": %s}`, id, message))
			b.last = id
			return nil
		})
		return err
	})
	if err != nil || len(rows) == 0 {
		return
	}
	_ = b.conn.Write(s.base, websocket.MessageText, []byte("["+strings.Join(rows, ", ")+"]")) // a browser that went away is nobody's failure
}

func (b *browser) subscribe(partner, last int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.partner = partner
	if b.last == 0 {
		b.last = last
	}
}

func (u *bus) join(b *browser) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.browsers[b] = true
}

func (u *bus) leave(b *browser) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.browsers, b)
}

// setStatus reports whether it is news.
func (u *bus) setStatus(partner int64, status string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	was := u.status[partner]
	u.status[partner] = status
	return was != status && (was != "" || status != "offline")
}

func (u *bus) subscribed(partner int64) []*browser {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []*browser
	for b := range u.browsers {
		b.mu.Lock()
		if b.partner == partner {
			out = append(out, b)
		}
		b.mu.Unlock()
	}
	return out
}
