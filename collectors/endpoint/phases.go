package endpoint

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http/httptrace"
	"sync"
	"time"
)

// The parts of a run.
const (
	resolving  = "resolve"
	connecting = "connect"
	handshake  = "tls"
	processing = "processing" // from the connection to the first byte of the answer: the request is sent meanwhile
	transfer   = "transfer"
	request    = "request"
)

// A stopwatch measures the parts of one run. Parts of the same name add up; one
// that has not ended is not told. Dialling may still report after the run has
// ended, so it is safe for concurrent use.
type stopwatch struct {
	now func() time.Time

	mu      sync.Mutex
	started map[string]time.Time
	took    map[string]time.Duration
}

func newStopwatch(now func() time.Time) *stopwatch {
	return &stopwatch{now: now, started: map[string]time.Time{}, took: map[string]time.Duration{}}
}

// start begins a part, unless it is running: addresses may be tried side by
// side.
func (s *stopwatch) start(part string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, running := s.started[part]; !running {
		s.started[part] = s.now()
	}
}

// stop ends a part that has begun.
func (s *stopwatch) stop(part string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if begun, running := s.started[part]; running {
		s.took[part] += s.now().Sub(begun)
		delete(s.started, part)
	}
}

// phases returns a copy of what was measured.
func (s *stopwatch) phases() map[string]time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.took)
}

// unfinished says what was going on when the run was cut short, in words; ""
// when nothing was.
func (s *stopwatch) unfinished() (part, words string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range doing {
		if _, running := s.started[p.part]; running {
			return p.part, p.words
		}
	}
	return "", ""
}

// doing lists the parts in the order they happen.
var doing = []struct{ part, words string }{
	{resolving, "while resolving the host name"},
	{connecting, "while connecting"},
	{handshake, "while agreeing on TLS"},
	{processing, "while waiting for the answer"},
	{request, "while waiting for the answer"},
	{transfer, "while reading the answer"},
}

// trace returns ctx with s listening to dialling and HTTP.
func (s *stopwatch) trace(ctx context.Context) context.Context {
	stopGood := func(part string, err error) {
		if err == nil {
			s.stop(part)
		}
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { s.stop(transfer) }, // the answer before was a redirect
		DNSStart:             func(httptrace.DNSStartInfo) { s.start(resolving) },
		DNSDone:              func(i httptrace.DNSDoneInfo) { stopGood(resolving, i.Err) },
		ConnectStart:         func(string, string) { s.start(connecting) },
		ConnectDone:          func(_, _ string, err error) { stopGood(connecting, err) },
		TLSHandshakeStart:    func() { s.start(handshake) },
		TLSHandshakeDone:     func(_ tls.ConnectionState, err error) { stopGood(handshake, err) },
		GotConn:              func(httptrace.GotConnInfo) { s.start(processing) },
		GotFirstResponseByte: func() { s.stop(processing); s.start(transfer) },
	})
}
