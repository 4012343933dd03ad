package traefiksim

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A run is the proxy between one Start and the following Stop: what a process
// would be.
type run struct {
	chain     *chain
	backends  map[string]*backend
	servers   []*http.Server
	listeners []*listener

	ctx    context.Context // ends with the run
	cancel context.CancelFunc
	tasks  sync.WaitGroup // accept loops and health checks
	inside visitors       // requests
}

func newRun(o Options) (*run, error) {
	var certificates []tls.Certificate
	for _, e := range o.EntryPoints {
		if e.TLS != nil {
			certificates = append(certificates, e.TLS.Certificates...)
		}
	}
	accessLog, err := openLog(o.AccessLog)
	if err != nil {
		return nil, err
	}
	t := newTelemetry(o.Buckets, certificates)
	r := &run{
		chain: &chain{
			telemetry: t, log: accessLog, hostname: o.Hostname,
			report: func(err error) { o.Log.Error("cannot write the access log", "err", err) },
		},
		backends: map[string]*backend{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for _, s := range o.Services {
		if r.backends[s.Name], err = newBackend(s, o.Log); err != nil {
			r.close()
			return nil, err
		}
	}
	for _, conf := range o.Routers {
		r.chain.routes = append(r.chain.routes, newRoute(conf, r.backends[conf.Service], t))
	}
	slices.SortStableFunc(r.chain.routes, func(a, b route) int { return b.conf.priority() - a.conf.priority() })
	return r, nil
}

// open listens at address for the named entry point; nothing is served yet.
func (r *run) open(ctx context.Context, name, address string) (*listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	tracked := newListener(l, r.chain.telemetry.openConnections.WithLabelValues(name, "TCP"))
	r.listeners = append(r.listeners, tracked)
	return tracked, nil
}

// serve answers what arrives at l.
func (r *run) serve(l *listener, h http.Handler, conf *tls.Config, readTimeout time.Duration, log *slog.Logger) {
	s := &http.Server{
		Handler:     r.inside.count(h),
		TLSConfig:   conf.Clone(),
		ReadTimeout: readTimeout,
		IdleTimeout: 3 * time.Minute,
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return r.ctx },
	}
	r.servers = append(r.servers, s)
	r.tasks.Go(func() {
		if conf == nil {
			_ = s.Serve(l)
		} else {
			_ = s.ServeTLS(l, "", "")
		}
	})
}

func (r *run) watch() {
	for _, b := range r.backends {
		if b.conf.HealthCheck != nil {
			r.tasks.Go(func() { b.watch(r.ctx, r.chain.telemetry) })
		}
	}
}

// drain refuses newcomers, lets requests end until ctx does, and closes.
func (r *run) drain(ctx context.Context) error {
	var errs []error
	for _, s := range r.servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	r.close()
	return errors.Join(errs...)
}

// kill drops everything; requests under way leave no line.
func (r *run) kill() {
	r.chain.log.close()
	r.close()
}

// close drops all connections and waits for every goroutine.
func (r *run) close() {
	r.cancel()
	for _, s := range r.servers {
		_ = s.Close()
	}
	for _, l := range r.listeners {
		_ = l.Close()
		l.drop()
	}
	r.inside.wait()
	r.tasks.Wait()
	for _, b := range r.backends {
		b.transport.CloseIdleConnections()
	}
	r.chain.log.close()
}

// internal serves /metrics and /ping.
func (r *run) internal() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(r.chain.telemetry.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/ping", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") })
	return mux
}

// visitors counts the requests inside, so that closing can wait for the last.
type visitors struct {
	mu     sync.Mutex
	inside int
	empty  chan struct{} // non-nil once waited for; closed at zero
}

func (v *visitors) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !v.enter() {
			panic(http.ErrAbortHandler)
		}
		defer v.leave()
		next.ServeHTTP(w, r)
	})
}

func (v *visitors) enter() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.empty != nil {
		return false
	}
	v.inside++
	return true
}

func (v *visitors) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.inside--; v.inside == 0 && v.empty != nil {
		close(v.empty)
	}
}

// wait refuses newcomers and returns when the last has left.
func (v *visitors) wait() {
	v.mu.Lock()
	v.empty = make(chan struct{})
	if v.inside == 0 {
		close(v.empty)
	}
	v.mu.Unlock()
	<-v.empty
}
