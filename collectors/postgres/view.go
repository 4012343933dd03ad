package postgres

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
	"github.com/closewatch/closewatch/internal/fault"
)

// A View is what is known of a cluster at one moment, for publication.
type View struct {
	Asked     bool // whether a first answer, or failure, is there
	Server    ServerView
	Senders   []sender // of the server
	Standbys  []StandbyView
	Declared  []Answer // the declared standbys
	Primaries int      // servers that accept writes; meaningful when Server.Up or a declared standby answers
	// LogSeen is the primary's time when the end of its log was last known;
	// zero before the first time.
	LogSeen time.Time
	// Exposure is how many seconds of transactions would be lost at most if
	// the best standby took over now; nil when unknown.
	Exposure *float64
	Changes  changes
}

// A ServerView is the server that a client would get.
type ServerView struct {
	Up       bool
	Address  string
	Err      error // why it is not up
	Version  string
	Replica  bool
	Timeline uint32
	Started  time.Time
	Now      time.Time     // by its own clock
	Offset   time.Duration // its clock minus ours
	// Lag is how old the oldest transaction is that it has yet to replay: 0 for
	// a primary, nil when unknown.
	Lag *float64
	// LastReplay is the age of the last transaction it replayed; nil when it is
	// no standby, or has replayed none.
	LastReplay *float64
	Receiver   *receiver // nil when it has none
}

// An Answer says whether a declared standby answers.
type Answer struct {
	Name string
	Up   bool
	Err  error
}

// A StandbyView is one standby.
type StandbyView struct {
	Name       string
	Declared   bool
	Conditions map[string]bool // those known to hold or not
	Stages     []StageView
	Heard      time.Time // by its own clock, when it last had a message from what it follows; zero when unknown
}

// A StageView is how far one stage of a standby is behind.
type StageView struct {
	Stage        string   // "write", "flush", "replay"
	Lower, Upper *float64 // seconds; nil when unknown
	Bytes        *float64
}

// view judges the present.
func (c *cluster) view(now time.Time) View {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := View{LogSeen: c.clock.Last(), Changes: c.changes}
	face := c.face(now)
	v.Asked = !face.tried.IsZero()
	v.Server = ServerView{Up: face.up(now), Address: face.name, Err: face.err}
	if v.Server.Up {
		l := face.look
		v.Server.Version, v.Server.Replica, v.Server.Timeline, v.Server.Started = l.version, l.recovering, l.timeline, l.started
		half := l.received.Sub(l.sent) / 2
		v.Server.Offset = l.after.Sub(l.received.Add(-half))
		v.Server.Now = l.after
		v.Senders = l.senders
		c.follow(&v.Server, face, now)
	} else if v.Asked && v.Server.Err == nil {
		v.Server.Err = silent(face.name)
	}
	for _, m := range c.members {
		if m.up(now) && !m.look.recovering {
			v.Primaries++
		}
	}
	for _, s := range c.sorted() {
		v.add(c.judge(s, now))
	}
	v.Declared = c.answers(now)
	return v
}

func silent(address string) error {
	return &fault.Error{Op: "ask PostgreSQL " + address, Kind: fault.Timeout, Err: fmt.Errorf("no answer for more than %v", fresh)}
}

// add appends a standby and keeps the least exposure.
func (v *View) add(s StandbyView) {
	v.Standbys = append(v.Standbys, s)
	for _, stage := range s.Stages {
		if stage.Stage == replay && stage.Upper != nil && (v.Exposure == nil || *stage.Upper < *v.Exposure) {
			v.Exposure = stage.Upper
		}
	}
}

// follow adds what a face in recovery knows of the server it follows. While the
// primary is seen, the lag is what is certainly missing, judged by its log. A
// standby whose primary nobody sees is judged by what it was told of the log
// itself; one that is not told anything any more may lack all that was written
// since.
func (c *cluster) follow(v *ServerView, face *member, now time.Time) {
	l := face.look
	if !l.recovering {
		v.Lag = new(0.0)
		return
	}
	if !l.transaction.IsZero() {
		v.LastReplay = new(max(l.after.Sub(l.transaction), 0).Seconds())
	}
	v.Receiver = l.receiver
	if l.replayed == nil {
		return
	}
	if source := c.members[c.source]; source != nil && source.up(now) {
		if b, ok := c.clock.Bounds(l.timeline, *l.replayed, c.sync.at(l.received)); ok {
			v.Lag = new(b.Lower.Seconds())
			return
		}
	}
	b, ok := face.overheard(*l.replayed, now)
	if ok && l.receiving() {
		v.Lag = new(b.Lower.Seconds())
		return
	}
	if v.Lag = seconds(b, ok); v.Lag == nil {
		v.Lag = seconds(c.clock.Bounds(l.timeline, *l.replayed, c.sync.at(now)))
	}
}

// The stages of replication.
const (
	write  = "write"
	flush  = "flush"
	replay = "replay"
)

// judge measures one standby. A position read moments ago is judged from below
// at that moment, so that what the standby has replayed since does not count;
// one that has not been read for longer is taken to stand still.
func (c *cluster) judge(s *standby, now time.Time) StandbyView {
	m := c.members[s.name]
	var direct *look
	if m != nil && m.up(now) && m.look.recovering {
		direct = m.look
	}
	v := StandbyView{Name: s.name, Declared: s.declared, Heard: s.heard}
	v.Conditions = s.condition(direct, c.witnessed(s, now))
	p := s.best()
	at := now
	if now.Sub(p.at) <= fresh {
		at = p.at
	}
	for _, stage := range []struct {
		name string
		pos  *uint64
	}{{write, p.written}, {flush, p.flushed}, {replay, p.replayed}} {
		if stage.pos == nil {
			continue
		}
		v.Stages = append(v.Stages, c.stage(stage.name, m, p.timeline, *stage.pos, at, now))
	}
	return v
}

// witnessed reports whether the server that a standby was last seen to follow,
// else the primary, has lately said who follows it.
func (c *cluster) witnessed(s *standby, now time.Time) bool {
	name := s.via
	if name == "" {
		name = c.source
	}
	m := c.members[name]
	return m != nil && m.up(now) && now.Sub(m.look.met) <= fresh+neighboursEvery
}

// stage judges one position by the log of the primary or, when nobody has seen
// that, by what the standby m itself was told of it.
func (c *cluster) stage(name string, m *member, timeline uint32, pos uint64, at, now time.Time) StageView {
	v := StageView{Stage: name}
	if end, ok := c.clock.End(); ok {
		v.Bytes = new(float64(end - min(pos, end)))
	}
	bounds := func(at time.Time) (lsnclock.Bounds, bool) {
		if b, ok := c.clock.Bounds(timeline, pos, c.sync.at(at)); ok {
			return b, true
		}
		return m.overheard(pos, at)
	}
	if then, ok := bounds(at); ok {
		v.Lower = new(then.Lower.Seconds())
	}
	v.Upper = seconds(bounds(now))
	return v
}

// seconds is an upper bound, when there is one.
func seconds(b lsnclock.Bounds, ok bool) *float64 {
	if !ok || !b.Bounded {
		return nil
	}
	return new(b.Upper.Seconds())
}

// answers lists the declared standbys that have been asked.
func (c *cluster) answers(now time.Time) []Answer {
	var list []Answer
	for _, s := range c.sortedMembers() {
		if !s.declared || s.tried.IsZero() {
			continue
		}
		list = append(list, Answer{Name: s.name, Up: s.up(now), Err: s.err})
	}
	return list
}
