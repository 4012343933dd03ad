// Package starttls asks a server that speaks in clear to go over to TLS.
//
// It reads not one byte beyond the server's consent: what a third party slips
// in before the handshake is met by the handshake, and fails it. Nothing is
// logged in and nothing is changed on the server.
package starttls

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Protocol is what is spoken before TLS.
type Protocol string

// The protocols.
const (
	Postgres Protocol = "postgres"
	SMTP     Protocol = "smtp"
	IMAP     Protocol = "imap"
)

const op = "ask for TLS"

// Ask asks the server at the other end of conn for TLS. When it returns nil,
// the next byte either side sends belongs to the handshake. The caller bounds
// the wait with a deadline on conn. Errors are *fault.Error: kind tls when the
// server offers none, schema when it speaks another protocol.
func Ask(conn io.ReadWriter, p Protocol) error {
	switch p {
	case Postgres:
		return askPostgres(conn)
	case SMTP:
		return askSMTP(conn)
	case IMAP:
		return askIMAP(conn)
	}
	return &fault.Error{Op: op, Kind: fault.Internal, Err: fmt.Errorf("%q is not a protocol", p)}
}

// sslRequest is the code of PostgreSQL's SSLRequest message, which is sent
// instead of a protocol version
// (https://www.postgresql.org/docs/current/protocol-message-formats.html).
const sslRequest = 80877103

func askPostgres(conn io.ReadWriter) error {
	message := binary.BigEndian.AppendUint32(nil, 8)
	message = binary.BigEndian.AppendUint32(message, sslRequest)
	if _, err := conn.Write(message); err != nil {
		return fault.Wrap(op, err, "")
	}
	answer, err := readByte(conn)
	switch {
	case err != nil:
		return fault.Wrap(op, err, "")
	case answer == 'S':
		return nil
	case answer == 'N':
		return notOffered("set ssl = on in postgresql.conf")
	}
	return foreign(Postgres)
}

// askSMTP follows RFC 3207.
func askSMTP(conn io.ReadWriter) error {
	if _, err := expectSMTP(conn, 220); err != nil {
		return err
	}
	extensions, err := dialogue(conn, "EHLO localhost\r\n", 250)
	if err != nil {
		return err
	}
	if !slices.Contains(extensions, "STARTTLS") {
		return notOffered("enable TLS in the mail server, or ask its TLS port without startTLS")
	}
	_, err = dialogue(conn, "STARTTLS\r\n", 220)
	return err
}

func dialogue(conn io.ReadWriter, command string, want int) ([]string, error) {
	if _, err := io.WriteString(conn, command); err != nil {
		return nil, fault.Wrap(op, err, "")
	}
	return expectSMTP(conn, want)
}

// expectSMTP reads one reply, which may have several lines, and returns their
// texts in capitals.
func expectSMTP(conn io.Reader, want int) ([]string, error) {
	var texts []string
	for range maxLines {
		line, err := readLine(conn)
		if err != nil {
			return nil, err
		}
		if len(line) < 3 || (len(line) > 3 && line[3] != ' ' && line[3] != '-') {
			return nil, foreign(SMTP)
		}
		code, err := strconv.Atoi(line[:3])
		if err != nil || code < 200 || code > 599 {
			return nil, foreign(SMTP)
		}
		if code != want {
			return nil, refused(code)
		}
		if len(line) > 3 {
			texts = append(texts, strings.ToUpper(strings.TrimSpace(line[4:])))
		}
		if len(line) == 3 || line[3] == ' ' {
			return texts, nil
		}
	}
	return nil, foreign(SMTP)
}

// refused is a reply of a mail server that is not the one that was hoped for:
// 4yz asks to come back later, 5yz does not (RFC 5321, 4.2.1).
func refused(code int) error {
	kind := fault.Rejected
	if code < 500 {
		kind = fault.Unavailable
	}
	return &fault.Error{Op: op, Kind: kind, Err: fmt.Errorf("the mail server replied %d", code)}
}

// askIMAP follows RFC 9051, 6.2.1.
func askIMAP(conn io.ReadWriter) error {
	greeting, err := readLine(conn)
	if err != nil {
		return err
	}
	switch words := strings.Fields(strings.ToUpper(greeting)); {
	case len(words) < 2 || words[0] != "*":
		return foreign(IMAP)
	case words[1] == "BYE":
		return &fault.Error{Op: op, Kind: fault.Unavailable, Err: errors.New("the mail server closes the connection")}
	case words[1] != "OK":
		return foreign(IMAP)
	}
	if _, err := io.WriteString(conn, "t1 STARTTLS\r\n"); err != nil {
		return fault.Wrap(op, err, "")
	}
	for range maxLines {
		line, err := readLine(conn)
		if err != nil {
			return err
		}
		words := strings.Fields(strings.ToUpper(line))
		switch {
		case len(words) < 2 || (words[0] != "*" && words[0] != "T1"):
			return foreign(IMAP)
		case words[0] == "*": // said to everybody, an answer to nobody
		case words[1] == "OK":
			return nil
		default:
			return notOffered("enable TLS in the mail server, or ask its TLS port without startTLS")
		}
	}
	return foreign(IMAP)
}

func notOffered(hint string) error {
	return &fault.Error{Op: op, Kind: fault.TLS, Err: errors.New("the server offers none"), Hint: hint}
}

// foreign repeats nothing of what was said: it was not meant for us.
func foreign(p Protocol) error {
	return &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("the answer is not %s", p), Hint: "check the address and startTLS"}
}

// Bounds of what a server may say before TLS. RFC 5321 allows lines of 512
// bytes, RFC 9051 recommends at least 8192.
const (
	maxLine  = 8192
	maxLines = 100
)

// readLine reads up to a line feed and returns the line without its end.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for len(line) < maxLine {
		b, err := readByte(r)
		if err != nil {
			return "", fault.Wrap(op, err, "")
		}
		if b == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b)
	}
	return "", &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("the server sends a line of more than %d bytes", maxLine)}
}

func readByte(r io.Reader) (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return b[0], err
}
