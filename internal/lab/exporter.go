package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/closewatch/closewatch/internal/secret"
)

// An Endpoint is a running program that serves /metrics.
type Endpoint struct {
	*Server
	URL string // of its metrics
}

// PostgresExporter starts Prometheus' exporter for PostgreSQL on a connection
// string.
func (l *Lab) PostgresExporter(ctx context.Context, dsn secret.Value, args ...string) (*Endpoint, error) {
	const name = "prometheus-postgres-exporter"
	program, err := findPeer(name)
	if err != nil {
		return nil, err
	}
	// Its version 0.11 takes no URL of the scheme postgres.
	url := strings.Replace(dsn.Reveal(), "postgres://", "postgresql://", 1)
	return l.endpoint(ctx, program, name, []string{"DATA_SOURCE_NAME=" + url}, func(address string) []string {
		return append([]string{"--web.listen-address=" + address, "--log.level=error"}, args...)
	})
}

// RedisExporter starts the exporter for Redis on a server.
func (l *Lab) RedisExporter(ctx context.Context, r *Redis, args ...string) (*Endpoint, error) {
	const name = "prometheus-redis-exporter"
	program, err := findPeer(name)
	if err != nil {
		return nil, err
	}
	return l.endpoint(ctx, program, name, []string{"REDIS_ADDR=" + r.URL()}, func(address string) []string {
		return append([]string{"--web.listen-address=" + address}, args...)
	})
}

// findPeer is find for what only benchmarks need.
func findPeer(program string) (string, error) {
	path, err := find(program, program)
	if err != nil {
		return "", unavailable(program, "run tools/setup/setup.sh bench, or install the package "+program)
	}
	return path, nil
}

// Daemon starts program, a closewatch, on the text of an estate.
func (l *Lab) Daemon(ctx context.Context, program, estate string) (*Endpoint, error) {
	path, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, unavailable(program, "run make build")
	}
	return l.endpoint(ctx, path, "closewatch", nil, func(address string) []string {
		return []string{"run", "--listen", address}
	}, file{"closewatch.yaml", estate})
}

// A file is one that a program finds in its working directory.
type file struct{ name, text string }

// endpoint starts a program that serves its metrics on the address it is given.
func (l *Lab) endpoint(ctx context.Context, program, name string, env []string, args func(address string) []string, files ...file) (*Endpoint, error) {
	name = l.name(name)
	dir, err := l.mkdir(nil, 0o755, name)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o600); err != nil {
			return nil, err
		}
	}
	e := &Endpoint{}
	var address string
	e.Server = &Server{
		name: name, program: program, dir: dir, env: env, quit: syscall.SIGTERM,
		args:  func() []string { return args(address) },
		ready: func(ctx context.Context) error { return answers(ctx, e.URL) },
	}
	err = l.launch(ctx, e.Server, 1, func(ports []int) error {
		address = loopback(ports[0])
		e.URL = fmt.Sprintf("http://%s/metrics", address)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}
