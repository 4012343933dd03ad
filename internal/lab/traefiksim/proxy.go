package traefiksim

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Proxy is the stand-in; see the package comment.
type Proxy struct {
	opts Options

	mu        sync.Mutex
	run       *run              // nil while stopped
	addresses map[string]string // by entry point, pinned by the first Start
}

// New checks the options. Nothing listens before Start.
func New(o Options) (*Proxy, error) {
	if err := o.Validate(); err != nil {
		return nil, &fault.Error{Op: "configure the Traefik stand-in", Kind: fault.Schema, Err: err}
	}
	if o.MetricsAddress == "" {
		o.MetricsAddress = "127.0.0.1:0"
	}
	if o.Buckets == nil {
		o.Buckets = DefaultBuckets()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Hostname == "" {
		o.Hostname, _ = os.Hostname()
	}
	if o.AccessLog.Format == "" {
		o.AccessLog.Format = JSON
	}
	o.EntryPoints = slices.Clone(o.EntryPoints)
	addresses := map[string]string{metricsEntryPoint: o.MetricsAddress}
	for i, e := range o.EntryPoints {
		if e.ReadTimeout == 0 {
			o.EntryPoints[i].ReadTimeout = defaultReadTimeout
		}
		addresses[e.Name] = e.Address
	}
	return &Proxy{opts: o, addresses: addresses}, nil
}

// Start opens the access log and every listener, or nothing. It does nothing
// when the proxy is running. ctx bounds the start only.
func (p *Proxy) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		return nil
	}
	if err := p.opts.OwnLog.started(); err != nil {
		return fault.Wrap("write the own log of the Traefik stand-in", err, "")
	}
	r, err := newRun(p.opts)
	if err != nil {
		return fault.Wrap("start the Traefik stand-in", err, "")
	}
	open := map[string]*listener{}
	for name, address := range p.addresses {
		if open[name], err = r.open(ctx, name, address); err != nil {
			r.close()
			return fault.Wrap(fmt.Sprintf("open entry point %q of the Traefik stand-in", name), err, "")
		}
	}
	for name, l := range open {
		p.addresses[name] = l.Addr().String()
	}
	for _, e := range p.opts.EntryPoints {
		r.serve(open[e.Name], r.chain.handler(e.Name), e.TLS, e.ReadTimeout, p.opts.Log)
	}
	r.serve(open[metricsEntryPoint], r.internal(), nil, defaultReadTimeout, p.opts.Log)
	r.watch()
	p.run = r
	return nil
}

// Stop refuses new connections, lets requests under way end while ctx lasts
// and cuts the rest off. It returns ctx's error when it had to. Stopping a
// stopped proxy does nothing.
func (p *Proxy) Stop(ctx context.Context) error {
	r := p.take()
	if r == nil {
		return nil
	}
	return r.drain(ctx)
}

// Kill drops every connection at once; requests under way leave no line in
// the access log, as when a process is killed.
func (p *Proxy) Kill() {
	if r := p.take(); r != nil {
		r.kill()
	}
}

func (p *Proxy) take() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.run
	p.run = nil
	return r
}

// Reopen starts a new access log at its path, as Traefik does on USR1 after
// the old one was moved away. It does nothing while stopped.
func (p *Proxy) Reopen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return nil
	}
	return fault.Wrap("reopen the access log", p.run.chain.log.reopen(), "")
}

// Running reports whether the proxy is started.
func (p *Proxy) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run != nil
}

// Address is the host:port of an entry point, known after the first Start;
// "" for an unknown name.
func (p *Proxy) Address(entryPoint string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addresses[entryPoint]
}

// URL is the base URL of an entry point.
func (p *Proxy) URL(entryPoint string) string {
	for _, e := range p.opts.EntryPoints {
		if e.Name == entryPoint && e.TLS != nil {
			return "https://" + p.Address(entryPoint)
		}
	}
	return "http://" + p.Address(entryPoint)
}

// MetricsURL is where Prometheus scrapes.
func (p *Proxy) MetricsURL() string { return p.URL(metricsEntryPoint) + "/metrics" }

// PingURL answers 200 while the proxy runs.
func (p *Proxy) PingURL() string { return p.URL(metricsEntryPoint) + "/ping" }
