package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/traefiksim"
)

// TraefikOptions say what is routed where.
type TraefikOptions struct {
	Routers  []traefiksim.Router
	Services []traefiksim.Service
	Buckets  []float64 // nil means Traefik's own
	// Binary is a Traefik to run; "" is $CLOSEWATCH_TRAEFIK, or the one on
	// PATH, or else the stand-in.
	Binary string
}

// TraefikVariable names the environment variable with the path of a Traefik.
const TraefikVariable = "CLOSEWATCH_TRAEFIK"

// entryPoint is the name of the one entry point.
const entryPoint = "web"

// A Traefik is a running ingress: a real Traefik with the file provider or
// its stand-in. Both write a JSON access log with all headers, credentials
// redacted.
type Traefik struct {
	URL        string // of the entry point "web"
	MetricsURL string
	PingURL    string
	AccessLog  string // path
	Log        string // path of its own log, JSON
	StandIn    bool

	start, stop func(context.Context) error
	kill        func() error
	reopen      func() error
	running     func() bool
}

// Start opens the ingress again on its port. It does nothing while it runs.
func (t *Traefik) Start(ctx context.Context) error { return t.start(ctx) }

// Stop closes the ingress; clients are refused. Requests under way may end
// while ctx lasts.
func (t *Traefik) Stop(ctx context.Context) error { return t.stop(ctx) }

// Kill ends the ingress at once; requests under way leave no line.
func (t *Traefik) Kill() error { return t.kill() }

// Reopen has it start a new access log after the old one was moved away.
func (t *Traefik) Reopen() error { return t.reopen() }

// Running reports whether the ingress is up.
func (t *Traefik) Running() bool { return t.running() }

// Traefik starts an ingress.
func (l *Lab) Traefik(ctx context.Context, o TraefikOptions) (*Traefik, error) {
	name := l.name("traefik")
	dir, err := l.mkdir(nil, 0o755, name)
	if err != nil {
		return nil, err
	}
	t := &Traefik{AccessLog: filepath.Join(dir, "access.log"), Log: filepath.Join(dir, "traefik.log")}
	sim := traefiksim.Options{
		EntryPoints: []traefiksim.EntryPoint{{Name: entryPoint}},
		Routers:     o.Routers, Services: o.Services, Buckets: o.Buckets,
		AccessLog: traefiksim.AccessLog{Path: t.AccessLog},
		OwnLog:    traefiksim.OwnLog{Path: t.Log},
		Log:       l.log,
	}
	if err := sim.Validate(); err != nil {
		return nil, &fault.Error{Op: "configure " + name, Kind: fault.Schema, Err: err}
	}
	binary, err := traefikBinary(o.Binary)
	if err != nil {
		return nil, err
	}
	if binary == "" {
		return t, l.standIn(ctx, t, name, sim)
	}
	return t, l.realTraefik(ctx, t, name, dir, binary, sim)
}

// traefikBinary is "" when there is none and none was asked for.
func traefikBinary(path string) (string, error) {
	if path == "" {
		path = os.Getenv(TraefikVariable)
	}
	if path != "" {
		return find("traefik", path)
	}
	path, err := find("traefik", "traefik")
	if err != nil {
		return "", nil //nolint:nilerr // the stand-in will do
	}
	return path, nil
}

func (l *Lab) standIn(ctx context.Context, t *Traefik, name string, o traefiksim.Options) error {
	var proxy *traefiksim.Proxy
	begun := time.Now()
	for try := 1; ; try++ {
		web, err := l.ports.next()
		if err != nil {
			return err
		}
		metrics, err := l.ports.next()
		if err != nil {
			return err
		}
		o.EntryPoints[0].Address, o.MetricsAddress = loopback(web), loopback(metrics)
		if proxy, err = traefiksim.New(o); err != nil {
			return err
		}
		if err = proxy.Start(ctx); err == nil {
			break
		}
		if try == portAttempts || !addressInUse(err) {
			return err
		}
	}
	t.StandIn = true
	t.URL, t.MetricsURL, t.PingURL = proxy.URL(entryPoint), proxy.MetricsURL(), proxy.PingURL()
	t.start, t.stop, t.reopen, t.running = proxy.Start, proxy.Stop, proxy.Reopen, proxy.Running
	t.kill = func() error { proxy.Kill(); return nil }
	if err := l.onClose(name, proxy.Stop); err != nil {
		proxy.Kill()
		return err
	}
	l.say(begun, "the stand-in for %s is up", name)
	return nil
}

func (l *Lab) realTraefik(ctx context.Context, t *Traefik, name, dir, binary string, o traefiksim.Options) error {
	static, dynamic := filepath.Join(dir, "traefik.yml"), filepath.Join(dir, "dynamic.yml")
	s := &Server{
		name: name, program: binary, dir: dir, quit: syscall.SIGTERM,
		args:  func() []string { return []string{"--configFile=" + static} },
		ready: func(ctx context.Context) error { return configured(ctx, t.MetricsURL) },
	}
	t.start, t.stop, t.kill, t.running = s.Start, s.Stop, s.Kill, s.Running
	t.reopen = func() error {
		if pid := s.PID(); pid != 0 {
			return fault.Wrap("have "+name+" reopen its log", syscall.Kill(pid, syscall.SIGUSR1), "")
		}
		return nil
	}
	return l.launch(ctx, s, 2, func(ports []int) error {
		web, metrics := loopback(ports[0]), loopback(ports[1])
		t.URL, t.MetricsURL, t.PingURL = "http://"+web, "http://"+metrics+"/metrics", "http://"+metrics+"/ping"
		if err := writeJSON(static, traefikStatic(o, web, metrics, dynamic)); err != nil {
			return err
		}
		return writeJSON(dynamic, traefikDynamic(o))
	})
}

// configured succeeds once a real Traefik has loaded its routers, which is
// after it answers a ping.
func configured(ctx context.Context, metricsURL string) error {
	metrics, err := get(ctx, metricsURL)
	if err != nil {
		return err
	}
	const loads = "\ntraefik_config_reloads_total "
	if _, value, ok := strings.Cut(string(metrics), loads); ok && !strings.HasPrefix(value, "0") {
		return nil
	}
	return errors.New("it has not loaded its configuration yet")
}
