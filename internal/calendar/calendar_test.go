package calendar_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func date(t *testing.T, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWorkingDaysAroundTheMonthEnd(t *testing.T) {
	england := map[string]string{"2026-12-25": "Christmas", "2026-12-28": "Boxing Day (substitute)", "2027-01-01": "New Year", "2027-03-26": "Good Friday", "2027-03-29": "Easter Monday"}
	austria := map[string]string{"2026-12-25": "Christmas", "2027-01-01": "New Year", "2027-01-06": "Epiphany"}
	us := map[string]string{"2026-11-26": "Thanksgiving", "2026-12-25": "Christmas", "2027-01-01": "New Year"}
	tests := map[string]struct {
		holidays map[string]string
		period   string
		n        int
		want     string
	}{
		"the last working day is the period end":  {nil, "2026-11-01", -1, "2026-11-30"},
		"WD-2 before a weekend":                   {nil, "2026-11-01", -2, "2026-11-27"},
		"WD+1":                                    {nil, "2026-11-01", 1, "2026-12-01"},
		"WD+5 over a weekend":                     {nil, "2026-11-01", 5, "2026-12-07"},
		"Thanksgiving moves WD-3":                 {us, "2026-11-01", -3, "2026-11-25"},
		"without Thanksgiving":                    {nil, "2026-11-01", -3, "2026-11-26"},
		"year end, WD-1":                          {england, "2026-12-01", -1, "2026-12-31"},
		"year end, WD+1 after New Year's weekend": {england, "2026-12-01", 1, "2027-01-04"},
		"year end, WD+5":                          {england, "2026-12-01", 5, "2027-01-08"},
		"Epiphany moves WD+5":                     {austria, "2026-12-01", 5, "2027-01-11"},
		"Easter moves WD-3":                       {england, "2027-03-01", -3, "2027-03-25"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := calendar.Calendar{Zone: time.UTC, Holidays: map[calendar.Date]string{}}
			for d, why := range tt.holidays {
				c.Holidays[date(t, d)] = why
			}
			if got := c.WorkingDay(date(t, tt.period), tt.n).String(); got != tt.want {
				t.Errorf("WD%+d of %s = %s, want %s", tt.n, tt.period, got, tt.want)
			}
		})
	}
}

func TestPhases(t *testing.T) {
	london := zone(t, "Europe/London")
	plan := calendar.DefaultClosePlan()
	c := calendar.Calendar{Zone: london, Close: &plan}
	tests := map[string]struct {
		at   string
		want string
	}{
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
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, tt.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.At(at).String(); got != tt.want {
				t.Errorf("At(%s) = %s, want %s", tt.at, got, tt.want)
			}
		})
	}
}

func TestNoClosePlanIsAlwaysNormal(t *testing.T) {
	c := calendar.Calendar{Zone: time.UTC}
	if got := c.At(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)).Phase; got != calendar.Normal {
		t.Errorf("phase without a close plan = %s, want normal", got)
	}
}

func TestTimesOfDayAtClockChanges(t *testing.T) {
	vienna := zone(t, "Europe/Vienna")
	tests := map[string]struct {
		day, tod, want string
	}{
		"ordinary":                        {"2026-11-23", "17:00", "2026-11-23T16:00:00Z"},
		"a skipped time takes the next":   {"2027-03-28", "02:30", "2027-03-28T01:00:00Z"},
		"a repeated time takes the first": {"2026-10-25", "02:30", "2026-10-25T00:30:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tod, err := calendar.ParseTimeOfDay(tt.tod)
			if err != nil {
				t.Fatal(err)
			}
			if got := tod.On(date(t, tt.day), vienna).UTC().Format(time.RFC3339); got != tt.want {
				t.Errorf("%s %s = %s, want %s", tt.day, tt.tod, got, tt.want)
			}
		})
	}
}

func TestDeadlinesSkipWeekends(t *testing.T) {
	c := calendar.Calendar{Zone: time.UTC, Cutoffs: []calendar.Cutoff{
		{ID: "ap", Process: "ap-bill-run", At: calendar.TimeOfDay{Hour: 17}},
		{ID: "early", Process: "payroll", At: calendar.TimeOfDay{Hour: 9}},
	}}
	friday := time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC)
	got := c.Deadlines(friday)
	if got[0].ID != "ap" || got[0].At.Format(time.DateTime) != "2026-11-20 17:00:00" {
		t.Errorf("first deadline = %+v, want ap on Friday 17:00", got[0])
	}
	if got[1].At.Format(time.DateTime) != "2026-11-23 09:00:00" {
		t.Errorf("second deadline = %+v, want Monday 09:00", got[1])
	}
}
