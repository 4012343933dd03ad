package ledger_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/ledger"
)

const grid = 30 * time.Second

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func options(dir string) ledger.Options {
	return ledger.Options{Dir: dir, Grid: grid, Now: func() time.Time { return noon }}
}

func openLedger(t *testing.T, o ledger.Options) (*ledger.Ledger, []error) {
	t.Helper()
	l, damage, err := ledger.Open(o)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l, damage
}

// quick is options of a disk that does not sync.
func quick(t *testing.T) ledger.Options {
	t.Helper()
	o := options(durabletest.Dir(t))
	o.Disk = durabletest.FullAfter(-1).Disk()
	return o
}

// minute is a tick so many minutes and halves after noon.
func minute(n float64) time.Time { return noon.Add(time.Duration(n * float64(time.Minute))) }

// observe counts ticks of one objective over the grid in (from, to].
func observe(t *testing.T, l *ledger.Ledger, from, to time.Time, o ledger.Observation) {
	t.Helper()
	for at := from.Add(grid); !at.After(to); at = at.Add(grid) {
		must(t, l.Observe(at, []ledger.Observation{o}))
	}
}

func sum(t *testing.T, l *ledger.Ledger, objective string, from, to time.Time) ledger.Totals {
	t.Helper()
	got, err := l.Sum(objective, from, to)
	must(t, err)
	all, err := l.Sums(from, to)
	must(t, err)
	if one, known := all[objective]; known {
		if diff := cmp.Diff(got, one); diff != "" {
			t.Errorf("Sums of %s differ from Sum (-one +all):\n%s", objective, diff)
		}
	}
	return got
}

var (
	quiet   = ledger.Context{Phase: "normal", Calendar: "cal1", Config: "cfg1"}
	closing = ledger.Context{Phase: "close", Calendar: "cal1", Config: "cfg2"}
	ok      = ledger.Observation{Objective: "posting", Observed: true, Bad: 1, Total: 10, Context: quiet}
)

func TestTicksBecomeCells(t *testing.T) {
	l, damage := openLedger(t, quick(t))
	if len(damage) > 0 || !l.Committed().IsZero() || len(l.Objectives()) > 0 {
		t.Errorf("a new ledger: %v, %v, %v", damage, l.Committed(), l.Objectives())
	}
	observe(t, l, noon, minute(4.5), ok)
	if !l.Committed().IsZero() {
		t.Error("a cell is committed before it ended")
	}
	must(t, l.Observe(minute(5), []ledger.Observation{ok})) // the last tick of the cell
	if got := l.Committed(); !got.Equal(minute(5)) {
		t.Errorf("committed up to %s", got)
	}
	// A cell that starts late, has a hole, maintenance and a change of phase.
	busy, maintained, blind := ok, ok, ok
	busy.Context = closing
	maintained.Excluded = true
	blind.Observed, blind.Bad, blind.Total = false, 0, 0
	must(t, l.Observe(minute(7), []ledger.Observation{ok, {Objective: "payroll", Context: closing}}))
	must(t, l.Observe(minute(7.5), []ledger.Observation{maintained}))
	must(t, l.Observe(minute(8), []ledger.Observation{blind}))
	must(t, l.Observe(minute(8.5), []ledger.Observation{busy}))
	must(t, l.Observe(minute(21), []ledger.Observation{ok})) // cells in between are missing

	var got []ledger.Cell
	for c, err := range l.Cells("posting", noon, minute(20)) {
		must(t, err)
		got = append(got, c)
	}
	first, second := ledger.Counts{Bad: 10, Total: 100}, ledger.Counts{Bad: 3, Total: 30, BadExcluded: 1, TotalExcluded: 10}
	want := []ledger.Cell{
		{Start: noon, Raw: first, Corrected: first, Observed: 10, Expected: 10, Context: quiet},
		{Start: minute(5), Raw: second, Corrected: second, Observed: 3, Expected: 10, Context: closing},
		{Start: minute(10), Expected: 10},
		{Start: minute(15), Expected: 10},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
	total := ledger.Counts{Bad: 13, Total: 130, BadExcluded: 1, TotalExcluded: 10}
	if diff := cmp.Diff(ledger.Totals{Raw: total, Corrected: total, Observed: 13, Expected: 40, Cells: 4, Missing: 2}, sum(t, l, "posting", noon, minute(20))); diff != "" {
		t.Errorf("sum (-want +got):\n%s", diff)
	}
	if s := sum(t, l, "payroll", noon, minute(10)); s.Missing != 2 || s.Observed != 0 || s.Expected != 20 {
		t.Errorf("an objective of which nothing was observed: %+v", s)
	}
	if s := sum(t, l, "never heard of", noon, minute(10)); s.Missing != 2 || s.Expected != 20 || s.Measured() != 0 {
		t.Errorf("an objective that never was: %+v", s)
	}
	if got := l.Objectives(); !slices.Equal(got, []string{"payroll", "posting"}) {
		t.Errorf("objectives: %v", got)
	}
	for range l.Cells("posting", noon, minute(20)) { //nolint:errcheck // not asked
		break // a reader may stop
	}
}

func TestMeasured(t *testing.T) {
	for want, in := range map[uint64]ledger.Totals{
		0: {}, 1_000_000: {Observed: 10, Expected: 10}, 999_999: {Observed: 9_999_999, Expected: 10_000_000}, 333_333: {Observed: 1, Expected: 3},
	} {
		if got := in.Measured(); got != want {
			t.Errorf("%d of %d = %d, want %d", in.Observed, in.Expected, got, want)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	with := func(change func(o *ledger.Observation)) []ledger.Observation {
		o := ok
		change(&o)
		return []ledger.Observation{o}
	}
	tests := map[string]struct {
		at   time.Time
		o    []ledger.Observation
		want string
	}{
		"the same tick":             {minute(6), []ledger.Observation{ok}, "set back"},
		"an earlier tick":           {minute(5.5), []ledger.Observation{ok}, "set back"},
		"a cell that is committed":  {minute(3), []ledger.Observation{ok}, "set back"},
		"no objective":              {minute(7), with(func(o *ledger.Observation) { o.Objective = "" }), "without an objective"},
		"a long name":               {minute(7), with(func(o *ledger.Observation) { o.Objective = strings.Repeat("x", 513) }), "more than 512 bytes"},
		"a long hash":               {minute(7), with(func(o *ledger.Observation) { o.Context.Config = strings.Repeat("x", 513) }), "more than 512 bytes"},
		"more bad than all":         {minute(7), with(func(o *ledger.Observation) { o.Bad = 11 }), "11 bad events of 10"},
		"events of nowhere":         {minute(7), with(func(o *ledger.Observation) { o.Observed = false }), "not observed"},
		"twice in a tick":           {minute(7), []ledger.Observation{ok, ok}, "twice"},
		"more than can be counted":  {minute(7), with(func(o *ledger.Observation) { o.Total = math.MaxUint64 }), "too large"},
		"good ones beside one such": {minute(7), []ledger.Observation{{Objective: "other", Observed: true, Total: 5}, {}}, "without an objective"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l, _ := openLedger(t, quick(t))
			observe(t, l, noon, minute(6), ok)
			err := l.Observe(tt.at, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Observe = %v", err)
			}
			back, isBack := errors.AsType[*ledger.ClockBackError](err)
			if isBack != (tt.want == "set back") || isBack && !back.Last.Equal(minute(6)) {
				t.Errorf("ClockBackError = %+v", back)
			}
			observe(t, l, minute(6), minute(10), ok) // nothing was changed
			if s := sum(t, l, "posting", minute(5), minute(10)); s.Raw != (ledger.Counts{Bad: 10, Total: 100}) || s.Observed != 10 {
				t.Errorf("sum = %+v", s)
			}
		})
	}
	for _, grid := range []time.Duration{0, -1, ledger.CellWidth + 1} {
		if _, _, err := ledger.Open(ledger.Options{Dir: durabletest.Dir(t), Grid: grid}); err == nil {
			t.Errorf("opened with a grid of %s", grid)
		}
	}
}

func TestRangesThatAreNone(t *testing.T) {
	l, _ := openLedger(t, quick(t))
	for name, r := range map[string][2]time.Time{
		"begins within a cell": {minute(1), minute(10)}, "ends within a cell": {noon, minute(10).Add(1)}, "backwards": {minute(5), noon},
		"of all time": {time.Time{}, noon},
	} {
		if _, err := l.Sum("posting", r[0], r[1]); fault.KindOf(err) != fault.Rejected {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := l.Sums(r[0], r[1]); fault.KindOf(err) != fault.Rejected {
			t.Errorf("%s, all: %v", name, err)
		}
	}
	if s := sum(t, l, "posting", noon, noon); s.Cells != 0 {
		t.Errorf("an empty range: %+v", s)
	}
}

func TestOverflowOfASum(t *testing.T) {
	l, _ := openLedger(t, quick(t))
	most := ledger.Observation{Objective: "posting", Observed: true, Total: math.MaxUint64}
	must(t, l.Observe(minute(5), []ledger.Observation{most}))
	must(t, l.Observe(minute(10), []ledger.Observation{most}))
	if s := sum(t, l, "posting", noon, minute(5)); s.Raw.Total != math.MaxUint64 {
		t.Errorf("one cell: %+v", s)
	}
	if _, err := l.Sum("posting", noon, minute(10)); !errors.Is(err, ledger.ErrOverflow) {
		t.Errorf("Sum = %v", err)
	}
	if _, err := l.Sums(noon, minute(10)); !errors.Is(err, ledger.ErrOverflow) {
		t.Errorf("Sums = %v", err)
	}
}

// Days and months of a zone begin at a cell, whatever the clocks do, and hold
// every tick of theirs once.
func TestCivilTime(t *testing.T) {
	zone := func(name string) *time.Location {
		z, err := time.LoadLocation(name)
		must(t, err)
		return z
	}
	tests := map[string]struct {
		from, to time.Time
		hours    uint64
	}{
		"spring forward":                   {time.Date(2026, 3, 29, 0, 0, 0, 0, zone("Europe/Brussels")), time.Date(2026, 3, 30, 0, 0, 0, 0, zone("Europe/Brussels")), 23},
		"fall back":                        {time.Date(2026, 10, 25, 0, 0, 0, 0, zone("Europe/Brussels")), time.Date(2026, 10, 26, 0, 0, 0, 0, zone("Europe/Brussels")), 25},
		"half an hour of change":           {time.Date(2026, 4, 5, 0, 0, 0, 0, zone("Australia/Lord_Howe")), time.Date(2026, 4, 6, 0, 0, 0, 0, zone("Australia/Lord_Howe")), 0},
		"a quarter of an hour off":         {time.Date(2026, 2, 1, 0, 0, 0, 0, zone("Asia/Kathmandu")), time.Date(2026, 2, 2, 0, 0, 0, 0, zone("Asia/Kathmandu")), 24},
		"a month over a DST change":        {time.Date(2026, 3, 1, 0, 0, 0, 0, zone("Europe/Brussels")), time.Date(2026, 4, 1, 0, 0, 0, 0, zone("Europe/Brussels")), 31*24 - 1},
		"a day in February of a leap year": {time.Date(2028, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2028, 3, 1, 0, 0, 0, 0, time.UTC), 24},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := quick(t)
			o.Grid = ledger.CellWidth
			l, _ := openLedger(t, o)
			for at := tt.from.Add(-2 * time.Hour); !at.After(tt.to.Add(2 * time.Hour)); at = at.Add(o.Grid) {
				must(t, l.Observe(at, []ledger.Observation{{Objective: "posting", Observed: true, Total: 1}}))
			}
			want := tt.hours * 12
			if tt.hours == 0 {
				want = 24*12 + 6
			}
			if s := sum(t, l, "posting", tt.from, tt.to); s.Raw.Total != want || s.Cells != want || s.Observed != want || s.Expected != want || s.Missing != 0 {
				t.Errorf("sum = %+v, want %d", s, want)
			}
		})
	}
}

func TestBeforeTheEpoch(t *testing.T) {
	l, _ := openLedger(t, quick(t))
	epoch := time.Unix(0, 0)
	for _, at := range []time.Duration{-6 * time.Minute, -5 * time.Minute, 0, 5 * time.Minute, 6 * time.Minute} {
		must(t, l.Observe(epoch.Add(at), []ledger.Observation{{Objective: "posting", Observed: true, Total: 1}}))
	}
	var got []uint64
	for c, err := range l.Cells("posting", epoch.Add(-10*time.Minute), epoch.Add(5*time.Minute)) {
		must(t, err)
		got = append(got, c.Raw.Total)
	}
	if !slices.Equal(got, []uint64{2, 1, 1}) {
		t.Errorf("cells: %v", got)
	}
}

func TestCorrections(t *testing.T) {
	entered := minute(600)
	valid := ledger.Correction{
		Objective: "posting", From: noon, To: minute(10), Kind: ledger.Exclude, Reason: "database moved", By: "controller", Approved: "cfo", Entered: entered,
	}
	raw := ledger.Counts{Bad: 20, Total: 200}
	counts := func(bad, total, badEx, totalEx uint64) ledger.Counts {
		return ledger.Counts{bad, total, badEx, totalEx}
	}
	with := func(change func(c *ledger.Correction)) ledger.Correction {
		c := valid
		change(&c)
		return c
	}
	replace := with(func(c *ledger.Correction) {
		c.Kind, c.To, c.Counts = ledger.Replace, minute(5), counts(2, 90, 0, 0)
	})
	tests := map[string]struct {
		enter []ledger.Correction
		want  ledger.Counts // of the two cells from noon
	}{
		"nothing":                    {nil, raw},
		"excluded":                   {[]ledger.Correction{valid}, counts(20, 200, 20, 200)},
		"excluded twice":             {[]ledger.Correction{valid, valid}, counts(20, 200, 20, 200)},
		"excluded in part":           {[]ledger.Correction{with(func(c *ledger.Correction) { c.From = minute(5) })}, counts(20, 200, 10, 100)},
		"the exclusion taken back":   {[]ledger.Correction{valid, with(func(c *ledger.Correction) { c.Kind = ledger.Include })}, raw},
		"replaced":                   {[]ledger.Correction{replace}, counts(12, 190, 0, 0)},
		"replaced and then excluded": {[]ledger.Correction{replace, valid}, counts(12, 190, 12, 190)},
		"excluded and then replaced": {[]ledger.Correction{valid, replace}, counts(12, 190, 10, 100)},
		"of other cells":             {[]ledger.Correction{with(func(c *ledger.Correction) { c.From, c.To = minute(10), minute(15) })}, raw},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := quick(t)
			l, _ := openLedger(t, o)
			observe(t, l, noon, minute(15), ok)
			for _, c := range tt.enter {
				must(t, l.Correct(c))
			}
			for range 2 {
				s := sum(t, l, "posting", noon, minute(10))
				if s.Raw != raw || s.Corrected != tt.want {
					t.Errorf("raw %+v, corrected %+v; want %+v, %+v", s.Raw, s.Corrected, raw, tt.want)
				}
				if want := len(tt.enter); name != "of other cells" && len(s.Corrections) != want {
					t.Errorf("%d corrections are named, want %d", len(s.Corrections), want)
				}
				if diff := cmp.Diff(tt.enter, l.Corrections("posting")); diff != "" {
					t.Errorf("entered (-want +got):\n%s", diff)
				}
				must(t, l.Close())
				l, _ = openLedger(t, o)
			}
		})
	}
	bad := map[string]ledger.Correction{
		"beginning of a cell": with(func(c *ledger.Correction) { c.From = minute(1) }),
		"about no cell":       with(func(c *ledger.Correction) { c.To = c.From }),
		"not committed":       with(func(c *ledger.Correction) { c.To = minute(20) }),
		"a reason":            with(func(c *ledger.Correction) { c.Reason = "" }),
		"who asked":           with(func(c *ledger.Correction) { c.By = "" }),
		"when must be said":   with(func(c *ledger.Correction) { c.Entered = time.Time{} }),
		"more than 512":       with(func(c *ledger.Correction) { c.Reason = strings.Repeat("x", 513) }),
		"one cell":            with(func(c *ledger.Correction) { c.Kind = ledger.Replace }),
		"contradict":          with(func(c *ledger.Correction) { c.Kind, c.To, c.Counts.Bad = ledger.Replace, minute(5), 1 }),
		"takes no counts":     with(func(c *ledger.Correction) { c.Counts.Total = 1 }),
		"no kind":             with(func(c *ledger.Correction) { c.Kind = "forget" }),
		"no objective":        with(func(c *ledger.Correction) { c.Objective = "payroll" }),
	}
	l, _ := openLedger(t, quick(t))
	observe(t, l, noon, minute(15), ok)
	for want, c := range bad {
		if err := l.Correct(c); fault.KindOf(err) != fault.Rejected || !strings.Contains(err.Error(), want) {
			t.Errorf("Correct = %v, want %q", err, want)
		}
	}
	if got := l.Corrections("posting"); len(got) > 0 {
		t.Errorf("entered what was refused: %v", got)
	}
}

// A cell that is missing can be corrected by what is known from elsewhere; it
// stays missing.
func TestCorrectionOfAMissingCell(t *testing.T) {
	l, _ := openLedger(t, quick(t))
	must(t, l.Observe(minute(1), []ledger.Observation{ok}))
	must(t, l.Observe(minute(15), []ledger.Observation{ok}))
	must(t, l.Correct(ledger.Correction{
		Objective: "posting", From: minute(5), To: minute(10), Kind: ledger.Replace, Counts: ledger.Counts{Total: 7}, Reason: "counted by hand", By: "sre", Entered: noon,
	}))
	if s := sum(t, l, "posting", minute(5), minute(10)); s.Raw.Total != 0 || s.Corrected.Total != 7 || s.Missing != 1 || s.Observed != 0 {
		t.Errorf("sum = %+v", s)
	}
}

// Whatever is observed, sums over any range are what adding up the observations
// gives, also after restarts.
func TestSumsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(durabletest.Root(), "closewatch-ledger-*") //nolint:usetesting // one for each case
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir) //nolint:errcheck // in memory, or of the system to remove
		o := options(dir)
		o.Disk = durabletest.FullAfter(-1).Disk()
		l, _, err := ledger.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{"a", "b", "c"}
		type seen struct {
			at time.Time
			o  ledger.Observation
		}
		var kept, open []seen // in committed cells, and not
		at := noon
		for range rapid.IntRange(1, 60).Draw(t, "ticks") {
			at = at.Add(grid * time.Duration(rapid.SampledFrom([]int{1, 1, 1, 2, 7, 10, 45}).Draw(t, "step")))
			var observations []ledger.Observation
			for _, name := range names {
				if rapid.Bool().Draw(t, "there") {
					total := rapid.Uint64Range(0, 1000).Draw(t, "total")
					observations = append(observations, ledger.Observation{
						Objective: name, Observed: true, Total: total, Bad: rapid.Uint64Range(0, total).Draw(t, "bad"), Excluded: rapid.Bool().Draw(t, "excluded"),
						Context: ledger.Context{Phase: rapid.SampledFrom(names).Draw(t, "phase")},
					})
				}
			}
			if err := l.Observe(at, observations); err != nil {
				t.Fatal(err)
			}
			for _, o := range observations {
				open = append(open, seen{at, o})
			}
			open = slices.DeleteFunc(open, func(s seen) bool {
				committed := !s.at.After(l.Committed())
				if committed {
					kept = append(kept, s)
				}
				return committed
			})
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if l, _, err = ledger.Open(o); err != nil {
					t.Fatal(err)
				}
				again := map[time.Time][]ledger.Observation{}
				for _, s := range open {
					again[s.at] = append(again[s.at], s.o)
				}
				for tick := l.Committed(); !tick.After(at); tick = tick.Add(grid) {
					if o := again[tick]; o != nil {
						if err := l.Observe(tick, o); err != nil {
							t.Fatal(err)
						}
					}
					if tick.IsZero() {
						tick = noon
					}
				}
			}
		}
		from := noon.Add(ledger.CellWidth * time.Duration(rapid.IntRange(-2, 30).Draw(t, "from")))
		to := from.Add(ledger.CellWidth * time.Duration(rapid.IntRange(0, 60).Draw(t, "cells")))
		for _, name := range names {
			var want ledger.Counts
			observed := uint64(0)
			for _, s := range kept {
				if s.o.Objective == name && s.at.After(from) && !s.at.After(to) {
					want.Bad += s.o.Bad
					want.Total += s.o.Total
					observed++
					if s.o.Excluded {
						want.BadExcluded += s.o.Bad
						want.TotalExcluded += s.o.Total
					}
				}
			}
			got, err := l.Sum(name, from, to)
			if err != nil || got.Raw != want || got.Corrected != want || got.Observed != observed || got.Expected != got.Cells*10 || got.Cells != uint64(to.Sub(from)/ledger.CellWidth) {
				t.Fatalf("%s: %+v, %v; want %+v, %d observed", name, got, err, want, observed)
			}
			all, err := l.Sums(from, to)
			if one, known := all[name]; err != nil || known && !cmp.Equal(one, got) {
				t.Fatalf("%s: all %+v, %v; one %+v", name, one, err, got)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestReadingBesideAWriter(t *testing.T) {
	l, _ := openLedger(t, quick(t))
	must(t, l.Observe(minute(5), []ledger.Observation{ok}))
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			last := uint64(0)
			for {
				s, err := l.Sum("posting", noon, minute(5*200))
				if err != nil || s.Raw.Total < last {
					t.Errorf("%d, and before that %d: %v", s.Raw.Total, last, err)
					return
				}
				last = s.Raw.Total
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := 2; n <= 200; n++ {
		o := ok
		o.Context.Config = strconv.Itoa(n)
		must(t, l.Observe(minute(float64(5*n)), []ledger.Observation{o}))
	}
	close(done)
	readers.Wait()
	if s := sum(t, l, "posting", noon, minute(5*200)); s.Raw.Total != 2000 {
		t.Errorf("sum = %+v", s)
	}
}

func TestRetain(t *testing.T) {
	now := noon
	o := quick(t)
	o.Age, o.Now = 24*time.Hour, func() time.Time { return now }
	for day := range 5 {
		l, _ := openLedger(t, o) // each in a file of its own
		now = noon.AddDate(0, 0, day)
		must(t, l.Observe(now.Add(5*time.Minute), []ledger.Observation{ok}))
	}
	l, _ := openLedger(t, o)
	for range 10 {
		if _, err := l.Retain(now); err != nil {
			t.Fatal(err)
		}
	}
	if s := sum(t, l, "posting", noon, noon.AddDate(0, 0, 5)); s.Raw.Total != 30 || s.Cells != 5*288 {
		t.Errorf("sum = %+v", s)
	}
	if !l.Committed().Equal(now.Add(5 * time.Minute)) {
		t.Errorf("committed up to %s", l.Committed())
	}
}

// A year of the objectives of an estate, as an estate has them.
func year(tb testing.TB, l *ledger.Ledger, objectives, days int) {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	observations := make([]ledger.Observation, objectives)
	for at, end := noon.Add(ledger.CellWidth), noon.AddDate(0, 0, days); !at.After(end); at = at.Add(ledger.CellWidth) {
		for i := range observations {
			total := uint64(random.IntN(3000)) //nolint:gosec // not negative
			observations[i] = ledger.Observation{
				Objective: fmt.Sprintf("acme/process-%d/availability/users", i), Observed: true, Total: total, Bad: total / uint64(1+random.IntN(2000)), //nolint:gosec // not negative
				Context: ledger.Context{Phase: []string{"normal", "close"}[at.Day()/27%2], Calendar: strings.Repeat("c", 64), Config: strings.Repeat("d", 60) + strconv.Itoa(at.YearDay()/7)},
			}
		}
		if err := l.Observe(at, observations); err != nil {
			tb.Fatal(err)
		}
	}
}

func size(tb testing.TB, dir string) (bytes int64) {
	tb.Helper()
	if err := filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		bytes += info.Size()
		return err
	}); err != nil {
		tb.Fatal(err)
	}
	return bytes
}

// A year of an objective takes at most 2 MB, in an estate of ten or more.
func TestSizeOfAYear(t *testing.T) {
	o := quick(t)
	l, _ := openLedger(t, o)
	const objectives, days = 10, 10
	year(t, l, objectives, days)
	if perYear := size(t, o.Dir) / objectives * 365 / days; perYear > 2_000_000 {
		t.Errorf("%d bytes for a year of an objective", perYear)
	}
}

func BenchmarkLedger(b *testing.B) {
	for _, objectives := range []int{1, 13, 100} {
		b.Run(fmt.Sprintf("objectives=%d", objectives), func(b *testing.B) {
			o := options(durabletest.Dir(b))
			o.Grid, o.Disk = ledger.CellWidth, durabletest.FullAfter(-1).Disk()
			l, _, err := ledger.Open(o)
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close() //nolint:errcheck // holds nothing back
			const days = 31
			year(b, l, objectives, days)
			perYear := float64(size(b, o.Dir)) / float64(objectives) * 365 / days
			for b.Loop() {
				if _, err := l.Sum("acme/process-0/availability/users", noon, noon.AddDate(0, 0, days)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(perYear, "bytes/objective-year")
		})
	}
}
