package pgsession

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// A Session asks one database of one server. It is safe for concurrent use:
// callers beyond Settings.Connections wait for their turn, as long as their
// context lets them.
type Session struct {
	settings Settings
	config   *pgconn.Config // nil when invalid is set
	invalid  error          // the settings cannot be used
	address  string

	ctx    context.Context // ends when the session is closed
	cancel context.CancelFunc
	slots  chan *slot // every slot is here or with one caller
	pause  pause
	close  sync.Once

	unnamed atomic.Bool     // statements are not prepared: see remedy
	meter   collector.Meter // of all that was asked
}

// Open prepares a session. It neither connects nor fails: settings that cannot
// be used are the error of every answer.
func Open(settings Settings) *Session {
	settings = settings.withDefaults()
	s := &Session{settings: settings, address: settings.Address, slots: make(chan *slot, settings.Connections)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.pause = pause{longest: settings.MaxBackoff, now: settings.Now}
	for range settings.Connections {
		s.slots <- new(slot)
	}
	if s.config, s.invalid = settings.parse(); s.invalid == nil {
		s.address = address(s.config.Host, s.config.Port)
	}
	return s
}

// Address is the server's host:port or socket path.
func (s *Session) Address() string { return s.address }

// Spent implements collector.Spender: statements, logins and the time for which
// the server was waited for, by all callers since the session was opened. Batch
// charges the same to the context of each.
func (s *Session) Spent() collector.Spent { return s.meter.Spent() }

func (s *Session) count(ctx context.Context, spent collector.Spent) {
	collector.Charge(ctx, spent)
	s.meter.Add(spent)
}

// Batch asks all queries in one round trip and returns one answer each, in
// their order. It never returns fewer answers than queries; when the server
// could not be asked, every answer carries the same error.
//
// A connection that turns out to be dead is replaced once within the batch, so
// that a restart of the server between two batches goes unnoticed.
func (s *Session) Batch(ctx context.Context, queries ...Query) Results {
	results := make(Results, len(queries))
	for i, q := range queries {
		results[i].Name = q.Name
	}
	if err := s.ask(ctx, queries, results); err != nil {
		for i := range results {
			if !results[i].answered {
				results[i].Err = err
			}
		}
	}
	return results
}

// ask fills results and returns why those left unanswered are so.
func (s *Session) ask(ctx context.Context, queries []Query, results Results) error {
	if s.invalid != nil || len(queries) == 0 {
		return s.invalid
	}
	ctx, cancel := context.WithTimeout(ctx, s.settings.BatchTimeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)() //nolint:contextcheck // ends with the session as well

	slot, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { s.slots <- slot }()
	begun := time.Now()
	defer func() { s.count(ctx, collector.Spent{Waiting: time.Since(begun)}) }()

	reused := slot.usable()
	if err := s.connect(ctx, slot); err != nil {
		return err
	}
	err = s.run(ctx, slot, queries, results)
	if err != nil && reused && ctx.Err() == nil && !results.answered() {
		slot.drop() //nolint:contextcheck // closes within a time of its own
		if err := s.connect(ctx, slot); err != nil {
			return err
		}
		err = s.run(ctx, slot, queries, results)
	}
	if err != nil {
		slot.drop() //nolint:contextcheck // closes within a time of its own
	}
	return err
}

// LoggingIn reports whether a login is under way that the last caller had no time
// to wait for. Closing the session then leaves the server with a process that
// may wait there for long; the next batch goes on with the login.
func (s *Session) LoggingIn() bool {
	pending := false
	for range len(s.slots) {
		select {
		case slot := <-s.slots:
			pending = pending || slot.login != nil
			s.slots <- slot
		default: // a caller was faster
		}
	}
	return pending
}

func (s *Session) acquire(ctx context.Context) (*slot, error) {
	if s.ctx.Err() != nil {
		return nil, s.closed()
	}
	select {
	case slot := <-s.slots:
		if s.ctx.Err() != nil {
			s.slots <- slot
			return nil, s.closed()
		}
		return slot, nil
	case <-ctx.Done():
		if s.ctx.Err() != nil {
			return nil, s.closed()
		}
		return nil, &fault.Error{
			Op:   "wait for a connection to PostgreSQL " + s.address,
			Kind: fault.Timeout,
			Err:  ctx.Err(),
			Hint: "the connections allowed to closewatch are busy with slower questions",
		}
	}
}

func (s *Session) closed() error {
	return &fault.Error{Op: "ask PostgreSQL " + s.address, Kind: fault.Internal, Err: errors.New("the session is closed")}
}

// connect makes the slot usable, or says why it is not. During a pause it
// repeats the last reason without troubling the server.
func (s *Session) connect(ctx context.Context, slot *slot) error {
	if slot.usable() {
		return nil
	}
	slot.drop() //nolint:contextcheck // closes within a time of its own
	if err := s.pause.active(); err != nil {
		return err
	}
	if slot.login == nil {
		s.count(ctx, collector.Spent{Connections: 1})
	}
	err := slot.connect(ctx, s.config, s.settings.ConnectTimeout)
	if err == nil {
		err = s.admit(slot) //nolint:contextcheck // closes within a time of its own
	}
	if err == nil {
		s.pause.reset()
		return nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return explain("connect to PostgreSQL "+s.address, ctx.Err(), s.config)
	}
	err = explain("connect to PostgreSQL "+s.address, err, s.config)
	s.pause.extend(err)
	return err
}

// admit gives the connection up when the role is one that is not wanted. The
// server says by itself whether it is a superuser.
func (s *Session) admit(slot *slot) error {
	if s.settings.Superuser == nil || slot.conn.ParameterStatus("is_superuser") != "on" {
		return nil
	}
	err := s.settings.Superuser(s.config.User)
	if err != nil {
		slot.drop()
	}
	return err
}

// Close ends the connections and every batch under way. It returns when
// nothing of the session is left, and may be called twice.
func (s *Session) Close() {
	s.close.Do(func() {
		s.cancel()
		for range cap(s.slots) {
			slot := <-s.slots
			slot.quit()
			defer func() { s.slots <- slot }()
		}
	})
}

// A pause keeps a failing server from being dialled at every question.
type pause struct {
	longest time.Duration
	now     func() time.Time

	mu     sync.Mutex
	next   time.Duration // the pause after the next failure
	until  time.Time
	reason error
}

const (
	firstPause   = 250 * time.Millisecond
	refusedPause = 30 * time.Second // longest pause when credentials or rights are refused, so as not to lock the account
)

// active returns the last failure while the pause lasts.
func (p *pause) active() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reason != nil && p.now().Before(p.until) {
		return p.reason
	}
	return nil
}

func (p *pause) extend(reason error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	longest := p.longest
	if kind := fault.KindOf(reason); kind == fault.Auth || kind == fault.Denied {
		longest = max(longest, refusedPause)
	}
	p.next = min(max(2*p.next, firstPause), longest)
	p.until = p.now().Add(p.next)
	p.reason = reason
}

func (p *pause) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next, p.until, p.reason = 0, time.Time{}, nil
}
