package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/web"
)

// routes is everything the daemon serves, and who may use it.
func (a *App) routes() []auth.Route {
	pages := web.New(web.Settings{Source: view{a}, Now: a.now, Version: a.version})
	queries := a.store.Handler("/prometheus")
	return []auth.Route{
		{Method: http.MethodGet, Pattern: "/", Scope: auth.Read, Handler: pages},
		{Method: http.MethodGet, Pattern: "/api/v1/explain", Scope: auth.Read, Handler: http.HandlerFunc(a.serveExplain)},
		{Method: http.MethodGet, Pattern: "/api/v1/gate", Scope: auth.Read, Handler: http.HandlerFunc(a.serveGate)},
		{Method: http.MethodGet, Pattern: "/api/v1/objectives", Scope: auth.Read, Handler: http.HandlerFunc(a.serveObjectives)},
		{Method: http.MethodGet, Pattern: "/api/v1/objectives/{process}", Scope: auth.Read, Handler: http.HandlerFunc(a.serveObjectives)},
		{Method: http.MethodGet, Pattern: "/api/v1/changes", Scope: auth.Read, Handler: http.HandlerFunc(a.serveChanges)},
		{Method: http.MethodPost, Pattern: "/api/v1/changes", Scope: auth.Operate, Handler: http.HandlerFunc(a.serveChange)},
		{Method: http.MethodPost, Pattern: "/api/v1/changes/{tool}", Scope: auth.Operate, Handler: http.HandlerFunc(a.serveRelease)},
		{Method: http.MethodPost, Pattern: "/api/v1/incidents/{id}/acknowledge", Scope: auth.Operate, Handler: http.HandlerFunc(a.serveAcknowledge)},
		{Method: http.MethodGet, Pattern: "/api/v1/probing", Scope: auth.Read, Handler: http.HandlerFunc(a.serveProbing)},
		{Method: http.MethodPost, Pattern: "/api/v1/probing/pause", Scope: auth.Operate, Handler: http.HandlerFunc(a.servePause)},
		{Method: http.MethodPost, Pattern: "/api/v1/probing/resume", Scope: auth.Operate, Handler: http.HandlerFunc(a.serveResume)},
		{Method: http.MethodGet, Pattern: "/prometheus/", Scope: auth.Read, Handler: queries},
		{Method: http.MethodPost, Pattern: "/prometheus/", Scope: auth.Read, Handler: queries}, // long queries are posted
		{Method: http.MethodGet, Pattern: "/metrics", Scope: auth.Scrape, Handler: http.HandlerFunc(a.serveMetrics)},
		{Method: http.MethodGet, Pattern: "/-/healthy", Scope: auth.Open, Handler: http.HandlerFunc(serveHealthy)},
		{Method: http.MethodGet, Pattern: "/-/ready", Scope: auth.Read, Handler: http.HandlerFunc(a.serveReady)},
		{Method: http.MethodPost, Pattern: "/-/reload", Scope: auth.Admin, Handler: http.HandlerFunc(a.serveReload)},
	}
}

// serveMetrics serves the last snapshots; ?component=NAME narrows them down, so
// that one component can be scraped under a job of its own.
func (a *App) serveMetrics(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("component")
	if _, known := a.estate.Component(name); !known && name != self && name != "" {
		http.Error(w, "there is no component "+name+" in the estate", http.StatusNotFound)
		return
	}
	exposition(a.expose(name), w, r)
}

func serveHealthy(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("closewatch is up\n")) // the reader may be gone
}

func (a *App) serveReady(w http.ResponseWriter, _ *http.Request) {
	if a.engine.last.Load() == nil {
		http.Error(w, "the first tick is still to come", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("closewatch is ready\n")) // the reader may be gone
}

// listen opens the web address. It refuses to listen wider than this machine
// when nobody can prove who they are, unless the estate says so, and warns of
// what is to be known by whoever can listen to the wire.
func (a *App) listen(ctx context.Context, address string, file *auth.File) (net.Listener, error) {
	op, w := "listen on "+address, a.estate.Web
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fault.Wrap(op, err, "write host:port, such as 127.0.0.1:9977")
	}
	if !estate.OnlyThisMachine(address) {
		switch protected := w.Protected(file.Facts()); {
		case w.Unauthenticated == estate.Everywhere:
			a.log.Warn("whoever reaches the address may read", "address", address, "because", "web.unauthenticated is everywhere")
		case !protected:
			return nil, &fault.Error{
				Op: op, Kind: fault.Blocked, Err: errors.New("the address can be reached from other machines, and nothing says who may read"),
				Hint: "add web.tokens to the estate, or basic_auth_users to the file that web.configFile names; or listen on 127.0.0.1",
			}
		}
		if !file.TLS() {
			a.log.Warn("passwords, tokens and pages travel in clear", "address", address,
				"remedy", "write tls_server_config in the file that web.configFile names, or put a proxy with TLS in front")
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fault.Wrap(op, err, "stop what uses the port, or choose another with web.listen or --listen")
	}
	return l, nil
}

func (a *App) newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(complaints{a.log.Handler()}, slog.LevelDebug),
	}
}

func scheme(f *auth.File) string {
	if f.TLS() {
		return "https"
	}
	return "http"
}
