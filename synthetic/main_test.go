package synthetic_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/lab"
)

// servers are started when a test first asks for them.
var servers struct {
	lab   *lab.Lab
	start sync.Once
	err   error

	postgres *lab.Postgres // holds the stand-ins' databases
}

func startPostgres(t *testing.T) *lab.Postgres {
	t.Helper()
	servers.start.Do(func() {
		if servers.lab, servers.err = lab.New(lab.Options{}); servers.err == nil {
			servers.postgres, servers.err = servers.lab.Postgres(context.Background(), lab.PostgresOptions{})
		}
	})
	if servers.err != nil {
		t.Fatal(servers.err)
	}
	return servers.postgres
}

// TestMain is also the process that is killed, when the environment says so.
func TestMain(m *testing.M) {
	if order := os.Getenv(orders); order != "" {
		os.Exit(probe(order))
	}
	code := m.Run()
	if servers.lab != nil {
		if err := servers.lab.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
