package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
)

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return loc
}

func date(tb testing.TB, s string) calendar.Date {
	tb.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func utc(tb testing.TB, s string) time.Time {
	tb.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		tb.Fatal(err)
	}
	return at
}

func mark(tb testing.TB, s string) calendar.Mark {
	tb.Helper()
	m, err := calendar.ParseMark(s)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// days makes a calendar of Monday to Friday less some dates.
func days(tb testing.TB, name string, holidays ...string) *calendar.Days {
	tb.Helper()
	h := map[calendar.Date]string{}
	for _, s := range holidays {
		day, title, _ := strings.Cut(s, " ")
		h[date(tb, day)] = title
	}
	return calendar.NewDays(name, calendar.MondayToFriday(), h, nil)
}

// The calendars of the vectors are the rules that are built in.
func targetDays(tb testing.TB) *calendar.Days  { return byRule(tb, "target", "TARGET") }
func englandDays(tb testing.TB) *calendar.Days { return byRule(tb, "gb-eng", "GB-ENG") }
func fedDays(tb testing.TB) *calendar.Days     { return byRule(tb, "us-fed", "US-FED") }
func austriaDays(tb testing.TB) *calendar.Days { return byRule(tb, "at", "AT") }

// byRule is a calendar of an estate by one rule, less some of its holidays.
func byRule(tb testing.TB, name, id string, less ...string) *calendar.Days {
	tb.Helper()
	rule, ok := calendar.RuleByID(id)
	if !ok {
		tb.Fatalf("there is no rule %s", id)
	}
	from := calendar.Composition{Name: name, Rule: &rule}
	for _, day := range less {
		from.Remove = append(from.Remove, date(tb, day))
	}
	return composed(tb, from)
}

// monthly is a plan with the default close.
func monthly(zone *time.Location, d *calendar.Days) calendar.Plan {
	c := calendar.DefaultClosePlan()
	return calendar.Plan{Entity: "acme", Zone: zone, Days: d, Close: &c}
}

// compiled lays a plan out over the two years of the vectors.
func compiled(p calendar.Plan) *calendar.Timeline {
	return calendar.Compile(p, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
}

// The vectors of the close, each through a milestone due on the working day:
// semantic (a), there is no WD0.
func TestWorkingDaysAroundThePeriodEnd(t *testing.T) {
	tests := map[string]struct {
		days   func(testing.TB) *calendar.Days
		period string
		marks  map[string]string
	}{
		"November 2026, TARGET":       {targetDays, "2026-11", map[string]string{"WD-3": "2026-11-26", "WD-2": "2026-11-27", "WD-1": "2026-11-30", "WD+1": "2026-12-01", "WD+5": "2026-12-07"}},
		"November 2026, England":      {englandDays, "2026-11", map[string]string{"WD-2": "2026-11-27", "WD-1": "2026-11-30", "WD+1": "2026-12-01", "WD+5": "2026-12-07"}},
		"Thanksgiving moves WD-3":     {fedDays, "2026-11", map[string]string{"WD-3": "2026-11-25"}},
		"year end, TARGET":            {targetDays, "2026-12", map[string]string{"WD-1": "2026-12-31", "WD+1": "2027-01-04", "WD+5": "2027-01-08", "WD-4": "2026-12-28"}},
		"year end, England":           {englandDays, "2026-12", map[string]string{"WD-1": "2026-12-31", "WD+1": "2027-01-04", "WD+5": "2027-01-08", "WD-4": "2026-12-24"}},
		"year end, US":                {fedDays, "2026-12", map[string]string{"WD-1": "2026-12-31", "WD+1": "2027-01-04", "WD+5": "2027-01-08"}},
		"Epiphany moves Austria":      {austriaDays, "2026-12", map[string]string{"WD+3": "2027-01-07", "WD+5": "2027-01-11"}},
		"Easter at quarter end":       {targetDays, "2027-03", map[string]string{"WD-3": "2027-03-25"}},
		"Easter at quarter end, Eng.": {englandDays, "2027-03", map[string]string{"WD-3": "2027-03-25"}},
		"no Easter at the Fed":        {fedDays, "2027-03", map[string]string{"WD-3": "2027-03-29"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := monthly(time.UTC, tt.days(t))
			for wd := range tt.marks {
				p.Close.Milestones = append(p.Close.Milestones, calendar.Milestone{ID: wd, Due: mark(t, wd+" 12:00")})
			}
			got := map[string]string{}
			for _, e := range compiled(p).Events(utc(t, "2026-01-01T00:00:00Z"), utc(t, "2028-01-01T00:00:00Z")) {
				if e.What == "milestone" && strings.HasPrefix(e.Detail, tt.period) {
					got[e.ID] = e.Start.Format(time.DateOnly)
				}
			}
			if diff := cmp.Diff(tt.marks, got); diff != "" {
				t.Errorf("working days of %s (-want +got):\n%s", tt.period, diff)
			}
		})
	}
}

func TestMarks(t *testing.T) {
	tests := map[string]struct{ text, want, wrong string }{
		"the start of a day":          {"WD-3 00:00", "WD-3 00:00", ""},
		"the end of a day":            {"WD+5 24:00", "WD+5 24:00", ""},
		"the end of the period":       {"period_end", "period_end", ""},
		"no WD0":                      {"WD0 08:00", "", "there is no WD0"},
		"no WD+0 either":              {"WD+0 08:00", "", "there is no WD0"},
		"neither before nor after":    {"WD5 08:00", "", "write WD+5 or WD-5"},
		"no time":                     {"WD+5", "", "WD+5 24:00 for its end"},
		"a time that is none":         {"WD+5 18:60", "", "is not a time of day: \"18:60\""},
		"later than the end of a day": {"WD+5 24:01", "", "is not a time of day"},
		"too far":                     {"WD+31 08:00", "", "more than 30 working days"},
		"nothing":                     {"", "", "is not a place in the close"},
		"many digits":                 {"WD+00000000000000000000005 08:00", "", "is not a place in the close"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := calendar.ParseMark(tt.text)
			switch {
			case tt.wrong == "" && (err != nil || m.String() != tt.want):
				t.Errorf("ParseMark(%q) = %s, %v, want %s", tt.text, m, err, tt.want)
			case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)):
				t.Errorf("ParseMark(%q) = %v, want %q in it", tt.text, err, tt.wrong)
			}
		})
	}
}

func TestPhases(t *testing.T) {
	tl := compiled(monthly(zone(t, "Europe/London"), nil))
	tests := map[string]struct{ at, want string }{
		"a quiet day":                     {"2026-11-17T12:00:00Z", "normal days"},
		"the night before WD-3":           {"2026-11-25T23:59:59Z", "normal days"},
		"WD-3 begins":                     {"2026-11-26T00:00:00Z", "pre-close of 2026-11"},
		"last second of the period":       {"2026-11-30T23:59:59Z", "pre-close of 2026-11"},
		"the close begins":                {"2026-12-01T00:00:00Z", "close of 2026-11"},
		"end of WD+5":                     {"2026-12-07T23:59:59Z", "close of 2026-11"},
		"tail":                            {"2026-12-08T00:00:00Z", "tail of 2026-11"},
		"after the tail":                  {"2026-12-11T00:00:00Z", "normal days"},
		"summer time: midnight is local":  {"2026-06-30T23:30:00Z", "close of 2026-06"},
		"year end belongs to the old one": {"2027-01-04T09:00:00Z", "close of 2026-12"},
		"a fraction before midnight":      {"2026-11-30T23:59:59.999999999Z", "pre-close of 2026-11"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tl.At(utc(t, tt.at)).String(); got != tt.want {
				t.Errorf("At(%s) = %s, want %s", tt.at, got, tt.want)
			}
		})
	}
}

func TestAPhaseTellsWhenItEnds(t *testing.T) {
	tl := compiled(monthly(time.UTC, nil))
	for at, want := range map[string]string{
		"2026-11-27T12:00:00Z": "2026-12-01T00:00:00Z", "2026-12-02T12:00:00Z": "2026-12-08T00:00:00Z",
		"2026-12-15T12:00:00Z": "2026-12-29T00:00:00Z", // normal days end where pre-close begins
	} {
		if got := tl.At(utc(t, at)).Ends; !got.Equal(utc(t, want)) {
			t.Errorf("the phase at %s ends %s, want %s", at, got, want)
		}
	}
}

func TestNoClosePlanIsAlwaysNormal(t *testing.T) {
	tl := compiled(calendar.Plan{Entity: "acme"})
	if got := tl.At(utc(t, "2026-12-01T09:00:00Z")); got.Phase != calendar.Normal || got.Critical() {
		t.Errorf("place without a close plan = %+v, want normal", got)
	}
}

// Semantic (b): arithmetic in the entity's zone. Two entities are in different
// phases at the same instant, and a boundary in a DST gap or overlap is one
// instant.
func TestPhasesAreInTheEntitysZone(t *testing.T) {
	at := utc(t, "2026-12-01T02:00:00Z")
	for name, want := range map[string]string{"Europe/London": "close of 2026-11", "America/New_York": "pre-close of 2026-11", "Asia/Tokyo": "close of 2026-11"} {
		if got := compiled(monthly(zone(t, name), nil)).At(at).String(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestBoundariesAtClockChanges(t *testing.T) {
	week := calendar.Workweek{true, true, true, true, true, true, true} // Sundays are worked: clocks change then
	tests := map[string]struct {
		zone, from string
		last       string // a Sunday on which the clocks change
		want       string
	}{
		"a skipped time takes the next instant": {"Europe/Vienna", "02:30", "2027-03-28", "2027-03-28T01:00:00Z"},
		"a repeated time takes the first":       {"Europe/Vienna", "02:30", "2026-10-25", "2026-10-25T00:30:00Z"},
		"an ordinary time on such a day":        {"Europe/Vienna", "08:00", "2027-03-28", "2027-03-28T06:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := monthly(zone(t, tt.zone), nil)
			p.Week = &week
			last := date(t, tt.last)
			wd := "WD-" + map[string]string{"2027-03-28": "4", "2026-10-25": "7"}[tt.last]
			p.Close.PreClose.From = mark(t, wd+" "+tt.from)
			for _, e := range compiled(p).Events(last.In(p.Zone), last.Add(1).In(p.Zone)) {
				if e.What == "phase" {
					if got := e.Start.UTC().Format(time.RFC3339); got != tt.want {
						t.Errorf("%s %s = %s, want %s", tt.last, tt.from, got, tt.want)
					}
					return
				}
			}
			t.Errorf("no phase begins on %s", tt.last)
		})
	}
}

// Where phases meet, the more critical one holds.
func TestTheMoreCriticalPhaseWins(t *testing.T) {
	p := monthly(time.UTC, nil)
	p.Close.Tail.To = mark(t, "WD+19 24:00") // reaches into the next pre-close
	p.Close.PreClose.From = mark(t, "WD-10 00:00")
	tl := compiled(p)
	if got := tl.At(utc(t, "2026-11-20T12:00:00Z")).String(); got != "pre-close of 2026-11" {
		t.Errorf("tail of October over pre-close of November = %s, want pre-close", got)
	}
	p.Close.Close.To, p.Close.Tail = mark(t, "WD+19 24:00"), calendar.Span{}
	if got := compiled(p).At(utc(t, "2026-11-20T12:00:00Z")).String(); got != "close of 2026-10" {
		t.Errorf("close of October over pre-close of November = %s, want close", got)
	}
}

// Semantic (c): the phase of a group is the most critical of its entities', and
// each keeps its own.
func TestAGroupIsAsCriticalAsItsMostCriticalEntity(t *testing.T) {
	at := utc(t, "2027-01-11T12:00:00Z")
	uk, at11 := compiled(monthly(zone(t, "Europe/London"), englandDays(t))).At(at), compiled(monthly(zone(t, "Europe/Vienna"), austriaDays(t))).At(at)
	if uk.String() != "tail of 2026-12" || at11.String() != "close of 2026-12" {
		t.Fatalf("uk is in %s, at in %s; want tail and close", uk, at11)
	}
	if got := calendar.Group([]calendar.Place{uk, at11}); got != at11 {
		t.Errorf("group = %s, want that of at", got)
	}
	doubtful := calendar.Place{Phase: calendar.Normal, Doubt: "stale"}
	if got := calendar.Group([]calendar.Place{uk, doubtful}); got != doubtful {
		t.Errorf("group = %s, want the doubtful one", got)
	}
	if got := calendar.Group(nil); got.Phase != calendar.Normal {
		t.Errorf("group of nobody = %s", got)
	}
}

// Semantic (f): an extension is an event with an approver, a day and a reason,
// and applies to one period; without it the plan holds.
func TestAnExtensionMovesOnePeriod(t *testing.T) {
	p := monthly(time.UTC, nil)
	p.Close.Milestones = []calendar.Milestone{{ID: "ap", Due: mark(t, "WD+1 17:00"), Process: "ap-bill-run"}}
	p.Extensions = []calendar.Extension{
		{Period: "2026-11", Phase: calendar.Close, To: mark(t, "WD+7 24:00"), By: "controller", On: date(t, "2026-12-04"), Reason: "posting stopped"},
		{Period: "2026-11", Milestone: "ap", To: mark(t, "WD+2 12:00"), By: "controller", Reason: "posting stopped"},
		{Period: "2026-11", Milestone: "ap", To: mark(t, "WD-2 12:00"), By: "controller", Reason: "earlier: never"},
	}
	tl := compiled(p)
	for at, want := range map[string]string{
		"2026-12-09T12:00:00Z": "close of 2026-11", "2026-12-10T12:00:00Z": "tail of 2026-11", // WD+7 is Wed 9 Dec
		"2027-01-11T12:00:00Z": "tail of 2026-12", // the next period closes as planned
	} {
		if got := tl.At(utc(t, at)).String(); got != want {
			t.Errorf("At(%s) = %s, want %s", at, got, want)
		}
	}
	if got := tl.Deadlines(utc(t, "2026-12-01T12:00:00Z"), "ap-bill-run")[0].At; !got.Equal(utc(t, "2026-12-02T12:00:00Z")) {
		t.Errorf("the extended milestone is due %s, want 2 December 12:00", got)
	}
	if c, ok := tl.Closing("2026-11", calendar.Open); !ok || !c.Target.Equal(utc(t, "2026-12-10T00:00:00Z")) {
		t.Errorf("target = %v, want it to follow the close", c.Target)
	}
	if got, want := p.Extensions[0].Words(), "close of 2026-11 until WD+7 24:00: approved by controller on 2026-12-04, posting stopped"; got != want {
		t.Errorf("told as %q, want %q", got, want)
	}
	planned := p
	planned.Extensions = nil
	var got []string
	for _, c := range calendar.Diff(compiled(planned), tl) {
		got = append(got, c.Text)
	}
	want := []string{
		"close of 2026-11 ends Wed 2026-12-09 24:00, was Mon 2026-12-07 24:00 (2d longer)",
		"ap for 2026-11 moves to Wed 2026-12-02 12:00, was Tue 2026-12-01 17:00",
		"tail of 2026-11 begins Thu 2026-12-10 00:00, was Tue 2026-12-08 00:00 (2d shorter)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes differ (-want +got):\n%s", diff)
	}
	if planned.Hash() == p.Hash() {
		t.Error("the calendar's hash does not tell the extension")
	}
}

func TestFlawsOfAClosePlan(t *testing.T) {
	ms := func(ms ...calendar.Milestone) func(*calendar.ClosePlan) {
		return func(p *calendar.ClosePlan) { p.Milestones = ms }
	}
	tests := map[string]struct {
		change func(*calendar.ClosePlan)
		want   []string
	}{
		"none": {func(*calendar.ClosePlan) {}, nil},
		"a phase that ends before it begins": {
			func(p *calendar.ClosePlan) { p.PreClose.From = mark(t, "WD+2 00:00") },
			[]string{"phases.preClose: ends period_end, not after it begins WD+2 00:00"},
		},
		"phases that overlap": {
			func(p *calendar.ClosePlan) { p.PreClose.To = mark(t, "WD+2 00:00") },
			[]string{"phases.close: begins period_end, before preClose ends (WD+2 00:00)"},
		},
		"no close":                        {func(p *calendar.ClosePlan) { p.Close = calendar.Span{} }, []string{"phases.close: is missing"}},
		"a target before the end":         {func(p *calendar.ClosePlan) { p.Target = mark(t, "WD-1 08:00") }, []string{"target: WD-1 08:00 is not after the period's end"}},
		"a milestone twice":               {ms(calendar.Milestone{ID: "a"}, calendar.Milestone{ID: "a"}), []string{`milestones[1].id: "a" is used twice`}},
		"a milestone that does not exist": {ms(calendar.Milestone{ID: "a", Depends: []string{"b"}}), []string{`milestones[0].depends[0]: there is no milestone "b" in this plan`}},
		"due before what it needs": {
			ms(calendar.Milestone{ID: "a", Due: mark(t, "WD+3 12:00")}, calendar.Milestone{ID: "b", Due: mark(t, "WD+2 12:00"), Depends: []string{"a"}}),
			[]string{"milestones[1].depends[0]: b is due WD+2 12:00, before a (WD+3 12:00) that it depends on"},
		},
		"a circle is told once": {
			ms(calendar.Milestone{ID: "a", Depends: []string{"c"}}, calendar.Milestone{ID: "b", Depends: []string{"a"}}, calendar.Milestone{ID: "c", Depends: []string{"b"}}),
			[]string{"milestones[0].depends: goes in a circle: a needs c needs b needs a"},
		},
		"itself": {ms(calendar.Milestone{ID: "a", Depends: []string{"a"}}), []string{"milestones[0].depends: goes in a circle: a needs a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := calendar.DefaultClosePlan()
			tt.change(&p)
			var got []string
			for _, f := range p.Flaws() {
				got = append(got, f.Field+": "+f.What)
				if f.Remedy == "" {
					t.Errorf("%s has no remedy", f.Field)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("flaws differ (-want +got):\n%s", diff)
			}
		})
	}
}

// Each calendar is told once, with everything it is for; what names none is on
// the days of the close.
func TestWhatCalendarsAreFor(t *testing.T) {
	p := monthly(time.UTC, days(t, "acme"))
	bank := days(t, "bank")
	p.Cutoffs = []calendar.Cutoff{{ID: "sepa", Title: "SEPA file", Days: bank}, {ID: "house"}, {ID: "acme-cut", Days: p.Days}}
	p.Dues = []calendar.Due{{ID: "vat", Title: "VAT return", Days: bank}, {ID: "wages"}}
	var got []string
	for _, use := range p.Uses() {
		got = append(got, use.Days.Name()+" for "+strings.Join(use.For, ", "))
	}
	want := []string{"acme for close, house, acme-cut, wages", "bank for SEPA file, VAT return"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Uses() differs (-want +got):\n%s", diff)
	}
}
