package prometheus

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// What a server says first is heard once something was said to it, or the
// connection is closed.
func TestListener(t *testing.T) {
	tests := map[string]struct {
		do   func(io.WriteCloser) error
		fine bool
	}{
		"it is asked": {func(w io.WriteCloser) error { _, err := io.WriteString(w, "GET"); return err }, true},
		"we give up":  {func(w io.WriteCloser) error { return w.Close() }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				l := newListener(ours)
				go func() { _, _ = io.WriteString(theirs, "220 ") }()
				go func() { _, _ = theirs.Read(make([]byte, 3)) }()
				heard := make(chan error, 1)
				go func() {
					_, err := io.ReadFull(l, make([]byte, 4))
					heard <- err
				}()
				synctest.Wait()
				if len(heard) > 0 {
					t.Error("something was heard before anything was said")
				}
				if err := tt.do(l); err != nil {
					t.Fatal(err)
				}
				if err := <-heard; (err == nil) != tt.fine {
					t.Errorf("heard: %v", err)
				}
				_, _ = l.Close(), theirs.Close()
			})
		})
	}
}
