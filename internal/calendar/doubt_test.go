package calendar

import (
	"strings"
	"testing"
	"time"
)

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
	doubts := tl.compileCloses()
	doubts = append(doubts,
		said{stretch{at("2026-11-16").Unix(), at("2026-11-20").Unix()}, doubtText([]Doubt{{"bank", "its newest entry is 2026-12-28", "fetch the file anew"}})},
		said{stretch{at("2026-11-18").Unix(), at("2026-11-20").Unix()}, doubtText([]Doubt{{"gb", "gb and bank disagree on 2026-12-24", ""}})},
	)
	tl.layOut(doubts)
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
