package auth

import (
	"context"
	"sync"
	"time"
)

// An Outcome is what became of a request.
type Outcome string

// The closed set of outcomes.
const (
	Granted Outcome = "granted"
	Denied  Outcome = "denied"
	Limited Outcome = "limited" // not even looked at: too many attempts failed
)

// An Event is one access, or several alike. It holds nothing a client sent.
type Event struct {
	At       time.Time
	Identity string // "token:grafana", "user:alice", "client:CN", "loopback", "anonymous", "unknown"
	Scope    Scope  // of the route
	Method   string // of the route
	Route    string // its pattern
	Outcome  Outcome
	Remote   string // loopback, private or public
	Count    int    // how many: at least 1
}

// A Recorder keeps events: granted changes before they happen, every refusal,
// and the first read of each identity and scope on each day (UTC). The first
// refusal is told at once; those like it within the minute are told together
// at its end. Access is called while a request waits and must be safe for
// concurrent use.
type Recorder interface {
	Access(e Event)
}

const (
	// together is how long refusals that are alike are gathered.
	together = time.Minute
	// maxAlike bounds how many sorts of refusals are told apart in a minute;
	// all beyond are told as one event of the route Several.
	maxAlike = 256
	// maxReaders bounds how many identities are remembered to have read today.
	maxReaders = 4096
)

// Several stands for the identity and the route of an event that sums up more
// than can be told apart.
const Several = "several"

// alike is what refusals have in common to be counted as one event.
type alike struct {
	identity, method, route, remote string
	scope                           Scope
	outcome                         Outcome
}

// A book decides which accesses are told, and when. It is safe for concurrent
// use.
type book struct {
	recorder Recorder
	now      func() time.Time

	mu      sync.Mutex
	again   map[alike]Event // told in this minute; Count is how often since
	beyond  int
	readers map[reader]string // the day each last read
}

type reader struct {
	identity string
	scope    Scope
}

func newBook(r Recorder, now func() time.Time) *book {
	return &book{recorder: r, now: now, again: map[alike]Event{}, readers: map[reader]string{}}
}

// write takes note of one access.
func (b *book) write(e Event) {
	if b.recorder != nil && b.tellsNow(e) {
		b.recorder.Access(e)
	}
}

func (b *book) tellsNow(e Event) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case e.Outcome != Granted:
		return b.firstOfItsSort(e)
	case changes(e.Scope):
		return true
	}
	return b.firstToday(e)
}

func (b *book) firstOfItsSort(e Event) bool {
	key := alike{e.Identity, e.Method, e.Route, e.Remote, e.Scope, e.Outcome}
	if kept, told := b.again[key]; told {
		e.Count = kept.Count + 1
		b.again[key] = e
		return false
	}
	if len(b.again) >= maxAlike {
		b.beyond++
		return false
	}
	e.Count = 0
	b.again[key] = e
	return true
}

func (b *book) firstToday(e Event) bool {
	key, today := reader{e.Identity, e.Scope}, e.At.UTC().Format(time.DateOnly)
	if b.readers[key] == today {
		return false
	}
	if len(b.readers) >= maxReaders { // identities come from the configuration: they are fewer
		clear(b.readers)
	}
	b.readers[key] = today
	return true
}

// run tells what was gathered, minute by minute, until ctx ends.
func (b *book) run(ctx context.Context) {
	minute := time.NewTicker(together)
	defer minute.Stop()
	for {
		select {
		case <-minute.C:
			b.flush()
		case <-ctx.Done():
			b.flush()
			return
		}
	}
}

func (b *book) flush() {
	b.mu.Lock()
	again, beyond := b.again, b.beyond
	b.again, b.beyond = map[alike]Event{}, 0
	b.mu.Unlock()
	if b.recorder == nil {
		return
	}
	for _, e := range again {
		if e.Count > 0 {
			b.recorder.Access(e)
		}
	}
	if beyond > 0 {
		b.recorder.Access(Event{At: b.now(), Identity: Several, Route: Several, Outcome: Denied, Count: beyond})
	}
}
