package postgres

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
)

// fresh is how long a look speaks for the present.
const fresh = 5 * time.Second

// A cluster is what the looks of all servers add up to. It is safe for
// concurrent use.
type cluster struct {
	entrance []string      // servers that clients are told to connect to, in order
	forget   time.Duration // for standbys that are not declared

	mu       sync.Mutex
	members  map[string]*member // by name
	clock    *lsnclock.Clock
	source   string // the member whose log the clock follows
	sync     synced
	standbys map[string]*standby // by name
	changes  changes
}

// changes counts what was seen to change since the start.
type changes struct {
	promoted, demoted uint64 // servers that began, or ceased, to accept writes
	timelines         uint64 // newer timelines of the log that is followed
	primaries         uint64 // another server taken for the primary
}

// A member is a server that is looked at.
type member struct {
	name     string
	declared bool // as a standby
	look     *look
	err      error     // of the latest attempt; nil when it succeeded
	tried    time.Time // the latest attempt
	// heard is the log of the server that a standby follows, as its receiver was
	// told of it, by the standby's own time; nil before anything was.
	heard *lsnclock.Clock
}

// up reports whether the server answers, and since when that is known.
func (m *member) up(now time.Time) bool {
	return m.err == nil && m.look != nil && now.Sub(m.look.received) <= fresh
}

// synced ties the source server's time to ours.
type synced struct {
	server, ours time.Time
}

// at is the server's time at a moment of ours.
func (s synced) at(ours time.Time) time.Time { return s.server.Add(ours.Sub(s.ours)) }

// stepped is the distance from which a server's time is taken to have been set
// rather than measured inexactly.
const stepped = time.Second

func newCluster(entrance, declared []string, forget time.Duration) *cluster {
	c := &cluster{
		entrance: entrance, forget: forget,
		members: make(map[string]*member), clock: lsnclock.New(0), standbys: make(map[string]*standby),
	}
	for _, name := range entrance {
		c.members[name] = &member{name: name}
	}
	for _, name := range declared {
		c.members[name] = &member{name: name, declared: true}
	}
	return c
}

// failed records that a server could not be looked at.
func (c *cluster) failed(name string, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[name]
	m.err, m.tried = err, now
}

// observe records a look.
func (c *cluster) observe(name string, l look) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.members[name]
	before := m.look
	m.look, m.err, m.tried = &l, nil, l.received
	c.changes.role(before, &l)
	if l.recovering {
		if system, _ := c.clock.Timeline(); system != 0 && l.system != system {
			return // not of this cluster
		}
		c.seen(m)
		m.hear(before)
	} else {
		m.heard = nil
		if !c.advance(name, l, before) {
			return
		}
		delete(c.standbys, name)
	}
	if !l.met.IsZero() && (before == nil || !l.met.Equal(before.met)) {
		c.seenBy(m)
	}
}

// role counts a change of role between two looks at one server.
func (n *changes) role(before, l *look) {
	switch {
	case before == nil || before.system != l.system || before.recovering == l.recovering:
	case l.recovering:
		n.demoted++
	default:
		n.promoted++
	}
}

// hear feeds what a standby's receiver was told to the history of its own. The
// end of the log was where the last message put it when that message came.
func (m *member) hear(before *look) {
	l := m.look
	if before != nil && m.heard != nil {
		step := l.after.Sub(before.after) - l.received.Sub(before.received)
		if step.Abs() > stepped {
			m.heard.Shift(step)
		}
	}
	r := l.receiver
	if r == nil || r.end == nil || r.messageReceived.IsZero() || r.messageReceived.After(l.after) {
		return
	}
	if m.heard == nil {
		m.heard = lsnclock.New(heardEntries)
	}
	common := uint64(0)
	if l.replayed != nil {
		common = *l.replayed
	}
	m.heard.Add(l.system, r.timeline, lsnclock.Sample{Before: r.messageReceived, After: l.after, Position: *r.end, Snapshot: *r.end}, common)
}

// heardEntries is enough for hours: what was heard is of use only while nobody
// has seen the primary.
const heardEntries = 512

// overheard judges a position by what the standby itself heard.
func (m *member) overheard(pos uint64, at time.Time) (lsnclock.Bounds, bool) {
	if m == nil || m.look == nil || m.heard == nil {
		return lsnclock.Bounds{}, false
	}
	_, timeline := m.heard.Timeline()
	return m.heard.Bounds(timeline, pos, m.look.after.Add(at.Sub(m.look.received)))
}

// advance feeds a primary's position to the clock and reports whether that
// primary is the one the clock follows.
func (c *cluster) advance(name string, l look, before *look) bool {
	if name != c.source && c.source != "" {
		current := c.members[c.source]
		_, timeline := c.clock.Timeline()
		if l.timeline <= timeline && current != nil && current.up(l.received) && !current.look.recovering {
			return false // a second primary
		}
	}
	if c.abandoned(l) {
		c.clock = lsnclock.New(0)
	}
	c.clock.Shift(c.step(l))
	_, timeline := c.clock.Timeline()
	accepted := c.clock.Add(l.system, l.timeline, lsnclock.Sample{
		Before: l.before, After: l.after, Position: *l.position, Snapshot: l.snapshot,
	}, c.common(l, before))
	if !accepted {
		return false
	}
	if timeline != 0 && l.timeline > timeline {
		c.changes.timelines++
	}
	if c.source != "" && c.source != name {
		c.changes.primaries++
	}
	c.source, c.sync = name, synced{l.after, l.received}
	return true
}

// abandoned reports whether a primary goes on where the clock has gone over to a
// newer timeline, and nobody else is on that any more: the server that began it
// was made a standby again, as when a split brain is ended.
func (c *cluster) abandoned(l look) bool {
	system, timeline := c.clock.Timeline()
	current := c.members[c.source]
	return l.system == system && l.timeline < timeline &&
		current != nil && current.up(l.received) && current.look.recovering && current.look.timeline <= l.timeline
}

// step is by how much the source's time was set since it was last looked at,
// or, of a new source, differs from the former one's. It is 0 when the time
// that passed there also passed here, by either of our clocks: the monotonic
// one stands still while a machine is suspended, the other one may be set.
func (c *cluster) step(l look) time.Duration {
	if c.sync.ours.IsZero() {
		return 0
	}
	step := l.after.Sub(c.sync.at(l.received))
	if c.source == "" { // read from disk: only a time before the history's is certainly wrong
		if l.before.Before(c.clock.Last()) {
			return step
		}
		return 0
	}
	byWall := l.after.Sub(c.sync.server.Add(l.received.Round(0).Sub(c.sync.ours.Round(0))))
	if step.Abs() <= stepped || byWall.Abs() <= stepped {
		return 0
	}
	return step
}

// common is a position that the timeline of a new primary shares with the one
// before: where it was seen to replay as a standby, or what every standby had.
func (c *cluster) common(l look, before *look) uint64 {
	if before != nil && before.recovering && before.system == l.system && before.replayed != nil {
		return *before.replayed
	}
	var least uint64
	for _, s := range c.standbys {
		p := s.best().replayed
		if p == nil {
			return 0
		}
		if least == 0 || *p < least {
			least = *p
		}
	}
	return least
}

// seen records what a standby said of itself.
func (c *cluster) seen(m *member) {
	l := m.look
	s := c.standby(m.name)
	s.declared = s.declared || m.declared
	s.application, s.seen = l.application(), l.received
	if r := l.receiver; r != nil {
		s.heard = r.messageReceived
		if r.slot != "" {
			s.slot = r.slot
		}
	}
	s.direct = positions{at: l.received, timeline: max(l.timeline, s.direct.timeline), written: atLeast(l.written(), l.replayed), flushed: atLeast(l.flushed, l.replayed), replayed: l.replayed}
	c.dropAliases(s)
}

// seenBy records what a server says of those that follow it: the primary, or a
// standby of those that cascade from it.
func (c *cluster) seenBy(m *member) {
	l := m.look
	for _, s := range c.standbys {
		if s.via == m.name || (s.via == "" && m.name == c.source) {
			s.sender = ""
		}
	}
	for _, r := range l.senders {
		if !r.standby() {
			continue
		}
		s := c.standby(c.nameOf(m, r))
		s.application, s.address, s.seen, s.via, s.sender = r.application, r.address, l.received, m.name, r.state
		if r.slot != "" {
			s.slot = r.slot
		}
		if s.sender == "" {
			s.sender = "unknown" // the role may not see it
		}
		s.remote = positions{at: l.met, timeline: l.timeline, written: r.written, flushed: r.flushed, replayed: r.replayed}.orElse(s.remote)
	}
	for name, s := range c.standbys {
		if !s.declared && l.received.Sub(s.seen) > c.forget {
			delete(c.standbys, name)
		}
	}
}

// standby returns the record of that name, making it within bounds.
func (c *cluster) standby(name string) *standby {
	if s := c.standbys[name]; s != nil {
		return s
	}
	s := &standby{name: name}
	if len(c.standbys) < maxRecords || c.members[name] != nil {
		c.standbys[name] = s
	}
	return s
}

// maxRecords bounds the standbys remembered.
const maxRecords = 64

// dropAliases removes records of the same standby made before it was looked at
// itself.
func (c *cluster) dropAliases(s *standby) {
	for name, other := range c.standbys {
		if other == s || c.members[name] != nil {
			continue
		}
		if (s.slot != "" && other.slot == s.slot) || (other.application == s.application && c.announced(s.application) == s.name) {
			delete(c.standbys, name)
		}
	}
}

// nameOf finds what to call the standby behind a sender of m: the declared one
// with the same slot or application name, else the application name itself, told
// apart by address where several have the same.
func (c *cluster) nameOf(m *member, r sender) string {
	for _, other := range c.members {
		if other != m && r.slot != "" && other.look != nil && other.look.recovering && other.look.receiver != nil && other.look.receiver.slot == r.slot {
			return other.name
		}
	}
	if name := c.announced(r.application); name != "" {
		return name
	}
	if other := c.members[r.application]; other != nil && other.declared {
		return other.name
	}
	same := 0
	for _, other := range m.look.senders {
		if other.standby() && other.application == r.application {
			same++
		}
	}
	name := r.application
	if name == "walreceiver" && r.slot != "" {
		return r.slot
	}
	full := name + "@" + r.address
	namesake := c.standbys[name]
	if namesake != nil && namesake.via != m.name && namesake.sender != "" && namesake.address != r.address {
		return full // it follows another server
	}
	if same > 1 || c.standbys[full] != nil {
		delete(c.standbys, name)
		name = full
	}
	return name
}

// announced returns the one member known to connect under an application name,
// or "" when none or several do.
func (c *cluster) announced(application string) string {
	found := ""
	for _, m := range c.members {
		if m.look != nil && m.look.recovering && m.look.application() == application {
			if found != "" {
				return ""
			}
			found = m.name
		}
	}
	return found
}

// face returns the server that a client would get: of those in the entrance
// the first that accepts writes, else the first that answers, else the first.
func (c *cluster) face(now time.Time) *member {
	var answering *member
	for _, name := range c.entrance {
		m := c.members[name]
		if !m.up(now) {
			continue
		}
		if !m.look.recovering {
			return m
		}
		if answering == nil {
			answering = m
		}
	}
	if answering != nil {
		return answering
	}
	return c.members[c.entrance[0]]
}

// faceName is the name of face, for whoever asks that server something else.
func (c *cluster) faceName(now time.Time) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.face(now).name
}

// faceVersion is the major version of face; 0 before it has answered.
func (c *cluster) faceVersion(now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.face(now).look; l != nil {
		return major(l.version)
	}
	return 0
}

// faceBehind judges a WAL position on the timeline of face at the present.
func (c *cluster) faceBehind(pos uint64, now time.Time) (lsnclock.Bounds, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.face(now).look; l != nil {
		return c.clock.Bounds(l.timeline, pos, c.sync.at(now))
	}
	return lsnclock.Bounds{}, false
}

// major is the first number of a version such as "15.18 (Debian 15.18-1)",
// "18beta1"; 0 when there is none.
func major(version string) int {
	n := 0
	for _, r := range version {
		if r < '0' || r > '9' || n > 1000 {
			break
		}
		n = 10*n + int(r-'0')
	}
	return n
}

// behind judges a WAL position, such as the archive's, on a timeline of the
// cluster at the present.
func (c *cluster) behind(timeline uint32, pos uint64, now time.Time) (lsnclock.Bounds, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock.Bounds(timeline, pos, c.sync.at(now))
}

// sorted returns the standbys by name.
func (c *cluster) sorted() []*standby {
	list := make([]*standby, 0, len(c.standbys))
	for _, s := range c.standbys {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *standby) int { return cmp.Compare(a.name, b.name) })
	return list
}

// sortedMembers returns the servers by name.
func (c *cluster) sortedMembers() []*member {
	list := make([]*member, 0, len(c.members))
	for _, m := range c.members {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *member) int { return cmp.Compare(a.name, b.name) })
	return list
}
