package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// SentinelOptions shape a Sentinel.
type SentinelOptions struct {
	Primary *Redis // what it monitors at first
	Name    string // under which it does
	Quorum  int    // Sentinels that have to agree that the primary is down
	// DownAfter is how long the primary may stay silent before it is taken for
	// down; 0 is a second. A failover that does not get on is given up after three
	// times as long.
	DownAfter time.Duration
	Program   string // the server's program; "" is the one installed
}

// Sentinel starts a Sentinel. It finds the others that monitor the same primary
// by itself.
func (l *Lab) Sentinel(ctx context.Context, o SentinelOptions) (*Redis, error) {
	program, err := redisProgram(o.Program)
	if err != nil {
		return nil, err
	}
	name := l.name("sentinel")
	dir, err := l.mkdir(nil, 0o755, name)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "sentinel.conf") // Sentinel writes to it
	r := &Redis{}
	r.Server = &Server{
		name: name, program: program, dir: dir, quit: syscall.SIGTERM,
		args:  func() []string { return []string{file, "--sentinel"} },
		ready: func(ctx context.Context) error { return r.ping(ctx) },
	}
	err = l.launch(ctx, r.Server, 1, func(ports []int) error {
		r.Addr = loopback(ports[0])
		return os.WriteFile(file, o.file(ports[0]), 0o644)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (o SentinelOptions) file(port int) []byte {
	if o.DownAfter == 0 {
		o.DownAfter = time.Second
	}
	host, primary, _ := net.SplitHostPort(o.Primary.Addr)
	var b bytes.Buffer
	fmt.Fprintf(&b, "port %d\nbind 127.0.0.1\ndaemonize no\n", port)
	fmt.Fprintf(&b, "sentinel monitor %s %s %s %d\n", o.Name, host, primary, o.Quorum)
	fmt.Fprintf(&b, "sentinel down-after-milliseconds %s %d\n", o.Name, o.DownAfter.Milliseconds())
	fmt.Fprintf(&b, "sentinel failover-timeout %s %d\n", o.Name, (3 * o.DownAfter).Milliseconds())
	if p := o.Primary.password; !p.IsZero() {
		fmt.Fprintf(&b, "sentinel auth-pass %s %s\n", o.Name, p.Reveal())
	}
	return b.Bytes()
}

// JoinCluster makes one cluster of nodes that were started for one and returns
// once each of them serves. All of them are primaries with an equal share of the
// hash slots.
func JoinCluster(ctx context.Context, nodes ...*Redis) error {
	ctx, cancel := patiently(ctx)
	defer cancel()
	const slots = 16384
	for n, node := range nodes {
		if node.busPort == 0 {
			return &fault.Error{Op: "make a cluster of " + node.Name(), Kind: fault.Blocked, Err: errors.New("it was not started for one"), Hint: "set RedisOptions.Cluster"}
		}
		commands := []string{fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", slots*n/len(nodes), slots*(n+1)/len(nodes)-1)}
		if n > 0 {
			host, port, _ := net.SplitHostPort(nodes[0].Addr)
			commands = append(commands, fmt.Sprintf("CLUSTER MEET %s %s %d", host, port, nodes[0].busPort))
		}
		for _, command := range commands {
			answer, err := node.inline(ctx, command)
			if err == nil && !strings.HasPrefix(answer, "+OK") {
				err = fmt.Errorf("%s answers %q to %s", node.Name(), strings.TrimSpace(answer), command)
			}
			if err != nil {
				return fault.Wrap("make a cluster", err, "")
			}
		}
	}
	for _, node := range nodes {
		if err := node.joined(ctx); err != nil {
			return fault.Wrap("wait for the cluster", err, "")
		}
	}
	return nil
}

// joined returns once the node serves: it knows of every hash slot who has it,
// and that most primaries are there.
func (r *Redis) joined(ctx context.Context) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		answer, err := r.inline(ctx, "GET joined")
		if err == nil && (strings.HasPrefix(answer, "$-1") || strings.HasPrefix(answer, "-MOVED")) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s answers %q", ctx.Err(), r.Name(), strings.TrimSpace(answer))
		}
	}
}
