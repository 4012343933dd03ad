package endpoint

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/starttls"
)

// upgrading speaks in clear until it has sent consent, and TLS from then on.
func upgrading(config *tls.Config, lines int, says ...string) func(net.Conn) {
	return func(conn net.Conn) {
		in := bufio.NewReaderSize(conn, 16)
		for n, s := range says {
			_, _ = io.WriteString(conn, s)
			if n < lines {
				_, _ = in.ReadString('\n')
			}
		}
		_ = tls.Server(conn, config).Handshake()
	}
}

func TestTCP(t *testing.T) {
	web := serveTLS(t, answering(200, ""), nil)
	trust := authority(t, web)
	mail := upgrading(web.TLS, 2, "220 mx\r\n", "250 STARTTLS\r\n", "220 go\r\n")
	postgres := func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 8))
		_, _ = io.WriteString(conn, "S")
		_ = tls.Server(conn, web.TLS).Handshake()
	}
	tests := map[string]struct {
		address  string
		tls      *TLS
		startTLS starttls.Protocol
		kind     fault.Kind
	}{
		"listens":                         {address: at(listen(t, silent))},
		"listens no more":                 {address: at(closed(t)), kind: fault.Unreachable},
		"has no name":                     {address: "nowhere.test:443", kind: fault.DNS},
		"TLS":                             {address: at(web.URL), tls: trust},
		"TLS of an unknown authority":     {address: at(web.URL), tls: &TLS{}, kind: fault.TLS},
		"TLS for another host":            {address: at(web.URL), tls: &TLS{CA: trust.CA}, kind: fault.TLS},
		"no TLS":                          {address: at(listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "220 mx "+hushed+"\r\n") })), tls: trust, kind: fault.TLS},
		"hangs up":                        {address: at(listen(t, func(c net.Conn) { _ = c.Close() })), tls: trust, kind: fault.Unreachable},
		"a mail server with TLS":          {address: at(listen(t, mail)), tls: trust, startTLS: starttls.SMTP},
		"a mail server, TLS not trusted":  {address: at(listen(t, mail)), tls: &TLS{}, startTLS: starttls.SMTP, kind: fault.TLS},
		"a mail server without TLS":       {address: at(listen(t, upgrading(web.TLS, 1, "220 mx\r\n", "250 mx\r\n"))), tls: trust, startTLS: starttls.SMTP, kind: fault.TLS},
		"a mail server that is full":      {address: at(listen(t, upgrading(web.TLS, 0, "421 "+hushed+"\r\n"))), tls: trust, startTLS: starttls.SMTP, kind: fault.Unavailable},
		"a database with TLS":             {address: at(listen(t, postgres)), tls: trust, startTLS: starttls.Postgres},
		"a mail server, not a database":   {address: at(listen(t, mail)), tls: trust, startTLS: starttls.Postgres, kind: fault.Schema},
		"an authority's file is missing":  {address: at(web.URL), tls: &TLS{CA: "/nowhere/ca.pem"}, kind: fault.Internal},
		"our certificate's is not a pair": {address: at(web.URL), tls: &TLS{CA: trust.CA, Certificate: trust.CA, Key: trust.CA}, kind: fault.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := tcpCheck(tt.address, func(c *TCP) { c.TLS, c.StartTLS = tt.tls, tt.startTLS })
			values, err := run(t, newProbe(c, settings(t)))
			expectKind(t, values, err, tt.kind, "")
			if _, shaken := values["endpoint_tcp_duration_seconds/tls"]; shaken != (tt.kind == "" && tt.tls != nil) {
				t.Errorf("a handshake was measured: %v", shaken)
			}
		})
	}
}

func TestTCPDeadlines(t *testing.T) {
	for name, change := range map[string]func(*TCP){
		"no handshake":        func(c *TCP) { c.TLS = &TLS{} },
		"no consent":          func(c *TCP) { c.TLS, c.StartTLS = &TLS{}, starttls.Postgres },
		"no greeting of mail": func(c *TCP) { c.TLS, c.StartTLS = &TLS{}, starttls.SMTP },
	} {
		t.Run(name, func(t *testing.T) {
			err := collectortest.Deadline(t, newProbe(tcpCheck(listen(t, silent), change), settings(t)))
			if fault.KindOf(err) != fault.Timeout || !strings.Contains(err.Error(), "the deadline passed while") {
				t.Errorf("Collect() = %v, want a timeout that says where", err)
			}
		})
	}
}
