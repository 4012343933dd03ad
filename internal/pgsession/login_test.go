package pgsession_test

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/secret"
)

// A server that begins a login and does not end it, because a catalogue is
// locked, has one process of ours, not one for each time that we lost patience.
func TestLoginThatHangsIsNotBegunAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var logins atomic.Int32
	begun := make(chan net.Conn, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			logins.Add(1)
			begun <- conn
		}
	}()
	defer func() {
		_ = listener.Close()
		<-done
		for len(begun) > 0 {
			_ = (<-begun).Close()
		}
	}()
	s := open(t, pgsession.Settings{
		DSN: secret.New(fmt.Sprintf("postgres://mon@%s/postgres?sslmode=disable", listener.Addr())), Connections: 2,
		ConnectTimeout: 10 * time.Millisecond, MaxBackoff: time.Nanosecond,
	})
	for range 20 {
		wantKind(t, s.Batch(t.Context(), query("one", "SELECT 1")).Err(), fault.Timeout)
	}
	if n := logins.Load(); n > 2 || s.Spent().Connections != uint64(n) {
		t.Fatalf("%d logins, counted %d; want at most the two connections allowed", n, s.Spent().Connections)
	}
	for n := logins.Load(); n > 0; n-- {
		conn := <-begun
		_ = conn.Close() // the server gives up: then it is tried again
	}
	deadline := time.Now().Add(10 * time.Second)
	for logins.Load() < 3 {
		if time.Now().After(deadline) {
			t.Fatal("a login that ended is not begun again")
		}
		_ = s.Batch(t.Context(), query("one", "SELECT 1"))
	}
}
