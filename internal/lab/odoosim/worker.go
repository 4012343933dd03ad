package odoosim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A worker is one of the server's processes: it serves one request at a time on
// a PostgreSQL connection of its own, named odoo-<pid>.
type worker struct {
	pid  int
	dsn  string
	conn *pgx.Conn // nil until first used and after a failure
}

func newWorkers(n, firstPID int, dsn string) chan *worker {
	pool := make(chan *worker, n)
	for i := range n {
		pool <- &worker{pid: firstPID + i, dsn: dsn}
	}
	return pool
}

// begin opens a transaction, connecting when it has to. A connection that died
// while idle is replaced once without telling anyone, as Odoo's pool does.
func (w *worker) begin(ctx context.Context, iso pgx.TxIsoLevel) (pgx.Tx, error) {
	opts := pgx.TxOptions{IsoLevel: iso}
	if w.conn != nil && !w.conn.IsClosed() {
		if tx, err := w.conn.BeginTx(ctx, opts); err == nil {
			return tx, nil
		}
	}
	w.drop()
	conn, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	w.conn = conn
	tx, err := conn.BeginTx(ctx, opts)
	if err != nil && ctx.Err() == nil {
		w.drop()
		return nil, &unavailable{libpqMessage(conn.Config(), err)}
	}
	return tx, err
}

func (w *worker) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(w.dsn)
	if err != nil {
		return nil, err
	}
	cfg.RuntimeParams["application_name"] = "odoo-" + strconv.Itoa(w.pid)
	cfg.RuntimeParams["timezone"] = "UTC"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, &unavailable{libpqMessage(cfg, err)}
	}
	return conn, nil
}

// drop closes the connection, without waiting for a server that hangs.
func (w *worker) drop() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = w.conn.Close(ctx) // a server that hangs does not answer
	w.conn = nil
}

func libpqMessage(cfg *pgx.ConnConfig, err error) string {
	where := fmt.Sprintf("connection to server at %q, port %d failed: ", cfg.Host, cfg.Port)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return where + e.Severity + ":  " + e.Message + "\n"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return where + "timeout expired\n"
	}
	return where + "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n"
}

// maxTries is Odoo's MAX_TRIES_ON_CONCURRENCY_FAILURE.
const maxTries = 5

// transact runs fn in a transaction of w and commits it, or rolls it back when
// fn fails. Concurrency failures are tried again from the start.
func (s *Server) transact(ctx context.Context, w *worker, fn func(pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := w.once(ctx, pgx.RepeatableRead, fn)
		if err == nil || !isConcurrency(err) || try == maxTries {
			return err
		}
		wait := time.Duration(rand.Float64() * float64(int64(1)<<try) * float64(s.opts.RetryWait))
		s.opts.Log.Info("concurrency failure, retrying", "try", try, "wait", wait, "err", err)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// once runs fn in one transaction.
func (w *worker) once(ctx context.Context, iso pgx.TxIsoLevel, fn func(pgx.Tx) error) error {
	tx, err := w.begin(ctx, iso)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		if tx.Rollback(ctx) != nil {
			w.drop()
		}
		return err
	}
	return tx.Commit(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
