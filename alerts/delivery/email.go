package delivery

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Email is how messages are sent through a mail server.
type Email struct {
	Server             string // host:port
	From               string
	To                 []string
	Username, Password string
	TLS                *tls.Config // nil speaks in clear
	Implicit           bool        // TLS from the first byte on; otherwise it is asked for, and nothing is sent without
	Now                func() time.Time
}

// Name implements Channel.
func (e *Email) Name() string { return "email" }

// Close implements Channel.
func (e *Email) Close() {}

// Send implements Channel. A message that is sent again has the same Message-ID,
// and the end of a page answers the page.
func (e *Email) Send(ctx context.Context, m Message) error {
	err := e.session(ctx, func(client *smtp.Client) error { return e.hand(client, m) })
	return explained("send a page by email through "+e.Server, err)
}

// Try reaches the mail server and logs in as for a message, and sends none. Its
// error is a *fault.Error.
func (e *Email) Try(ctx context.Context) (found Trial, err error) {
	err = e.session(ctx, func(client *smtp.Client) error {
		found.Text = "answers in clear"
		if state, ok := client.TLSConnectionState(); ok {
			found.Text = "answers by " + tls.VersionName(state.Version)
		}
		if e.Username != "" {
			found.Text += ", lets the user in"
		}
		if err := client.Noop(); err != nil {
			return err
		}
		return client.Quit()
	})
	return found, explained("reach the mail server "+e.Server, err)
}

// session connects and logs in for what is to be done. What that returns is the
// outcome: how the connection ends afterwards says nothing.
func (e *Email) session(ctx context.Context, do func(*smtp.Client) error) (err error) {
	host, _, err := net.SplitHostPort(e.Server)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.Server)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() {
		if err != nil && ctx.Err() != nil { // the connection was closed for that
			err = ctx.Err()
		}
	}()
	secure := e.TLS.Clone()
	if secure != nil && secure.ServerName == "" {
		secure.ServerName = host
	}
	if secure != nil && e.Implicit {
		conn = tls.Client(conn, secure)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	defer func() { _ = client.Close() }() // the server has the message, or an error says that it has not
	if secure != nil && !e.Implicit {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return &fault.Error{Op: "ask for TLS", Kind: fault.TLS, Err: errors.New("the server offers none"), Hint: "let it offer STARTTLS, or write security: tls and its port for that"}
		}
		if err := client.StartTLS(secure); err != nil {
			return err
		}
	}
	if e.Username != "" {
		if _, ways := client.Extension("AUTH"); !slices.Contains(strings.Fields(ways), "PLAIN") {
			return &fault.Error{Op: "log in", Kind: fault.Auth, Err: errors.New("the server does not offer AUTH PLAIN"), Hint: "leave out basic of notifications.email, or write the server's port for submission, such as 587"}
		}
		if err := client.Auth(smtp.PlainAuth("", e.Username, e.Password, host)); err != nil {
			return err
		}
	}
	return do(client)
}

// hand gives the message to the server, which has it when hand returns nil.
func (e *Email) hand(client *smtp.Client, m Message) error {
	if err := client.Mail(bare(e.From)); err != nil {
		return err
	}
	for _, to := range e.To {
		if err := client.Rcpt(bare(to)); err != nil {
			return err
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(e.compose(m)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = client.Quit() // the server has the message
	return nil
}

// bare is an address without the name before it.
func bare(address string) string {
	if a, err := mail.ParseAddress(address); err == nil {
		return a.Address
	}
	return address
}

func (e *Email) compose(m Message) []byte {
	_, domain, _ := strings.Cut(bare(e.From), "@")
	now := time.Now
	if e.Now != nil {
		now = e.Now
	}
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", e.From)
	header("To", strings.Join(e.To, ", "))
	header("Subject", mime.QEncoding.Encode("utf-8", m.Title()))
	header("Date", now().UTC().Format(time.RFC1123Z))
	header("Message-ID", fmt.Sprintf("<%s@%s>", m.ID(), domain))
	if m.Resolved() {
		m := m
		m.EndsAt = time.Time{}
		header("In-Reply-To", fmt.Sprintf("<%s@%s>", m.ID(), domain))
	}
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(m.Text(), "\n", "\r\n"))) // a buffer takes it
	_ = w.Close()
	return b.Bytes()
}

// explained says what a mail server's answer means; nil of nil. What the server
// wrote is left out: it may repeat addresses.
func explained(op string, err error) error {
	said, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		hint := reaching(err, "notifications.email")
		if fault.KindOf(err) == fault.Timeout {
			hint = "check server of notifications.email: on a port that begins with TLS write security: tls"
		}
		return fault.Wrap(op, err, cmp.Or(fault.HintOf(err), hint))
	}
	f := &fault.Error{Op: op, Kind: fault.Unavailable, Err: fmt.Errorf("SMTP status %d", said.Code), Hint: "look at the mail server's log"}
	switch {
	case said.Code == 530 || said.Code == 534 || said.Code == 535:
		f.Kind, f.Hint = fault.Auth, "check the user and password of notifications.email"
	case said.Code/100 == 5:
		f.Kind, f.Hint = fault.Rejected, "check the addresses of notifications.email, and look at the mail server's log"
	}
	return f
}
