package app

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/evidence/evidencetest"
	"github.com/closewatch/closewatch/internal/ledger"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A house is rooms on a directory, with a clock of its own.
type house struct {
	*rooms
	dir   string
	clock *time.Time
	said  *bytes.Buffer
	judge *judge
}

const availability = "production/prod/invoice-posting/availability/users"

func openHouse(t *testing.T, dir string, now time.Time) *house {
	t.Helper()
	h := &house{dir: dir, clock: &now, said: &bytes.Buffer{}, judge: newJudge(tiering.DefaultHolds(), tiering.DefaultRules(), memory{})}
	var keep estate.Store
	keep.SetDefaults()
	s := Settings{
		Plan: &Plan{Estate: &estate.Estate{Store: keep}}, Version: "test", Log: slog.New(slog.NewTextHandler(h.said, nil)), Now: func() time.Time { return *h.clock },
	}
	join := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	r, err := openRooms(join, 30*time.Second, s, ledger.Context{Config: "c1", Calendar: "k1"}, telemetry.NewOwn())
	if err != nil {
		t.Fatal(err)
	}
	h.rooms = r
	t.Cleanup(func() {
		if h.rooms != nil {
			_ = h.close() // it was killed, or closed by the test
		}
	})
	h.begin(memory{})
	return h
}

// tick decides one tick, in which one of two events was bad.
func (h *house) tick(t *testing.T) bool {
	t.Helper()
	*h.clock = h.clock.Truncate(30 * time.Second).Add(30 * time.Second)
	at := *h.clock
	tick := &Tick{
		At: at, Warm: true, Events: []counted{{Objective: availability, Observed: true, Bad: 1, Total: 2, Phase: calendar.Normal}},
		Evidence: []tiering.Evidence{{Key: acme(catalogued(t, "invoice-posting")).key, Process: catalogued(t, "invoice-posting")}},
	}
	h.judge.decide(tick)
	kept := h.record(tick, h.judge)
	if !kept {
		h.startFrom(h.judge.memory(at))
	}
	h.chronicle.happened(tick, nil, nil)
	return kept
}

// killed is a copy of the directory as a kill would leave it.
func (h *house) killed(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func (h *house) gaps(t *testing.T) []evidence.Gap {
	t.Helper()
	reg, err := h.evidence.Gaps(time.Time{}, h.clock.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return reg.Gaps
}

func TestCellsOutliveAKill(t *testing.T) {
	first := openHouse(t, t.TempDir(), noon)
	for range 24 + 7 { // two cells and 3m30s of the third
		if !first.tick(t) {
			t.Fatal("a tick was not recorded")
		}
	}
	second := openHouse(t, first.killed(t), first.clock.Add(40*time.Second))
	for range 30 {
		second.tick(t)
	}
	got, err := second.cells.Sum(availability, noon, noon.Add(30*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	// 12:15:30 was the last tick, 12:16:30 the next: one is missing.
	if got.Raw.Total != 2*59 || got.Raw.Bad != 59 || got.Observed != 59 || got.Expected != 60 {
		t.Errorf("half an hour has %d bad of %d events, %d of %d ticks observed; want 59 of 118 and 59 of 60", got.Raw.Bad, got.Raw.Total, got.Observed, got.Expected)
	}
	gaps := second.gaps(t)
	if len(gaps) != 1 || gaps[0].Reason != evidence.Killed || gaps[0].Missed != 1 {
		t.Errorf("gaps %+v, want one tick missed because of a kill", gaps)
	}
}

func TestTheFirstCellOutlivesAKill(t *testing.T) {
	first := openHouse(t, t.TempDir(), noon)
	for range 4 {
		first.tick(t)
	}
	second := openHouse(t, first.killed(t), first.clock.Add(time.Second))
	for range 12 {
		second.tick(t)
	}
	got, err := second.cells.Sum(availability, noon, noon.Add(5*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if got.Raw.Total != 2*10 || got.Observed != 10 || got.Expected != 10 {
		t.Errorf("the first cell has %d events in %d of %d ticks, want 20 in 10 of 10", got.Raw.Total, got.Observed, got.Expected)
	}
}

func TestACleanStopIsAGapOfItsOwnKind(t *testing.T) {
	first := openHouse(t, t.TempDir(), noon)
	first.tick(t)
	dir := first.dir
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	first.rooms = nil
	second := openHouse(t, dir, noon.Add(10*time.Minute))
	second.tick(t)
	gaps := second.gaps(t)
	if len(gaps) != 1 || gaps[0].Reason != evidence.Stopped || !gaps[0].From.Equal(noon.Add(time.Minute)) || gaps[0].Missed != 19 {
		t.Errorf("gaps %+v, want 19 ticks from 12:01:00 on, because it was stopped", gaps)
	}
	if got := evidencetest.Count(t, filepath.Join(dir, "evidence")); got["system start"] != 2 || got["system stop"] != 1 {
		t.Errorf("evidence %v, want two starts and one stop", got)
	}
}

func TestAClockThatStepsBackIsToldOnceAndReplayGoesOn(t *testing.T) {
	h := openHouse(t, t.TempDir(), noon)
	for range 4 {
		h.tick(t)
	}
	*h.clock = noon.Add(-time.Minute) // 12:02:00 becomes 11:59:00
	recorded := 0
	for range 10 {
		if h.tick(t) {
			recorded++
		}
	}
	if recorded != 4 { // 12:02:30 to 12:04:00
		t.Errorf("%d of 10 ticks were recorded, want the four after the last one before the step", recorded)
	}
	if n := strings.Count(h.said.String(), "the clock is behind what is recorded"); n != 1 {
		t.Errorf("told %d times that the clock is behind, want once:\n%s", n, h.said)
	}
	if got := evidencetest.Count(t, filepath.Join(h.dir, "evidence")); got["system clock-behind"] != 1 {
		t.Errorf("evidence %v, want one step of the clock", got)
	}
	if n := replayAll(t, h.dir, tiering.DefaultHolds(), tiering.DefaultRules()); n != 8 {
		t.Errorf("replayed %d ticks, want 8", n)
	}
}

func TestDamagedRoomsAreNamedAndTheDaemonGoesOn(t *testing.T) {
	for _, room := range []string{"ticks", "ledger"} {
		t.Run(room, func(t *testing.T) {
			first := openHouse(t, t.TempDir(), noon)
			for range 25 {
				first.tick(t)
			}
			dir := first.killed(t)
			flipLastByte(t, filepath.Join(dir, room))
			second := openHouse(t, dir, first.clock.Add(time.Second))
			if !second.tick(t) {
				t.Error("no tick is recorded any more")
			}
			if said := second.said.String(); !strings.Contains(said, "something kept was damaged") || !strings.Contains(said, "room="+room) {
				t.Errorf("the damage is not named:\n%s", said)
			}
			if got := evidencetest.Count(t, filepath.Join(dir, "evidence")); got["damage damage-found"] == 0 {
				t.Errorf("evidence %v, want the damage", got)
			}
		})
	}
}

// flipLastByte damages the newest segment below a directory.
func flipLastByte(t *testing.T, dir string) {
	t.Helper()
	newest := ""
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".seg") {
			newest = path
		}
		return err
	})
	if err != nil || newest == "" {
		t.Fatalf("no segment below %s: %v", dir, err)
	}
	b, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 0xff
	if err := os.WriteFile(newest, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEvidenceThatCannotBeWrittenIsOwedWithinBounds(t *testing.T) {
	h := openHouse(t, t.TempDir(), noon)
	if err := h.evidence.Close(); err != nil {
		t.Fatal(err)
	}
	entry := evidence.Entry{Class: evidence.System, Action: "x"}
	for range maxOwed + 10 {
		h.chronicle.tell(entry)
	}
	if len(h.chronicle.owed) != maxOwed || h.chronicle.lost.Get() != 10 {
		t.Errorf("%d are owed and %d lost, want %d and 10", len(h.chronicle.owed), h.chronicle.lost.Get(), maxOwed)
	}
	if n := strings.Count(h.said.String(), "evidence cannot be written"); n != 1 {
		t.Errorf("told %d times, want once", n)
	}
}

func TestRestartTellsNoDecisionTwice(t *testing.T) {
	key := acme(catalogued(t, "invoice-posting")).key
	standing := tiering.Standing{Impact: tiering.Impact{Verdict: tiering.Verdict{Key: key, Tier: tiering.BusinessCritical}}}
	h := openHouse(t, t.TempDir(), noon)
	h.chronicle.stood(memory{Standing: []tiering.Standing{standing}})
	out := h.chronicle.decisions(&Tick{Impacts: []tiering.Impact{standing.Impact}, Evidence: make([]tiering.Evidence, 1)})
	if len(out) != 0 {
		t.Errorf("told again: %+v", out)
	}
	lower := standing.Impact
	lower.Tier = tiering.None
	if out := h.chronicle.decisions(&Tick{Impacts: []tiering.Impact{lower}, Evidence: make([]tiering.Evidence, 1)}); len(out) != 1 || out[0].Action != "tier-lowered" || out[0].Refs["from"] != "business-critical" {
		t.Errorf("told %+v, want the tier lowered from business-critical", out)
	}
}
