package postgres

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/fault"
)

// A stage is a cluster whose servers answer as told, on a clock that the test
// moves.
type stage struct {
	*cluster
	now   time.Time
	looks int
}

func newStage(declared ...string) *stage {
	return &stage{cluster: newCluster([]string{"a:5432"}, declared, 24*time.Hour), now: march31}
}

// primary is what a server that accepts writes says of itself; each position
// stands for a transaction.
func (s *stage) primary(timeline uint32, position uint64, senders ...sender) look {
	return look{
		identity: identity{system: 7}, sent: s.now, received: s.now, before: s.now, after: s.now, timeline: timeline,
		position: &position, snapshot: position, neighbours: neighbours{met: s.met(), senders: senders},
	}
}

func (s *stage) follower(timeline uint32, replayed uint64, announce, slot string) look {
	return look{
		identity: identity{system: 7, announce: announce}, sent: s.now, received: s.now, before: s.now, after: s.now, timeline: timeline, recovering: true,
		replayed: &replayed, flushed: &replayed, neighbours: neighbours{met: s.met(), receiver: &receiver{status: streaming, slot: slot}},
	}
}

// met tells one look's neighbours from another's.
func (s *stage) met() time.Time {
	s.looks++
	return s.now.Add(time.Duration(s.looks))
}

func (s *stage) pass(d time.Duration) { s.now = s.now.Add(d) }

func (s *stage) standbys() []string {
	var names []string
	for _, v := range s.view(s.now).Standbys {
		names = append(names, v.Name)
	}
	return names
}

func row(application, address, slot string, replayed uint64) sender {
	return sender{
		application: application, address: address, slot: slot, state: streaming,
		written: &replayed, flushed: &replayed, replayed: &replayed,
	}
}

// followerOf is a standby that connects under a name, with a slot.
func followerOf(announce, slot string) *look {
	return &look{identity: identity{announce: announce}, neighbours: neighbours{receiver: &receiver{status: streaming, slot: slot}}}
}

func TestStandbysHaveStableNames(t *testing.T) {
	tests := map[string]struct {
		senders []sender
		direct  *look // of the declared standby "replica"
		want    []string
	}{
		"by application name":                   {[]sender{row("dr", "10.0.0.2", "", 1)}, nil, []string{"dr"}},
		"the default name tells nothing":        {[]sender{row("walreceiver", "10.0.0.2", "dr_slot", 1)}, nil, []string{"dr_slot"}},
		"two of one name":                       {[]sender{row("dr", "10.0.0.2", "", 1), row("dr", "10.0.0.3", "", 1)}, nil, []string{"dr@10.0.0.2", "dr@10.0.0.3"}},
		"a backup is no standby":                {[]sender{row("pg_basebackup", "10.0.0.9", "", 1), row("pg_receivewal", "10.0.0.9", "", 1)}, nil, nil},
		"a subscriber is no standby":            {[]sender{{application: "sub", slot: "sub", slotType: "logical", state: streaming}}, nil, nil},
		"declared under its application name":   {[]sender{row("replica", "10.0.0.2", "", 1)}, nil, []string{"replica"}},
		"declared, recognised by its slot":      {[]sender{row("walreceiver", "10.0.0.2", "s1", 1)}, followerOf("walreceiver", "s1"), []string{"replica"}},
		"declared, recognised by its announced": {[]sender{row("node2", "10.0.0.2", "", 1)}, followerOf("node2", ""), []string{"replica"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage("replica")
			s.observe("a:5432", s.primary(1, 1, tt.senders...)) // seen from the primary first
			if tt.direct != nil {
				l := s.follower(1, 1, tt.direct.announce, tt.direct.receiver.slot)
				s.observe("replica", l)
			}
			s.pass(time.Second)
			s.observe("a:5432", s.primary(1, 1, tt.senders...))
			if diff := cmp.Diff(tt.want, s.standbys()); diff != "" {
				t.Errorf("standbys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOneOfTwoSameNamedStandbysDies(t *testing.T) {
	s := newStage()
	first, second := row("dr", "10.0.0.2", "", 1), row("dr", "10.0.0.3", "", 1)
	s.observe("a:5432", s.primary(1, 1, first))
	s.observe("a:5432", s.primary(1, 1, first, second))
	s.pass(time.Second)
	s.observe("a:5432", s.primary(1, 1, second))
	got := map[string]bool{}
	for _, v := range s.view(s.now).Standbys {
		got[v.Name] = v.Conditions[disconnected]
	}
	if diff := cmp.Diff(map[string]bool{"dr@10.0.0.2": true, "dr@10.0.0.3": false}, got); diff != "" {
		t.Errorf("disconnected (-want +got):\n%s", diff)
	}
}

func TestStandbyNotDeclaredIsForgotten(t *testing.T) {
	s := newStage()
	s.observe("a:5432", s.primary(1, 1, row("dr", "10.0.0.2", "", 1)))
	s.pass(23 * time.Hour)
	s.observe("a:5432", s.primary(1, 2))
	if diff := cmp.Diff([]string{"dr"}, s.standbys()); diff != "" {
		t.Errorf("after 23 h (-want +got):\n%s", diff)
	}
	s.pass(2 * time.Hour)
	s.observe("a:5432", s.primary(1, 3))
	if got := s.standbys(); got != nil {
		t.Errorf("after 25 h: %v", got)
	}
}

func TestStandbysAreBounded(t *testing.T) {
	s := newStage()
	for i := range 500 {
		s.observe("a:5432", s.primary(1, 1, row(string(rune('一'+i)), "10.0.0.2", "", 1)))
	}
	if got := len(s.standbys()); got != maxRecords {
		t.Errorf("%d standbys remembered, want %d", got, maxRecords)
	}
}

// TestClocks moves the server's and our clocks apart while replay of a
// transaction has been due for 10 seconds.
func TestClocks(t *testing.T) {
	tests := map[string]struct {
		server time.Duration // what passes at the server until the second look
		want   time.Duration // how old the transaction is then
	}{
		"both run alike":               {10 * time.Second, 10 * time.Second},
		"the server's was put back":    {-time.Hour + 10*time.Second, 10 * time.Second},
		"the server's was put ahead":   {time.Hour + 10*time.Second, 10 * time.Second},
		"the server's is a bit faster": {10500 * time.Millisecond, 10500 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage()
			s.observe("a:5432", s.primary(1, 1, row("dr", "10.0.0.2", "", 1)))
			l := s.primary(1, 2, row("dr", "10.0.0.2", "", 1))
			s.observe("a:5432", l)
			s.pass(10 * time.Second)
			l.received, l.sent = s.now, s.now
			l.before, l.after = l.before.Add(tt.server), l.after.Add(tt.server)
			s.observe("a:5432", l)
			view := s.view(s.now).Standbys[0].Stages
			i := slices.IndexFunc(view, func(v StageView) bool { return v.Stage == replay })
			if got := *view[i].Lower; got != tt.want.Seconds() {
				t.Errorf("lag %v s, want %v", got, tt.want)
			}
		})
	}
}

// TestRestoredHistory takes up a history after our own clock may have been set:
// the server's time goes on, so nothing moves.
func TestRestoredHistory(t *testing.T) {
	s := newStage()
	s.observe("a:5432", s.primary(1, 1, row("dr", "10.0.0.2", "", 1)))
	s.pass(time.Second)
	s.observe("a:5432", s.primary(1, 2, row("dr", "10.0.0.2", "", 1)))
	text, err := s.dump()
	if err != nil {
		t.Fatal(err)
	}
	again := newStage()
	if err := again.restore(text); err != nil {
		t.Fatal(err)
	}
	again.now = s.now.Add(time.Minute)
	if v := again.view(again.now); v.Exposure == nil || *v.Exposure != 61 {
		t.Errorf("exposure before anyone answers = %v, want 61", v.Exposure)
	}
	l := again.primary(1, 3, row("dr", "10.0.0.2", "", 1))
	l.received = l.received.Add(-time.Hour) // our clock was put back, the server's was not
	l.sent = l.received
	again.observe("a:5432", l)
	if v := again.view(l.received); v.Exposure == nil || *v.Exposure != 61 {
		t.Errorf("exposure after the first answer = %v, want 61", v.Exposure)
	}
}

func TestPromotion(t *testing.T) {
	s := newStage("b")
	s.observe("a:5432", s.primary(1, 100, row("b", "10.0.0.2", "", 100), row("c", "10.0.0.3", "", 90)))
	s.observe("b", s.follower(1, 100, "b", ""))
	s.pass(time.Second)
	s.failed("a:5432", &fault.Error{Kind: fault.Unreachable, Err: errors.New("connection refused")}, s.now)
	s.pass(9 * time.Second)
	s.observe("b", s.primary(2, 120, row("c", "10.0.0.3", "", 90)))
	v := s.view(s.now)
	got := map[string]float64{}
	for _, standby := range v.Standbys {
		for _, stage := range standby.Stages {
			if stage.Stage == replay && stage.Upper != nil {
				got[standby.Name] = *stage.Upper
			}
		}
	}
	if diff := cmp.Diff([]string{"c"}, s.standbys()); diff != "" {
		t.Errorf("standbys of the new primary (-want +got):\n%s", diff)
	}
	// c had 90 of the old timeline: what it lacks is older than the history.
	if len(got) != 0 || v.Exposure != nil {
		t.Errorf("upper bounds %v, exposure %v; want none", slices.Collect(maps.Keys(got)), v.Exposure)
	}
	s.pass(time.Second)
	s.observe("b", s.primary(2, 120, row("c", "10.0.0.3", "", 120)))
	if v := s.view(s.now); v.Exposure == nil || *v.Exposure != 0 {
		t.Errorf("exposure once c has caught up = %v, want 0", v.Exposure)
	}
	s.observe("a:5432", s.primary(1, 500, row("x", "10.0.0.9", "", 500)))
	if v := s.view(s.now); v.Primaries != 2 || len(v.Standbys) != 1 {
		t.Errorf("the former primary is back: %d primaries, %d standbys; want 2 and 1", v.Primaries, len(v.Standbys))
	}
}

// A standby is promoted beside its primary, and made a standby of it again: the
// timeline that it began is nobody's any more.
func TestSplitBrainIsEnded(t *testing.T) {
	s := newStage("b")
	s.observe("a:5432", s.primary(1, 100, row("b", "10.0.0.2", "", 100)))
	s.observe("b", s.follower(1, 100, "b", ""))
	s.pass(time.Second)
	s.observe("b", s.primary(2, 120))
	s.pass(time.Second)
	s.observe("a:5432", s.primary(1, 500))
	if v := s.view(s.now); v.Primaries != 2 {
		t.Fatalf("%d primaries, want two", v.Primaries)
	}
	s.pass(time.Minute)
	s.observe("b", s.follower(1, 600, "b", ""))
	s.observe("a:5432", s.primary(1, 600, row("b", "10.0.0.2", "", 600)))
	s.pass(time.Minute)
	s.observe("a:5432", s.primary(1, 700, row("b", "10.0.0.2", "", 700)))
	s.observe("b", s.follower(1, 700, "b", ""))
	v := s.view(s.now)
	if v.Primaries != 1 || v.Exposure == nil || *v.Exposure != 0 {
		t.Errorf("%d primaries, exposure %v; want one and 0", v.Primaries, v.Exposure)
	}
	if diff := cmp.Diff([]string{"b"}, s.standbys()); diff != "" {
		t.Errorf("standbys (-want +got):\n%s", diff)
	}
}

func TestConditions(t *testing.T) {
	receives := neighbours{receiver: &receiver{status: streaming}}
	of := func(streaming, catchup, disconnected bool) map[string]bool {
		return map[string]bool{"streaming": streaming, "catchup": catchup, "disconnected": disconnected}
	}
	with := func(m map[string]bool, paused, delayed bool, more ...any) map[string]bool {
		m["paused"], m["delayed"] = paused, delayed
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1].(bool)
		}
		return m
	}
	tests := map[string]struct {
		sender    string
		witnessed bool
		direct    *look
		want      map[string]bool
	}{
		"nobody answers":                    {"streaming", false, nil, nil},
		"the primary sends":                 {"streaming", true, nil, of(true, false, false)},
		"the primary has no sender":         {"", true, nil, of(false, false, true)},
		"catching up":                       {"catchup", true, nil, of(false, true, false)},
		"starting up":                       {"startup", true, nil, of(false, false, true)},
		"the primary is dead":               {"streaming", false, &look{}, with(of(false, false, true), false, false)},
		"receives from another standby":     {"", true, &look{neighbours: receives}, with(of(true, false, false), false, false)},
		"paused and delayed, receiving":     {"streaming", true, &look{identity: identity{delay: time.Hour}, neighbours: receives, paused: true}, with(of(true, false, false), true, true)},
		"a query holds replay up":           {"streaming", true, &look{neighbours: receives, conflict: new(true)}, with(of(true, false, false), false, false, "conflict", true)},
		"reads the archive only":            {"", true, &look{identity: identity{streams: new(false), restores: new(true)}, conflict: new(false)}, with(of(false, false, false), false, false, "archive_only", true, "conflict", false)},
		"has lost its upstream":             {"", true, &look{identity: identity{streams: new(true), restores: new(true)}}, with(of(false, false, true), false, false, "archive_only", false)},
		"the role may not see the receiver": {"", true, &look{neighbours: neighbours{receiver: &receiver{}}}, with(map[string]bool{}, false, false)},
		"was told of no source":             {"", true, &look{identity: identity{streams: new(false), restores: new(false)}}, with(of(false, false, true), false, false, "archive_only", false)},
		"the role may not see the source":   {"", true, &look{identity: identity{restores: new(true)}}, with(of(false, false, true), false, false)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := (&standby{sender: tt.sender}).condition(tt.direct, tt.witnessed)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}
