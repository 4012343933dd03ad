package endpoint

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"

	"github.com/closewatch/closewatch/internal/starttls"
)

// tcpAsker connects, and goes over to TLS if wanted.
type tcpAsker struct {
	TCP
	Settings
}

func (a tcpAsker) ask(ctx context.Context) (answer, error) {
	watch := newStopwatch(a.Now)
	err := a.connect(ctx, watch)
	out := answer{phases: watch.phases()}
	if err != nil {
		return out, explain("connect to "+a.Address, err, watch)
	}
	return out, nil
}

func (a tcpAsker) connect(ctx context.Context, watch *stopwatch) error {
	defer charge(ctx, time.Now())
	dialer := net.Dialer{Resolver: a.Resolver}
	conn, err := dialer.DialContext(watch.trace(ctx), "tcp", a.Address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if a.TLS == nil {
		return nil
	}
	host, _, _ := net.SplitHostPort(a.Address)
	config, err := a.TLS.config(host)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)()
	watch.start(handshake)
	if a.StartTLS != "" {
		err := starttls.Ask(conn, a.StartTLS)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return os.ErrDeadlineExceeded
		case err != nil:
			return err
		}
	}
	if err := tls.Client(conn, config).HandshakeContext(ctx); err != nil {
		return err
	}
	watch.stop(handshake)
	return nil
}

// hangUp makes reads and writes on conn fail when ctx is done, until the
// function it returns is called.
func hangUp(ctx context.Context, conn net.Conn) func() bool {
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}
