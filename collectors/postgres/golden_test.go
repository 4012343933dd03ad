package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

var march31 = time.Date(2026, 3, 31, 18, 0, 0, 0, time.UTC)

var unreachable = &fault.Error{Op: "connect to PostgreSQL 10.0.0.1:5432", Kind: fault.Unreachable, Err: errors.New("connection refused")}

func TestServer(t *testing.T) {
	answers := ServerView{
		Up: true, Address: "10.0.0.1:5432", Version: "15.18 (Debian 15.18-1)", Timeline: 3,
		Started: march31.Add(-time.Hour), Now: march31, Offset: -20 * time.Millisecond,
	}
	tests := map[string]struct {
		view View
		err  error
	}{
		"server_not_asked_yet": {},
		"server_primary":       {view: View{Asked: true, Server: answers, Primaries: 1, Declared: []Answer{{Name: "replica", Up: true}}}},
		"server_unreachable":   {view: View{Asked: true, Server: ServerView{Err: unreachable}}, err: unreachable},
		"server_standby_unreachable": {
			view: View{Asked: true, Server: answers, Primaries: 1, Declared: []Answer{{Name: "replica", Err: unreachable}}},
			err:  unreachable,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := collectortest.Golden(t, Server{func() View { return tt.view }}, name); !errors.Is(err, tt.err) {
				t.Errorf("Collect() = %v, want %v", err, tt.err)
			}
		})
	}
}

func TestReplication(t *testing.T) {
	follower := sender{
		application: "replica", address: "10.0.0.2", slot: "replica", state: "streaming",
		current: new(uint64(5000)), replayed: new(uint64(4000)),
	}
	twin := follower
	twin.replayed = new(uint64(1000))
	tests := map[string]View{
		"replication_nothing_known": {},
		"replication_behind": {
			LogSeen: march31, Exposure: new(8.75), Senders: []sender{follower},
			Standbys: []StandbyView{{
				Name: "replica", Conditions: map[string]bool{streaming: true, catchup: false, disconnected: false, paused: true, delayed: false},
				Stages: []StageView{
					{Stage: write, Lower: new(0.0), Upper: new(0.25), Bytes: new(0.0)},
					{Stage: replay, Lower: new(8.5), Upper: new(8.75), Bytes: new(1000.0)},
				},
			}},
		},
		"replication_beyond_the_history": {
			LogSeen:  march31,
			Standbys: []StandbyView{{Name: "replica", Conditions: map[string]bool{streaming: false, catchup: false, disconnected: true}, Stages: []StageView{{Stage: replay, Lower: new(3600.0), Bytes: new(1e9)}}}},
		},
		"replication_just_connected":           {Senders: []sender{{application: "replica", state: "startup", current: new(uint64(5000))}}},
		"replication_senders_of_the_same_name": {Senders: []sender{follower, twin}},
		"replication_of_a_primary":             {Asked: true, Server: ServerView{Lag: new(0.0)}, Changes: changes{promoted: 1, timelines: 1, primaries: 1}},
		"replication_of_a_standby": {Asked: true, Server: ServerView{Lag: new(2.5), LastReplay: new(40.0), Receiver: &receiver{
			status: streaming, slot: "replica", host: "10.0.0.1", startTimeline: 1, timeline: 2, start: new(uint64(1000)), flushed: new(uint64(4000)),
			end: new(uint64(5000)), messageSent: march31.Add(-time.Second), messageReceived: march31, endSent: march31.Add(-time.Minute),
		}}, Changes: changes{demoted: 1}},
		"replication_receiver_hidden_from_the_role": {Server: ServerView{Receiver: &receiver{}}},
		"replication_archive_only": {Standbys: []StandbyView{{
			Name: "replica", Heard: march31,
			Conditions: map[string]bool{streaming: false, catchup: false, disconnected: false, archiveOnly: true, paused: false, delayed: false, conflict: false},
		}}},
	}
	for name, view := range tests {
		t.Run(name, func(t *testing.T) {
			if err := collectortest.Golden(t, Replication{func() View { return view }, nil}, name); err != nil {
				t.Errorf("Collect() = %v", err)
			}
		})
	}
}

// rows makes an answer of text; "∅" is NULL.
func rows(name string, columns []string, values ...[]string) pgsession.Result {
	r := pgsession.Result{Name: name, Columns: columns}
	for _, v := range values {
		cells := make([]*string, len(v))
		for i := range v {
			if v[i] != "∅" {
				cells[i] = &v[i]
			}
		}
		r.Rows = append(r.Rows, pgsession.NewRow(columns, cells...))
	}
	return r
}

func TestStatistics(t *testing.T) {
	monitor := rows("rights", []string{"role", "monitor"}, []string{"mon", "t"})
	plain := rows("rights", []string{"role", "monitor"}, []string{"plain", "f"})
	denied := &fault.Error{Op: "read locks", Kind: fault.Denied, Err: errors.New("permission denied")}
	archiverColumns := []string{"archived_count", "failed_count", "last_archived_wal", "last_archived_time", "last_failed_time", "enabled", "segment", "current", "now"}
	judged := func() subject {
		return archiver(func(timeline uint32, pos uint64) (lsnclock.Bounds, bool) {
			return lsnclock.Bounds{Lower: 5 * time.Second, Upper: 6 * time.Second, Bounded: true}, timeline == 1 && pos == 0x16_0200_0000
		})
	}
	slotColumns := []string{
		"slot_name", "slot_type", "database", "active", "safe_wal_size", "wal_status", "restart_lsn", "confirmed_flush_lsn", "current", "retained",
		"inactive_since", "conflicting", "invalidation_reason",
	}
	judgedSlots := slots(func(pos uint64) (lsnclock.Bounds, bool) {
		return lsnclock.Bounds{Lower: 5 * time.Second, Upper: 6 * time.Second, Bounded: pos >= 0x16_0000_0000}, true
	})
	tests := map[string]struct {
		subjects []subject
		answers  pgsession.Results
		kind     fault.Kind
	}{
		"role_without_pg_monitor": {[]subject{connections, activity(nil), locks}, pgsession.Results{
			plain,
			rows("connections", nil),
			rows("activity", nil),
			{Name: "locks", Err: denied},
		}, fault.Denied},
		"locked_answer_is_left_out": {[]subject{locks, contention()}, pgsession.Results{
			monitor,
			{Name: "locks", Err: &fault.Error{Op: "read locks", Kind: fault.Locked}},
			rows("blocked sessions", []string{"datname", "sessions", "longest"}, []string{"prod", "2", "31.25"}, []string{"staging", "0", "0"}),
		}, fault.Locked},
		"locks": {[]subject{locks}, pgsession.Results{monitor, rows("locks", []string{"datname", "mode", "count"}, []string{"prod", "accesssharelock", "7"})}, ""},
		"slots": {[]subject{judgedSlots}, pgsession.Results{monitor, rows("replication slots", slotColumns,
			[]string{"lost", "logical", "prod", "f", "-100", "lost", "∅", "15/0", "16/38", "∅", "∅", "∅", "∅"},
			[]string{"replica", "physical", "∅", "t", "∅", "reserved", "16/0", "∅", "16/38", "56", "∅", "∅", "∅"},
			[]string{"never_used", "physical", "∅", "f", "∅", "∅", "∅", "∅", "16/38", "∅", "∅", "∅", "∅"})}, ""},
		"slots_of_16": {[]subject{judgedSlots}, pgsession.Results{monitor, rows("replication slots", slotColumns,
			[]string{"decoding", "logical", "prod", "f", "1000", "unreserved", "16/0", "16/10", "16/38", "56", "∅", "t", "∅"})}, ""},
		"slots_of_17": {[]subject{judgedSlots}, pgsession.Results{monitor, rows("replication slots", slotColumns,
			[]string{"decoding", "logical", "prod", "f", "∅", "lost", "∅", "16/10", "16/38", "∅", "2026-03-31 17:00:00+00", "t", "rows_removed"},
			[]string{"replica", "physical", "∅", "t", "∅", "reserved", "16/0", "∅", "16/38", "56", "2026-03-31 17:00:00+00", "∅", "∅"})}, ""},
		"archiver_off": {[]subject{judged()}, pgsession.Results{monitor, rows("archiver", archiverColumns,
			[]string{"0", "0", "∅", "∅", "∅", "f", "16777216", "16/4000000", "2026-03-31 18:30:00+00"})}, ""},
		"archiver_never_archived": {[]subject{judged()}, pgsession.Results{monitor, rows("archiver", archiverColumns,
			[]string{"0", "0", "∅", "∅", "∅", "t", "16777216", "16/4000000", "2026-03-31 18:30:00+00"})}, ""},
		"archiver_never_succeeded": {[]subject{judged()}, pgsession.Results{monitor, rows("archiver", archiverColumns,
			[]string{"0", "9", "∅", "∅", "2026-03-31 18:00:00+00", "t", "16777216", "16/4000000", "2026-03-31 18:30:00+00"})}, ""},
		"archiver_failing": {[]subject{judged()}, pgsession.Results{monitor, rows("archiver", archiverColumns,
			[]string{"5", "9", "000000010000001600000001", "2026-03-31 17:00:00+00", "2026-03-31 18:00:00+00", "t", "16777216", "16/4000000", "2026-03-31 18:30:00+00"})}, ""},
		"archiver_overcame_a_failure": {[]subject{judged()}, pgsession.Results{monitor, rows("archiver", archiverColumns,
			[]string{"5", "9", "00000002.history", "2026-03-31 18:00:00+00", "2026-03-31 17:00:00+00", "t", "16777216", "16/4000000", "2026-03-31 18:30:00+00"})}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ask := func(_ context.Context, queries ...pgsession.Query) pgsession.Results {
				if len(queries) != len(tt.answers) {
					t.Fatalf("%d queries asked, %d answers prepared", len(queries), len(tt.answers))
				}
				return tt.answers
			}
			err := collectortest.Golden(t, Statistics{ask, func() int { return 15 }, tt.subjects, true}, name)
			if fault.KindOf(err) != tt.kind {
				t.Errorf("Collect() = %v, want kind %q", err, tt.kind)
			}
		})
	}
}

func TestLackOfPgMonitorIsOneFault(t *testing.T) {
	denied := &fault.Error{Op: "read something", Kind: fault.Denied, Err: errors.New("permission denied")}
	ask := func(context.Context, ...pgsession.Query) pgsession.Results {
		return pgsession.Results{
			rows("rights", []string{"role", "monitor"}, []string{"plain", "f"}),
			{Name: "replication slots", Err: denied},
			{Name: "locks", Err: denied},
		}
	}
	err := Statistics{ask, func() int { return 15 }, []subject{slots(nil), locks}, true}.Collect(t.Context(), nil)
	const want = "read the activity of PostgreSQL: role plain does not have pg_monitor (GRANT pg_monitor TO plain;)"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A subject is asked of the versions that have what it reads only.
func TestFitting(t *testing.T) {
	always, upTo16, from17 := subject{}, subject{until: 16}, subject{from: 17}
	always.query.Name, upTo16.query.Name, from17.query.Name = "always", "up to 16", "from 17"
	for version, want := range map[int]string{0: "always", 13: "always, up to 16", 16: "always, up to 16", 17: "always, from 17", 18: "always, from 17"} {
		var got []string
		for _, s := range (Statistics{nil, func() int { return version }, []subject{always, upTo16, from17}, false}).fitting() {
			got = append(got, s.query.Name)
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("of version %d: %s, want %s", version, got, want)
		}
	}
}

func TestMajor(t *testing.T) {
	for text, want := range map[string]int{"15.18 (Debian 15.18-1)": 15, "18beta1": 18, "13.23": 13, "": 0, "devel": 0} {
		if got := major(text); got != want {
			t.Errorf("major(%q) = %d, want %d", text, got, want)
		}
	}
}

// The tasks' shares add up to what one cluster may publish.
func TestShares(t *testing.T) {
	sum := 0
	for _, share := range shares {
		sum += share
	}
	if sum != MaxSeries {
		t.Errorf("the shares add up to %d, want %d", sum, MaxSeries)
	}
}
