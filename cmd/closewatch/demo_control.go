package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// A demoControl lets another terminal break and mend the running demo. Where it
// listens, and the token it asks for, are in a file only this user may read.
type demoControl struct {
	file   string
	server *http.Server
}

type controlFile struct {
	URL    string `json:"url"`
	Token  string `json:"token"`
	Estate string `json:"estate"`
	Data   string `json:"data"`
}

// controlPath is where the running demo of this user is found.
func controlPath() string {
	return filepath.Join(os.TempDir(), "closewatch-demo-"+strconv.Itoa(os.Getuid())+".json")
}

func startControl(ctx context.Context, d *demo) (*demoControl, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	token := rand.Text()
	content, err := json.Marshal(controlFile{"http://" + l.Addr().String(), token, d.file, d.data})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	c := &demoControl{file: controlPath()}
	_ = os.Remove(c.file) // an earlier demo's, whatever its owner
	if err := os.WriteFile(c.file, content, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /fault/{name}", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			http.Error(w, "this demo is another user's", http.StatusForbidden)
			return
		}
		text, err := d.switchFault(r.Context(), r.PathValue("name"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		_, _ = io.WriteString(w, text) // the asker may be gone
	})
	c.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = c.server.Serve(l) }() // ends with stop
	return c, nil
}

// switchFault breaks something, or mends everything.
func (d *demo) switchFault(ctx context.Context, name string) (string, error) {
	if name == "clear" {
		active := d.world.Active()
		if err := d.world.Clear(ctx); err != nil {
			return "", err
		}
		if len(active) == 0 {
			return "nothing was broken\n", nil
		}
		return "mended: " + strings.Join(active, ", ") + "\n", nil
	}
	if err := d.world.Inject(ctx, name); err != nil {
		return "", err
	}
	return fmt.Sprintf("broken: %s. Watch %s and mend it with: closewatch demo fault clear\n", name, d.daemon.URL()), nil
}

func (c *demoControl) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return errors.Join(c.server.Shutdown(ctx), os.Remove(c.file))
}

// readControl finds the running demo.
func readControl() (c controlFile, err error) {
	content, err := os.ReadFile(controlPath())
	if err != nil {
		return c, errNoDemo
	}
	return c, json.Unmarshal(content, &c)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// askDemo sends a switch to the running demo.
func askDemo(ctx context.Context, name string) (string, error) {
	const op = "reach the running demo"
	c, err := readControl()
	if err != nil {
		return "", &fault.Error{Op: op, Kind: fault.Unreachable, Err: err, Hint: "start one with closewatch demo, or make demo"}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/fault/"+url.PathEscape(name), http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fault.Wrap(op, err, "start one with closewatch demo, or make demo")
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "", fault.Wrap(op, err, "")
	}
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(strings.TrimSpace(string(text)))
	}
	return string(text), nil
}
