package endpoint

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// quiet is the log of servers whose clients fail on purpose.
var quiet = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)

// startDNS answers over UDP, and over TCP at the same port. A message that does
// not fit a datagram is cut there.
func startDNS(t *testing.T, answer func(dnsmessage.Question) dnsmessage.Message) string {
	t.Helper()
	return startRawDNS(t, func(q []byte, datagram bool) [][]byte {
		var p dnsmessage.Parser
		header, err := p.Start(q)
		if err != nil {
			return nil
		}
		question, err := p.Question()
		if err != nil {
			return nil
		}
		m := answer(question)
		m.ID, m.Response = header.ID, true
		packed, err := m.Pack()
		if err == nil && datagram && len(packed) > 512 {
			m.Truncated, m.Answers = true, nil
			packed, err = m.Pack()
		}
		if err != nil {
			t.Error(err)
		}
		return [][]byte{packed}
	})
}

// startRawDNS answers a message with others.
func startRawDNS(t *testing.T, answer func(q []byte, datagram bool) [][]byte) string {
	t.Helper()
	var udp net.PacketConn
	var tcp net.Listener
	for range 20 { // until a port is free for both
		var err error
		if udp, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if tcp, err = net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			break
		}
		_ = udp.Close()
	}
	if tcp == nil {
		t.Fatal("no port is free for both UDP and TCP")
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := udp.ReadFrom(buffer)
			if err != nil {
				return
			}
			for _, a := range answer(buffer[:n], true) {
				_, _ = udp.WriteTo(a, from)
			}
		}
	})
	wg.Go(func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			stream(conn, answer)
		}
	})
	t.Cleanup(func() {
		_ = udp.Close()
		_ = tcp.Close()
		wg.Wait()
	})
	return udp.LocalAddr().String()
}

func stream(conn net.Conn, answer func(q []byte, datagram bool) [][]byte) {
	defer func() { _ = conn.Close() }()
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	q := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, q); err != nil {
		return
	}
	for _, a := range answer(q, false) {
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
	}
}

// records answers q.
func records(q dnsmessage.Question, bodies ...dnsmessage.ResourceBody) dnsmessage.Message {
	m := dnsmessage.Message{Questions: []dnsmessage.Question{q}}
	for _, b := range bodies {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: typeOf(b), Class: dnsmessage.ClassINET, TTL: 60}, Body: b,
		})
	}
	return m
}

func failing(q dnsmessage.Question, code dnsmessage.RCode) dnsmessage.Message {
	return dnsmessage.Message{Header: dnsmessage.Header{RCode: code}, Questions: []dnsmessage.Question{q}}
}

func typeOf(b dnsmessage.ResourceBody) dnsmessage.Type {
	switch b.(type) {
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	case *dnsmessage.AAAAResource:
		return dnsmessage.TypeAAAA
	case *dnsmessage.CNAMEResource:
		return dnsmessage.TypeCNAME
	case *dnsmessage.MXResource:
		return dnsmessage.TypeMX
	case *dnsmessage.NSResource:
		return dnsmessage.TypeNS
	case *dnsmessage.SRVResource:
		return dnsmessage.TypeSRV
	}
	return dnsmessage.TypeTXT
}

func name(s string) dnsmessage.Name { return dnsmessage.MustNewName(s) }
