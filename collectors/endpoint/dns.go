package endpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/closewatch/closewatch/internal/fault"
)

// dnsAsker puts the question to the server: over UDP, and again over TCP when
// the answer does not fit. Neither the machine's resolver nor its hosts file has
// a part in it.
type dnsAsker struct {
	DNS
	Settings
}

func (a dnsAsker) ask(ctx context.Context) (answer, error) {
	watch := newStopwatch(a.Now)
	err := a.resolve(watch.trace(ctx), watch)
	out := answer{phases: watch.phases()}
	if err != nil {
		return out, explain("ask name server "+a.server(), err, watch)
	}
	return out, nil
}

func (a dnsAsker) resolve(ctx context.Context, watch *stopwatch) error {
	question, err := a.question()
	if err != nil {
		return &fault.Error{Op: "put the question", Kind: fault.Internal, Err: err}
	}
	r, err := a.exchange(ctx, watch, "udp", question)
	if err == nil && r.truncated {
		r, err = a.exchange(ctx, watch, "tcp", question)
	}
	if err != nil {
		return err
	}
	return a.judge(r)
}

// maxMessage is the most a DNS message can be over TCP; without extensions one
// over UDP is 512 bytes (RFC 1035, 4.2).
const maxMessage = 1<<16 - 1

func (a dnsAsker) exchange(ctx context.Context, watch *stopwatch, network string, question dnsmessage.Question) (reply, error) {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: uint16(rand.Uint32()), RecursionDesired: true},
		Questions: []dnsmessage.Question{question},
	}
	packed, err := m.Pack()
	if err != nil {
		return reply{}, &fault.Error{Op: "put the question", Kind: fault.Internal, Err: err}
	}
	defer charge(ctx, time.Now())
	dialer := net.Dialer{Resolver: a.Resolver}
	conn, err := dialer.DialContext(ctx, network, a.server())
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = conn.Close() }()
	defer hangUp(ctx, conn)()
	watch.start(request)
	var r reply
	if network == "udp" {
		r, err = askDatagram(ctx, conn, packed, m.ID, question)
	} else {
		r, err = askStream(conn, packed, m.ID, question)
	}
	if err == nil {
		watch.stop(request)
	}
	return r, err
}

// again is how long an answer to a datagram is waited for before it is sent
// once more: either may be lost on the way.
const again = 2 * time.Second

// askDatagram sends until there is an answer. What does not answer the question
// is not the server's, or late: it is passed over.
func askDatagram(ctx context.Context, conn net.Conn, packed []byte, id uint16, question dnsmessage.Question) (reply, error) {
	buffer := make([]byte, maxMessage)
	for {
		if _, err := conn.Write(packed); err != nil {
			return reply{}, err
		}
		r, err := readDatagram(ctx, conn, buffer, id, question)
		if !errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			return r, err
		}
	}
}

// readDatagram waits for the answer until it is time to ask again.
func readDatagram(ctx context.Context, conn net.Conn, buffer []byte, id uint16, question dnsmessage.Question) (reply, error) {
	if err := conn.SetReadDeadline(time.Now().Add(again)); err != nil {
		return reply{}, err
	}
	if ctx.Err() != nil { // then hangUp came before the deadline that was just set
		return reply{}, ctx.Err()
	}
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return reply{}, err
		}
		if r, err := parseReply(buffer[:n], id, question); !errors.Is(err, errOther) {
			return r, err
		}
	}
}

// askStream asks over TCP, where a message is preceded by its length.
func askStream(conn net.Conn, packed []byte, id uint16, question dnsmessage.Question) (reply, error) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(packed)))
	if _, err := conn.Write(append(framed, packed...)); err != nil {
		return reply{}, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return reply{}, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, message); err != nil {
		return reply{}, err
	}
	r, err := parseReply(message, id, question)
	if errors.Is(err, errOther) {
		err = errBroken
	}
	return r, err
}
