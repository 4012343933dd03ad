package slo_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// slices are what a slicer makes of ticks of 30 s, in slices of a minute.
func sliced(empty process.EmptySlice, target process.Share, ticks ...slo.Event) (bad, total uint64) {
	s := slo.Slicer{Timeslices: slo.Timeslices{Width: time.Minute, Allowed: share(target), Empty: empty}}
	at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	for _, ev := range ticks {
		at = at.Add(grid)
		out := s.Observe(at, ev)
		bad, total = bad+out.Bad, total+out.Total
	}
	return bad, total
}

func TestSlices(t *testing.T) {
	quiet, silent := slo.Event{Observed: true}, slo.Event{}
	ev := func(bad, total uint64) slo.Event { return slo.Event{Bad: bad, Total: total, Observed: true} }
	type want struct{ Bad, Total uint64 }
	tests := map[string]struct {
		empty  process.EmptySlice
		target process.Share
		ticks  []slo.Event
		want   want
	}{
		"a slice that is not over":                    {ticks: []slo.Event{ev(1, 1)}, target: 99 * process.Percent},
		"a good and a bad one":                        {ticks: []slo.Event{ev(0, 9), ev(0, 1), ev(1, 2), ev(0, 8)}, target: 95 * process.Percent, want: want{1, 2}},
		"exactly at the target is good":               {ticks: []slo.Event{ev(1, 500), ev(0, 500)}, target: 99.9 * process.Percent, want: want{0, 1}},
		"one event beyond it is bad":                  {ticks: []slo.Event{ev(2, 500), ev(0, 500)}, target: 99.9 * process.Percent, want: want{1, 1}},
		"without traffic it is none":                  {ticks: []slo.Event{quiet, quiet}, target: 99 * process.Percent},
		"without traffic it is good, as agreed":       {empty: process.EmptyGood, ticks: []slo.Event{quiet, quiet}, target: 99 * process.Percent, want: want{0, 1}},
		"without traffic it is bad, as agreed":        {empty: process.EmptyBad, ticks: []slo.Event{quiet, quiet}, target: 99 * process.Percent, want: want{1, 1}},
		"nobody looked: it is none, whatever agreed":  {empty: process.EmptyBad, ticks: []slo.Event{silent, silent}, target: 99 * process.Percent},
		"somebody looked at part of it":               {empty: process.EmptyBad, ticks: []slo.Event{silent, quiet}, target: 99 * process.Percent, want: want{1, 1}},
		"more bad than there were counts as all":      {ticks: []slo.Event{ev(9, 2), ev(0, 2)}, target: 50 * process.Percent, want: want{0, 1}},
		"a slice says nothing about the one after it": {ticks: []slo.Event{ev(1, 1), quiet, ev(0, 1), quiet}, target: 99 * process.Percent, want: want{1, 2}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got want
			got.Bad, got.Total = sliced(tt.empty, tt.target, tt.ticks...)
			if got != tt.want {
				t.Errorf("slices %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestAProcessIsAsGoodAsItsWorstPart(t *testing.T) {
	ev := func(bad, total uint64) slo.Event { return slo.Event{Bad: bad, Total: total, Observed: true} }
	tests := map[string]struct {
		weights []uint64
		slices  [][]slo.Event // each of one slice, by member
		want    slo.Event
	}{
		"all good":                              {slices: [][]slo.Event{{ev(0, 10), ev(0, 1)}}, want: ev(0, 1)},
		"one bad":                               {slices: [][]slo.Event{{ev(0, 10), ev(1, 1)}}, want: ev(1, 1)},
		"both bad at once is one bad slice":     {slices: [][]slo.Event{{ev(10, 10), ev(1, 1)}}, want: ev(1, 1)},
		"bad one after the other are two":       {slices: [][]slo.Event{{ev(10, 10), ev(0, 1)}, {ev(0, 10), ev(1, 1)}}, want: ev(2, 2)},
		"a member that saw nothing":             {slices: [][]slo.Event{{ev(0, 10), {}}}, want: ev(0, 1)},
		"nobody saw anything":                   {slices: [][]slo.Event{{{}, {}}}, want: slo.Event{}},
		"weights of OpenSLO":                    {weights: []uint64{3, 1}, slices: [][]slo.Event{{ev(0, 10), ev(1, 1)}}, want: ev(1, 4)},
		"weights of OpenSLO, the heavier fails": {weights: []uint64{3, 1}, slices: [][]slo.Event{{ev(9, 10), ev(0, 1)}}, want: ev(3, 4)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			members := []slo.Member{{ID: "a", Allowed: share(90 * process.Percent)}, {ID: "b", Allowed: share(90 * process.Percent)}}
			for i, w := range tt.weights {
				members[i].Weight = w
			}
			c := slo.NewComposite(grid, members)
			var got slo.Event
			at := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
			for _, s := range tt.slices {
				at = at.Add(grid)
				out := c.Observe(at, s)
				got.Bad, got.Total, got.Observed = got.Bad+out.Bad, got.Total+out.Total, got.Observed || out.Observed
			}
			if got != tt.want {
				t.Errorf("the process counts %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestTheBurnRateInACriticalWindow(t *testing.T) {
	day := 24 * time.Hour
	tests := map[string]struct {
		period time.Duration
		want   []string // factor by pair; "" is not used
	}{
		"thirty days are the workbook's": {30 * day, []string{"72/5", "6", "3", "1"}},
		"a close of five days":           {5 * day, []string{"12/5", "1", "1", "1"}}, // 5 % of it in 6 h is just its pace
		"two days before payday":         {2 * day, []string{"1", "1", "1", ""}},
		"four hours before a cut-off":    {4 * time.Hour, []string{"1", "", "", ""}},
		"half an hour":                   {30 * time.Minute, []string{"", "", "", ""}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, b := range slo.BurnWindows() {
				text := ""
				if f, ok := b.FactorIn(tt.period); ok {
					text = f.RatString()
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("factors (-want +got):\n%s", diff)
			}
		})
	}
}

// The same errors that are nothing on thirty days burn the budget of a close.
func TestACriticalWindowBurnsSooner(t *testing.T) {
	e, err := slo.New(slo.Settings{Tick: grid, Scale: 1}, []slo.Objective{{ID: "o", Target: big.NewRat(995, 1000), MinBad: 3}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	stood := uint32(0)
	critical := func() (firing bool) {
		var burns []slo.CriticalBurn
		burns, stood = e.Critical(0, e.Stretch(big.NewRat(999, 1000), 5*24*time.Hour), stood, nil)
		for _, b := range burns {
			firing = firing || b.Firing
		}
		return firing
	}
	for range 3 * 60 * 24 * 2 { // a day and a half at one in a hundred
		at = at.Add(grid)
		e.Advance(at)
		e.Observe(0, slo.Event{Bad: 1, Total: 100, Observed: true})
	}
	for _, b := range e.State(0).Burns {
		if b.Firing && b.Window.Fast {
			t.Errorf("%s fires on thirty days", b.Window.Name)
		}
	}
	if !critical() {
		t.Error("one in a hundred does not burn a budget of one in a thousand over five days")
	}
	for range 20 { // the source is silent
		at = at.Add(grid)
		e.Advance(at)
	}
	if !critical() {
		t.Error("what burned is over because nobody looks")
	}
}

func TestPolicies(t *testing.T) {
	usual := slo.DefaultPolicy()
	december := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	own := slo.Policy{Since: december, Steps: []process.PolicyStep{{Left: 10 * process.Percent, Phase: "close", State: process.PolicyFreeze}}}
	of := func(bad uint64) slo.Balance { return slo.NewBalance(bad, 10_000, share(99*process.Percent)) } // a hundred may fail
	tests := map[string]struct {
		policy slo.Policy
		at     time.Time
		spent  slo.Balance
		phase  string
		want   process.PolicyState
	}{
		"untouched":                     {usual, december, of(0), "normal", process.PolicyOK},
		"a little more than half left":  {usual, december, of(49), "normal", process.PolicyOK},
		"half left":                     {usual, december, of(50), "normal", process.PolicyWatch},
		"a quarter left":                {usual, december, of(75), "normal", process.PolicyApproval},
		"a quarter left, in the close":  {usual, december, of(75), "close", process.PolicyFreeze},
		"spent":                         {usual, december, of(100), "normal", process.PolicyFreeze},
		"spent, in the close":           {usual, december, of(100), "close", process.PolicyReport},
		"spent by four failures":        {usual, december, slo.NewBalance(4, 100, share(99*process.Percent)), "close", process.PolicyWatch},
		"spent by five failures":        {usual, december, slo.NewBalance(5, 100, share(99*process.Percent)), "close", process.PolicyReport},
		"nothing happened yet":          {usual, december, slo.Balance{}, "close", process.PolicyOK},
		"none may fail: no budget":      {usual, december, slo.NewBalance(1, 10, 0), "close", process.PolicyOK},
		"agreed, not in force yet":      {own, december.Add(-1), of(100), "close", process.PolicyOK},
		"agreed and in force":           {own, december, of(90), "close", process.PolicyFreeze},
		"agreed for another phase only": {own, december, of(100), "normal", process.PolicyOK},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.policy.Decide(tt.at, tt.spent, tt.phase); got != tt.want {
				t.Errorf("the policy says %s, want %s", got, tt.want)
			}
		})
	}
}
