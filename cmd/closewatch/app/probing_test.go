package app

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestProbingIsPausedAndResumed pauses the flows through one daemon, finds them
// paused by the next, and resumes them there.
func TestProbingIsPausedAndResumed(t *testing.T) {
	data, secrets := t.TempDir(), t.TempDir()
	const token = "oncall-token-0123456789-0123456789"
	if err := os.WriteFile(filepath.Join(secrets, "oncall"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := minimal(t, "web: {listen: \"127.0.0.1:0\", tokens: [{name: oncall, scopes: [operate], token: \"${file:"+secrets+"/oncall}\"}]}\n")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var daemon *App
	ask := func(method, path, body string, want int) Probing {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, daemon.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }() // read to the end below
		var b bytes.Buffer
		if _, err := b.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		var p Probing
		if resp.StatusCode != want || want == http.StatusOK && json.Unmarshal(b.Bytes(), &p) != nil {
			t.Errorf("%s %s = %d, want %d: %s", method, path, resp.StatusCode, want, b.String())
		}
		return p
	}
	live := func(do func()) {
		t.Helper()
		plan, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if daemon, err = New(t.Context(), Settings{Plan: plan, Data: data}); err != nil {
			t.Fatal(err)
		}
		daemon.Start(t.Context())
		do()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := daemon.Stop(ctx); err != nil {
			t.Errorf("Stop() = %v", err)
		}
	}
	live(func() {
		if p := ask("GET", "/api/v1/probing", "", 200); p.Paused {
			t.Errorf("paused at first: %+v", p)
		}
		ask("POST", "/api/v1/probing/pause", `{"reason": ""}`, 422)
		ask("POST", "/api/v1/probing/pause", `{"reason": "asked by somebody@example.com"}`, 422)
		ask("POST", "/api/v1/probing/pause", `{"why": "year end"}`, 400)
		if p := ask("GET", "/api/v1/probing", "", 200); p.Paused {
			t.Errorf("paused by what was refused: %+v", p)
		}
		ask("POST", "/api/v1/probing/pause", `{"reason": "year end"}`, 200)
	})
	live(func() {
		p := ask("GET", "/api/v1/probing", "", 200)
		if !p.Paused || p.Reason != "year end" || p.By != "token:oncall" || p.Since == nil {
			t.Errorf("after a restart: %+v", p)
		}
		if err := daemon.killSwitch().On(); err == nil || !strings.Contains(err.Error(), "by token:oncall: year end") {
			t.Errorf("what stops the flows: %v", err)
		}
		if p := ask("POST", "/api/v1/probing/resume", "", 200); p.Paused {
			t.Errorf("resumed: %+v", p)
		}
		if err := daemon.killSwitch().On(); err != nil {
			t.Errorf("On() = %v", err)
		}
	})
	for _, action := range []string{"probing-paused", "probing-resumed"} {
		if !kept(t, filepath.Join(data, "evidence"), action) {
			t.Errorf("%s is no evidence", action)
		}
	}
}

// kept reports whether a file below dir has a text.
func kept(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestPausingWithoutADaemon(t *testing.T) {
	plan, err := Load(minimal(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	if _, err := PauseByFile(plan, data, "", noon); err == nil {
		t.Error("paused without a reason")
	}
	path, err := PauseByFile(plan, data, "year end", noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil || path != filepath.Join(data, "state", killSwitch) {
		t.Errorf("paused by %s: %v", path, err)
	}
	for range 2 { // the second time there is nothing to do
		if path, err = ResumeByFile(plan, data); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after resuming: %v", err)
	}
}
