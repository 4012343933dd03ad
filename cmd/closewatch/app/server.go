package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/web"
)

// handler is everything the daemon serves.
func (a *App) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", web.New(web.Settings{Source: view{a}, Now: a.now, Version: a.version}))
	mux.Handle("/prometheus/", a.store.Handler("/prometheus"))
	mux.HandleFunc("GET /metrics", a.serveMetrics)
	mux.HandleFunc("GET /api/v1/explain", a.serveExplain)
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("closewatch is up\n")) })
	mux.HandleFunc("GET /-/ready", a.serveReady)
	return mux
}

// serveMetrics serves the last snapshots; ?component=NAME narrows them down, so
// that one component can be scraped under a job of its own.
func (a *App) serveMetrics(w http.ResponseWriter, r *http.Request) {
	g := a.gatherer
	if name := r.URL.Query().Get("component"); name != "" {
		if _, known := a.estate.Component(name); !known && name != self {
			http.Error(w, "there is no component "+name+" in the estate", http.StatusNotFound)
			return
		}
		g = onlyComponent(g, name)
	}
	promhttp.HandlerFor(g, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}).ServeHTTP(w, r)
}

func (a *App) serveReady(w http.ResponseWriter, _ *http.Request) {
	if a.engine.last.Load() == nil {
		http.Error(w, "the first tick is still to come", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("closewatch is ready\n")) // the reader may be gone
}

// listen opens the web address. It refuses to listen wider than this machine:
// nothing here asks who is reading.
func listen(ctx context.Context, address string) (net.Listener, error) {
	op := "listen on " + address
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fault.Wrap(op, err, "write host:port, such as 127.0.0.1:9977")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, &fault.Error{
			Op: op, Kind: fault.Blocked, Err: errors.New("the address can be reached from other machines, and pages are not protected by a login"),
			Hint: "listen on 127.0.0.1 and put an authenticating proxy in front",
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fault.Wrap(op, err, "stop what uses the port, or choose another with web.listen or --listen")
	}
	return l, nil
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
}
