package starttls

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
)

// talk is a server that has said all its lines before it is asked.
type talk struct {
	io.Reader
	heard strings.Builder
}

func (t *talk) Write(b []byte) (int, error) { return t.heard.Write(b) }

func TestAsk(t *testing.T) {
	const (
		offer = "220 mx ESMTP\r\n250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
		ehlo  = "EHLO localhost\r\nSTARTTLS\r\n"
		imap  = "t1 STARTTLS\r\n"
	)
	tests := map[string]struct {
		protocol Protocol
		says     string
		heard    string
		left     string // not read: the handshake's
		kind     fault.Kind
	}{
		"postgres goes over to TLS":                {protocol: Postgres, says: "S\x16\x03", left: "\x16\x03"},
		"postgres has none":                        {protocol: Postgres, says: "N", kind: fault.TLS},
		"postgres reports an error":                {protocol: Postgres, says: "E", kind: fault.Schema},
		"postgres hangs up":                        {protocol: Postgres, kind: fault.Unreachable},
		"a mail server goes over to TLS":           {protocol: SMTP, says: offer + "220 go\r\n\x16", heard: ehlo, left: "\x16"},
		"a greeting of several lines":              {protocol: SMTP, says: "220-mx\r\n220 ready\r\n250 starttls\n220\r\n", heard: ehlo},
		"commands slipped in before the handshake": {protocol: SMTP, says: offer + "220 go\r\n250 injected\r\n", heard: ehlo, left: "250 injected\r\n"},
		"a mail server without TLS":                {protocol: SMTP, says: "220 mx\r\n250-mx\r\n250 PIPELINING\r\n", kind: fault.TLS},
		"a mail server that is full":               {protocol: SMTP, says: "421 too many\r\n", kind: fault.Unavailable},
		"a mail server that does not want us":      {protocol: SMTP, says: "554 no\r\n", kind: fault.Rejected},
		"a mail server that lost its key":          {protocol: SMTP, says: offer + "454 TLS not available\r\n", kind: fault.Unavailable},
		"a web server where mail was expected":     {protocol: SMTP, says: "HTTP/1.1 400 Bad Request\r\n", kind: fault.Schema},
		"a reply without a number":                 {protocol: SMTP, says: "220 mx\r\nhello\r\n", kind: fault.Schema},
		"a reply without an end":                   {protocol: SMTP, says: strings.Repeat("220-mx\r\n", 200), kind: fault.Schema},
		"a line without an end":                    {protocol: SMTP, says: strings.Repeat("2", 10000), kind: fault.Schema},
		"half a line":                              {protocol: SMTP, says: "220 m", kind: fault.Unreachable},
		"an IMAP server goes over to TLS":          {protocol: IMAP, says: "* OK ready\r\n* CAPABILITY IMAP4rev2\r\nt1 OK begin\r\n\x16", heard: imap, left: "\x16"},
		"an IMAP server without TLS":               {protocol: IMAP, says: "* OK ready\r\nt1 BAD unknown\r\n", kind: fault.TLS},
		"an IMAP server that is full":              {protocol: IMAP, says: "* BYE full\r\n", kind: fault.Unavailable},
		"a mail server where IMAP was expected":    {protocol: IMAP, says: "220 mx\r\n", kind: fault.Schema},
		"an IMAP server that chatters":             {protocol: IMAP, says: "* OK ready\r\n" + strings.Repeat("* 1 EXISTS\r\n", 200), kind: fault.Schema},
		"an IMAP server that answers another":      {protocol: IMAP, says: "* OK ready\r\nt2 OK\r\n", kind: fault.Schema},
		"a protocol that does not exist":           {protocol: "ldap", kind: fault.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := &talk{Reader: strings.NewReader(tt.says)}
			err := Ask(server, tt.protocol)
			if got := fault.KindOf(err); got != tt.kind {
				t.Fatalf("Ask() = %v of kind %q, want kind %q", err, got, tt.kind)
			}
			if err != nil {
				if _, ok := errors.AsType[*fault.Error](err); !ok {
					t.Errorf("Ask() = %T, want a *fault.Error", err)
				}
				return
			}
			left, _ := io.ReadAll(server.Reader)
			if diff := cmp.Diff(tt.left, string(left)); diff != "" {
				t.Errorf("left for the handshake (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.heard, server.heard.String()); tt.heard != "" && diff != "" {
				t.Errorf("the server heard (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzAsk(f *testing.F) {
	f.Add("S")
	f.Add("220 mx\r\n250 STARTTLS\r\n220 go\r\n")
	f.Add("* OK ready\r\nt1 OK begin\r\n")
	f.Fuzz(func(t *testing.T, says string) {
		for _, p := range []Protocol{Postgres, SMTP, IMAP} {
			err := Ask(&talk{Reader: strings.NewReader(says)}, p)
			if _, ok := errors.AsType[*fault.Error](err); err != nil && (!ok || fault.KindOf(err) == fault.Internal) {
				t.Errorf("Ask(%s) = %v, want a fault of the server's", p, err)
			}
		}
	})
}
