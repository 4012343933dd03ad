package odoosim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxBody bounds a request's body.
const maxBody = 16 << 20

// maxQueue bounds how many requests wait for a worker; beyond it the
// connection is closed, as a full listen backlog would.
const maxQueue = 256

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/web/health", s.serveHealth)
	mux.HandleFunc("/web/login", s.serveLogin)
	mux.HandleFunc("/web/session/logout", s.serveLogout)
	mux.HandleFunc("/report/pdf/{report}/{ids}", s.serveReport)
	mux.HandleFunc("/{$}", redirectTo("/odoo"))
	mux.HandleFunc("/web", s.serveBackend)
	mux.HandleFunc("/odoo", s.serveBackend)
	mux.HandleFunc("/jsonrpc", s.jsonRoute(s.serveJSONRPC))
	mux.HandleFunc("/json/2/", s.serveJSON2)
	mux.HandleFunc("/web/webclient/version_info", s.jsonRoute(s.serveVersion))
	mux.HandleFunc("/web/session/authenticate", s.jsonRoute(s.serveAuthenticate))
	mux.HandleFunc("/web/session/account", s.jsonRoute(s.serveAccount))
	mux.HandleFunc("/web/session/get_session_info", s.jsonRoute(s.serveSessionInfo))
	mux.HandleFunc("/web/dataset/call_kw", s.jsonRoute(s.serveCallKw))
	mux.HandleFunc("/web/dataset/call_kw/", s.jsonRoute(s.serveCallKw))
	mux.HandleFunc("/web/dataset/call_button", s.jsonRoute(s.serveCallButton))
	mux.HandleFunc("/web/dataset/call_button/", s.jsonRoute(s.serveCallButton))
	mux.HandleFunc("/websocket", s.serveWebsocket)
	mux.HandleFunc("/web/database/manager", s.serveManager)
	mux.HandleFunc("/web/database/selector", s.serveManager)
	mux.HandleFunc("/web/database/list", s.jsonRoute(s.serveDatabaseList))
	mux.HandleFunc("/", s.serveNotFound)
	return mux
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w.Header().Set("Server", "Werkzeug/2.2.2 Python/3.11.2")
	if s.faults.answersHTML() {
		writeHTML(w, http.StatusOK, "<!doctype html>\n<html lang=en>\n<title>Maintenance</title>\n<h1>We will be back soon</h1>\n")
		return
	}
	s.mux.ServeHTTP(w, r)
	s.opts.Log.Debug("request", "method", r.Method, "path", r.URL.Path, "duration", time.Since(start))
}

// withWorker runs fn on a worker, waiting for one to be free. A worker that
// takes longer than allowed is killed: the client's connection closes without
// an answer, and so does the worker's to PostgreSQL.
func (s *Server) withWorker(r *http.Request, fn func(ctx context.Context, w *worker) error) error {
	if s.queued.Add(1) > maxQueue {
		s.queued.Add(-1)
		panic(http.ErrAbortHandler) // how net/http closes a connection without an answer
	}
	var w *worker
	select {
	case w = <-s.workers:
		s.queued.Add(-1)
	case <-r.Context().Done():
		s.queued.Add(-1)
		panic(http.ErrAbortHandler)
	case <-s.base.Done():
		s.queued.Add(-1)
		panic(http.ErrAbortHandler)
	}
	defer func() { s.workers <- w }()
	ctx, cancel := context.WithTimeout(s.base, s.opts.LimitTimeReal)
	defer cancel()
	err := fn(ctx, w)
	if ctx.Err() != nil {
		s.opts.Log.Error("worker killed: it took longer than limit_time_real", "pid", w.pid, "path", r.URL.Path)
		w.drop()
		panic(http.ErrAbortHandler)
	}
	return err
}

// A jsonRequest is the envelope of JSON-RPC 2.0.
type jsonRequest struct {
	ID     any             `json:"id"`
	Params json.RawMessage `json:"params"`
}

func (q *jsonRequest) decode(v any) error {
	if len(q.Params) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(q.Params))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return raise("builtins.TypeError", "unexpected params: %v", err)
	}
	return nil
}

// A jsonHandler answers one JSON-RPC request, or fails with what becomes its
// error object. It may write the response itself and say so with errWritten.
type jsonHandler func(w http.ResponseWriter, r *http.Request, q *jsonRequest) (any, error)

var errWritten = errors.New("the response is already written")

func (s *Server) jsonRoute(fn jsonHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if r.Method != http.MethodPost || kind != "application/json" && kind != "application/json-rpc" {
			s.wrongType(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			writeHTML(w, http.StatusRequestEntityTooLarge, errorPage(413, "Request Entity Too Large", "The data value transmitted exceeds the capacity limit."))
			return
		}
		q := &jsonRequest{}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if d.Decode(q) != nil {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			writeHTML(w, http.StatusBadRequest, "Invalid JSON data")
			return
		}
		result, err := fn(w, r, q)
		if errors.Is(err, errWritten) {
			return
		}
		s.writeJSON(w, q.ID, result, err)
	}
}

func (s *Server) wrongType(w http.ResponseWriter, r *http.Request) {
	status, title := http.StatusBadRequest, "Bad Request"
	if s.opts.Version >= 19 {
		status, title = http.StatusUnsupportedMediaType, "Unsupported Media Type"
	}
	writeHTML(w, status, errorPage(status, title, fmt.Sprintf("Request inferred type is compatible with [&#39;http&#39;] but &#39;%s&#39; is type=&#39;json&#39;.", r.URL.Path)))
}

// writeJSON renders the envelope. A None result leaves "result" out; a lost
// session is noticed before the request's id is read.
func (s *Server) writeJSON(w http.ResponseWriter, id, result any, err error) {
	o := object{{"jsonrpc", "2.0"}, {"id", id}}
	if err != nil {
		e := asOdooError(err)
		if e.expired {
			o[1].value = nil
		}
		o = append(o, member{"error", s.errorObject(e)})
	} else {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if _, none := result.(noResult); !none {
			o = append(o, member{"result", result})
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(appendJSON(nil, o)) // a client that went away is nobody's failure
}

func writeHTML(w http.ResponseWriter, status int, page string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, page)
}

func errorPage(status int, title, text string) string {
	return fmt.Sprintf("<!doctype html>\n<html lang=en>\n<title>%d %s</title>\n<h1>%s</h1>\n<p>%s</p>\n", status, title, title, text)
}

func (s *Server) serveNotFound(w http.ResponseWriter, _ *http.Request) { notFound(w) }

func notFound(w http.ResponseWriter) {
	writeHTML(w, http.StatusNotFound, errorPage(404, "Not Found", "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again."))
}

func redirectTo(target string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { redirect(w, target) }
}

func redirect(w http.ResponseWriter, target string) {
	w.Header().Set("Location", target)
	writeHTML(w, http.StatusSeeOther, fmt.Sprintf("<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n<p>You should be redirected automatically to the target URL: <a href=\"%s\">%s</a>. If not, click the link.\n", target, target))
}

// serveHealth answers without a session and without the database, unless
// asked whether that accepts connections.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	o, status := object{{"status", "pass"}}, http.StatusOK
	_ = s.withWorker(r, func(ctx context.Context, _ *worker) error {
		if r.URL.Query().Get("db_server_status") == "" || s.opts.Version < 17 {
			return nil
		}
		up := s.clusterAccepts(ctx)
		if !up {
			o, status = object{{"status", "fail"}}, http.StatusInternalServerError
		}
		o = append(o, member{"db_server_status", up})
		return nil
	})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(appendJSON(nil, o))
}

// clusterAccepts connects to the database "postgres": it says nothing about
// the tenant's.
func (s *Server) clusterAccepts(ctx context.Context) bool {
	cfg, err := pgx.ParseConfig(s.opts.DSN)
	if err != nil {
		return false
	}
	cfg.Database = "postgres"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}

func (s *Server) serie() string { return fmt.Sprintf("%d.0", s.opts.Version) }

func (s *Server) versionInfo() []any { return []any{s.opts.Version, 0, 0, "final", 0, ""} }

func (s *Server) versionObject() object {
	return object{{"server_version", s.serie()}, {"server_version_info", s.versionInfo()}, {"server_serie", s.serie()}, {"protocol_version", 1}}
}

func setCookie(w http.ResponseWriter, sess *session) {
	w.Header().Add("Set-Cookie", fmt.Sprintf("session_id=%s; Expires=%s; Max-Age=%d; HttpOnly; Path=/",
		sess.ID, time.Now().UTC().Add(sessionLife).Format(http.TimeFormat), int(sessionLife.Seconds())))
}

// loadSession reads the session of the request's cookie, nil when it has none.
// It happens before a worker is taken, so that a stalled store does not use
// the workers up.
func (s *Server) loadSession(r *http.Request) (*session, error) {
	for _, cookie := range r.CookiesNamed("session_id") {
		return s.sessions.load(s.base, cookie.Value)
	}
	return nil, nil
}

// startSession makes and keeps a session and gives the client its cookie.
func (s *Server) startSession(w http.ResponseWriter, uid int64, login string) error {
	sess, err := newSession()
	if err != nil {
		return err
	}
	if uid != 0 {
		sess.UID, sess.Login, sess.DB = uid, login, s.opts.DBName
	}
	if err := s.sessions.save(s.base, sess); err != nil {
		return err
	}
	setCookie(w, sess)
	return nil
}

// storeFailed answers for a session store that failed: an exception outside of
// any request handling.
func (s *Server) storeFailed(w http.ResponseWriter, err error) error {
	s.opts.Log.Error("session store failed", "err", err)
	writeHTML(w, http.StatusInternalServerError, errorPage(500, "Internal Server Error", "The server encountered an internal error and was unable to complete your request. Either the server is overloaded or there is an error in the application."))
	return errWritten
}

// serveLogin shows the login form; with the database down it sends to the
// database selector.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	sess, err := s.loadSession(r)
	if err != nil {
		_ = s.storeFailed(w, err)
		return
	}
	if sess == nil {
		if err := s.startSession(w, 0, ""); err != nil {
			_ = s.storeFailed(w, err)
			return
		}
	}
	neutralized := ""
	err = s.withWorker(r, func(ctx context.Context, wk *worker) error {
		return s.transact(ctx, wk, func(tx pgx.Tx) (err error) {
			neutralized, err = parameter(ctx, tx, "database.is_neutralized")
			return err
		})
	})
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err != nil || s.faults.hidesDatabase() {
		redirect(w, "/web/database/selector")
		return
	}
	w.Header().Set("X-Frame-Options", "SAMEORIGIN")
	w.Header().Set("Content-Security-Policy", "frame-ancestors 'self'")
	page := loginPage
	if neutralized != "" {
		page = withBanner(page)
	}
	writeHTML(w, http.StatusOK, page)
}

const loginPage = `<!DOCTYPE html>
<html style="height: 100%;">
    <head>
        <meta charset="utf-8"/>
        <title>Odoo</title>
    </head>
    <body>
        <form class="oe_login_form" role="form" method="post" action="/web/login">
            <input type="text" name="login" id="login"/>
            <input type="password" name="password" id="password"/>
            <button type="submit">Log in</button>
        </form>
    </body>
</html>
`

func (s *Server) serveLogout(w http.ResponseWriter, r *http.Request) {
	sess, err := s.loadSession(r)
	if err == nil && sess != nil {
		err = s.sessions.remove(s.base, sess.ID)
	}
	if err != nil {
		_ = s.storeFailed(w, err)
		return
	}
	redirect(w, "/odoo")
}

// serveBackend is the web client's shell.
func (s *Server) serveBackend(w http.ResponseWriter, r *http.Request) {
	sess, err := s.loadSession(r)
	if err != nil {
		_ = s.storeFailed(w, err)
		return
	}
	if sess == nil || sess.UID == 0 {
		redirect(w, "/web/login?redirect="+strings.ReplaceAll(r.URL.Path, "/", "%2F")+"%3F")
		return
	}
	writeHTML(w, http.StatusOK, "<!DOCTYPE html>\n<html>\n    <head><title>Odoo</title></head>\n    <body class=\"o_web_client\"></body>\n</html>\n")
}
