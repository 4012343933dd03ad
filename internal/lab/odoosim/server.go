package odoosim

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Server is one Odoo deployment for one tenant database. It is an
// http.Handler; Start also listens and runs the background workers.
type Server struct {
	opts     Options
	models   map[string]*model
	workers  chan *worker // of HTTP requests
	jobs     chan *worker // of queue jobs
	sessions sessionStore
	faults   *Faults
	bus      bus
	mux      *http.ServeMux

	base   context.Context // lives until Stop: a client that goes away does not stop its transaction
	cancel context.CancelFunc

	queued    atomic.Int64 // requests waiting for a worker
	mu        sync.Mutex
	passwords map[passwordKey]bool // right ones: Odoo caches them per worker

	listener   net.Listener
	http       *http.Server
	background sync.WaitGroup
	stopOnce   sync.Once
}

var _ http.Handler = (*Server)(nil)

// Worker numbers, from which application names are made.
const (
	httpPID   = 4000
	jobPID    = 4200
	cronPID   = 4300
	runnerPID = 4301
	deadPIDs  = 1000 // above: workers that have died
)

// New prepares a server. It connects to nothing yet: like Odoo it starts with
// its database down.
func New(opts Options) (*Server, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts: opts, models: models(opts.Version), passwords: map[passwordKey]bool{},
		workers: newWorkers(opts.Workers, httpPID, opts.DSN),
		jobs:    newWorkers(jobWorkers(opts.JobChannels), jobPID, opts.DSN),
	}
	s.faults = &Faults{s: s, slowFactor: 1}
	s.bus = bus{browsers: map[*browser]bool{}, status: map[int64]string{}}
	s.sessions = &memorySessions{byID: map[string]session{}}
	if opts.RedisURL != "" {
		store, err := newRedisSessions(opts.RedisURL, opts.SessionTimeout)
		if err != nil {
			return nil, &fault.Error{Op: "read the Redis address", Kind: fault.Rejected, Err: err, Hint: "use redis://host:port/0"}
		}
		s.sessions = store
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	s.mux = s.routes()
	return s, nil
}

// Start listens on addr ("127.0.0.1:0" for any free port) and runs the job
// runner and the cron worker until Stop.
func (s *Server) Start(ctx context.Context, addr string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fault.Wrap("listen on "+addr, err, "choose a free port")
	}
	s.listener = listener
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.background.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.opts.Log.Error("HTTP server ended", "err", err)
		}
	})
	s.background.Go(func() { s.runJobs(s.base) })
	s.background.Go(func() { s.runCrons(s.base) })
	return nil
}

// Addr is the address Start listens on.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// URL is the base URL Start serves at.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Faults is the switchboard of what may be broken.
func (s *Server) Faults() *Faults { return s.faults }

// Stop ends the server: requests in progress get until ctx ends, then their
// transactions are cut. It is safe without Start and more than once.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.stopOnce.Do(func() {
		if s.http != nil {
			if err = s.http.Shutdown(ctx); err != nil {
				s.cancel()
				err = s.http.Close()
			}
		}
		s.cancel()
		s.background.Wait()
		closeIdle(s.workers)
		closeIdle(s.jobs)
		err = errors.Join(err, s.sessions.close())
	})
	return err
}

func closeIdle(pool chan *worker) {
	for {
		select {
		case w := <-pool:
			w.drop()
		default:
			return
		}
	}
}

func (s *Server) now() time.Time { return s.opts.Now().UTC().Truncate(time.Microsecond) }

// setCronActive switches a scheduled action by name.
func (s *Server) setCronActive(ctx context.Context, name string, active bool) error {
	const op = "switch a scheduled action"
	conn, err := pgx.Connect(ctx, s.opts.DSN)
	if err != nil {
		return fault.Wrap(op, err, "")
	}
	defer end(ctx, conn)
	tag, err := conn.Exec(ctx, `UPDATE ir_cron SET active = $2, write_date = $3 WHERE cron_name = $1`, name, active, s.now())
	if err == nil && tag.RowsAffected() == 0 {
		return &fault.Error{Op: op, Kind: fault.Rejected, Err: errors.New("no scheduled action is called " + name), Hint: "use one of the Cron names"}
	}
	return fault.Wrap(op, err, "")
}
