package odoo_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// servers are started when a test first asks for a stand-in: tests against a
// real Odoo need none.
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

func TestMain(m *testing.M) {
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

// openLedger returns the real database that the environment names, or else a
// stand-in of its own.
func openLedger(t *testing.T) ledger {
	t.Helper()
	if l, ok := realLedger(t); ok {
		return l
	}
	l, _ := standIn(t, "ledger")
	return l
}

// standIn starts an Odoo stand-in on a database of that name.
func standIn(t *testing.T, db string) (ledger, *odoosim.Server) {
	t.Helper()
	return standInWith(t, db, func(*odoosim.Options) {})
}

func standInWith(t *testing.T, db string, change func(*odoosim.Options)) (ledger, *odoosim.Server) {
	t.Helper()
	const password = "probe"
	db = fmt.Sprintf("%s_%d", db, time.Now().UnixNano())
	opts := odoosim.Options{DSN: startPostgres(t).DSN("postgres", db)}
	if err := odoosim.InitDatabase(t.Context(), opts.DSN, odoosim.Seed{AdminPassword: "admin", LoadPassword: "load", ProbePassword: password}); err != nil {
		t.Fatal(err)
	}
	change(&opts)
	server, err := odoosim.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	start(t, server)
	return ledger{
		rpc: odoorpc.Config{URL: server.URL(), Database: db, Login: odoosim.ProbeLogin, Password: secret.New(password), Timeout: estate.Duration(30 * time.Second)},
		synthetic: odoo.Synthetic{
			Company: odoosim.SyntheticCompany, Partner: odoosim.SyntheticPartner,
			SaleJournal: "SYNI", BankJournal: "SYNB",
		},
	}, server
}

// start serves until the end of the test.
func start(t *testing.T, server *odoosim.Server) {
	t.Helper()
	if err := server.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("stop the stand-in: %v", err)
		}
	})
}
