package pgsession

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// LockName is what the connection of a lock is called in pg_stat_activity.
const LockName = ApplicationName + " lease"

// ErrLocked is why a lock was not to be had: another session holds it.
var ErrLocked = errors.New("another session holds the lock")

const (
	lockPoll  = 250 * time.Millisecond // how often a lock that is taken is tried again
	checkTime = 2 * time.Second        // for the server to say that a lock is still held
)

// A Lock is an advisory lock on a database. A connection of its own holds it,
// which is never opened anew: the lock is gone with the connection, with the
// server's process behind it and with the server. The server notices within
// half a minute that a holder's machine is gone. It is safe for concurrent use.
type Lock struct {
	session *Session

	mu   sync.Mutex
	slot *slot // nil once it is given back
}

// TakeLock takes the lock of that key on the one primary among all hosts of the
// candidates, and waits for it until ctx is done: then the error is, or wraps,
// ErrLocked. It is refused where nobody can rely on it: on a standby, where two
// servers are primaries, and behind a pooler, whose sessions are not the
// server's.
func TakeLock(ctx context.Context, key int64, candidates ...Settings) (*Lock, error) {
	l, err := primary(ctx, candidates)
	if err != nil {
		return nil, err
	}
	for {
		got, err := l.ask(ctx, "SELECT pg_try_advisory_lock($1) AS yes", key)
		if err == nil && got {
			return l, nil
		}
		if err != nil {
			l.Release() //nolint:contextcheck // a connection is closed whether or not ctx is done
			return nil, err
		}
		select {
		case <-ctx.Done():
			l.Release() //nolint:contextcheck // a connection is closed whether or not ctx is done
			return nil, &fault.Error{Op: "take the lock on PostgreSQL " + l.session.address, Kind: fault.Locked, Err: ErrLocked}
		case <-time.After(lockPoll):
		}
	}
}

// A candidate is what one host turned out to be.
type candidate struct {
	lock    *Lock // nil: it could not be asked
	standby bool
	err     error
}

// primary connects to every host, at the same time, and keeps the connection to
// the one that is a primary.
func primary(ctx context.Context, all []Settings) (*Lock, error) {
	const op = "find the primary to lock"
	hosts, err := hostsOf(all)
	if err != nil {
		return nil, err
	}
	found := make([]candidate, len(hosts))
	var asked sync.WaitGroup
	for i, host := range hosts {
		asked.Go(func() {
			c := &found[i]
			c.lock, c.standby, c.err = openLock(ctx, host)
		})
	}
	asked.Wait()
	var lock *Lock
	var failed, conflict error
	for _, c := range found {
		switch {
		case c.err != nil:
			failed = errors.Join(failed, c.err)
		case c.standby:
			c.lock.Release() //nolint:contextcheck // a connection is closed whether or not ctx is done
		case lock == nil:
			lock = c.lock
		default:
			conflict = &fault.Error{
				Op: op, Kind: fault.Conflict, Err: errors.New("both " + lock.session.address + " and " + c.lock.session.address + " are primaries"),
				Hint: "stop the one that Odoo must not use any more",
			}
			c.lock.Release() //nolint:contextcheck // a connection is closed whether or not ctx is done
		}
	}
	switch {
	case conflict != nil:
		lock.Release() //nolint:contextcheck // a connection is closed whether or not ctx is done
		return nil, conflict
	case lock != nil:
		return lock, nil
	case failed != nil:
		return nil, failed
	}
	return nil, &fault.Error{Op: op, Kind: fault.Blocked, Err: errors.New("the server is a standby"), Hint: "name the primary in the connection string"}
}

// hostsOf lists every host that settings name, each once, in their order.
func hostsOf(all []Settings) ([]Settings, error) {
	var out []Settings
	seen := map[string]bool{}
	for _, settings := range all {
		addresses, err := Addresses(settings.DSN)
		if err != nil {
			return nil, err
		}
		for _, address := range addresses {
			if !seen[address] {
				seen[address] = true
				settings.Address = address
				out = append(out, settings)
			}
		}
	}
	return out, nil
}

// openLock connects to one server and says whether it is a standby.
func openLock(ctx context.Context, settings Settings) (l *Lock, standby bool, err error) {
	settings.Connections = 1
	settings.ConnectTimeout, settings.StatementTimeout = checkTime, checkTime
	s := Open(settings)
	if s.invalid != nil {
		return nil, false, s.invalid
	}
	s.config.RuntimeParams["application_name"] = LockName
	// A holder whose machine is gone keeps the lock no longer than this.
	maps.Copy(s.config.RuntimeParams, map[string]string{"tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"})
	slot, err := s.acquire(ctx)
	if err != nil {
		return nil, false, err
	}
	l = &Lock{session: s, slot: slot}
	defer func() { //nolint:contextcheck // the same
		if err != nil {
			l.Release()
			l = nil
		}
	}()
	if err := s.connect(ctx, slot); err != nil {
		return l, false, err
	}
	if standby, err = l.ask(ctx, "SELECT pg_is_in_recovery() AS yes"); err != nil {
		return l, false, err
	}
	same, err := l.ask(ctx, "SELECT pg_backend_pid()::bigint = $1 AS yes", int64(slot.conn.PID()))
	if err == nil && !same {
		err = &fault.Error{
			Op: "lock on PostgreSQL " + s.address, Kind: fault.Blocked, Err: errors.New("a pooler stands before the server: its sessions are not the server's"),
			Hint: "name PostgreSQL itself in the connection string",
		}
	}
	return l, standby, err
}

// Check returns nil when the lock is still held, as said just now by the
// primary that gave it, and within two seconds an error when it is lost or
// nobody can tell. Then it stays lost.
func (l *Lock) Check(ctx context.Context) error {
	standby, err := l.ask(ctx, "SELECT pg_is_in_recovery() AS yes")
	switch {
	case err != nil:
		return &fault.Error{Op: "make sure of the lock on PostgreSQL " + l.session.address, Kind: fault.KindOf(err), Err: err}
	case standby:
		return &fault.Error{Op: "make sure of the lock on PostgreSQL " + l.session.address, Kind: fault.Conflict, Err: errors.New("the server is a standby now")}
	}
	return nil
}

// Release gives the lock back, and may be called twice. It takes a fraction of
// a second at most, also when the server cannot be reached.
func (l *Lock) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.slot == nil {
		return
	}
	l.session.slots <- l.slot
	l.slot = nil
	l.session.Close()
}

// ask puts one question on the lock's own connection, which is given up when
// there is no answer.
func (l *Lock) ask(ctx context.Context, sql string, args ...any) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.slot == nil || !l.slot.usable() {
		return false, &fault.Error{Op: "ask PostgreSQL " + l.session.address, Kind: fault.Unreachable, Err: errors.New("the connection was closed")}
	}
	results := Results{{}}
	if err := l.session.run(ctx, l.slot, []Query{{Name: "the lock", SQL: sql, Args: args}}, results); err != nil {
		l.slot.drop() //nolint:contextcheck // closes within a time of its own
		return false, err
	}
	yes, _ := results[0].First().Bool("yes") // what cannot be read is in Err
	return yes, results.Err()
}
