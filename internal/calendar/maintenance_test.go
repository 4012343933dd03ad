package calendar_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// What the adjusted figures leave out: maintenance of a component the process
// needs, or of everything, while it lasts and unless it counts against both.
func TestWhatAdjustedFiguresLeaveOut(t *testing.T) {
	at := func(hour int) calendar.TimeOfDay { return calendar.TimeOfDay{Hour: hour} }
	tl := compiled(calendar.Plan{Maintenance: []calendar.Maintenance{
		{ID: "db", Components: []string{"db", "cache"}, On: date(t, "2026-11-22"), Start: at(2), Duration: 2 * time.Hour, Counts: calendar.CountsRaw},
		{ID: "all", On: date(t, "2026-11-22"), Start: at(6), Duration: time.Hour, Counts: calendar.CountsRaw},
		{ID: "db-both", Components: []string{"db"}, On: date(t, "2026-11-22"), Start: at(8), Duration: time.Hour, Counts: calendar.CountsBoth},
		{ID: "all-both", On: date(t, "2026-11-22"), Start: at(12), Duration: 3 * time.Hour, Counts: calendar.CountsBoth},
		{ID: "erp", Components: []string{"erp"}, On: date(t, "2026-11-22"), Start: at(13), Duration: time.Hour, Counts: calendar.CountsRaw},
		{ID: "sunday", Components: []string{"db"}, Repeat: repeat(t, "FREQ=WEEKLY;BYDAY=SU"), Start: at(20), Duration: time.Hour, Counts: calendar.CountsRaw},
	}})
	const db, erp = "db", "erp"
	tests := map[string]struct {
		needs []string
		at    string
		want  bool
	}{
		"the second before it begins":                 {[]string{db}, "2026-11-22T01:59:59Z", false},
		"it begins":                                   {[]string{db}, "2026-11-22T02:00:00Z", true},
		"its last second":                             {[]string{db}, "2026-11-22T03:59:59Z", true},
		"its end is not in it":                        {[]string{db}, "2026-11-22T04:00:00Z", false},
		"one of several that are needed":              {[]string{erp, db}, "2026-11-22T03:00:00Z", true},
		"of a component nobody here needs":            {[]string{erp}, "2026-11-22T03:00:00Z", false},
		"nothing is needed":                           {nil, "2026-11-22T03:00:00Z", false},
		"of everything":                               {[]string{erp}, "2026-11-22T06:30:00Z", true},
		"of everything, where nothing is needed":      {nil, "2026-11-22T06:30:00Z", true},
		"counts against both":                         {[]string{db}, "2026-11-22T08:30:00Z", false},
		"of everything, counts against both":          {[]string{db}, "2026-11-22T12:30:00Z", false},
		"one of two at once counts against raw":       {[]string{erp}, "2026-11-22T13:30:00Z", true},
		"of two at once the one that is not about it": {[]string{db}, "2026-11-22T13:30:00Z", false},
		"every Sunday, the next":                      {[]string{db}, "2026-11-29T20:30:00Z", true},
		"every Sunday, on a Monday":                   {[]string{db}, "2026-11-30T20:30:00Z", false},
		"beyond what is laid out nothing is left out": {[]string{db}, "2028-01-02T20:30:00Z", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tl.Excluded(tt.needs, utc(t, tt.at)); got != tt.want {
				t.Errorf("Excluded(%q, %s) = %v, want %v", tt.needs, tt.at, got, tt.want)
			}
		})
	}
}
