package world

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A bank is the interface of a bank, as far as a check of it goes.
type bank struct {
	url     string
	down    atomic.Bool
	server  *http.Server
	serving sync.WaitGroup
}

func openBank(ctx context.Context) (*bank, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &bank{url: "http://" + listener.Addr().String() + "/accounts"}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: 5 * time.Second}
	b.serving.Go(func() { _ = b.server.Serve(listener) }) // ends with close
	return b, nil
}

// ServeHTTP implements http.Handler.
func (b *bank) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if b.down.Load() {
		http.Error(w, "out of service", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, `{"accounts":[]}`) // the asker may be gone
}

func (b *bank) close() error {
	err := b.server.Close()
	b.serving.Wait()
	return err
}
