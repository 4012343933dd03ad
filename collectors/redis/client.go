package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	address string
	invalid error
}

func newClient(url secret.Value, timeout time.Duration) *client {
	o, err := options(url)
	if err != nil {
		return &client{invalid: err}
	}
	o.OnConnect = func(ctx context.Context, conn *goredis.Conn) error {
		_ = conn.ClientSetName(ctx, "closewatch").Err() // a label only: a user may lack the right
		return nil
	}
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.PoolSize, o.MaxActiveConns = 1, 1
	o.MaxRetries, o.DialerRetries = -1, 1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout, timeout
	o.ContextTimeoutEnabled = true
	o.Dialer = failing(goredis.NewDialer(o))
	return &client{Client: goredis.NewClient(o), address: o.Addr}
}

// ping asks for a sign of life.
func (c *client) ping(ctx context.Context) error {
	if c.invalid != nil {
		return c.invalid
	}
	return c.explain(c.Ping(ctx).Err())
}

// info asks for the sections that are published.
func (c *client) info(ctx context.Context) (info, error) {
	if c.invalid != nil {
		return nil, c.invalid
	}
	text, err := c.Info(ctx, "all").Result()
	if err != nil {
		return nil, c.explain(err)
	}
	return parseInfo(text), nil
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
	f := &fault.Error{Op: "ask Redis " + c.address, Err: err, Kind: fault.Classify(err)}
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
		f.Kind, f.Hint = fault.Denied, "allow it: ACL SETUSER <user> +ping +info"
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
