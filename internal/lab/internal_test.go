package lab

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/lab/traefiksim"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestPortRangeAvoidsTheKernels(t *testing.T) {
	for name, tt := range map[string]struct {
		proc      string
		err       error
		low, high int
	}{
		"Linux as usual":           {proc: "32768\t60999\n", low: 10000, high: 32768},
		"a kernel range from 1024": {proc: "1024 60999", low: 61000, high: 65536},
		"no room on either side":   {proc: "1024 65535", low: 10000, high: 65536},
		"unreadable":               {err: os.ErrNotExist, low: 10000, high: 32768},
		"nonsense":                 {proc: "?", low: 10000, high: 32768},
	} {
		t.Run(name, func(t *testing.T) {
			low, high := portRange([]byte(tt.proc), tt.err)
			if low != tt.low || high != tt.high {
				t.Errorf("portRange = %d, %d, want %d, %d", low, high, tt.low, tt.high)
			}
		})
	}
}

func TestPortsAreNotGivenTwice(t *testing.T) {
	var p ports
	var given []int
	for range 50 {
		port, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(given, port) {
			t.Fatalf("port %d was given twice", port)
		}
		given = append(given, port)
	}
}

func TestLaunchTakesAnotherPortWhenOneIsSnatched(t *testing.T) {
	t.Parallel()
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var snatched net.Listener
	var tries []int
	r := &Redis{}
	program, err := find("redis-server", "redis-server")
	if err != nil {
		t.Fatal(err)
	}
	r.Server = &Server{
		name: "redis", program: program, dir: l.dir, quit: 15,
		args:  func() []string { return RedisOptions{}.args(tries[len(tries)-1], 0, l.dir) },
		ready: r.ping,
	}
	err = l.launch(t.Context(), r.Server, 1, func(ports []int) error {
		tries = append(tries, ports[0])
		r.Addr = loopback(ports[0])
		if len(tries) > 1 {
			return nil
		}
		var err error
		snatched, err = net.Listen("tcp", r.Addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = snatched.Close() }()
	if len(tries) != 2 || tries[0] == tries[1] {
		t.Errorf("ports tried: %v, want two different ones", tries)
	}
}

func TestIdentityIsOfOneProcessOnly(t *testing.T) {
	self, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	later, otherBoot := self, self
	later.Start++
	otherBoot.Boot = "another"
	if !self.alive() || later.alive() || otherBoot.alive() {
		t.Errorf("alive: this process %v, a later one %v, one of another boot %v, want only the first",
			self.alive(), later.alive(), otherBoot.alive())
	}
}

func TestNewestPostgresComesFirst(t *testing.T) {
	paths := []string{"/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/9.10/bin"}
	slices.SortFunc(paths, byVersion)
	want := []string{"/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/9.10/bin", "/usr/lib/postgresql/15/bin"}
	if !slices.Equal(paths, want) {
		t.Errorf("order = %v, want %v", paths, want)
	}
}

func TestArchiveCommandQuotesItsDirectory(t *testing.T) {
	got := archiveCommand(`/tmp/it's 100%`)
	want := `cp "%p" '/tmp/it'\''s 100%%'/"%f.new" && mv '/tmp/it'\''s 100%%'/"%f.new" '/tmp/it'\''s 100%%'/"%f"`
	if got != want {
		t.Errorf("archiveCommand = %s, want %s", got, want)
	}
}

func TestTraefikIsToldWhatTheStandInIsTold(t *testing.T) {
	got, err := json.MarshalIndent(traefikDynamic(traefiksim.Options{
		Routers: []traefiksim.Router{
			{
				Name: "odoo", Host: "erp.example.test", PathPrefix: "/web", Service: "odoo", Priority: 7,
				BasicAuth: map[string]secret.Value{"test": secret.New("open sesame")},
				RateLimit: &traefiksim.RateLimit{Average: 0.5, Burst: 3},
			},
			{Name: "plain", Service: "odoo", Redirect: &traefiksim.Redirect{Scheme: "https"}},
		},
		Services: []traefiksim.Service{{
			Name: "odoo", Servers: []string{"http://127.0.0.1:8069"}, ResponseHeaderTimeout: time.Minute,
			HealthCheck: &traefiksim.HealthCheck{Path: "/web/health", Interval: 2 * time.Second, Timeout: time.Second},
		}},
	}), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const path = "testdata/dynamic.yml"
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func TestAHalfWrittenManifestIsAnError(t *testing.T) {
	dir := t.TempDir()
	if _, err := loadManifest(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no manifest: %v", err)
	}
	if err := os.WriteFile(dir+"/"+manifestName, []byte(`{"owner":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadManifest(dir); err == nil {
		t.Error("half a manifest was accepted")
	}
}

func TestPostgresVersions(t *testing.T) {
	system, cache := t.TempDir(), t.TempDir()
	install := func(parent string, majors ...string) {
		for _, major := range majors {
			bin := filepath.Join(parent, major, "bin")
			if err := errors.Join(os.MkdirAll(bin, 0o755), os.WriteFile(filepath.Join(bin, "initdb"), nil, 0o755)); err != nil {
				t.Fatal(err)
			}
		}
	}
	install(system, "9.6", "15")
	install(cache, "13", "14", "15", "16", "17")
	const want = "find PostgreSQL 18: executable file not found in $PATH (run make setup)"
	if _, err := postgresVersions(system, cache); err == nil || err.Error() != want {
		t.Errorf("one is missing: got %v, want %s", err, want)
	}
	install(cache, "18", "19")
	list, err := postgresVersions(system, cache)
	if err != nil || len(list) != 6 || list[0] != (PostgresVersion{13, filepath.Join(cache, "13", "bin")}) || list[2].BinDir != filepath.Join(system, "15", "bin") {
		t.Errorf("all are there: got %v, %v; want 13 to 18, the system's first", list, err)
	}
}

// A program that is ended for its deadline takes what it has started with it:
// otherwise its output would be waited for as long as that lives.
func TestRunEndsWhatAProgramHasStarted(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	pids := filepath.Join(t.TempDir(), "pid")
	if err := syscall.Mkfifo(pids, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.run(ctx, nil, "", "sh", "-c", "sleep 1000 & echo $! > "+pids+"; wait") }()
	data, err := os.ReadFile(pids) // when it is written
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("it ended well")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	// The kernel ends a killed process in its own time.
	if err := awaitGone([]int{pid}); err != nil {
		t.Error(err)
	}
}
