package odoosim

import (
	"crypto/sha1" //nolint:gosec // what RFC 6455 prescribes for its handshake, where it protects nothing
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// serveWebsocket makes the handshake and keeps the connection until either side
// ends it; nothing is ever sent on it. A worker, which has no websockets,
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
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		writeHTML(w, http.StatusInternalServerError, errorPage(500, "Internal Server Error", "No socket."))
		return
	}
	conn, buffered, err := hijacker.Hijack()
	if err != nil {
		return // the client is gone
	}
	defer func() { _ = conn.Close() }() // nothing rests on it
	ended := make(chan struct{})
	defer close(ended)
	s.background.Go(func() {
		select {
		case <-s.base.Done():
			_ = conn.Close() // so that the copy below ends
		case <-ended:
		}
	})
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see the import
	fmt.Fprintf(buffered, "HTTP/1.1 101 SWITCHING PROTOCOLS\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	if buffered.Flush() == nil {
		_, _ = io.Copy(io.Discard, buffered) // until the client leaves or the server stops
	}
}

// serveManager shows the database manager. Switched off it says so, with
// status 200 and all its dialogs, as Odoo does.
func (s *Server) serveManager(w http.ResponseWriter, _ *http.Request) {
	notice := `<div class="alert alert-danger text-center">The database manager has been disabled by the administrator</div>`
	if s.faults.exposesManager() {
		notice = `<div class="alert alert-warning">Warning, your Odoo database manager is not protected.<br/>Please <a href="#" data-bs-target=".o_database_master">set a master password</a> to secure it.</div>`
	}
	writeHTML(w, http.StatusOK, `<html>
<head><title>Odoo</title></head>
<body>
    <div class="o_database_list">`+notice+`</div>
    <div class="modal fade o_database_restore" role="dialog">
        <form id="form_restore_db" role="form" action="/web/database/restore" method="post" enctype="multipart/form-data"></form>
    </div>
</body>
</html>
`)
}

// serveDatabaseList tells the name of the database to whoever asks, unless the
// manager is switched off.
func (s *Server) serveDatabaseList(http.ResponseWriter, *http.Request, *jsonRequest) (any, error) {
	if !s.faults.exposesManager() {
		return nil, accessDenied()
	}
	return []any{s.opts.DBName}, nil
}
