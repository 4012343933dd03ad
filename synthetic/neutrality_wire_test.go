package synthetic_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// faultHeader is how a prober under test asks the wire to break a request.
const faultHeader = "X-Neutrality-Fault"

// Faults of the wire, as Odoo and what stands before it have them.
const (
	errorObject   = "error object"           // a rule forbids it
	conflict      = "serialization conflict" // after the retries of Odoo
	serverError   = "HTTP 500"               // a page, and nothing was done
	badGateway    = "HTTP 502"               // a page, and it was done
	workerKilled  = "worker killed"          // closed without an answer, nothing was done
	answerLost    = "answer lost"            // closed without an answer, and it was done
	answeredHalf  = "answer cut short"       // half of an answer, and it was done
	slowAnswer    = "slow"                   // done and answered, late
	timedOut      = "timeout"                // done when nobody waits for it any more
	carriedLate   = "carried out late"       // done after the next start has cleaned up
	cutOff        = "network cut"            // nothing gets through from here on
	odooRestarted = "Odoo restarted"         // here, and sessions are forgotten
)

func wireFaults() []string {
	return []string{
		errorObject, conflict, serverError, badGateway, workerKilled, answerLost,
		answeredHalf, slowAnswer, timedOut, carriedLate, cutOff, odooRestarted,
	}
}

// A wire stands between probers and Odoo, as an ingress does, and breaks what
// it is asked to. A request that a prober has sent is carried out even when the
// prober is gone.
type wire struct {
	*httptest.Server
	restart func()         // of Odoo
	behind  http.Transport // of what gets to Odoo

	mu      sync.Mutex
	changed *sync.Cond
	odoo    *url.URL
	cut     bool
	late    chan struct{} // closed when what is held back is let through
	held    int           // requests held back
	open    int           // connections
	broken  map[string]int
}

func newWire(t *testing.T, odooURL string) *wire {
	t.Helper()
	w := &wire{late: make(chan struct{}), broken: map[string]int{}}
	w.changed = sync.NewCond(&w.mu)
	w.lead(t, odooURL)
	w.Server = httptest.NewUnstartedServer(w)
	w.Config.ConnState = w.connection
	w.Start()
	t.Cleanup(func() { w.settle(t); w.Close(); w.behind.CloseIdleConnections() })
	return w
}

// lead makes requests go to an address.
func (w *wire) lead(t *testing.T, odooURL string) {
	t.Helper()
	u, err := url.Parse(odooURL)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.odoo = u
}

func (w *wire) connection(_ net.Conn, state http.ConnState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch state {
	case http.StateNew:
		w.open++
	case http.StateClosed, http.StateHijacked:
		w.open--
	case http.StateActive, http.StateIdle:
	}
	w.changed.Broadcast()
}

// drain waits until all has been carried out that probers had sent before they
// died, but for what is held back.
func (w *wire) drain(t *testing.T) {
	t.Helper()
	// Connections are accepted in turn: after this one, all of theirs are known.
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, w.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(faultHeader, workerKilled)
	own := &http.Transport{DisableKeepAlives: true}
	if resp, err := own.RoundTrip(req); err == nil {
		_ = resp.Body.Close()
		t.Error("the wire answered what it was to break")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.open > 0 {
		w.changed.Wait()
	}
}

// mend ends a cut.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}

// settle mends the wire, lets through what is held back and waits until all
// has been carried out.
func (w *wire) settle(t *testing.T) {
	t.Helper()
	w.drain(t)
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.late)
	for w.held > 0 {
		w.changed.Wait()
	}
	w.late, w.cut = make(chan struct{}), false
}

// hold has a request carried out when the wire is settled.
func (w *wire) hold(r *http.Request, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held++
	go func(late <-chan struct{}) {
		<-late
		w.carryOut(r, body)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.held--
		w.changed.Broadcast()
	}(w.late)
}

// performed says how often a fault came to pass.
func (w *wire) performed(fault string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken[fault]
}

// asked notes a fault and reports whether the network is cut.
func (w *wire) asked(fault string) (cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if fault != "" {
		w.broken[fault]++
	}
	w.cut = w.cut || fault == cutOff
	return w.cut
}

// ServeHTTP implements http.Handler.
func (w *wire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	fault := r.Header.Get(faultHeader)
	r.Header.Del(faultHeader)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut short by the death of who sent it: Odoo does not see it either
	}
	if w.asked(fault) {
		panic(http.ErrAbortHandler) // how net/http closes a connection without an answer
	}
	switch fault {
	case errorObject:
		answer(rw, http.StatusOK, `{"jsonrpc":"2.0","id":1,"error":{"code":200,"message":"Odoo Server Error","data":{"name":"odoo.exceptions.UserError","message":"No."}}}`)
	case conflict:
		answer(rw, http.StatusOK, `{"jsonrpc":"2.0","id":1,"error":{"code":200,"message":"Odoo Server Error","data":{"name":"psycopg2.errors.SerializationFailure","message":"could not serialize access due to concurrent update"}}}`)
	case serverError:
		answer(rw, http.StatusInternalServerError, "<h1>Internal Server Error</h1>")
	case badGateway:
		w.carryOut(r, body)
		answer(rw, http.StatusBadGateway, "<h1>Bad Gateway</h1>")
	case workerKilled:
		panic(http.ErrAbortHandler)
	case answerLost:
		w.carryOut(r, body)
		panic(http.ErrAbortHandler)
	case answeredHalf:
		got := w.carryOut(r, body)
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("Content-Length", "100000")
		_, _ = rw.Write(got[:len(got)/2])
		panic(http.ErrAbortHandler)
	case slowAnswer:
		<-time.After(30 * time.Millisecond)
		w.pass(rw, r, body)
	case timedOut:
		<-r.Context().Done()
		w.carryOut(r, body)
	case carriedLate:
		w.hold(r, body)
		panic(http.ErrAbortHandler)
	case odooRestarted:
		w.restart()
		panic(http.ErrAbortHandler)
	default:
		w.pass(rw, r, body)
	}
}

func answer(rw http.ResponseWriter, status int, body string) {
	kind := "application/json"
	if body[0] == '<' {
		kind = "text/html; charset=utf-8"
	}
	rw.Header().Set("Content-Type", kind)
	rw.WriteHeader(status)
	_, _ = io.WriteString(rw, body)
}

// carryOut has Odoo do what was asked, whoever has gone meanwhile, and returns
// its answer.
func (w *wire) carryOut(r *http.Request, body []byte) []byte {
	rec := httptest.NewRecorder()
	w.pass(rec, r, body)
	return rec.Body.Bytes()
}

// pass lets a request through.
func (w *wire) pass(rw http.ResponseWriter, r *http.Request, body []byte) {
	w.mu.Lock()
	odoo := w.odoo
	w.mu.Unlock()
	out := r.Clone(context.WithoutCancel(r.Context()))
	out.Body = io.NopCloser(bytes.NewReader(body))
	proxy := httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(odoo) },
		Transport: &w.behind,
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) {
			rw.WriteHeader(http.StatusBadGateway) // as an ingress whose Odoo is gone
		},
	}
	proxy.ServeHTTP(rw, out)
}

// past goes to Odoo where the wire leads, but past the wire.
type past struct{ *wire }

// RoundTrip implements http.RoundTripper.
func (p past) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	odoo := p.odoo
	p.mu.Unlock()
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host = odoo.Scheme, odoo.Host
	return p.behind.RoundTrip(out)
}
