package calendar

import (
	"strings"
	"testing"
	"time"
)

// Semantic (h): doubts at both ends of the compiled time are laid out, with days
// between them that can be relied on: sources that disagreed once, and a list
// that ends.
func TestDoubtsAreLaidOut(t *testing.T) {
	list := func(days ...Date) *List {
		l := List{First: Date{2026, 1, 1}, Last: Date{2027, 12, 31}}
		for _, d := range days {
			l.Holidays = append(l.Holidays, Holiday{d, "holiday"})
		}
		return &l
	}
	bank, _ := Compose(Composition{Name: "bank", List: list(Date{2026, 5, 1})})
	days, flaws := Compose(Composition{Name: "acme", List: list(Date{2026, 5, 1}, Date{2026, 6, 1}), AgreesWith: bank})
	if len(flaws) > 0 {
		t.Fatal(flaws)
	}
	at := func(d Date) time.Time { return d.In(time.UTC) }
	for _, over := range [][2]Date{
		{{2026, 1, 1}, {2028, 1, 1}}, {{2026, 1, 1}, {2027, 7, 1}}, {{2026, 7, 1}, {2028, 1, 1}}, {{2026, 7, 1}, {2027, 7, 1}},
	} {
		tl := Compile(Plan{Days: days}, at(over[0]), at(over[1]))
		for day, want := range map[Date]bool{
			{2026, 1, 1}: true, {2026, 6, 1}: true, {2026, 6, 2}: false, {2026, 7, 1}: false, {2027, 6, 30}: false,
			{2027, 11, 1}: false, {2027, 11, 2}: true, {2027, 12, 31}: true,
		} {
			if day.Before(over[0]) || !day.Before(over[1]) {
				continue
			}
			if place := tl.At(at(day)); (place.Doubt != "") != want {
				t.Errorf("laid out over %s, At(%s) is in doubt: %q, want %v", over, day, place.Doubt, want)
			}
		}
	}
}

// Semantic (h): where a calendar is in doubt the place is critical in any
// phase, every process is in its window, and both say why.
func TestADoubtfulStretchIsCritical(t *testing.T) {
	at := func(s string) time.Time {
		d, err := ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d.In(time.UTC)
	}
	c := DefaultClosePlan()
	tl := &Timeline{plan: Plan{Entity: "acme", Close: &c}, from: at("2026-01-01").Unix(), to: at("2027-01-01").Unix()}
	tl.doubts = append(tl.compileCloses(),
		said{stretch{at("2026-11-16").Unix(), at("2026-11-20").Unix()}, doubtText([]Doubt{{"bank", "its newest entry is 2026-12-28", "fetch the file anew"}})},
		said{stretch{at("2026-11-18").Unix(), at("2026-11-20").Unix()}, doubtText([]Doubt{{"gb", "gb and bank disagree on 2026-12-24", ""}})},
	)
	tl.layOut()
	tests := map[string]struct {
		day   string
		doubt string
	}{
		"before":        {"2026-11-15", ""},
		"one calendar":  {"2026-11-16", "bank: its newest entry is 2026-12-28; fetch the file anew"},
		"two calendars": {"2026-11-19", "bank: its newest entry is 2026-12-28; fetch the file anew; gb: gb and bank disagree on 2026-12-24"},
		"after":         {"2026-11-20", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			place := tl.At(at(tt.day))
			if place.Phase != Normal || place.Doubt != tt.doubt || place.Critical() != (tt.doubt != "") {
				t.Errorf("At(%s) = %+v, want normal days in doubt: %q", tt.day, place, tt.doubt)
			}
			got := tl.Critical("p", []Window{{Kind: BeforeDeadline, Before: time.Hour}}, at(tt.day))
			if got.Critical != (tt.doubt != "") || !strings.Contains(got.Why, tt.doubt) {
				t.Errorf("Critical(%s) = %+v", tt.day, got)
			}
			if said := place.String(); strings.Contains(said, "in doubt") != (tt.doubt != "") {
				t.Errorf("String() = %q", said)
			}
		})
	}
}
