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
		if _, err := odoo.New(l.settings(t, l.client(t, nil))).Sweep(t.Context()); err != nil { // of tests that were killed
			t.Fatal(err)
		}
		return l
	}
	l, _ := standIn(t, "ledger")
	return l
}

// standIn starts an Odoo stand-in on a database of that name.
func standIn(t *testing.T, db string) (ledger, *odoosim.Server) {
	t.Helper()
	return serve(t, newDatabase(t, db), odoosim.Options{})
}

// standInWith is standIn with other options.
func standInWith(t *testing.T, db string, change func(*odoosim.Options)) (ledger, *odoosim.Server) {
	t.Helper()
	var opts odoosim.Options
	change(&opts)
	return serve(t, newDatabase(t, db), opts)
}

// probePassword is the monitoring user's in a stand-in.
const probePassword = "probe"

// newDatabase makes a stand-in's database and returns its name.
func newDatabase(t *testing.T, db string) string {
	t.Helper()
	db = fmt.Sprintf("%s_%d", db, time.Now().UnixNano())
	seed := odoosim.Seed{AdminPassword: "admin", LoadPassword: "load", ProbePassword: probePassword}
	if err := odoosim.InitDatabase(t.Context(), startPostgres(t).DSN("postgres", db), seed); err != nil {
		t.Fatal(err)
	}
	return db
}

// serve starts an Odoo stand-in of a version and edition on a database.
func serve(t *testing.T, db string, opts odoosim.Options) (ledger, *odoosim.Server) {
	t.Helper()
	opts.DSN = startPostgres(t).DSN("postgres", db)
	server, err := odoosim.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	start(t, server)
	return ledger{
		rpc: odoorpc.Config{URL: server.URL(), Database: db, Login: odoosim.ProbeLogin, Password: secret.New(probePassword), Timeout: estate.Duration(30 * time.Second)},
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
