package calendar_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
)

func TestTimesOfDayWhereClocksChange(t *testing.T) {
	tests := map[string]struct {
		zone, day, tod, want string
	}{
		"ordinary":                              {"Europe/Vienna", "2026-11-23", "17:00", "2026-11-23T16:00:00Z"},
		"skipped":                               {"Europe/Vienna", "2027-03-28", "02:30", "2027-03-28T01:00:00Z"},
		"skipped, first minute":                 {"Europe/Vienna", "2027-03-28", "02:00", "2027-03-28T01:00:00Z"},
		"first minute after the skip":           {"Europe/Vienna", "2027-03-28", "03:00", "2027-03-28T01:00:00Z"},
		"last minute before the skip":           {"Europe/Vienna", "2027-03-28", "01:59", "2027-03-28T00:59:00Z"},
		"repeated":                              {"Europe/Vienna", "2026-10-25", "02:30", "2026-10-25T00:30:00Z"},
		"repeated, first minute":                {"Europe/Vienna", "2026-10-25", "02:00", "2026-10-25T00:00:00Z"},
		"first minute after the repetition":     {"Europe/Vienna", "2026-10-25", "03:00", "2026-10-25T02:00:00Z"},
		"half an hour skipped":                  {"Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30:00Z"},
		"half an hour repeated":                 {"Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45:00Z"},
		"an hour around the half hour":          {"Australia/Lord_Howe", "2026-04-05", "01:15", "2026-04-04T14:15:00Z"},
		"midnight skipped":                      {"Africa/Cairo", "2026-04-24", "00:00", "2026-04-23T22:00:00Z"},
		"midnight skipped in Beirut":            {"Asia/Beirut", "2026-03-29", "00:30", "2026-03-28T22:00:00Z"},
		"midnight skipped in Sao Paulo":         {"America/Sao_Paulo", "2018-11-04", "00:00", "2018-11-04T03:00:00Z"},
		"repeated before midnight in Sao Paulo": {"America/Sao_Paulo", "2019-02-16", "23:30", "2019-02-17T01:30:00Z"},
		"midnight after that":                   {"America/Sao_Paulo", "2019-02-17", "00:00", "2019-02-17T03:00:00Z"},
		"midnight repeated in Havana":           {"America/Havana", "2026-11-01", "00:00", "2026-11-01T04:00:00Z"},
		"a day that was skipped":                {"Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00:00Z"},
		"its midnight":                          {"Pacific/Apia", "2011-12-30", "00:00", "2011-12-30T10:00:00Z"},
		"the day after":                         {"Pacific/Apia", "2011-12-31", "00:00", "2011-12-30T10:00:00Z"},
		"a day that came twice":                 {"Pacific/Kwajalein", "1969-09-30", "12:00", "1969-09-30T01:00:00Z"},
		"summer time given up":                  {"Europe/Moscow", "2014-10-26", "01:30", "2014-10-25T21:30:00Z"},
		"summer time suspended for Ramadan":     {"Africa/Casablanca", "2026-02-15", "02:30", "2026-02-15T01:30:00Z"},
		"a quarter of an hour from others":      {"Asia/Kathmandu", "1986-01-01", "00:05", "1985-12-31T18:30:00Z"},
		"by the rule for years to come":         {"America/New_York", "2099-03-08", "02:30", "2099-03-08T07:00:00Z"},
		"UTC":                                   {"UTC", "2026-12-31", "15:00", "2026-12-31T15:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tod, err := calendar.ParseTimeOfDay(tt.tod)
			if err != nil {
				t.Fatal(err)
			}
			loc := located(t, tt.zone)
			got := tod.On(date(t, tt.day), loc)
			if got.UTC().Format(time.RFC3339) != tt.want || got.Location() != loc {
				t.Errorf("%s %s in %s = %s, want %s", tt.day, tt.tod, tt.zone, got.UTC().Format(time.RFC3339), tt.want)
			}
		})
	}
}

func located(tb testing.TB, name string) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return loc
}

// zones are one of each habit of changing clocks.
func zones(t *testing.T) []*time.Location {
	t.Helper()
	var out []*time.Location
	for _, name := range []string{
		"Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "America/Adak", "America/Asuncion", "America/Caracas", "America/Havana", "America/New_York",
		"America/Nuuk", "America/Santiago", "America/Sao_Paulo", "America/Scoresbysund", "America/St_Johns", "Antarctica/Casey", "Antarctica/Troll",
		"Asia/Amman", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Pyongyang", "Asia/Tehran", "Asia/Ulaanbaatar",
		"Atlantic/Azores", "Australia/Lord_Howe", "Australia/Sydney", "Europe/Chisinau", "Europe/Dublin", "Europe/Istanbul", "Europe/Lisbon",
		"Europe/London", "Europe/Moscow", "Europe/Vienna", "Europe/Volgograd", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham",
		"Pacific/Fakaofo", "Pacific/Fiji", "Pacific/Norfolk", "UTC",
	} {
		out = append(out, located(t, name))
	}
	return out
}

// changes are the instants from 2008 to 2028 at which a zone's clocks jump.
func changes(loc *time.Location) []time.Time {
	var out []time.Time
	step := 12 * time.Hour
	for at := time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2028; at = at.Add(step) {
		if offset(at, loc) == offset(at.Add(step), loc) {
			continue
		}
		before, after := at, at.Add(step)
		for after.Sub(before) > time.Minute {
			middle := before.Add(after.Sub(before) / 2).Truncate(time.Minute)
			if offset(middle, loc) == offset(at, loc) {
				before = middle
			} else {
				after = middle
			}
		}
		out = append(out, after)
	}
	return out
}

func offset(at time.Time, loc *time.Location) int {
	_, seconds := at.In(loc).Zone()
	return seconds
}

// Every minute that clocks show, or skip, in the day around each of their
// changes, against a walk through all minutes of UTC.
func TestTimesOfDayAgreeWithAWalkThroughTime(t *testing.T) {
	seen := 0
	for _, loc := range zones(t) {
		for _, change := range changes(loc) {
			seen++
			walk(t, loc, change)
		}
	}
	if seen < 1000 {
		t.Errorf("saw %d changes of clocks, want a thousand", seen)
	}
}

// A shown is what a clock shows, in minutes, as if it were UTC.
type shown int64

func showing(at time.Time, loc *time.Location) shown {
	return shown((at.Unix() + int64(offset(at, loc))) / 60)
}

// walk goes through the minutes around a change as the hands of a clock do. The
// first time it shows something is noted; so is, for what it jumped over, where
// it landed.
func walk(t *testing.T, loc *time.Location, change time.Time) {
	t.Helper()
	const around = 3 * 60 // minutes that are asked about, before and after
	first := map[shown]time.Time{}
	landed := map[shown]time.Time{}
	jump := offset(change, loc) - offset(change.Add(-time.Minute), loc)
	reach := 2*around*time.Minute + 2*time.Duration(max(jump, -jump))*time.Second
	from := change.Add(-reach)
	highest := showing(from, loc)
	for at := from; at.Before(change.Add(reach)); at = at.Add(time.Minute) {
		now := showing(at, loc)
		if _, had := first[now]; !had {
			first[now] = at
		}
		for ; highest < now; highest++ {
			if _, had := landed[highest+1]; !had {
				landed[highest+1] = at
			}
		}
	}
	asked := map[shown]bool{}
	for minute := -around; minute <= around; minute++ {
		at := change.Add(time.Duration(minute) * time.Minute)
		asked[showing(at, loc)] = true
	}
	for s := showing(change.Add(-time.Minute), loc); s <= showing(change, loc); s++ {
		asked[s] = true // what is skipped
	}
	for s := range asked {
		clock := time.Unix(int64(s)*60, 0).UTC()
		want, ok := first[s]
		if !ok {
			want = landed[s]
		}
		day := calendar.DateOf(clock)
		got := calendar.TimeOfDay{Hour: clock.Hour(), Minute: clock.Minute()}.On(day, loc)
		if !got.Equal(want) {
			t.Fatalf("%s in %s = %s, want %s (clocks change at %s)", clock.Format("2006-01-02 15:04"), loc, got.UTC().Format(time.RFC3339), want.Format(time.RFC3339), change.Format(time.RFC3339))
		}
		if clock.Hour() == 0 && clock.Minute() == 0 && !day.In(loc).Equal(got) {
			t.Fatalf("%s in %s begins at %s, want %s", day, loc, day.In(loc), got)
		}
	}
}

// Away from changes an instant and its time of day are the same thing.
func TestTimesOfDayRoundTrip(t *testing.T) {
	all := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		loc := rapid.SampledFrom(all).Draw(t, "zone")
		at := time.Unix(60*rapid.Int64Range(20_000_000, 40_000_000).Draw(t, "minute"), 0).In(loc)
		tod := calendar.TimeOfDay{Hour: at.Hour(), Minute: at.Minute()}
		got := tod.On(calendar.DateOf(at), loc)
		if got.Format(time.DateTime) != at.Format(time.DateTime) || got.After(at) || at.Sub(got) > 3*time.Hour {
			t.Errorf("%s comes back as %s", at, got)
		}
	})
}

func BenchmarkTimeOfDayOn(b *testing.B) {
	loc, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		b.Fatal(err)
	}
	tod, day := calendar.TimeOfDay{Hour: 17}, calendar.Date{Year: 2026, Month: 12, Day: 1}
	b.ReportAllocs()
	for b.Loop() {
		if tod.On(day, loc).Hour() != 17 {
			b.Fatal("not at 17:00")
		}
	}
}
