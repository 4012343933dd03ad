package lab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/lab"
)

// The test binary plays other programs when this variable tells it to.
const roleVariable = "CLOSEWATCH_LAB_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "owner":
		ownUntilKilled()
	case "traefik":
		playTraefik()
	default:
		goleak.VerifyTestMain(m)
	}
}

// ownUntilKilled starts servers, tells their ids, and waits to be killed; it
// gives up when the test that started it is gone.
func ownUntilKilled() {
	l, err := lab.New(lab.Options{})
	exitOn(err)
	ctx := context.Background()
	redis, err := l.Redis(ctx, lab.RedisOptions{})
	exitOn(err)
	postgres, err := l.Postgres(ctx, lab.PostgresOptions{})
	exitOn(err)
	exitOn(json.NewEncoder(os.Stdout).Encode(orphans{Dir: l.Dir(), Redis: redis.PID(), Postgres: postgres.PID()}))
	_, _ = io.Copy(io.Discard, os.Stdin)
	exitOn(l.Close())
}

// playTraefik reads the configuration as Traefik would, says in its metrics
// that it has, and answers every request with what it was told to serve.
func playTraefik() {
	static := strings.TrimPrefix(os.Args[1], "--configFile=")
	var conf struct {
		EntryPoints map[string]struct{ Address string }
		Providers   struct{ File struct{ Filename string } }
	}
	read(static, &conf)
	dynamic, err := os.ReadFile(conf.Providers.File.Filename)
	exitOn(err)
	web, err := net.Listen("tcp", conf.EntryPoints["web"].Address) // before anybody can read that it is ready
	exitOn(err)
	go func() {
		exitOn(http.ListenAndServe(conf.EntryPoints["metrics"].Address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "# TYPE traefik_config_reloads_total counter\ntraefik_config_reloads_total 1\n")
		})))
	}()
	exitOn(http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(dynamic)
	})))
}

func read(path string, into any) {
	data, err := os.ReadFile(path)
	exitOn(err)
	exitOn(json.Unmarshal(data, into))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, filepath.Base(os.Args[0])+":", err)
		os.Exit(1)
	}
}
