package odoo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/collector"
)

// A component with a log follows it while it runs, publishes what it says as a
// task of its own, and goes on where it stopped.
func TestLogOfAComponent(t *testing.T) {
	dir := t.TempDir()
	s := Settings{Component: "erp", Environment: "test", StateDir: filepath.Join(dir, "state")}
	s.Config.SetDefaults()
	s.Config.Database, s.Config.Log.File = "prod", filepath.Join(dir, "odoo.log")
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(s.Config.Log.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// follow runs the component until so many requests were killed.
	follow := func(want float64) {
		t.Helper()
		i := New(s)
		defer i.Close()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- i.Run(ctx) }()
		var log collector.Collector
		for _, task := range i.Tasks() {
			if task.Name == "log" {
				log = task.Collector
			}
		}
		if log == nil {
			t.Fatal("no task is called log")
		}
		deadline := time.After(30 * time.Second)
		for got := -1.0; got != want; {
			select {
			case <-deadline:
				t.Fatalf("odoo_worker_kills_total{time} is %v, want %v", got, want)
			case <-time.After(20 * time.Millisecond):
			}
			values, _ := collect(t, log)
			if killed, known := values["odoo_worker_kills_total{time}"]; known {
				got = killed
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v", err)
		}
	}
	killed := "2026-11-22 12:00:01,123 1 ERROR ? odoo.service.server: WorkerHTTP (PID) timeout after 120s\n"
	write("2026-11-22 12:00:00,123 1 INFO ? odoo.service.server: Worker WorkerHTTP (28) alive\n")
	follow(0)
	write(strings.Replace(killed, "PID", "28", 1))
	follow(1)
	write(strings.Replace(killed, "PID", "29", 1))
	follow(2)
}
