package delivery_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
)

const word = "hunter2"

// pki is an authority with a certificate of 127.0.0.1, for servers and clients,
// in PEM files.
type pki struct {
	ca, certificate, key string
	pool                 *x509.CertPool
	pair                 tls.Certificate
}

func newPKI(t *testing.T) pki {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := pki{ca: filepath.Join(dir, "ca.pem"), certificate: filepath.Join(dir, "ca.pem"), key: filepath.Join(dir, "key.pem"), pool: x509.NewCertPool()}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for file, content := range map[string][]byte{p.ca: public, p.key: secret} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p.pair, err = tls.X509KeyPair(public, secret); err != nil {
		t.Fatal(err)
	}
	p.pool.AppendCertsFromPEM(public)
	return p
}

func pageOf(ends time.Time) delivery.Message {
	return delivery.Message{
		Labels:      map[string]string{"alertname": "FinanceProcessImpaired", "process": "invoice-posting", "severity": "page"},
		Annotations: map[string]string{"title": "Invoices cannot be posted – 2 h to the cut-off\r\nBcc: everybody", "description": "DO FIRST: look\n.at the database", "runbook_url": "http://127.0.0.1:9977/runbooks/x"},
		StartsAt:    time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC), EndsAt: ends, GeneratorURL: "http://127.0.0.1:9977/incidents/1", Why: "Closewatch sent this itself.",
	}
}

func TestWebhookTakesWhatAlertmanagersReceiverSends(t *testing.T) {
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	hook, err := l.Webhook(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	transport, err := delivery.Access{}.Transport()
	if err != nil {
		t.Fatal(err)
	}
	w, err := delivery.NewWebhook(hook.URL+"services/"+word+"?token="+word, transport)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ended := time.Date(2026, 10, 1, 13, 0, 0, 0, time.UTC)
	for _, ends := range []time.Time{{}, ended} {
		if err := w.Send(t.Context(), pageOf(ends)); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	_, err = hook.Await(t.Context(), func(n lab.Notification) bool {
		a := n.Alerts[0]
		told = append(told, fmt.Sprintf("%s %s %s %s %v", n.Status, a.Status, a.Labels["process"], a.Fingerprint, a.EndsAt.Equal(ended)))
		return a.Status == "resolved"
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], "firing firing invoice-posting ") || !strings.HasSuffix(told[1], "true") || len(strings.Fields(told[0])[3]) != 16 {
		t.Errorf("told %q", told)
	}
}

func TestAccessToAnAlertmanager(t *testing.T) {
	p := newPKI(t)
	var saw struct {
		sync.Mutex
		authorization, peer, host string
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		saw.Lock()
		defer saw.Unlock()
		saw.authorization, saw.peer, saw.host = r.Header.Get("Authorization"), "", r.Host
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			saw.peer = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{p.pair}, ClientCAs: p.pool, ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	defer server.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		saw.Lock()
		defer saw.Unlock()
		saw.authorization, saw.host = r.Header.Get("Authorization")+" by proxy "+r.Header.Get("Proxy-Authorization"), r.Host
		saw.peer = ""
	}))
	defer proxy.Close()
	throughProxy := "http://user:" + word + "@" + strings.TrimPrefix(proxy.URL, "http://")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("cw:"+word))
	tests := map[string]struct {
		access        delivery.Access
		address       string
		authorization string
		peer          string
		kind          fault.Kind
	}{
		"basic":              {delivery.Access{Username: "cw", Password: word, CA: p.ca}, server.URL, basic, "", ""},
		"bearer":             {delivery.Access{Bearer: word, CA: p.ca}, server.URL, "Bearer " + word, "", ""},
		"certificate":        {delivery.Access{CA: p.ca, Certificate: p.certificate, Key: p.key}, server.URL, "", "test", ""},
		"unknown authority":  {delivery.Access{Bearer: word}, server.URL, "", "", fault.TLS},
		"proxy":              {delivery.Access{Bearer: word, Proxy: throughProxy}, "http://am.example.com", "Bearer " + word + " by proxy Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+word)), "", ""},
		"proxy that is gone": {delivery.Access{Bearer: word, Proxy: "http://user:" + word + "@127.0.0.1:1"}, "http://am.example.com/" + word, "", "", fault.Unreachable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			transport, err := tt.access.Transport()
			if err != nil {
				t.Fatal(err)
			}
			w, err := delivery.NewWebhook(tt.address, transport)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			err = w.Send(t.Context(), pageOf(time.Time{}))
			if got := fault.KindOf(err); got != tt.kind {
				t.Fatalf("Send = %v, want kind %q", err, tt.kind)
			}
			if err != nil && strings.Contains(err.Error(), word) {
				t.Errorf("the error holds a secret: %v", err)
			}
			saw.Lock()
			defer saw.Unlock()
			if err == nil && (saw.authorization != tt.authorization || saw.peer != tt.peer) {
				t.Errorf("the server saw %q and %q, want %q and %q", saw.authorization, saw.peer, tt.authorization, tt.peer)
			}
		})
	}
}

func TestFilesThatAreNoCertificates(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]delivery.Access{
		"no such authority": {CA: filepath.Join(dir, "none.pem")}, "no certificate in it": {CA: empty},
		"no such key": {Certificate: empty, Key: filepath.Join(dir, "none.pem")}, "a proxy that is no URL": {Proxy: "http://user:" + word + "@:%"},
	} {
		if _, err := a.Transport(); fault.HintOf(err) == "" || strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, want a fault with a hint", name, err)
		}
	}
}

// smtpServer is a mail server in this process.
type smtpServer struct {
	address  string
	tls      *tls.Config
	starttls bool
	refuse   string // the answer to RCPT
	ways     string // to log in; PLAIN when empty

	mu    sync.Mutex
	mails []smtpMail
	verbs []string // that were heard
	wg    sync.WaitGroup
}

type smtpMail struct {
	from   string
	to     []string
	auth   string
	secure bool
	data   string
}

func newSMTP(t *testing.T, s *smtpServer) *smtpServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); s.wg.Wait() })
	return s
}

func (s *smtpServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	m := smtpMail{}
	if s.tls != nil && !s.starttls {
		conn, m.secure = tls.Server(conn, s.tls), true
	}
	c := textproto.NewConn(conn)
	say := func(text string) { _ = c.PrintfLine("%s", text) }
	say("220 test ESMTP")
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		s.mu.Lock()
		s.verbs = append(s.verbs, verb)
		s.mu.Unlock()
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-test")
			if s.starttls && !m.secure {
				say("250-STARTTLS")
			}
			say("250 AUTH " + cmp.Or(s.ways, "PLAIN"))
		case "STARTTLS":
			say("220 go on")
			conn, m.secure = tls.Server(conn, s.tls), true
			c = textproto.NewConn(conn)
		case "AUTH":
			b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			m.auth = string(b)
			if strings.HasSuffix(m.auth, word) {
				say("235 fine")
			} else {
				say("535 wrong for on-call@example.com")
			}
		case "MAIL":
			m.from = rest
			say("250 fine")
		case "RCPT":
			if s.refuse != "" {
				say(s.refuse)
				continue
			}
			m.to = append(m.to, rest)
			say("250 fine")
		case "DATA":
			say("354 go on")
			b, err := io.ReadAll(c.DotReader())
			if err != nil {
				return
			}
			m.data = string(b)
			s.mu.Lock()
			s.mails = append(s.mails, m)
			s.mu.Unlock()
			say("250 queued")
		case "NOOP":
			say("250 fine")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

func TestEmail(t *testing.T) {
	p := newPKI(t)
	server := &tls.Config{Certificates: []tls.Certificate{p.pair}, MinVersion: tls.VersionTLS12}
	trusting, err := delivery.Access{CA: p.ca}.TLS()
	if err != nil {
		t.Fatal(err)
	}
	wary, err := delivery.Access{}.TLS()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		server   *smtpServer
		password string
		tls      *tls.Config
		implicit bool
		kind     fault.Kind
	}{
		"in clear on this machine":    {&smtpServer{}, "", nil, false, ""},
		"TLS that is asked for":       {&smtpServer{tls: server, starttls: true}, word, trusting, false, ""},
		"TLS from the start":          {&smtpServer{tls: server}, word, trusting, true, ""},
		"TLS is not offered":          {&smtpServer{}, word, trusting, false, fault.TLS},
		"an authority we do not know": {&smtpServer{tls: server, starttls: true}, word, wary, false, fault.TLS},
		"wrong password":              {&smtpServer{tls: server, starttls: true}, word + "no", trusting, false, fault.Auth},
		"nobody of that name":         {&smtpServer{refuse: "550 no such user on-call@example.com"}, "", nil, false, fault.Rejected},
		"busy":                        {&smtpServer{refuse: "451 later, on-call@example.com"}, "", nil, false, fault.Unavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSMTP(t, tt.server)
			e := &delivery.Email{
				Server: s.address, From: "Closewatch <closewatch@example.com>", To: []string{"on-call@example.com", "Second <second@example.com>"}, TLS: tt.tls, Implicit: tt.implicit,
			}
			if tt.password != "" {
				e.Username, e.Password = "cw", tt.password
			}
			err := e.Send(t.Context(), pageOf(time.Time{}))
			if got := fault.KindOf(err); got != tt.kind {
				t.Fatalf("Send = %v, want kind %q", err, tt.kind)
			}
			if err != nil {
				if text := err.Error(); strings.Contains(text, word) || strings.Contains(text, "on-call") {
					t.Errorf("the error holds a secret or an address: %v", err)
				}
				return
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.mails) != 1 || s.mails[0].secure != (tt.tls != nil) || len(s.mails[0].to) != 2 || s.mails[0].from != "FROM:<closewatch@example.com>" {
				t.Fatalf("mails = %+v", s.mails)
			}
		})
	}
}

func TestEmailIsReadable(t *testing.T) {
	s := newSMTP(t, &smtpServer{})
	e := &delivery.Email{Server: s.address, From: "closewatch@example.com", To: []string{"on-call@example.com"}}
	for _, ends := range []time.Time{{}, time.Date(2026, 10, 1, 13, 0, 0, 0, time.UTC)} {
		if err := e.Send(t.Context(), pageOf(ends)); err != nil {
			t.Fatal(err)
		}
	}
	var ids, texts []string
	for _, m := range s.mails {
		read, err := mail.ReadMessage(bufio.NewReader(strings.NewReader(m.data)))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
		if err != nil {
			t.Fatal(err)
		}
		if read.Header.Get("Bcc") != "" || strings.Contains(subject, "\n") {
			t.Errorf("a title can write headers: %v", read.Header)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
		if err != nil {
			t.Fatal(err)
		}
		ids, texts = append(ids, read.Header.Get("Message-Id"), read.Header.Get("In-Reply-To")), append(texts, subject+"\n"+string(body))
	}
	if len(ids) != 4 || ids[0] == "" || ids[0] == ids[2] || ids[1] != "" || ids[3] != ids[0] {
		t.Errorf("Message-ID and In-Reply-To of the page and its end: %q", ids)
	}
	for i, want := range []string{"Invoices cannot be posted – 2 h to the cut-off", "Resolved: Invoices cannot be posted"} {
		if !strings.HasPrefix(texts[i], want) || !strings.Contains(texts[i], "Closewatch sent this itself.") || !strings.Contains(texts[i], "Incident: http") {
			t.Errorf("mail %d:\n%s", i, texts[i])
		}
	}
	if !strings.Contains(texts[0], "\n.at the database") {
		t.Errorf("a line with a dot is not whole:\n%s", texts[0])
	}
}

func TestMailServerThatHangsIsLeft(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = (&delivery.Email{Server: l.Addr().String(), From: "a@example.com", To: []string{"b@example.com"}}).Send(ctx, pageOf(time.Time{}))
	if fault.KindOf(err) != fault.Timeout {
		t.Errorf("Send = %v, want a timeout", err)
	}
}

func TestWebhookThatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", "ftp://" + word, "http://", "http://" + word + ":port"} {
		if _, err := delivery.NewWebhook(address, http.DefaultTransport); fault.HintOf(err) == "" || strings.Contains(err.Error(), word) {
			t.Errorf("NewWebhook(%q) = %v, want a fault with a hint and without the address", address, err)
		}
	}
}
