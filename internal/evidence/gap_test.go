package evidence

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDeriveGap(t *testing.T) {
	const grid = 30 * time.Second
	at := func(d time.Duration) time.Time { return november.Add(d) }
	tests := map[string]struct {
		last, now time.Time
		clean     bool
		want      *Gap
	}{
		"first run":           {time.Time{}, at(0), false, nil},
		"the next tick":       {at(0), at(grid), false, nil},
		"a late tick":         {at(0), at(grid + 29*time.Second), true, nil},
		"one tick missed":     {at(0), at(2 * grid), true, &Gap{at(grid), at(2 * grid), Stopped, Everything, 1}},
		"killed for an hour":  {at(0), at(time.Hour), false, &Gap{at(grid), at(time.Hour), Killed, Everything, 119}},
		"clock set back":      {at(time.Hour), at(0), true, &Gap{at(0), at(time.Hour), Clock, Everything, 0}},
		"the same tick again": {at(0), at(0), false, &Gap{at(0), at(0), Clock, Everything, 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantGap(t, tt.want)(DeriveGap(tt.last, tt.now, grid, tt.clean))
		})
	}
	if _, found := DeriveGap(at(0), at(time.Hour), 0, false); found {
		t.Error("a gap without a grid")
	}
}

func wantGap(t *testing.T, want *Gap) func(Gap, bool) {
	t.Helper()
	return func(got Gap, found bool) {
		t.Helper()
		if found != (want != nil) {
			t.Fatalf("found %v: %+v", found, got)
		}
		if want != nil {
			if diff := cmp.Diff(*want, got); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestDeriveRunningGap(t *testing.T) {
	const grid = 30 * time.Second
	at := func(d time.Duration) time.Time { return november.Add(d) }
	tests := map[string]struct {
		passed, running, asleep time.Duration // between two ticks
		want                    *Gap
	}{
		"the next tick":         {grid, grid, 0, nil},
		"busy":                  {5 * time.Minute, 5 * time.Minute, 0, &Gap{at(grid), at(5 * time.Minute), Overrun, Everything, 9}},
		"asleep":                {time.Hour, grid, time.Hour - grid, &Gap{at(grid), at(time.Hour), Asleep, Everything, 119}},
		"asleep, nobody knows":  {time.Hour, grid, 0, &Gap{at(grid), at(time.Hour), Clock, Everything, 119}},
		"clock set forward":     {time.Hour, grid, 0, &Gap{at(grid), at(time.Hour), Clock, Everything, 119}},
		"clock set back":        {-time.Hour, grid, 0, &Gap{at(-time.Hour), at(0), Clock, Everything, 0}},
		"set back while asleep": {time.Minute, grid, time.Hour, &Gap{at(grid), at(time.Minute), Clock, Everything, 1}},
		"slewed a little":       {2 * grid, 2*grid - time.Second, 0, &Gap{at(grid), at(2 * grid), Overrun, Everything, 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			wantGap(t, tt.want)(DeriveRunningGap(at(0), at(tt.passed), grid, tt.running, tt.asleep))
		})
	}
}

// A gap accounts for exactly the ticks that are not there.
func TestGapsAccountForMissedTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grid := time.Duration(rapid.IntRange(1, 300).Draw(t, "grid")) * time.Second
		ticks := rapid.IntRange(1, 10_000).Draw(t, "ticks")
		g, found := DeriveGap(november, november.Add(time.Duration(ticks)*grid), grid, false)
		if found != (ticks > 1) || g.Missed != uint64(max(0, ticks-1)) && found || found && g.Duration() != time.Duration(g.Missed)*grid {
			t.Fatalf("%d ticks later: %v %+v", ticks, found, g)
		}
	})
}

func TestRegister(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	l := mustOpen(t, settings(t, dir, c))
	at := func(minutes int) time.Time { return november.Add(time.Duration(minutes) * time.Minute) }
	c.pass(3 * time.Hour)
	for _, g := range []Gap{
		{at(30), at(50), Killed, Everything, 39},
		{at(40), at(60), Clock, Everything, 0}, // overlaps
		{at(0), at(10), Stopped, Everything, 19},
		{at(0), at(90), Unreadable, "traefik", 0}, // one component only
		{at(100), at(100), Overrun, Everything, 0},
		{at(110), at(120), Overrun, Everything, 19},
	} {
		mustAppend(t, l, g.Entry())
	}
	tests := map[string]struct {
		from, to time.Time
		gaps     int
		sums     map[Reason]time.Duration
		want     time.Duration
	}{
		"all": {gaps: 5, want: 50 * time.Minute, sums: map[Reason]time.Duration{
			Stopped: 10 * time.Minute, Killed: 20 * time.Minute, Clock: 20 * time.Minute, Unreadable: 90 * time.Minute, Overrun: 10 * time.Minute,
		}},
		"cut to a period": {from: at(5), to: at(45), gaps: 4, want: 20 * time.Minute, sums: map[Reason]time.Duration{
			Stopped: 5 * time.Minute, Killed: 15 * time.Minute, Clock: 5 * time.Minute, Unreadable: 40 * time.Minute,
		}},
		"a time without": {from: at(95), to: at(105), sums: map[Reason]time.Duration{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := l.Gaps(tt.from, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Gaps) != tt.gaps || r.Unwatched != tt.want {
				t.Errorf("%d gaps, %s without any observation; want %d, %s", len(r.Gaps), r.Unwatched, tt.gaps, tt.want)
			}
			if diff := cmp.Diff(tt.sums, r.ByReason); diff != "" {
				t.Error(diff)
			}
		})
	}
	if g := wantIntact(t, dir).Gaps; g.Count != 5 || g.Unwatched != 50*time.Minute {
		t.Errorf("the verifier counts %+v", g)
	}
}

// Behind damage the register goes on, and says that it is not whole.
func TestRegisterOfADamagedLog(t *testing.T) {
	files := load(t, storyDir(t))
	b := []byte(files[segmentsOf(files)[0]])
	b[len(b)-2] ^= 1
	files[segmentsOf(files)[0]] = string(b)
	r, err := ReadGaps(asFS(files), time.Time{}, time.Time{})
	if err == nil || len(r.Gaps) != 1 {
		t.Errorf("%d gaps, %v", len(r.Gaps), err)
	}
	if _, err := ReadGaps(os.DirFS(t.TempDir()), time.Time{}, time.Time{}); err == nil {
		t.Error("a directory without a log has a register")
	}
}
