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
	Conditions map[string]bool // those known to hold or not
	Stages     []StageView
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
	v := View{LogSeen: c.clock.Last()}
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
	source := c.members[c.source]
	sourceUp := source != nil && source.up(now)
	var direct *look
	if m := c.members[s.name]; m != nil && m.up(now) && m.look.recovering {
		direct = m.look
	}
	v := StandbyView{Name: s.name}
	v.Conditions = s.condition(direct, sourceUp)
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
		v.Stages = append(v.Stages, c.stage(stage.name, p.timeline, *stage.pos, at, now))
	}
	return v
}

func (c *cluster) stage(name string, timeline uint32, pos uint64, at, now time.Time) StageView {
	v := StageView{Stage: name}
	if end, ok := c.clock.End(); ok {
		v.Bytes = new(float64(end - min(pos, end)))
	}
	if then, ok := c.clock.Bounds(timeline, pos, c.sync.at(at)); ok {
		v.Lower = new(then.Lower.Seconds())
	}
	v.Upper = seconds(c.clock.Bounds(timeline, pos, c.sync.at(now)))
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
