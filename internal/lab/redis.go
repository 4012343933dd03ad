package lab

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// RedisOptions shape a Redis server. The zero value keeps everything in
// memory without a limit.
type RedisOptions struct {
	MaxMemory       string // as Redis writes it: "64mb"; "" is no limit
	MaxMemoryPolicy string // "" is Redis' own, noeviction
	AppendOnly      bool   // survive a kill
	Password        secret.Value
	ReplicaOf       *Redis
	Cluster         bool     // to be joined by JoinCluster
	Program         string   // the server's program; "" is the one installed
	Args            []string // further options: "--slowlog-max-len", "128"
}

// A Redis is a running Redis server.
type Redis struct {
	*Server
	Addr string // host:port

	password secret.Value
	busPort  int // of a cluster; 0 without
}

// Redis starts a Redis server.
func (l *Lab) Redis(ctx context.Context, o RedisOptions) (*Redis, error) {
	program, err := redisProgram(o.Program)
	if err != nil {
		return nil, err
	}
	name := l.name("redis")
	dir, err := l.mkdir(nil, 0o755, name)
	if err != nil {
		return nil, err
	}
	r := &Redis{password: o.Password}
	port, needed := 0, 1
	if o.Cluster {
		needed = 2
	}
	r.Server = &Server{
		name: name, program: program, dir: dir, quit: syscall.SIGTERM,
		args:  func() []string { return o.args(port, r.busPort, dir) },
		ready: func(ctx context.Context) error { return r.ping(ctx) },
	}
	err = l.launch(ctx, r.Server, needed, func(ports []int) error {
		port = ports[0]
		r.Addr = loopback(port)
		if o.Cluster {
			r.busPort = ports[1]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// redisProgram is the program given, or the one installed.
func redisProgram(given string) (string, error) {
	if given != "" {
		return find("redis-server", given)
	}
	return find("redis-server", "redis-server")
}

func (o RedisOptions) args(port, busPort int, dir string) []string {
	args := []string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", dir, "--daemonize", "no",
		"--save", "", "--repl-diskless-sync-delay", "0",
	}
	add := func(option, value string) {
		if value != "" {
			args = append(args, option, value)
		}
	}
	add("--maxmemory", o.MaxMemory)
	add("--maxmemory-policy", o.MaxMemoryPolicy)
	add("--requirepass", o.Password.Reveal())
	if o.AppendOnly {
		// Each write reaches the kernel before its answer; that survives a
		// kill of the process, which is all a lab does.
		args = append(args, "--appendonly", "yes", "--appendfsync", "no")
	}
	if p := o.ReplicaOf; p != nil {
		host, port, _ := net.SplitHostPort(p.Addr)
		args = append(args, "--replicaof", host+" "+port)
		add("--masterauth", p.password.Reveal())
	}
	if o.Cluster {
		args = append(args, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(busPort), "--cluster-node-timeout", "1000")
	}
	return append(args, o.Args...)
}

// URL is the address with credentials, as clients take it.
func (r *Redis) URL() string {
	u := url.URL{Scheme: "redis", Host: r.Addr, Path: "/0"}
	if !r.password.IsZero() {
		u.User = url.UserPassword("", r.password.Reveal())
	}
	return u.String()
}

// ping succeeds once Redis takes commands.
func (r *Redis) ping(ctx context.Context) error {
	answer, err := r.inline(ctx, "PING")
	if err != nil {
		return err
	}
	// A server that wants a password has loaded its data, too.
	if strings.HasPrefix(answer, "+PONG") || strings.HasPrefix(answer, "-NOAUTH") {
		return nil
	}
	return fmt.Errorf("redis answers %q", strings.TrimSpace(answer))
}

// inline sends one command on a connection of its own and returns the first line
// of the answer.
func (r *Redis) inline(ctx context.Context, command string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.Addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// Configure sets one of the server's settings while it runs.
func (r *Redis) Configure(ctx context.Context, name, value string) error {
	op := "set " + name + " of " + r.name
	answer, err := r.inline(ctx, "CONFIG SET "+name+" "+value)
	if err == nil && !strings.HasPrefix(answer, "+OK") {
		err = fmt.Errorf("redis answers %q", strings.TrimSpace(answer))
	}
	return fault.Wrap(op, err, "")
}
