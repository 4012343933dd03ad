package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/closewatch/closewatch/internal/collector"
)

// A command is what is sent to a server: its name, then its arguments.
type command []any

func (c command) String() string { return strings.TrimSpace(fmt.Sprintln([]any(c)...)) }

// An answer is the server's to one command. Lists and maps are []any, texts
// string, numbers int64.
type answer struct {
	value any
	err   error // what the server said instead
}

func (a answer) list() []any {
	l, _ := a.value.([]any)
	return l
}

// An ask sends commands in one round trip. Answers are those of the commands,
// one each; the error is why there are none.
type ask func(ctx context.Context, commands ...command) ([]answer, error)

// ask implements the type ask on the client's one connection.
func (c *client) ask(ctx context.Context, commands ...command) ([]answer, error) {
	if c.invalid != nil {
		return nil, c.invalid
	}
	before := c.cost.Spent()
	// The library logs in with a context of its own, so it is not the hooks that
	// charge.
	defer func() { collector.Charge(ctx, c.cost.Spent().Minus(before)) }()
	c.follow()
	pipe := c.Pipeline()
	sent := make([]*goredis.Cmd, len(commands))
	for i, cmd := range commands {
		sent[i] = pipe.Do(ctx, cmd...)
	}
	_, failure := pipe.Exec(ctx)
	answers := make([]answer, len(commands))
	for i, cmd := range sent {
		value, err := cmd.Result()
		if err != nil {
			failure = nil // it is told by its command
		}
		if err != nil && !errors.Is(err, goredis.Nil) && !isServer(err) {
			return nil, c.explain(err)
		}
		answers[i].value = value
		if !errors.Is(err, goredis.Nil) {
			answers[i].err = err
		}
	}
	if failure != nil { // of logging in, before any command was sent
		return nil, c.explain(failure)
	}
	return answers, nil
}

// name is what a command is called by the server's own statistics: "get",
// "config|get".
func name(args []any) string {
	if len(args) == 0 {
		return ""
	}
	first := strings.ToLower(fmt.Sprint(args[0]))
	switch first {
	case "client", "cluster", "config", "latency", "sentinel", "slowlog", "xinfo":
		if len(args) > 1 {
			return first + "|" + strings.ToLower(fmt.Sprint(args[1]))
		}
	}
	return first
}

// A cost is what a client has asked of a server since the start. It is safe for
// concurrent use.
type cost struct {
	mu       sync.Mutex
	commands map[string]uint64
	total    uint64
	dials    uint64
	waiting  time.Duration
}

// counted returns a copy of the counts by command.
func (c *cost) counted(into map[string]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, v := range c.commands {
		into[n] += v
	}
}

// Spent implements collector.Spender.
func (c *cost) Spent() collector.Spent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return collector.Spent{Requests: c.total, Connections: c.dials, Waiting: c.waiting}
}

func (c *cost) totals() (commands uint64, waiting time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total, c.waiting
}

func (c *cost) add(took time.Duration, commands ...goredis.Cmder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting += took
	for _, cmd := range commands {
		c.commands[name(cmd.Args())]++
		c.total++
	}
}

// counting counts what the library sends, its own log-in included.
type counting struct{ *cost }

// DialHook implements goredis.Hook.
func (c counting) DialHook(next goredis.DialHook) goredis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c.mu.Lock()
		c.dials++
		c.mu.Unlock()
		return next(ctx, network, address)
	}
}

// ProcessHook implements goredis.Hook.
func (c counting) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmd)
		c.add(time.Since(begun), cmd)
		return err
	}
}

// ProcessPipelineHook implements goredis.Hook.
func (c counting) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmds)
		c.add(time.Since(begun), cmds...)
		return err
	}
}
