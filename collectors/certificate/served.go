package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/starttls"
)

// ask returns what the server shows to a client that asks for the target's
// name, its own certificate first. It judges nothing. The connection is new,
// and closed before ask returns.
func ask(ctx context.Context, t Target, resolver *net.Resolver) ([]*x509.Certificate, error) {
	var shown []*x509.Certificate
	err := shake(ctx, t, resolver, func(chain []*x509.Certificate) { shown = chain })
	switch {
	case len(shown) > 0: // also when the server then turned us away
		return shown, nil
	case err == nil:
		err = errors.New("the server shows no certificate")
	}
	return nil, explain("ask "+t.Served+" for its certificate", err)
}

func shake(ctx context.Context, t Target, resolver *net.Resolver, show func([]*x509.Certificate)) error {
	begun := time.Now()
	defer func() {
		collector.Charge(ctx, collector.Spent{Requests: 1, Connections: 1, Waiting: time.Since(begun)})
	}()
	dialer := net.Dialer{Resolver: resolver}
	conn, err := dialer.DialContext(ctx, "tcp", t.Served)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if t.StartTLS != "" {
		if err := starttls.Ask(conn, t.StartTLS); err != nil {
			return err
		}
	}
	return tls.Client(conn, &tls.Config{
		ServerName: t.serverName(),
		// Nothing is sent through this connection. What is shown is judged
		// afterwards, the more so when it is bad.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			show(state.PeerCertificates)
			return nil
		},
		MinVersion: tls.VersionTLS10, CipherSuites: everySuite(), // old servers have certificates, too
	}).HandshakeContext(ctx)
}

func everySuite() []uint16 {
	var out []uint16
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, suite := range list {
			out = append(out, suite.ID)
		}
	}
	return out
}

// explain makes a fault of what went wrong before a certificate was seen.
func explain(op string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) { // the end of the context, as the connection saw it
		err = context.DeadlineExceeded
	}
	if ours, ok := errors.AsType[*fault.Error](err); ok {
		return &fault.Error{Op: op, Kind: ours.Kind, Err: errors.New(fault.TextOf(&fault.Error{Op: ours.Op, Err: ours.Err})), Hint: ours.Hint}
	}
	f := &fault.Error{Op: op, Kind: fault.Classify(err), Err: err}
	operation, isNet := errors.AsType[*net.OpError](err)
	switch {
	case f.Kind == fault.DNS:
		f.Hint = "check the host name, and the name server of this machine"
	case f.Kind == fault.Timeout:
		f.Err = errors.New("no answer within the deadline")
	case f.Kind == fault.TLS:
		f.Hint = "check that this port speaks TLS from the first byte, or write startTLS"
	case isNet && (operation.Op == "remote error" || operation.Op == "local error"), f.Kind == fault.Internal:
		f.Kind, f.Hint = fault.TLS, "check which names and versions the server speaks"
	case f.Kind == fault.Unreachable:
		f.Hint = "check that the server runs, the address, and any firewall between"
	}
	return f
}
