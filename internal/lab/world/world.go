package world

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
	"github.com/closewatch/closewatch/internal/lab/load"
	"github.com/closewatch/closewatch/internal/lab/odoosim"
	"github.com/closewatch/closewatch/internal/lab/traefiksim"
	"github.com/closewatch/closewatch/internal/secret"
)

// Options of a World.
type Options struct {
	Dir      string // "" is a temporary directory, removed at the end
	Log      *slog.Logger
	Progress func(string) // one sentence per step
	// InvoicesPerMinute is the rate of business traffic; 0 means 60.
	InvoicesPerMinute float64
}

// A World is the running demo estate.
type World struct {
	Lab          *lab.Lab
	Database     *lab.Postgres
	Redis        *lab.Redis
	Alertmanager *lab.Alertmanager
	Webhook      *lab.Webhook
	Ingress      *lab.Traefik
	Odoo         *odoosim.Server
	Load         *load.Load

	log      *slog.Logger
	bank     *bank
	probePW  string
	testJob  int64 // the id of the prober's
	running  sync.WaitGroup
	cancel   context.CancelFunc
	mu       sync.Mutex
	active   map[string]func(context.Context) error // how to clear each active fault
	erpAddr  string                                 // where the application listened when it was stopped
	probing  func(on bool)
	changed  func(ctx context.Context, component, what string) error
	stopOnce sync.Once
	stopErr  error
}

// postingCost is what posting takes besides its SQL, so that ten times as long
// is felt.
const postingCost = 60 * time.Millisecond

// Start brings the estate up: servers, tables, traffic.
func Start(ctx context.Context, o Options) (_ *World, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.InvoicesPerMinute == 0 {
		o.InvoicesPerMinute = 60
	}
	w := &World{
		log: o.Log, active: map[string]func(context.Context) error{}, probePW: rand.Text(),
		probing: func(bool) {}, changed: func(context.Context, string, string) error { return nil },
	}
	if w.Lab, err = lab.New(lab.Options{Dir: o.Dir, Log: o.Log, Progress: o.Progress}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if err := w.servers(ctx); err != nil {
		return nil, err
	}
	o.Progress("filling the books of an ERP with two companies")
	loadPW := rand.Text()
	if err := w.database(ctx, loadPW); err != nil {
		return nil, err
	}
	if err := w.erp(ctx); err != nil {
		return nil, err
	}
	o.Progress(fmt.Sprintf("starting business traffic, %.0f invoices a minute", o.InvoicesPerMinute))
	if w.Load, err = load.New(load.Options{
		BaseURL: w.Ingress.URL, DB: odoosim.Database, Login: odoosim.LoadLogin, Password: secret.New(loadPW),
		InvoicesPerMinute: o.InvoicesPerMinute, Log: o.Log,
	}); err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	w.running.Go(func() {
		if err := w.Load.Run(running); err != nil {
			o.Log.Error("business traffic stopped", "err", err)
		}
	})
	return w, nil
}

// servers starts what is not Odoo.
func (w *World) servers(ctx context.Context) (err error) {
	if w.bank, err = openBank(ctx); err != nil {
		return err
	}
	if w.Database, err = w.Lab.Postgres(ctx, lab.PostgresOptions{Standby: true, Settings: map[string]string{"max_connections": "100"}}); err != nil {
		return err
	}
	if w.Redis, err = w.Lab.Redis(ctx, lab.RedisOptions{AppendOnly: true}); err != nil {
		return err
	}
	if w.Webhook, err = w.Lab.Webhook(ctx); err != nil {
		return err
	}
	w.Alertmanager, err = w.Lab.Alertmanager(ctx, lab.AlertmanagerOptions{WebhookURL: w.Webhook.URL})
	return err
}

// appRole is the role Odoo connects as, watchRole the daemon's.
const (
	appRole   = "odoo"
	watchRole = "closewatch"
)

// database makes the roles, the tenant's tables, the prober's test job and the
// observer's rights.
func (w *World) database(ctx context.Context, loadPW string) (err error) {
	if err := w.Database.Exec(ctx, "postgres", "postgres", "CREATE ROLE "+appRole+" LOGIN CREATEDB"); err != nil {
		return err
	}
	if err := odoosim.InitDatabase(ctx, w.Database.DSN(appRole, odoosim.Database), odoosim.Seed{
		AdminPassword: rand.Text(), LoadPassword: loadPW, ProbePassword: w.probePW,
	}); err != nil {
		return err
	}
	if w.testJob, err = odoosim.AddTestJob(ctx, w.Database.DSN(appRole, odoosim.Database)); err != nil {
		return err
	}
	return w.Database.Exec(ctx, "postgres", odoosim.Database, odoosim.GrantSQL(watchRole))
}

// erp starts Odoo behind the ingress.
func (w *World) erp(ctx context.Context) (err error) {
	if w.Odoo, err = odoosim.New(w.erpOptions()); err != nil {
		return err
	}
	if err := w.Odoo.Start(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	w.Ingress, err = w.Lab.Traefik(ctx, lab.TraefikOptions{
		Routers: []traefiksim.Router{{Name: "erp", Service: "erp"}},
		Services: []traefiksim.Service{{
			Name: "erp", Servers: []string{w.Odoo.URL()},
		}},
	})
	return err
}

func (w *World) erpOptions() odoosim.Options {
	return odoosim.Options{
		DSN: w.Database.DSN(appRole, odoosim.Database), RedisURL: w.Redis.URL(), PostingCost: postingCost, Workers: 6,
		SessionTimeout: 20 * time.Second, Log: w.log,
	}
}

// Close stops everything. It is safe to call twice.
func (w *World) Close() error {
	w.stopOnce.Do(func() {
		if w.cancel != nil {
			w.cancel()
		}
		w.running.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = w.Clear(ctx) // a paused server would not stop; what fails here is killed below
		if w.Odoo != nil {
			w.stopErr = w.Odoo.Stop(ctx)
		}
		if w.bank != nil {
			w.stopErr = errors.Join(w.stopErr, w.bank.close())
		}
		if w.Lab != nil {
			w.stopErr = errors.Join(w.stopErr, w.Lab.Close())
		}
	})
	return w.stopErr
}

// TokenFile is where WriteEstate leaves the token of whoever may operate the
// daemon, beside the estate.
const TokenFile = "operator.token"

// WriteEstate writes the daemon's estate for this world into dir, with its
// secrets in files beside it, and returns the file.
func (w *World) WriteEstate(dir, listen string) (string, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	password := filepath.Join(dir, "odoo.password")
	if err := os.WriteFile(password, []byte(w.probePW), 0o600); err != nil {
		return "", err
	}
	token := filepath.Join(dir, TokenFile)
	if err := os.WriteFile(token, []byte(rand.Text()), 0o600); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "estate.yaml")
	return file, os.WriteFile(file, []byte(w.estate(password, token, listen)), 0o600)
}
