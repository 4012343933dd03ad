package calendar_test

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
)

// slowly finds the phase at t afresh, by counting days: the oracle of At. It
// knows nothing of spans: it asks, for every period around t, whether t lies
// between two marks.
func slowly(p *calendar.Plan, t time.Time) (calendar.Phase, string) {
	local := t.In(p.Zone)
	works := func(d calendar.Date) bool { return p.Days.IsWorkingDay(d) }
	at := func(last calendar.Date, m calendar.Mark) time.Time {
		if m.WD == 0 {
			return last.Add(1).In(p.Zone)
		}
		d, n := last, m.WD
		for n > 0 {
			if d = d.Add(1); works(d) {
				n--
			}
		}
		for d = d.Add(1); m.WD < 0 && n < 0; {
			if d = d.Add(-1); works(d) {
				n++
			}
		}
		if m.WD > 0 {
			d = d.Add(-1)
		}
		if m.At.Hour == 24 {
			return d.Add(1).In(p.Zone)
		}
		return m.At.On(d, p.Zone)
	}
	for _, phase := range []calendar.Phase{calendar.Close, calendar.PreClose, calendar.Tail} {
		span := map[calendar.Phase]calendar.Span{calendar.PreClose: p.Close.PreClose, calendar.Close: p.Close.Close, calendar.Tail: p.Close.Tail}[phase]
		for back := -3; back <= 3; back++ {
			first := time.Date(local.Year(), local.Month()+time.Month(back), 1, 0, 0, 0, 0, time.UTC)
			last := calendar.DateOf(first.AddDate(0, 1, -1))
			if from, to := at(last, span.From), at(last, span.To); !t.Before(from) && t.Before(to) {
				return phase, first.Format("2006-01")
			}
		}
	}
	return calendar.Normal, ""
}

// holidaysOf makes a calendar with arbitrary holidays over 22 years.
func holidaysOf(t *rapid.T) *calendar.Days {
	holidays := map[calendar.Date]string{}
	for range rapid.IntRange(0, 200).Draw(t, "holidays") {
		d := calendar.Date{Year: 2014, Month: 1, Day: 1}.Add(rapid.IntRange(0, 22*365).Draw(t, "holiday"))
		holidays[d] = "holiday"
	}
	return calendar.NewDays("days", calendar.MondayToFriday(), holidays, nil)
}

func planOf(t *rapid.T) calendar.Plan {
	zoneName := rapid.SampledFrom([]string{"UTC", "Europe/London", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "America/St_Johns"}).Draw(t, "zone")
	loc, err := time.LoadLocation(zoneName)
	if err != nil {
		t.Fatal(err)
	}
	tod := rapid.Custom(func(t *rapid.T) calendar.TimeOfDay {
		m := rapid.IntRange(0, 24*4).Draw(t, "quarter of an hour") * 15
		return calendar.TimeOfDay{Hour: m / 60, Minute: m % 60}
	})
	end := calendar.Mark{WD: rapid.IntRange(1, 8).Draw(t, "close"), At: tod.Draw(t, "close at")}
	plan := calendar.ClosePlan{
		PreClose: calendar.Span{From: calendar.Mark{WD: -rapid.IntRange(1, 12).Draw(t, "pre"), At: tod.Draw(t, "pre at")}, To: calendar.PeriodEnd()},
		Close:    calendar.Span{From: calendar.PeriodEnd(), To: end},
		Tail:     calendar.Span{From: end, To: calendar.Mark{WD: end.WD + rapid.IntRange(1, 10).Draw(t, "tail"), At: tod.Draw(t, "tail at")}},
		Target:   end,
	}
	return calendar.Plan{Entity: "acme", Zone: loc, Days: holidaysOf(t), Close: &plan}
}

// At agrees with the oracle at random instants, and next to every boundary,
// over twenty years.
func TestAtAgreesWithASlowEvaluation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := planOf(t)
		from, to := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2035, 1, 1, 0, 0, 0, 0, time.UTC)
		tl := calendar.Compile(p, from, to)
		for range 60 {
			at := from.Add(time.Duration(rapid.Int64Range(0, int64(to.Sub(from))-1).Draw(t, "at")))
			place := tl.At(at)
			for _, near := range []time.Time{at, place.Ends.Add(-time.Second), place.Ends} {
				if near.Before(from) || !near.Before(to) {
					continue
				}
				phase, period := slowly(&p, near)
				if got := tl.At(near); got.Phase != phase || got.Period != period {
					t.Fatalf("At(%s) = %s, want %s of %s", near.In(p.Zone), got, phase, period)
				}
			}
		}
	})
}

// Walking from end to end of what holds visits every instant once: the spans
// tile the compiled time.
func TestSpansTileTheTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := planOf(t)
		p.Maintenance = []calendar.Maintenance{{ID: "m", Repeat: calendar.Repeat{Weekdays: []time.Weekday{time.Sunday}}, Start: calendar.TimeOfDay{Hour: 2}, Duration: time.Duration(rapid.IntRange(1, 300).Draw(t, "hours")) * time.Hour}}
		p.Freezes = []calendar.Freeze{{ID: "f", From: calendar.Mark{WD: -2}, To: calendar.Mark{WD: 5}, Level: calendar.HardFreeze}}
		from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
		tl := calendar.Compile(p, from, to)
		spans := tl.Spans()
		if len(spans) == 0 || !spans[0].From.Equal(from) || !spans[len(spans)-1].To.Equal(to) {
			t.Fatalf("%d spans do not reach from %s to %s", len(spans), from, to)
		}
		for i, s := range spans {
			if !s.From.Before(s.To) {
				t.Fatalf("span %d is empty: %v", i, s)
			}
			if i > 0 && !spans[i-1].To.Equal(s.From) {
				t.Fatalf("span %d begins %s, the one before ends %s", i, s.From, spans[i-1].To)
			}
			if i > 0 && spans[i-1].Place == s.Place {
				t.Fatalf("spans %d and %d say the same", i-1, i)
			}
			if tl.At(s.From) != s.Place || tl.At(s.To.Add(-time.Second)) != s.Place {
				t.Fatalf("At differs from span %d", i)
			}
		}
	})
}

// The phases of periods that ended before the compiled time reach into it.
func TestPhasesReachIn(t *testing.T) {
	p := monthly(time.UTC, nil)
	p.Close.Tail.To = mark(t, "WD+30 24:00")
	for _, from := range []string{"2026-12-10T12:00:00Z", "2027-01-11T00:00:00Z"} { // WD+30 of November is 11 January
		if got := calendar.Compile(p, utc(t, from), utc(t, "2027-06-01T00:00:00Z")).At(utc(t, from)).String(); !strings.HasPrefix(got, "tail of 202") {
			t.Errorf("compiled from %s, that is in %s, want a tail", from, got)
		}
	}
}

func TestNothingIsCompiled(t *testing.T) {
	if got := calendar.Compile(monthly(time.UTC, nil), utc(t, "2026-01-01T00:00:00Z"), utc(t, "2026-01-01T00:00:00Z")); len(got.Spans()) != 0 {
		t.Errorf("an empty horizon has spans: %v", got.Spans())
	}
}

func TestFreezesAndMaintenanceAreInPlace(t *testing.T) {
	p := monthly(time.UTC, nil)
	p.Freezes = []calendar.Freeze{
		{ID: "hard", From: mark(t, "WD-2 00:00"), To: mark(t, "WD+5 18:00"), Level: calendar.HardFreeze},
		{ID: "soft", From: mark(t, "WD-3 00:00"), To: mark(t, "WD+5 24:00"), Level: calendar.SoftFreeze},
	}
	p.Maintenance = []calendar.Maintenance{
		{ID: "weekly", Repeat: repeat(t, "FREQ=WEEKLY;BYDAY=SU"), Start: calendar.TimeOfDay{Hour: 2}, Duration: 2 * time.Hour},
		{ID: "once", On: date(t, "2026-11-29"), Start: calendar.TimeOfDay{Hour: 3}, Duration: time.Hour},
	}
	tl := compiled(p)
	tests := map[string]struct {
		at     string
		freeze calendar.FreezeLevel
		frozen string
		works  string
	}{
		"quiet":                           {"2026-11-17T12:00:00Z", "", "", ""},
		"the soft one alone":              {"2026-11-26T12:00:00Z", calendar.SoftFreeze, "soft", ""},
		"both: the stricter counts":       {"2026-11-27T12:00:00Z", calendar.HardFreeze, "hard, soft", ""},
		"the hard one has ended":          {"2026-12-07T18:00:00Z", calendar.SoftFreeze, "soft", ""},
		"a Sunday before the window":      {"2026-11-22T01:59:59Z", "", "", ""},
		"the window begins":               {"2026-11-22T02:00:00Z", "", "", "weekly"},
		"two windows at once":             {"2026-11-29T03:30:00Z", calendar.HardFreeze, "hard, soft", "weekly, once"},
		"the window has ended, half-open": {"2026-11-22T04:00:00Z", "", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := tl.At(utc(t, tt.at))
			if got.Freeze != tt.freeze || got.Frozen != tt.frozen || got.Maintenance != tt.works {
				t.Errorf("At(%s) = freeze %q (%s), maintenance %q; want %q (%s), %q", tt.at, got.Freeze, got.Frozen, got.Maintenance, tt.freeze, tt.frozen, tt.works)
			}
		})
	}
}

func repeat(tb testing.TB, s string) calendar.Repeat {
	tb.Helper()
	r, err := calendar.ParseRepeat(s)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestMaintenanceRepeats(t *testing.T) {
	tests := map[string]struct {
		rule string
		want []string // the first windows of 2026, in days
	}{
		"every Sunday":        {"FREQ=WEEKLY;BYDAY=SU", []string{"2026-01-04", "2026-01-11", "2026-01-18"}},
		"weekends":            {"FREQ=WEEKLY;BYDAY=SA,SU", []string{"2026-01-03", "2026-01-04", "2026-01-10"}},
		"the second Saturday": {"FREQ=MONTHLY;BYDAY=2SA", []string{"2026-01-10", "2026-02-14", "2026-03-14"}},
		"the last Sunday":     {"FREQ=MONTHLY;BYDAY=-1SU", []string{"2026-01-25", "2026-02-22", "2026-03-29"}},
		"the first of a month is the first Thursday": {"FREQ=MONTHLY;BYDAY=1TH", []string{"2026-01-01", "2026-02-05", "2026-03-05"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := repeat(t, tt.rule)
			if r.String() != tt.rule {
				t.Errorf("%s is printed as %s", tt.rule, r)
			}
			tl := compiled(calendar.Plan{Maintenance: []calendar.Maintenance{{ID: "m", Repeat: r, Start: calendar.TimeOfDay{Hour: 2}, Duration: time.Hour}}})
			for i, e := range tl.Events(tl.Span())[:3] {
				if got := e.Start.Format(time.DateOnly); got != tt.want[i] {
					t.Errorf("window %d is on %s, want %s", i, got, tt.want[i])
				}
			}
		})
	}
	for _, bad := range []string{"", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=", "FREQ=WEEKLY;BYDAY=1SU", "FREQ=WEEKLY;BYDAY=SU,SU", "FREQ=MONTHLY;BYDAY=SU", "FREQ=MONTHLY;BYDAY=5SU", "FREQ=MONTHLY;BYDAY=+1SU", "FREQ=MONTHLY;BYDAY=1SU,2SU", "FREQ=WEEKLY;BYDAY=SU;COUNT=3", "FREQ=WEEKLY;BYDAY=XX"} {
		if r, err := calendar.ParseRepeat(bad); err == nil {
			t.Errorf("ParseRepeat(%q) = %v, want an error", bad, r)
		}
	}
}

// Maintenance lasts as long as it says, also over a change of the clocks.
func TestMaintenanceOverAClockChange(t *testing.T) {
	p := calendar.Plan{Zone: zone(t, "Europe/Vienna"), Maintenance: []calendar.Maintenance{{ID: "m", On: date(t, "2026-10-25"), Start: calendar.TimeOfDay{Hour: 2, Minute: 30}, Duration: 2 * time.Hour}}}
	e := compiled(p).Events(utc(t, "2026-10-24T00:00:00Z"), utc(t, "2026-10-26T00:00:00Z"))[0]
	if !e.Start.Equal(utc(t, "2026-10-25T00:30:00Z")) || e.End.Sub(e.Start) != 2*time.Hour {
		t.Errorf("window %s to %s, want two hours from the first 02:30", e.Start, e.End)
	}
}

func TestMaintenanceThatCollides(t *testing.T) {
	p := monthly(time.UTC, nil)
	p.Cutoffs = []calendar.Cutoff{{ID: "c", Title: "SEPA cut-off", Process: "p", At: calendar.TimeOfDay{Hour: 14}}}
	p.Maintenance = []calendar.Maintenance{
		{ID: "sunday", Repeat: repeat(t, "FREQ=WEEKLY;BYDAY=SU"), Start: calendar.TimeOfDay{Hour: 2}, Duration: time.Hour},
		{ID: "noon", On: date(t, "2026-11-17"), Start: calendar.TimeOfDay{Hour: 13}, Duration: 2 * time.Hour},
		{ID: "ends-at-it", On: date(t, "2026-11-17"), Start: calendar.TimeOfDay{Hour: 13}, Duration: time.Hour},
		{ID: "free", On: date(t, "2026-11-15"), Start: calendar.TimeOfDay{Hour: 13}, Duration: time.Hour},
	}
	var got []string
	for _, c := range compiled(p).Collisions() {
		got = append(got, fmt.Sprintf("%s %s %s", c.Maintenance, c.With, c.First.Format(time.DateOnly)))
	}
	want := []string{"sunday close of 2025-12 2026-01-04", "noon SEPA cut-off 2026-11-17"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("collisions %q, want %q", got, want)
	}
}

// fullPlan has something of everything.
func fullPlan(tb testing.TB, entity string) calendar.Plan {
	p := monthly(zone(tb, "Europe/London"), englandDays(tb))
	p.Entity, p.Payday = entity, 25
	p.Close.Milestones = []calendar.Milestone{{ID: "bank", Due: mark(tb, "WD+2 12:00"), Process: "bank-reconciliation"}, {ID: "tb", Due: mark(tb, "WD+4 17:00"), Depends: []string{"bank"}}}
	p.Cutoffs = []calendar.Cutoff{
		{ID: "bacs", Process: "payroll", At: calendar.TimeOfDay{Hour: 22}, Days: englandDays(tb), Day: calendar.CutoffDay{Entry: true, Before: 2}, Margin: 4 * time.Hour},
		{ID: "sepa", Process: "payment-registration", At: calendar.TimeOfDay{Hour: 14}, Zone: zone(tb, "Europe/Berlin"), Days: targetDays(tb)},
	}
	p.Dues = []calendar.Due{{ID: "vat", Process: "statutory-reporting", Rule: rule(tb, "quarter_end + 1 month + 7 days"), At: calendar.EndOfDay(), Adjust: calendar.Preceding}}
	p.Freezes = []calendar.Freeze{{ID: "close", From: mark(tb, "WD-2 00:00"), To: mark(tb, "WD+5 18:00"), Level: calendar.HardFreeze}}
	p.Maintenance = []calendar.Maintenance{{ID: "patch", Repeat: repeat(tb, "FREQ=WEEKLY;BYDAY=SU"), Start: calendar.TimeOfDay{Hour: 2}, Duration: 2 * time.Hour}}
	return p
}

func TestLookupDoesNotAllocate(t *testing.T) {
	tl := compiled(fullPlan(t, "acme"))
	at := utc(t, "2026-12-31T15:00:00Z")
	if n := testing.AllocsPerRun(100, func() { _ = tl.At(at) }); n != 0 {
		t.Errorf("At allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = tl.Deadlines(at, "payroll") }); n > 1 { // the list

		t.Errorf("Deadlines allocates %v times", n)
	}
}

// instants are spread over the compiled time so that no lookup is predicted.
func instants(tl *calendar.Timeline) []time.Time {
	from, to := tl.Span()
	out := make([]time.Time, 1024)
	for i := range out {
		out[i] = from.Add(time.Duration(uint64(i) * 2654435761 % 1024 * uint64(to.Sub(from)) / 1024))
	}
	return out
}

// BenchmarkLookup is what make bench-calendar reports: At, beside finding the
// place afresh each time and beside the bare search in a sorted list.
func BenchmarkLookup(b *testing.B) {
	p := fullPlan(b, "acme")
	from, to := calendar.Horizon(time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC))
	tl := calendar.Compile(p, from, to)
	at := instants(tl)
	b.Run("compiled", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			_ = tl.At(at[i&1023])
			i++
		}
	})
	b.Run("afresh", func(b *testing.B) {
		i := 0
		for b.Loop() {
			_, _ = slowly(&p, at[i&1023])
			i++
		}
	})
	b.Run("floor", func(b *testing.B) {
		var starts []int64
		for _, s := range tl.Spans() {
			starts = append(starts, s.From.Unix())
		}
		i := 0
		for b.Loop() {
			t := at[i&1023].Unix()
			_ = sort.Search(len(starts), func(n int) bool { return starts[n] > t })
			i++
		}
	})
}

func BenchmarkDeadlines(b *testing.B) {
	tl := compiled(fullPlan(b, "acme"))
	at := instants(tl)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		_ = tl.Deadlines(at[i&1023], "payroll")
		i++
	}
}

// BenchmarkCompile lays out what a daemon of twenty entities looks at.
func BenchmarkCompile(b *testing.B) {
	plans := make([]calendar.Plan, 20)
	for i := range plans {
		plans[i] = fullPlan(b, fmt.Sprintf("acme-%d", i))
	}
	from, to := calendar.Horizon(time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC))
	for b.Loop() {
		for _, p := range plans {
			_ = calendar.Compile(p, from, to)
		}
	}
}
