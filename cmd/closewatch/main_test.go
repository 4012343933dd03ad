package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"closewatch": main})
}

// TestScripts runs the command as people do: each script in testdata/script is
// one situation with what is printed and how it ends.
func TestScripts(t *testing.T) {
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPOSITORY", repository)
			return nil
		},
		UpdateScripts:       os.Getenv("UPDATE_GOLDEN") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":  status,
			"example": example,
			"port":    port,
			"hold":    hold,
			"await":   await,
			"signal":  send,
		},
	})
}

// status N COMMAND runs a command that must end with an exit code.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// signal NAME FILE sends a signal to the process whose id is in a file.
func send(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, neg, args, 2, "signal HUP|TERM FILE")
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[1])))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}[args[0]]))
}

// example NAME copies an example estate with the files it names. Its secrets are read from secrets/ in
// the script's directory.
func example(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, neg, args, 1, "example NAME")
	content := ts.ReadFile(filepath.Join(ts.Getenv("REPOSITORY"), "deploy", "examples", args[0]))
	content = strings.ReplaceAll(content, "/run/secrets/", "secrets/")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(content), 0o600))
	ts.Check(os.RemoveAll(ts.MkAbs("cal"))) // a second example has the same files
	ts.Check(os.CopyFS(ts.MkAbs("cal"), os.DirFS(filepath.Join(ts.Getenv("REPOSITORY"), "deploy", "examples", "cal"))))
}

// port busy|free VARIABLE sets a variable to a port of loopback on which
// something listens till the end of the script, or on which nothing does.
func port(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, neg, args, 2, "port busy|free VARIABLE")
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	_, number, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Setenv(args[1], number)
	if args[0] == "free" {
		ts.Check(l.Close())
		return
	}
	stranger := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	go func() { _ = stranger.Serve(l) }() // ends with Close
	ts.Defer(func() { _ = stranger.Close() })
}

// hold DIRECTORY uses a data directory till the end of the script.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, neg, args, 1, "hold DIRECTORY")
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o750))
	lock := flock.New(filepath.Join(ts.MkAbs(args[0]), "lock"))
	held, err := lock.TryLock()
	ts.Check(err)
	if !held {
		ts.Fatalf("%s is in use", args[0])
	}
	ts.Defer(func() { _ = lock.Close() })
}

// await URL|FILE PATTERN waits until what is read there matches.
func await(ts *testscript.TestScript, neg bool, args []string) {
	expect(ts, neg, args, 2, "await URL|FILE PATTERN")
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		last := content(ctx, ts, args[0])
		if pattern.MatchString(last) {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("%s does not match %s:\n%s", args[0], args[1], last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// content is what stands in a file or is answered by an address; nothing while
// there is none.
func content(ctx context.Context, ts *testscript.TestScript, from string) string {
	if !strings.HasPrefix(from, "http://") {
		b, err := os.ReadFile(ts.MkAbs(from))
		if err != nil {
			return ""
		}
		return string(b)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	ts.Check(err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return ""
	}
	return string(b)
}

func expect(ts *testscript.TestScript, neg bool, args []string, n int, usage string) {
	if neg || len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
}
