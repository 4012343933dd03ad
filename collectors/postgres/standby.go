package postgres

import "time"

// A standby is what is known of one server that follows the primary, from the
// primary and from itself.
type standby struct {
	name        string
	declared    bool
	application string
	address     string // of its connection to the server it follows
	slot        string
	seen        time.Time // by anyone
	via         string    // the member that it was last seen to follow; "" before
	sender      string    // the state of that member's sender in its latest look; "" when it has none
	heard       time.Time // by its own clock, when it last had a message from what it follows
	remote      positions // as the member it follows sees it
	direct      positions // as it sees itself
}

// positions is how far a standby has come, by one witness. Those that the
// witness does not know are nil.
type positions struct {
	at                         time.Time // by our clock
	timeline                   uint32
	written, flushed, replayed *uint64
}

// orElse keeps an older position where a newer answer leaves one out, as a
// sender does until the standby has reported.
func (p positions) orElse(old positions) positions {
	if p.written == nil && p.flushed == nil && p.replayed == nil {
		return old
	}
	p.written, p.flushed, p.replayed = either(p.written, old.written), either(p.flushed, old.flushed), either(p.replayed, old.replayed)
	return p
}

// best is the newer of the two witnesses' positions, and of two that are about
// equally new the further one of each: what either has seen, the standby has.
func (s *standby) best() positions {
	newer, older := s.direct, s.remote
	if older.at.After(newer.at) {
		newer, older = older, newer
	}
	if newer.at.Sub(older.at) > fresh || newer.timeline != older.timeline {
		return newer
	}
	return positions{
		at: newer.at, timeline: newer.timeline,
		written:  atLeast(newer.written, older.written),
		flushed:  atLeast(newer.flushed, older.flushed),
		replayed: atLeast(newer.replayed, older.replayed),
	}
}

func either(a, b *uint64) *uint64 {
	if a != nil {
		return a
	}
	return b
}

// atLeast is the further of two positions, of which either may be unknown.
func atLeast(a, b *uint64) *uint64 {
	if a == nil || (b != nil && *b > *a) {
		return b
	}
	return a
}

// The conditions a standby can be in; several may hold at once.
const (
	streaming    = "streaming"    // receives the primary's log
	catchup      = "catchup"      // receives it, not yet up to its end
	disconnected = "disconnected" // receives nothing
	archiveOnly  = "archive_only" // follows no server but an archive, as it is told to
	paused       = "paused"       // replay is stopped on purpose
	delayed      = "delayed"      // replay waits on purpose (recovery_min_apply_delay)
	conflict     = "conflict"     // replay waits for a query on the standby
)

// conditions is the closed set, for a series each.
var conditions = []string{streaming, catchup, disconnected, archiveOnly, paused, delayed, conflict}

// condition finds out what holds for a standby and what does not. What nobody
// can tell is left out, which is everything when neither the standby nor the
// server it follows answers. direct is the standby's own fresh look, or nil;
// witnessed is whether what is known of its sender is fresh.
func (s *standby) condition(direct *look, witnessed bool) map[string]bool {
	if direct == nil && !witnessed {
		return nil
	}
	holds := map[string]bool{streaming: false, catchup: false, disconnected: false}
	bySender := witnessed && s.sender != ""
	switch {
	case bySender && s.sender == catchup:
		holds[catchup] = true
	case bySender && s.sender != "startup", direct != nil && direct.receiving():
		holds[streaming] = true
	case direct != nil && direct.followsArchive():
	case direct != nil && direct.receiver != nil && direct.receiver.status == "":
		clear(holds) // the role may not see it
	default:
		holds[disconnected] = true
	}
	if direct != nil {
		holds[paused] = direct.paused
		holds[delayed] = direct.delay > 0
		if direct.streams != nil {
			holds[archiveOnly] = direct.followsArchive()
		}
		if direct.conflict != nil {
			holds[conflict] = *direct.conflict
		}
	}
	return holds
}

// followsArchive reports whether a standby is known to be meant to read an
// archive only.
func (l *look) followsArchive() bool {
	return l.receiver == nil && l.streams != nil && !*l.streams && l.restores != nil && *l.restores
}
