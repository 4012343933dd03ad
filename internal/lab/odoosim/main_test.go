package odoosim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/lab"
)

// servers are shared by the tests of this package; each test has a database
// of its own.
var servers struct {
	postgres *lab.Postgres
	redis    *lab.Redis
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run closes the lab before it looks for goroutines left behind.
func run(m *testing.M) int {
	l, err := lab.New(lab.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx := context.Background()
	servers.postgres, err = l.Postgres(ctx, lab.PostgresOptions{})
	if err == nil {
		servers.redis, err = l.Redis(ctx, lab.RedisOptions{})
	}
	code := 1
	if err == nil {
		code = m.Run()
	}
	err = errors.Join(err, l.Close())
	if code == 0 && err == nil {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
