package odoo_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
	"go.uber.org/goleak"
)

// postgres holds the stand-ins' databases.
var postgres *lab.Postgres

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	l, err := lab.New(lab.Options{})
	if err == nil {
		defer func() { _ = l.Close() }()
		postgres, err = l.Postgres(context.Background(), lab.PostgresOptions{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(goleak.IgnoreCurrent()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// openLedger returns the real database that the environment names, or else a
// stand-in of its own.
func openLedger(t *testing.T) ledger {
	t.Helper()
	if l, ok := realLedger(t); ok {
		return l
	}
	l, _ := standIn(t, "ledger", odoosim.Options{})
	return l
}

// standIn starts an Odoo stand-in on a database of that name.
func standIn(t *testing.T, db string, opts odoosim.Options) (ledger, *odoosim.Server) {
	t.Helper()
	const password = "probe"
	db = fmt.Sprintf("%s_%d", db, time.Now().UnixNano())
	opts.DSN = postgres.DSN("postgres", db)
	if err := odoosim.InitDatabase(t.Context(), opts.DSN, odoosim.Seed{AdminPassword: "admin", LoadPassword: "load", ProbePassword: password, Version: opts.Version}); err != nil {
		t.Fatal(err)
	}
	server, err := odoosim.New(opts)
	if err != nil {
		t.Fatal(err)
	}
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
	return ledger{
		rpc: odoorpc.Config{URL: server.URL(), Database: db, Login: odoosim.ProbeLogin, Password: secret.New(password), Timeout: estate.Duration(30 * time.Second)},
		synthetic: odoo.Synthetic{
			Company: odoosim.SyntheticCompany, Partner: odoosim.SyntheticPartner,
			SaleJournal: "SYNI", BankJournal: "SYNB",
		},
	}, server
}
