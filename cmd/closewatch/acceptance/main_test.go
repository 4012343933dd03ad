package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/cmd/closewatch/app"
	"github.com/closewatch/closewatch/internal/lab/world"
)

// TestMain also closes the estate that tests share, before it looks for
// goroutines that nobody waited for.
func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

type closing struct{ *testing.M }

func (c closing) Run() int {
	code := c.M.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "closing the shared estate:", err)
		return max(code, 1)
	}
	return code
}

// shared is the estate of real servers that tests use together. It is started
// by the first that asks.
var shared sharedWorld

type sharedWorld struct {
	once  sync.Once
	world *world.World
	err   error
}

func (s *sharedWorld) get(t *testing.T) *world.World {
	t.Helper()
	s.once.Do(func() { s.world, s.err = world.Start(context.Background(), world.Options{}) })
	if s.err != nil {
		t.Fatalf("start the estate: %v", s.err)
	}
	return s.world
}

func (s *sharedWorld) close() error {
	if s.world == nil {
		return nil
	}
	return s.world.Close()
}

// A daemon under test, with what it logged.
type daemon struct {
	*app.App
	log *logbook
}

// startDaemon runs the daemon on an estate file until the test ends or stops
// it.
func startDaemon(t *testing.T, file, data string) *daemon {
	t.Helper()
	plan, err := app.Load(file)
	if err != nil {
		t.Fatalf("load the estate:\n%v", err)
	}
	d := &daemon{log: &logbook{}}
	d.App, err = app.New(t.Context(), app.Settings{
		Plan: plan, Data: data, Listen: "127.0.0.1:0", Version: "test", Log: slog.New(slog.NewTextHandler(d.log, nil)),
	})
	if err != nil {
		t.Fatalf("start the daemon: %v", err)
	}
	d.Start(t.Context())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.Stop(ctx); err != nil {
			t.Errorf("Stop() = %v", err)
		}
		said := d.log.String()
		if strings.Contains(said, "panic") || strings.Contains(said, "level=ERROR") {
			t.Error("the daemon logged an error")
		}
		if t.Failed() {
			t.Logf("the daemon logged:\n%s", said)
		}
	})
	return d
}

// A logbook keeps what a daemon logs.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// client keeps no connections, so that none outlives a test.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

// get asks the daemon for a page and returns its status and text.
func (d *daemon) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.Address()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// post tells the daemon something and returns its status and text.
func (d *daemon) post(t *testing.T, path, body, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+d.Address()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// decode asks the daemon for JSON.
func (d *daemon) decode(t *testing.T, path string, into any) {
	t.Helper()
	status, body := d.get(t, path)
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d\n%s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("GET %s: %v\n%s", path, err, body)
	}
}

// await waits until done returns "", which otherwise says what is missing.
func await(t *testing.T, patience time.Duration, done func() string) {
	t.Helper()
	late := time.After(patience)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		missing := done()
		if missing == "" {
			return
		}
		select {
		case <-late:
			t.Fatalf("after %s: %s", patience, missing)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(pause):
		}
	}
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
