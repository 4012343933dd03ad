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
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

const unreadableHint = "write redis://user:password@host:6379/0 and percent-encode special characters of the password"

// options reads a URL. The library's own message may quote the password and is
// not let out.
func options(url secret.Value) (*goredis.Options, error) {
	o, err := goredis.ParseURL(url.Reveal())
	if err != nil {
		return nil, &fault.Error{Op: "connect to Redis", Kind: fault.Schema, Err: errors.New("the URL cannot be read"), Hint: unreadableHint}
	}
	return o, nil
}

// A client is one connection to the server: what it asks is bounded by the
// context, tried once and never in parallel.
type client struct {
	*goredis.Client
	address string // of the URL
	invalid error
	cost    *cost

	// target tells another address to connect to, "" for the URL's; nil is "".
	target func() string

	mu        sync.Mutex
	connected string // the address connected to last
	conn      net.Conn
}

func newClient(url secret.Value, timeout time.Duration) *client {
	o, err := options(url)
	if err != nil {
		return &client{invalid: err, cost: &cost{}}
	}
	c := &client{address: o.Addr, cost: &cost{commands: map[string]uint64{}}}
	o.Protocol = 2 // one shape of answers, whatever the version
	o.OnConnect = func(ctx context.Context, conn *goredis.Conn) error {
		_ = conn.ClientSetName(ctx, "closewatch").Err() // a label only: a user may lack the right
		return nil
	}
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.PoolSize, o.MaxActiveConns, o.PipelinePoolSize = 1, 1, -1 // no pool of its own for pipelines
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout, timeout
	o.ContextTimeoutEnabled = true
	o.Dialer = failing(c.remembering(dialing(timeout, o.TLSConfig)))
	c.Client = goredis.NewClient(o)
	c.AddHook(counting{c.cost})
	return c
}

// wanted is the address to be connected to.
func (c *client) wanted() string {
	if c.target != nil {
		if address := c.target(); address != "" {
			return address
		}
	}
	return c.address
}

// remembering dials the wanted address and remembers the connection.
func (c *client) remembering(dial dialer) dialer {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		address := c.wanted()
		conn, err := dial(ctx, network, address)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.connected, c.conn = address, conn
		return conn, err
	}
}

// follow ends the connection when another address is wanted by now: the library
// then makes a new one.
func (c *client) follow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && c.connected != c.wanted() {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// absentKey is read to measure what reading takes. Nothing writes it.
const absentKey = "closewatch:absent"

// read asks for a key that is not there. That the key belongs to another node
// of a cluster is an answer as well.
func (c *client) read(ctx context.Context) error {
	if c.invalid != nil {
		return c.invalid
	}
	err := c.Get(ctx, absentKey).Err()
	if _, moved := goredis.IsMovedError(err); moved || errors.Is(err, goredis.Nil) {
		return nil
	}
	return err
}

// ping asks for a sign of life.
func (c *client) ping(ctx context.Context) error {
	if c.invalid != nil {
		return c.invalid
	}
	c.follow()
	return c.explain(c.Ping(ctx).Err())
}

func (c *client) close() {
	if c.Client != nil {
		_ = c.Close()
	}
}

// explain makes a fault of what the library or the server said.
func (c *client) explain(err error) error {
	if err == nil {
		return nil
	}
	f := &fault.Error{Op: "ask Redis " + c.wanted(), Err: err, Kind: fault.Classify(err)}
	text := err.Error()
	says := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, goredis.ErrPoolTimeout), f.Kind == fault.Timeout:
		f.Kind, f.Err = fault.Timeout, errors.New("no answer within the deadline")
	case errors.Is(err, context.Canceled):
		f.Kind = fault.Internal
	case goredis.IsAuthError(err), says("WRONGPASS"), says("NOAUTH"), says("invalid password"), says("AUTH"):
		f.Kind, f.Hint = fault.Auth, "check user and password in the URL"
	case goredis.IsPermissionError(err):
		f.Kind, f.Hint = fault.Denied, "allow it: ACL SETUSER <user> "+Rights
	case goredis.IsLoadingError(err):
		f.Kind, f.Hint = fault.Unavailable, "the server is loading its data after a start"
	case goredis.IsMaxClientsError(err):
		f.Kind, f.Hint = fault.Limit, "raise maxclients, or find who holds the connections"
	case goredis.IsOOMError(err):
		f.Kind, f.Hint = fault.Limit, "raise maxmemory or free some"
	case goredis.IsMasterDownError(err), goredis.IsClusterDownError(err), strings.HasPrefix(text, "BUSY"):
		f.Kind = fault.Unavailable
	case says("DB index is out of range"):
		f.Kind, f.Hint = fault.Schema, "name a database that exists, such as /0"
	case f.Kind == fault.Unreachable:
		f.Err, f.Hint = root(err), "check that the server runs, its bind address and any firewall between"
	case f.Kind == fault.DNS:
		f.Err, f.Hint = root(err), "check the host name"
	case f.Kind == fault.Internal && isServer(err):
		f.Kind = fault.Rejected
	case f.Kind == fault.Internal:
		f.Kind, f.Hint = fault.Schema, "check that a Redis server listens at this address"
	}
	if s := f.Err.Error(); len(s) > 200 {
		f.Err = fmt.Errorf("%s…", strings.ToValidUTF8(s[:200], ""))
	}
	return f
}

// isServer reports whether the server itself gave the error.
func isServer(err error) bool {
	var said goredis.Error
	return errors.As(err, &said)
}

func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// database is the number of the database that the URL names.
func (c *client) database() int {
	if c.Client == nil {
		return 0
	}
	return c.Options().DB
}
