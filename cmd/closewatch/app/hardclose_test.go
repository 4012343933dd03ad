package app

import (
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/flow"
)

func TestNothingIsPostedWhileAnEntityClosesHard(t *testing.T) {
	hard := calendar.Freeze{ID: "close-freeze", Title: "month end", Level: calendar.HardFreeze}
	elsewhere := hard
	elsewhere.Components = []string{"payroll"}
	soft := hard
	soft.Level = calendar.SoftFreeze
	in := calendar.Place{Phase: calendar.Close, Freeze: calendar.HardFreeze, Frozen: "year-end, close-freeze"}
	tests := map[string]struct {
		freezes   []calendar.Freeze
		place     calendar.Place
		want      string // in the reason; "" lets it post
		objection bool
	}{
		"no freeze is planned":              {place: calendar.Place{Phase: calendar.Close}},
		"no freeze, a doubtful calendar":    {place: calendar.Place{Doubt: "it ends"}},
		"before the freeze":                 {[]calendar.Freeze{hard}, calendar.Place{Phase: calendar.Normal}, "", false},
		"in the freeze":                     {[]calendar.Freeze{hard}, in, "hard close of acme: month end", true},
		"in that of another component":      {[]calendar.Freeze{elsewhere}, in, "", false},
		"in one that asks for reasons":      {[]calendar.Freeze{soft}, in, "", false},
		"nobody knows whether it is one":    {[]calendar.Freeze{hard}, calendar.Place{Phase: calendar.Unknown, Doubt: "it ends"}, "the calendar is in doubt: it ends", false},
		"another one of two is in force":    {[]calendar.Freeze{soft, hard}, calendar.Place{Frozen: "something-else"}, "", false},
		"the second one of two is in force": {[]calendar.Freeze{elsewhere, hard}, in, "hard close of acme", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := closedAt(calendar.Plan{Entity: "acme", Freezes: tt.freezes}, tt.place, "erp")
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("closedAt = %v, want nil", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("closedAt = %v, want %s", err, tt.want)
			case err != nil && flow.IsObjection(err) != tt.objection:
				t.Errorf("%v is an objection: %v, want %v", err, !tt.objection, tt.objection)
			}
		})
	}
}

func TestWhichEventsAreHardCloses(t *testing.T) {
	hard := calendar.Freeze{ID: "close", Level: calendar.HardFreeze, Components: []string{"erp"}}
	soft := calendar.Freeze{ID: "quiet", Level: calendar.SoftFreeze}
	plan := calendar.Plan{Entity: "acme", Freezes: []calendar.Freeze{soft, hard}}
	tests := map[string]struct {
		event     calendar.Event
		component string
		want      bool
	}{
		"a hard freeze":                      {calendar.Event{What: "freeze", ID: "close-2026-11", Detail: hard.Words()}, "erp", true},
		"one of another component":           {calendar.Event{What: "freeze", ID: "close-2026-11", Detail: hard.Words()}, "payroll", false},
		"a soft one":                         {calendar.Event{What: "freeze", ID: "quiet-2026-11", Detail: soft.Words()}, "erp", false},
		"a deadline of the same name":        {calendar.Event{What: "deadline", ID: "close-2026-11", Detail: hard.Words()}, "erp", false},
		"a freeze whose name only begins so": {calendar.Event{What: "freeze", ID: "closet-2026-11", Detail: hard.Words()}, "erp", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := isHardClose(tt.event, plan, tt.component); got != tt.want {
				t.Errorf("isHardClose = %v", got)
			}
		})
	}
}
