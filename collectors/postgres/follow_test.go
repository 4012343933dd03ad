package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

var refused = &fault.Error{Kind: fault.Unreachable, Err: errors.New("connection refused")}

// told is what a standby says that has had a message at the present, by which
// the log of the server it follows ends at end.
func (s *stage) told(replayed, end uint64) look {
	l := s.follower(1, replayed, "b", "")
	l.receiver.end, l.receiver.messageReceived, l.receiver.timeline = &end, s.now, 1
	l.flushed = &end
	return l
}

// alone is a standby without a receiver that has replayed up to 5.
func (s *stage) alone() look {
	l := s.follower(1, 5, "b", "")
	l.receiver = nil
	return l
}

// TestLagOfTheFace is pg_replication_lag_seconds of a server that a client gets,
// with the primary a seen or not.
func TestLagOfTheFace(t *testing.T) {
	tests := map[string]struct {
		play func(s *stage)
		lag  string // "unknown", or seconds
	}{
		"a primary": {func(s *stage) { s.observe("b", s.primary(1, 5)) }, "0"},
		"the primary is seen, all is replayed": {func(s *stage) {
			s.observe("a", s.primary(1, 5))
			s.observe("b", s.told(5, 5))
		}, "0"},
		"the primary is seen, and has been idle for an hour": {func(s *stage) {
			s.observe("a", s.primary(1, 5))
			s.pass(time.Hour)
			s.observe("a", s.primary(1, 5))
			s.observe("b", s.alone()) // even cut off: nothing is missing
		}, "0"},
		"the primary is seen, a commit waits": {func(s *stage) {
			s.observe("a", s.primary(1, 5))
			s.pass(time.Second)
			s.observe("a", s.primary(1, 6))
			s.pass(8 * time.Second)
			s.observe("a", s.primary(1, 6))
			s.observe("b", s.told(5, 6))
		}, "8"},
		"nobody sees the primary, all it told is replayed": {func(s *stage) {
			s.observe("b", s.told(5, 5))
			s.pass(time.Second)
			s.observe("b", s.told(6, 6))
		}, "0"},
		"nobody sees the primary, what it told waits": {func(s *stage) {
			s.observe("b", s.told(5, 5))
			s.observe("b", s.told(5, 9))
			s.pass(8 * time.Second)
			s.observe("b", s.told(5, 9))
		}, "8"},
		"nobody sees the primary, it told nothing for a minute": {func(s *stage) {
			s.observe("b", s.told(5, 5))
			s.pass(time.Minute)
			s.observe("b", s.alone())
		}, "60"},
		"the clock of the standby is put back while it is told nothing": {func(s *stage) {
			s.observe("b", s.told(5, 5))
			s.pass(time.Minute)
			l := s.alone()
			l.before, l.after = l.before.Add(-time.Hour), l.after.Add(-time.Hour)
			s.observe("b", l)
		}, "60"},
		"the primary was seen, and is dead": {func(s *stage) {
			s.observe("a", s.primary(1, 5))
			s.observe("b", s.alone())
			s.failed("a", refused, s.now)
			s.pass(30 * time.Second)
			s.observe("b", s.alone())
		}, "30"},
		"the primary that is seen is not the one that is followed": {func(s *stage) {
			s.observe("a", s.primary(1, 5))
			l := s.told(9, 9)
			l.timeline, l.receiver.timeline = 2, 2
			s.observe("b", l)
		}, "0"},
		"nothing was ever told": {func(s *stage) { s.observe("b", s.alone()) }, "unknown"},
		"promoted": {func(s *stage) {
			s.observe("b", s.told(5, 9))
			s.pass(time.Minute)
			s.observe("b", s.primary(2, 9))
		}, "0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage("a")
			s.cluster = newCluster([]string{"b"}, []string{"a"}, time.Hour)
			tt.play(s)
			got := "unknown"
			if lag := s.view(s.now).Server.Lag; lag != nil {
				got = fmt.Sprint(*lag)
			}
			if got != tt.lag {
				t.Errorf("lag %s, want %s", got, tt.lag)
			}
		})
	}
}

// The last replay is of a standby that has replayed something.
func TestLastReplay(t *testing.T) {
	s := newStage()
	l := s.follower(1, 5, "a", "")
	s.observe("a:5432", l)
	if got := s.view(s.now).Server.LastReplay; got != nil {
		t.Errorf("before the first transaction: %v, want none", *got)
	}
	l.transaction = s.now.Add(-40 * time.Second)
	s.observe("a:5432", l)
	if got := s.view(s.now).Server.LastReplay; got == nil || *got != 40 {
		t.Errorf("40 s after a transaction: %v", got)
	}
	p := s.primary(2, 9)
	p.transaction = l.transaction // as the server goes on telling
	s.observe("a:5432", p)
	if got := s.view(s.now).Server.LastReplay; got != nil {
		t.Errorf("after the promotion: %v, want none", *got)
	}
}

// conditionsOf lists what holds for each standby: "b streaming, c ?".
func (s *stage) conditionsOf() string {
	var list []string
	for _, v := range s.view(s.now).Standbys {
		what := "?"
		for _, c := range conditions {
			if v.Conditions[c] {
				what = c
			}
		}
		list = append(list, v.Name+" "+what)
	}
	return strings.Join(list, ", ")
}

// TestCascade has c follow b, which follows the primary.
func TestCascade(t *testing.T) {
	s := newStage("b")
	s.observe("a:5432", s.primary(1, 5, row("b", "10.0.0.2", "", 5)))
	b := s.follower(1, 5, "b", "")
	b.senders = []sender{row("c", "10.0.0.3", "", 4)}
	s.observe("b", b)
	steps := []struct {
		name string
		play func()
		want string
	}{
		{"seen from the standby it follows", func() {}, "b streaming, c streaming"},
		{"the primary does not know it", func() { s.observe("a:5432", s.primary(1, 5, row("b", "10.0.0.2", "", 5))) }, "b streaming, c streaming"},
		{"it leaves", func() { b.senders, b.met = nil, s.met(); s.observe("b", b) }, "b streaming, c disconnected"},
		{"it comes back", func() { b.senders, b.met = []sender{row("c", "10.0.0.3", "", 5)}, s.met(); s.observe("b", b) }, "b streaming, c streaming"},
		{"what it follows has just failed", func() { s.failed("b", refused, s.now) }, "b streaming, c ?"},
		{"what it follows is silent", func() {
			s.pass(time.Minute)
			s.observe("a:5432", s.primary(1, 5))
			s.failed("b", refused, s.now)
		}, "b disconnected, c ?"},
		{"it follows the primary instead", func() {
			s.observe("a:5432", s.primary(1, 5, row("c", "10.0.0.3", "", 5)))
		}, "b disconnected, c streaming"},
	}
	for _, step := range steps {
		step.play()
		if got := s.conditionsOf(); got != step.want {
			t.Fatalf("%s: %s, want %s", step.name, got, step.want)
		}
	}
	if got := len(s.view(s.now).Standbys); got != 2 {
		t.Errorf("%d standbys, want 2", got)
	}
}

func TestNamesakesOfTwoServers(t *testing.T) {
	s := newStage("b")
	s.observe("a:5432", s.primary(1, 5, row("b", "10.0.0.2", "", 5), row("dr", "10.0.0.3", "", 5)))
	b := s.follower(1, 5, "b", "")
	b.senders = []sender{row("dr", "10.0.0.4", "", 1)}
	s.observe("b", b)
	if diff := cmp.Diff([]string{"b", "dr", "dr@10.0.0.4"}, s.standbys()); diff != "" {
		t.Errorf("standbys (-want +got):\n%s", diff)
	}
}

// A standby that restarts again and again keeps its name, and what it lacks
// meanwhile is as old as it is.
func TestStandbyRestartsTwentyTimes(t *testing.T) {
	s := newStage("b")
	commits := uint64(1)
	sender := func(replayed uint64) sender { return row("b", "10.0.0.2", "b_slot", replayed) }
	for round := range 20 {
		commits++
		s.observe("a:5432", s.primary(1, commits, sender(commits)))
		s.observe("b", s.follower(1, commits, "b", "b_slot"))
		s.failed("b", refused, s.now)
		s.observe("a:5432", s.primary(1, commits))
		s.pass(time.Second)
		commits++
		s.observe("a:5432", s.primary(1, commits)) // a commit that it lacks
		s.pass(8 * time.Second)
		s.observe("a:5432", s.primary(1, commits))
		if lower, upper := s.replay(t); lower != 8 || upper != 9 {
			t.Fatalf("round %d, down: lag %v to %v, want 8 to 9", round, lower, upper)
		}
		starting := sender(0)
		starting.state, starting.written, starting.flushed, starting.replayed = "startup", nil, nil, nil
		s.observe("a:5432", s.primary(1, commits, starting))
		if lower, upper := s.replay(t); lower != 8 || upper != 9 {
			t.Fatalf("round %d, starting: lag %v to %v, want 8 to 9", round, lower, upper)
		}
		s.observe("a:5432", s.primary(1, commits, sender(commits)))
		s.observe("b", s.follower(1, commits, "b", "b_slot"))
		if lower, upper := s.replay(t); lower != 0 || upper != 0 {
			t.Fatalf("round %d, back: lag %v to %v, want 0", round, lower, upper)
		}
	}
	if v := s.view(s.now); v.Changes != (changes{}) || len(v.Standbys) != 1 {
		t.Errorf("%d standbys and changes %+v, want one and none", len(v.Standbys), v.Changes)
	}
}

// replay is the lag of replay of the only standby.
func (s *stage) replay(t *testing.T) (lower, upper float64) {
	t.Helper()
	v := s.view(s.now).Standbys
	i := -1
	if len(v) == 1 {
		i = slices.IndexFunc(v[0].Stages, func(v StageView) bool { return v.Stage == replay })
	}
	if i < 0 || v[0].Stages[i].Lower == nil || v[0].Stages[i].Upper == nil {
		t.Fatalf("nothing is known of replay: %+v", v)
	}
	return *v[0].Stages[i].Lower, *v[0].Stages[i].Upper
}

func TestChangesAreCounted(t *testing.T) {
	s := newStage("b")
	check := func(what string, want changes) {
		t.Helper()
		if got := s.view(s.now).Changes; got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	s.observe("a:5432", s.primary(1, 5))
	s.observe("b", s.follower(1, 5, "b", ""))
	check("at first", changes{})
	s.failed("a:5432", refused, s.now)
	s.pass(10 * time.Second)
	s.observe("b", s.primary(2, 9))
	check("b is promoted", changes{promoted: 1, timelines: 1, primaries: 1})
	s.observe("a:5432", s.primary(1, 7))
	check("a is back and accepts writes", changes{promoted: 1, timelines: 1, primaries: 1})
	s.observe("a:5432", s.follower(2, 9, "a", ""))
	check("a follows b", changes{promoted: 1, demoted: 1, timelines: 1, primaries: 1})
	foreign := s.primary(1, 1)
	foreign.system = 8
	s.observe("a:5432", foreign)
	check("another cluster at the address of a", changes{promoted: 1, demoted: 1, timelines: 1, primaries: 1})
}

// A promotion while the daemon was down is counted when it looks again.
func TestTimelineGrewWhileTheDaemonWasDown(t *testing.T) {
	s := newStage()
	s.observe("a:5432", s.primary(1, 5))
	text, err := s.dump()
	if err != nil {
		t.Fatal(err)
	}
	again := newStage()
	if err := again.restore(text); err != nil {
		t.Fatal(err)
	}
	again.pass(time.Minute)
	again.observe("a:5432", again.primary(2, 9))
	if got := again.view(again.now).Changes; got.timelines != 1 {
		t.Errorf("%+v, want one timeline", got)
	}
}

func TestArchiversAreNoStandbys(t *testing.T) {
	at := uint64(5)
	tests := map[string]struct {
		sender sender
		want   bool
	}{
		"a standby":                      {row("dr", "10.0.0.2", "", 5), true},
		"a standby that just connected":  {sender{application: "dr", state: "startup"}, true},
		"an archiver of any name":        {sender{application: "barman", state: streaming, written: &at, flushed: &at}, false},
		"pg_receivewal before it writes": {sender{application: "pg_receivewal", state: streaming}, false},
		"a base backup":                  {sender{application: "nightly", state: "backup"}, false},
		"a subscriber":                   {sender{application: "sub", slotType: "logical", state: streaming, replayed: &at}, false},
	}
	for name, tt := range tests {
		if got := tt.sender.standby(); got != tt.want {
			t.Errorf("%s: standby %v, want %v", name, got, tt.want)
		}
	}
}

// What was archived stays known while the last file says nothing about it.
func TestArchivedIsRemembered(t *testing.T) {
	columns := []string{"archived_count", "failed_count", "last_archived_wal", "last_archived_time", "last_failed_time", "enabled", "segment", "current", "now"}
	judged := archiver(func(_ uint32, pos uint64) (lsnclock.Bounds, bool) {
		return lsnclock.Bounds{Lower: time.Duration(pos), Bounded: true}, true
	})
	steps := []struct{ name, files, last, want string }{
		{"a segment", "5", "000000010000000000000003", "0.067108864 0"},
		{"the label of a backup", "6", "000000010000000000000003.00000028.backup", "0.067108864 0"},
		{"the history of a promotion", "7", "00000002.history", "0.067108864 0"},
		{"a segment of the new timeline", "8", "000000020000000000000001", "0.033554432 2"},
		{"another server, or a reset", "1", "00000003.history", ""},
	}
	for _, step := range steps {
		got := publishedBy(func(ch chan<- prometheus.Metric) {
			judged.publish(ch, rows("archiver", columns, []string{step.files, "0", step.last, "2026-03-31 18:00:00+00", "∅", "t", "16777216", "0/4000000", "2026-03-31 18:00:00+00"}))
		})
		values := strings.TrimSpace(fmt.Sprint(got[`pg_archive_lag_seconds{lower}`], " ", got["pg_archiver_ready_files{}"]))
		if len(got) == 0 || values != step.want && (step.want != "" || values != "<nil> <nil>") {
			t.Errorf("%s: lag and files %q, want %q", step.name, values, step.want)
		}
	}
}

// Everything at its bounds stays within the task's share.
func TestReplicationIsBounded(t *testing.T) {
	v := View{Asked: true, Exposure: new(1.0), LogSeen: march31, Server: ServerView{Lag: new(1.0), LastReplay: new(1.0), Receiver: &receiver{
		status: streaming, startTimeline: 1, timeline: 1, start: new(uint64(1)), flushed: new(uint64(1)), end: new(uint64(1)),
		messageSent: march31, messageReceived: march31, endSent: march31,
	}}}
	for i := range maxRecords {
		behind := float64(i)
		s := StandbyView{Name: fmt.Sprintf("standby %02d", i), Declared: i >= maxRecords-maxStandbys/2, Heard: march31, Conditions: map[string]bool{}}
		for _, c := range conditions {
			s.Conditions[c] = i == 20
		}
		for _, stage := range []string{write, flush, replay} {
			s.Stages = append(s.Stages, StageView{stage, &behind, &behind, &behind})
		}
		v.Standbys = append(v.Standbys, s)
		v.Senders = append(v.Senders, sender{application: s.Name, current: new(uint64(100)), replayed: new(uint64(i))})
	}
	v.Standbys[30].Stages[0].Upper = nil
	got := publishedBy(func(ch chan<- prometheus.Metric) {
		if err := (Replication{func() View { return v }, nil}).Collect(t.Context(), ch); err != nil {
			t.Error(err)
		}
	})
	if most := shares["replication"]; len(got) > most {
		t.Errorf("%d series, at most %d", len(got), most)
	}
	for name, want := range map[string]any{
		"pg_standby_lag_bytes{replay,other}":                 55.0, // the worst that is not declared
		"pg_standby_lag_seconds{lower,write,other}":          55.0,
		"pg_standby_lag_seconds{upper,write,other}":          nil, // unknown of one
		"pg_standby_lag_seconds{upper,replay,other}":         55.0,
		"pg_standby_state{other,conflict}":                   1.0,
		"pg_standby_lag_bytes{replay,standby 63}":            63.0, // declared
		"pg_stat_replication_pg_wal_lsn_diff{other,,,}":      88.0, // 12 are further behind
		"pg_stat_replication_pg_wal_lsn_diff{standby 00,,,}": 100.0,
		"pg_stat_wal_receiver_latest_end_lsn{,streaming,}":   1.0,
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
}

// publishedBy is what is sent, by name{label values}.
func publishedBy(publish func(ch chan<- prometheus.Metric)) map[string]any {
	metrics := make(chan prometheus.Metric, 2*MaxSeries)
	publish(metrics)
	close(metrics)
	got := map[string]any{}
	for m := range metrics {
		name, value := read(m)
		got[name] = value
	}
	return got
}

func TestSlotsAreBounded(t *testing.T) {
	var list [][]string
	for i := range 100 {
		list = append(list, []string{fmt.Sprintf("slot %02d", i), "logical", "prod", "f", "1", "reserved", "1/0", "1/0", "1/64", strconv.Itoa(1000 - i), "2026-03-31 17:00:00+00", "f", "∅"})
	}
	s := slots(func(uint64) (lsnclock.Bounds, bool) { return lsnclock.Bounds{Bounded: true}, true })
	got := publishedBy(func(ch chan<- prometheus.Metric) {
		s.publish(ch, rows("replication slots", []string{
			"slot_name", "slot_type", "database", "active", "safe_wal_size", "wal_status", "restart_lsn", "confirmed_flush_lsn", "current", "retained",
			"inactive_since", "conflicting", "invalidation_reason",
		}, list...))
	})
	const ofEach = 11
	if len(got) != ofEach*maxSlots+1 || got["pg_replication_slots_pg_wal_lsn_diff{,other}"] != 984.0 {
		t.Errorf("%d series, of the others %v; want %d and 984", len(got), got["pg_replication_slots_pg_wal_lsn_diff{,other}"], ofEach*maxSlots+1)
	}
}

var _ collector.Spender = Replication{}

// read is one metric as name{label values in order of their names} and value.
func read(m prometheus.Metric) (string, float64) {
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(m.Desc().String(), `fqName: "`)
	name, _, _ := strings.Cut(rest, `"`)
	var labels []string
	for _, l := range out.GetLabel() {
		labels = append(labels, l.GetValue())
	}
	return name + "{" + strings.Join(labels, ",") + "}", out.GetGauge().GetValue() + out.GetCounter().GetValue()
}
