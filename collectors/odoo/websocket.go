package odoo

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what RFC 6455 prescribes for its handshake, where it protects nothing
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/closewatch/closewatch/internal/fault"
)

// websocketGUID is what RFC 6455 (section 1.3) appends to a key.
const websocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// closing is a close frame of a client (RFC 6455, section 5.5.1): status 1000,
// under a mask of zeros.
var closing = []byte{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8}

// upgrade makes the handshake a browser makes, and closes the connection. An
// answer other than an upgrade is a no and no error; so is none in time, since
// the pages before it answered.
func (w *web) upgrade(ctx context.Context) (bool, error) {
	const op = "open a websocket to Odoo"
	ctx, cancel := w.within(ctx)
	defer cancel()
	key, err := newKey()
	if err != nil {
		return false, &fault.Error{Op: op, Kind: fault.Internal, Err: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.websocket, nil)
	if err != nil {
		return false, &fault.Error{Op: op, Kind: fault.Schema, Err: err, Hint: "check web.websocket"}
	}
	w.pages.sign(req)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, "Origin": w.origin(),
	} {
		req.Header.Set(name, value)
	}
	for _, c := range w.cookies() {
		req.AddCookie(c)
	}
	resp, err := w.pages.client.Do(req)
	if err != nil {
		if fault.KindOf(err) == fault.Timeout {
			return false, nil
		}
		return false, unanswered(op, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return false, refusedUpgrade(op, resp.StatusCode)
	case resp.Header.Get("Sec-WebSocket-Accept") != accept(key):
		return false, nil
	}
	if out, ok := resp.Body.(io.Writer); ok {
		_, _ = out.Write(closing) // it is over either way
	}
	return true, nil
}

// refusedUpgrade tells a refusal of this probe from a websocket that does not
// work.
func refusedUpgrade(op string, status int) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return &fault.Error{Op: op, Kind: unexpected(status), Err: fmt.Errorf("HTTP %d", status), Hint: "let this host through to /websocket"}
	}
	return nil
}

// origin is the site a browser would come from: a websocket from another one
// gets a session that is not the visitor's.
func (w *web) origin() string {
	u, err := url.Parse(w.base)
	if err != nil {
		return w.base
	}
	if w.pages.host != "" {
		u.Host = w.pages.host
	}
	return u.Scheme + "://" + u.Host
}

func newKey() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b[:]), nil
}

// accept is what a server answers to a key.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + websocketGUID)) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}
