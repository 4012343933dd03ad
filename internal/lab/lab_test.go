package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/secret"
)

// newLab makes a lab that closes with the test and logs how long each step
// took.
func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.New(lab.Options{Progress: func(s string) { t.Log(s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// eventually polls until done or 10 s are over.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited 10 s for %s", what)
		case <-ticker.C:
		}
	}
}

// orphans are the servers of an owner that is about to be killed.
type orphans struct {
	Dir             string
	Redis, Postgres int
}

func TestNextLabEndsWhatAKilledOwnerLeft(t *testing.T) {
	t.Setenv("TMPDIR", openTempDir(t))
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), roleVariable+"=owner")
	owner.Stderr = os.Stderr
	stdin, err := owner.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	var left orphans
	if err := json.NewDecoder(stdout).Decode(&left); err != nil {
		t.Fatal(err)
	}

	// While its owner lives, a lab is left alone.
	other := newLab(t)
	if !exists(left.Redis) || !exists(left.Postgres) {
		t.Fatal("a lab with a living owner lost its servers")
	}
	_ = other.Close()

	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait()
	if !exists(left.Redis) || !exists(left.Postgres) {
		t.Fatal("the servers ended with their owner: there is nothing to test")
	}
	children := childrenOf(t, left.Postgres)
	if len(children) == 0 {
		t.Fatal("PostgreSQL has no children: there is nothing to test")
	}

	begun := time.Now()
	newLab(t)
	t.Logf("reaped in %v", time.Since(begun))
	for _, pid := range append(children, left.Redis, left.Postgres) {
		if exists(pid) {
			t.Errorf("process %d of the dead lab is still there", pid)
		}
	}
	if _, err := os.Stat(left.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead lab's directory is still there: %v", err)
	}
}

func TestADirectoryHasOneOwner(t *testing.T) {
	t.Parallel()
	dir := openTempDir(t)
	first, err := lab.New(lab.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lab.New(lab.Options{Dir: dir}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a second lab in the same directory: %v, want a conflict", err)
	}
	if _, err := first.Redis(t.Context(), lab.RedisOptions{AppendOnly: true}); err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(dir, "notes")
	if err := os.WriteFile(notes, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "redis.log")); err != nil {
		t.Errorf("what a lab left in a given directory is kept: %v", err)
	}

	again, err := lab.New(lab.Options{Dir: dir})
	if err != nil {
		t.Fatalf("after the first lab closed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "redis.log")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the next lab starts afresh: %v", err)
	}
	if _, err := os.Stat(notes); err != nil {
		t.Errorf("what is not the lab's is kept: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestADirectoryWithOtherThingsIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.New(lab.Options{Dir: dir}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a directory with somebody's files: %v, want a conflict", err)
	}
}

func TestCloseRemovesATemporaryDirectoryAndStopsEverything(t *testing.T) {
	t.Parallel()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Redis(t.Context(), lab.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pid := r.PID()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(pid) {
		t.Error("Redis survived the lab")
	}
	if err := l.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := l.Redis(t.Context(), lab.RedisOptions{}); fault.KindOf(err) != fault.Blocked {
		t.Errorf("a closed lab started a server: %v", err)
	}
	if _, err := os.Stat(l.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory survived: %v", err)
	}
}

func TestAMissingProgramNamesItsPackage(t *testing.T) {
	l := newLab(t)
	t.Setenv("PATH", t.TempDir())
	for pkg, start := range map[string]func() error{
		"redis-server":            func() error { _, err := l.Redis(t.Context(), lab.RedisOptions{}); return err },
		"prometheus-alertmanager": func() error { _, err := l.Alertmanager(t.Context(), lab.AlertmanagerOptions{}); return err },
		"prometheus":              func() error { _, err := l.Prometheus(t.Context(), lab.PrometheusOptions{}); return err },
		"postgresql": func() error {
			_, err := l.Postgres(t.Context(), lab.PostgresOptions{BinDir: t.TempDir()})
			return err
		},
	} {
		t.Run(pkg, func(t *testing.T) {
			err := start()
			if hint := fault.HintOf(err); !strings.Contains(hint, "make setup") || !strings.HasSuffix(hint, " "+pkg) {
				t.Errorf("hint of %v does not say to run make setup or install %s", err, pkg)
			}
		})
	}
	for says, start := range map[string]func() error{
		"setup.sh bench, or install the package prometheus-postgres-exporter": func() error {
			_, err := l.PostgresExporter(t.Context(), secret.New("postgres://127.0.0.1/postgres"))
			return err
		},
		"setup.sh bench, or install the package prometheus-redis-exporter": func() error { _, err := l.RedisExporter(t.Context(), &lab.Redis{}); return err },
		"make build": func() error { _, err := l.Daemon(t.Context(), "bin/none", ""); return err },
	} {
		t.Run(says, func(t *testing.T) {
			if err := start(); !strings.HasSuffix(fault.HintOf(err), says) {
				t.Errorf("hint of %v does not end with %q", err, says)
			}
		})
	}
}

func TestAServerThatDoesNotStartShowsItsLog(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, err := l.Redis(t.Context(), lab.RedisOptions{Args: []string{"--no-such-directive", "yes"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-directive") || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("start with a bad option: %v, want Redis' own complaint", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	r, err := l.Redis(t.Context(), lab.RedisOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("start with an ended context: %v", err)
	}
	if r.Running() {
		t.Error("a failed start leaves no process")
	}
}

// openTempDir is a temporary directory that every user may enter.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// exists reports whether a process is there and not waiting to be collected.
func exists(pid int) bool {
	state, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "status"))
	return err == nil && syscall.Kill(pid, 0) == nil && !strings.Contains(string(state), "State:\tZ")
}

func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "task", itoa(pid), "children"))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for field := range strings.FieldsSeq(string(data)) {
		pids = append(pids, atoi(t, field))
	}
	return pids
}
