package lab

import (
	"context"
	"crypto/sha1" //nolint:gosec // the form of password hash Traefik reads
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab/traefiksim"
	"github.com/closewatch/closewatch/internal/secret"
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
	t := &Traefik{AccessLog: filepath.Join(dir, "access.log")}
	sim := traefiksim.Options{
		EntryPoints: []traefiksim.EntryPoint{{Name: entryPoint}},
		Routers:     o.Routers, Services: o.Services, Buckets: o.Buckets,
		AccessLog: traefiksim.AccessLog{Path: t.AccessLog},
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
		ready: func(ctx context.Context) error { return answers(ctx, t.PingURL) },
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
		if err := writeJSON(static, traefikStatic(o, web, metrics, t.AccessLog, dynamic)); err != nil {
			return err
		}
		return writeJSON(dynamic, traefikDynamic(o))
	})
}

// writeJSON writes a configuration in JSON, which is YAML, too.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}

// object is a level of a configuration file.
type object = map[string]any

func traefikStatic(o traefiksim.Options, web, metrics, accessLog, dynamic string) object {
	buckets := o.Buckets
	if buckets == nil {
		buckets = traefiksim.DefaultBuckets()
	}
	return object{
		"global":      object{"checkNewVersion": false, "sendAnonymousUsage": false},
		"entryPoints": object{entryPoint: object{"address": web}, "metrics": object{"address": metrics}},
		"ping":        object{"entryPoint": "metrics"},
		"providers":   object{"file": object{"filename": dynamic, "watch": true}},
		"metrics": object{"prometheus": object{
			"entryPoint": "metrics", "buckets": buckets,
			"addEntryPointsLabels": true, "addRoutersLabels": true, "addServicesLabels": true,
		}},
		"log": object{"level": "INFO", "format": "json"},
		"accessLog": object{
			"filePath": accessLog, "format": "json", "addInternals": false,
			"fields": object{"defaultMode": "keep", "headers": object{
				"defaultMode": "keep", "names": object{"Authorization": "redact", "Cookie": "redact"},
			}},
		},
	}
}

func traefikDynamic(o traefiksim.Options) object {
	routers, middlewares, services, transports := object{}, object{}, object{}, object{}
	for _, r := range o.Routers {
		var chain []string
		add := func(kind string, conf object) {
			middlewares[r.Name+"-"+kind] = object{kind: conf}
			chain = append(chain, r.Name+"-"+kind)
		}
		if len(r.BasicAuth) > 0 {
			add("basicAuth", object{"users": htpasswd(r.BasicAuth)})
		}
		if limit := r.RateLimit; limit != nil {
			// Traefik's average is whole: say it per thousand seconds.
			add("rateLimit", object{"average": int64(limit.Average * 1000), "period": "1000s", "burst": limit.Burst})
		}
		if to := r.Redirect; to != nil {
			add("redirectScheme", object{"scheme": to.Scheme, "port": to.Port})
		}
		router := object{"rule": r.Rule(), "service": r.Service, "entryPoints": []string{entryPoint}}
		if r.Priority != 0 {
			router["priority"] = r.Priority
		}
		if len(chain) > 0 {
			router["middlewares"] = chain
		}
		routers[r.Name] = router
	}
	for _, s := range o.Services {
		servers := []object{}
		for _, url := range s.Servers {
			servers = append(servers, object{"url": url})
		}
		balancer := object{"servers": servers}
		if h := s.HealthCheck; h != nil {
			balancer["healthCheck"] = object{"path": h.Path, "interval": h.Interval.String(), "timeout": h.Timeout.String()}
		}
		if s.ResponseHeaderTimeout > 0 {
			balancer["serversTransport"] = s.Name
			transports[s.Name] = object{"forwardingTimeouts": object{"responseHeaderTimeout": s.ResponseHeaderTimeout.String()}}
		}
		services[s.Name] = object{"loadBalancer": balancer}
	}
	http := object{}
	for key, section := range map[string]object{
		"routers": routers, "middlewares": middlewares, "services": services, "serversTransports": transports,
	} {
		if len(section) > 0 { // Traefik refuses an empty section
			http[key] = section
		}
	}
	return object{"http": http}
}

// htpasswd lists users in the form of that program's -s option.
func htpasswd(users map[string]secret.Value) []string {
	var lines []string
	for name, password := range users {
		sum := sha1.Sum([]byte(password.Reveal())) //nolint:gosec // see the import
		lines = append(lines, name+":{SHA}"+base64.StdEncoding.EncodeToString(sum[:]))
	}
	return lines
}
