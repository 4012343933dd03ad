package auth

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/closewatch/closewatch/internal/fault"
)

// Serve serves on l, with TLS when the file says so, until the server is shut
// down. Certificates are read again for each connection, so that a renewed one
// counts at once; while they cannot be read, those read last do.
func (f *File) Serve(s *http.Server, l net.Listener, log *slog.Logger) error {
	if !f.TLS() {
		return s.Serve(l)
	}
	current, err := f.readTLS()
	if err != nil {
		return fault.Wrap("serve TLS", err, "check tls_server_config in the file that web.configFile names")
	}
	c := &certificates{file: f, log: log, current: current}
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(f.config.HTTPConfig.HTTP2)
	s.TLSConfig = &tls.Config{MinVersion: current.MinVersion, GetConfigForClient: c.forClient, GetCertificate: c.unasked}
	return s.ServeTLS(l, "", "")
}

// readTLS reads certificates and keys.
func (f *File) readTLS() (*tls.Config, error) {
	config, err := web.ConfigToTLSConfig(&f.config.TLSConfig)
	if err != nil {
		return nil, err
	}
	certificate, err := config.GetCertificate(nil)
	if err != nil {
		return nil, err
	}
	// One reading for the whole handshake.
	config.GetCertificate, config.Certificates = nil, []tls.Certificate{*certificate}
	if verify := config.VerifyPeerCertificate; verify != nil { // it expects a certificate, which may be optional
		config.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error {
			if len(raw) == 0 {
				return nil
			}
			return verify(raw, chains)
		}
	}
	config.NextProtos = []string{"http/1.1"}
	if f.config.HTTPConfig.HTTP2 {
		config.NextProtos = slices.Insert(config.NextProtos, 0, "h2")
	}
	return config, nil
}

// certificates are what a server shows and whom it believes.
type certificates struct {
	file *File
	log  *slog.Logger

	mu      sync.Mutex
	current *tls.Config
	failing bool
}

func (c *certificates) forClient(*tls.ClientHelloInfo) (*tls.Config, error) {
	fresh, err := c.file.readTLS()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.current, c.failing = fresh, false
		return fresh, nil
	}
	if !c.failing {
		c.failing = true
		c.log.Warn("certificates cannot be read; those read last are used", "err", err)
	}
	return c.current, nil
}

// unasked satisfies the server, which wants a certificate before a client
// comes; forClient has the last word.
func (c *certificates) unasked(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &c.current.Certificates[0], nil
}
