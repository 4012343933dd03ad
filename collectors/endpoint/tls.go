package endpoint

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/closewatch/closewatch/internal/fault"
)

// config reads the files of c. A nil c trusts the system's authorities and
// shows no certificate of ours.
func (c *TLS) config(serverName string) (*tls.Config, error) {
	out := &tls.Config{ServerName: serverName, MinVersion: tls.VersionTLS12}
	if c == nil {
		return out, nil
	}
	if c.ServerName != "" {
		out.ServerName = c.ServerName
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, unreadable(err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, unreadable(fmt.Errorf("%s holds no PEM certificate", c.CA))
		}
	}
	if c.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, unreadable(err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// unreadable is a file of ours that is of no use: nothing was asked of the
// service.
func unreadable(err error) error {
	f := &fault.Error{Op: "read the files under tls", Kind: fault.Internal, Err: err, Hint: "write the PEM file there, readable by the daemon's user"}
	if errors.Is(err, fs.ErrPermission) {
		f.Kind = fault.Denied
	}
	return f
}
