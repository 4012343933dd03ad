package endpoint

import (
	"io"
	"net"
	"testing"
	"time"
)

// What a server says before it was asked waits until it was.
func TestListenAfterSpeaking(t *testing.T) {
	address := listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-x\r\n") })
	conn, err := listenAfterSpeaking(new(net.Dialer).DialContext)(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(conn, make([]byte, 4))
		heard <- err
	}()
	select {
	case err := <-heard:
		t.Errorf("something was heard before anything was said: %v", err)
		return
	case <-time.After(50 * time.Millisecond):
	}
	if _, err := io.WriteString(conn, "GET"); err != nil {
		t.Fatal(err)
	}
	if err := <-heard; err != nil {
		t.Errorf("after it was asked: %v", err)
	}
	_ = conn.Close()

	unasked, err := listenAfterSpeaking(new(net.Dialer).DialContext)(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := unasked.Read(make([]byte, 1))
		heard <- err
	}()
	_ = unasked.Close()
	if err := <-heard; err == nil {
		t.Error("a closed connection was read")
	}
}
