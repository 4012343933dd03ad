package expected

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

var postings = process.Work{Source: process.History, Least: 20, Metric: "posted_total", Says: "journal entries posted"}

// past gives a ledger a history without living through it.
func (c *clock) past(perHour func(d calendar.Date, hour int) float64, from, to string) {
	c.t.Helper()
	first, err := calendar.ParseDate(from)
	if err != nil {
		c.t.Fatal(err)
	}
	last, err := calendar.ParseDate(to)
	if err != nil {
		c.t.Fatal(err)
	}
	look := look{subject: c.subject}
	t := room(c.ledger, c.ledger.tracks, maxTracks, look.key(c.subject.Work[0], group{}))
	for d := first; !last.Before(d); d = d.Add(1) {
		day := Day{Date: d}
		for h := range day.Hours {
			day.Hours[h] = perHour(d, h)
		}
		t.days = append(t.days, day)
	}
}

// office is thirty an hour from 8 to 18 on working days.
func office(tl *calendar.Timeline) func(calendar.Date, int) float64 {
	return func(d calendar.Date, hour int) float64 {
		if !tl.IsWorkingDay(d) || hour < 8 || hour >= 18 {
			return 0
		}
		return 30
	}
}

// today counts from midnight on, so many an hour from 8 to 18.
func today(midnight time.Time, perHour float64) func(time.Time) []signal.Sample {
	return func(now time.Time) []signal.Sample {
		hours := min(max(now.Sub(midnight).Hours()-8, 0), 10)
		return []signal.Sample{sample(postings.Metric, 1000+math.Floor(perHour*hours), nil)}
	}
}

func TestTodayIsComparedWithDaysOfItsKind(t *testing.T) {
	tests := map[string]struct {
		day, at string
		perHour float64
		from    string // of the history
		missing string // why; "" is that nothing is
		known   bool
	}{
		"as many as usual":                    {"2026-11-18", "12:30", 30, "2026-08-01", "", true},
		"a slow day":                          {"2026-11-18", "12:30", 18, "2026-08-01", "", true},
		"nothing at all":                      {"2026-11-18", "12:30", 0, "2026-08-01", "0 by 12:00, where 120 are usual by then on a Wednesday", true},
		"a fifth":                             {"2026-11-18", "12:30", 6, "2026-08-01", "27 by 12:00, where 120 are usual by then on a Wednesday", true},
		"too early to tell":                   {"2026-11-18", "08:50", 0, "2026-08-01", "", false},
		"a weekend":                           {"2026-11-14", "12:30", 0, "2026-08-01", "", false},
		"a holiday":                           {"2026-12-08", "12:30", 0, "2026-08-01", "", false},
		"a half day, of which there were two": {"2026-12-24", "12:30", 0, "2025-12-01", "", false},
		"the first days of a watch":           {"2026-11-18", "12:30", 0, "2026-11-09", "", false},
		"two days of the kind":                {"2026-11-18", "12:30", 0, "2026-10-15", "", false},
		"three days of the kind":              {"2026-11-18", "12:30", 0, "2026-10-14", "0 by 12:00, where 120 are usual by then on a Wednesday", true},
		"the first working day of a month":    {"2026-12-01", "12:30", 0, "2026-08-01", "0 by 12:00, where 120 are usual by then on WD+1", true},
		"that day in the third month":         {"2026-12-01", "12:30", 0, "2026-10-10", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			start := local(t, tt.day+" 00:00")
			c := newClock(t, start.Add(-10*time.Minute), postings)
			yesterday := start.Add(-time.Hour).Format(time.DateOnly)
			c.past(office(c.subject.Timeline), tt.from, yesterday)
			got := c.until(local(t, tt.day+" "+tt.at), today(start, tt.perHour))
			switch {
			case !tt.known && len(got) > 0:
				t.Errorf("nobody can tell, and it says %+v", got)
			case tt.known && (len(got) != 1 || got[0].Missing != (tt.missing != "") || got[0].Why != tt.missing):
				t.Errorf("got %+v, want missing %q", got, tt.missing)
			case tt.missing != "" && (got[0].Lacks < 90 || got[0].Since != local(t, tt.day+" 09:00") && got[0].Since != local(t, tt.day+" 10:00")):
				t.Errorf("lacks %d since %v", got[0].Lacks, got[0].Since)
			}
		})
	}
}

// Days that were not measured throughout are neither history nor missing.
func TestWhatWasNotMeasuredTellsNothing(t *testing.T) {
	start := local(t, "2026-11-18 00:00")
	tests := map[string]struct {
		live func(c *clock)
		days int // closed by the end of the day
		now  int // items at 12:30
	}{
		"watched throughout": {func(*clock) {}, 1, 1},
		"a restart": {func(c *clock) {
			c.until(local(t, "2026-11-18 09:30"), today(start, 0))
			c.restarts()
			c.sleeps(10 * time.Minute)
		}, 1, 1},
		"an outage of half an hour": {func(c *clock) { c.until(local(t, "2026-11-18 09:30"), today(start, 0)); c.sleeps(30 * time.Minute) }, 0, 0},
		"the database is not seen for an hour": {func(c *clock) {
			c.until(local(t, "2026-11-18 09:30"), today(start, 0))
			c.until(local(t, "2026-11-18 10:30"), func(time.Time) []signal.Sample { return nil })
		}, 0, 0},
		"the watch begins at nine": {func(c *clock) { c.sleeps(9 * time.Hour) }, 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newClock(t, start.Add(-10*time.Minute), postings)
			c.past(office(c.subject.Timeline), "2026-08-01", "2026-11-17")
			tt.live(c)
			if got := c.until(local(t, "2026-11-18 12:30"), today(start, 0)); len(got) != tt.now {
				t.Errorf("at noon: %+v, want %d", got, tt.now)
			}
			c.until(local(t, "2026-11-19 00:05"), today(start, 0))
			if got := c.ledger.Closed(); got != tt.days {
				t.Errorf("%d days were kept, want %d", got, tt.days)
			}
		})
	}
}

// A civil day is one day, also when it has 23 or 25 hours.
func TestDaysOfOtherLength(t *testing.T) {
	for _, day := range []string{"2026-10-25", "2027-03-28"} {
		start := local(t, day+" 00:00")
		c := newClock(t, start.Add(-5*time.Minute), postings)
		c.until(start.Add(26*time.Hour), func(now time.Time) []signal.Sample {
			return []signal.Sample{sample(postings.Metric, now.Sub(start).Minutes(), nil)}
		})
		var kept []Day
		for _, days := range c.ledger.Days() {
			kept = days
		}
		if len(kept) != 1 || kept[0].Date.String() != day {
			t.Fatalf("%s: kept %+v", day, kept)
		}
		lasts := kept[0].Date.Add(1).In(c.subject.Timeline.Zone()).Sub(start).Minutes()
		if sum := before(kept[0].Hours, 24); math.Abs(sum-lasts) > 5 {
			t.Errorf("%s: counted %v in %v minutes", day, sum, lasts)
		}
	}
}

// A count that is compared is that of what was seen, whatever becomes of the
// counters: reset, of several series, gone and back.
func TestCountersAreFollowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c counter
		shown := map[string]float64{}
		want, got := 0.0, 0.0
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "series")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0: // the process restarts and has counted some already
				n := min(rapid.Float64Range(0, 5).Draw(t, "since"), shown[name])
				if _, had := shown[name]; had && n < shown[name] {
					want, shown[name] = want+n, n
				}
			default:
				n := rapid.Float64Range(0, 50).Draw(t, "more")
				if _, had := shown[name]; had {
					want += n
				}
				shown[name] += n
			}
			got += c.advance(shown)
		}
		if math.Abs(got-want) > 1e-6 {
			t.Fatalf("counted %v, want %v", got, want)
		}
	})
}

// Fewer than usual is never said of a count that is not below half, nor when
// one of the days compared had as few by then and so had half of them.
func TestShortIsFarBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := make([]Day, rapid.IntRange(enough, compared).Draw(t, "days"))
		for i := range days {
			days[i].Hours[0] = float64(rapid.IntRange(0, 300).Draw(t, "n"))
		}
		u := usualBy(days, 1)
		count := float64(rapid.IntRange(0, 300).Draw(t, "count"))
		as := 0
		for _, d := range days {
			if d.Hours[0] <= count {
				as++
			}
		}
		if u.short(count, 20) && (count >= u.median/2 || 2*as >= len(days) || u.median < 20) {
			t.Fatalf("%v is far below %+v", count, days)
		}
	})
}

// A ledger keeps a bounded history, each day once, over any restarts.
func TestHistoryIsBounded(t *testing.T) {
	start := local(t, "2026-11-18 00:00")
	c := newClock(t, start.Add(-10*time.Minute), postings)
	c.past(office(c.subject.Timeline), "2025-10-14", "2026-11-17") // 400 days
	c.until(local(t, "2026-11-19 00:05"), today(start, 30))
	c.restarts()
	c.until(local(t, "2026-11-19 00:10"), today(start, 30))
	for _, days := range c.ledger.Days() {
		if len(days) > historyDays+1 || days[len(days)-1].Date.String() != "2026-11-18" || days[0].Date.String() != "2025-10-14" {
			t.Errorf("%d days from %s to %s", len(days), days[0].Date, days[len(days)-1].Date)
		}
	}
	full := New(time.Minute)
	for range maxTracks {
		full.tracks[strings.Repeat("x", len(full.tracks)+1)] = &track{}
	}
	subject := acme("test", postings)
	subject.Timeline = vienna(t, start)
	full.Judge(start, published(today(start, 30)(start)), subject)
	if full.NotFollowed() != 1 || len(full.tracks) != maxTracks {
		t.Errorf("%d are followed, %d are not", len(full.tracks), full.NotFollowed())
	}
}

// A company is what a ledger watches in simulated months: a counter of entries
// that follows the office's hours, the close and chance.
type company struct {
	t          *testing.T
	tl         *calendar.Timeline
	rng        *rand.Rand
	total      float64
	date       calendar.Date
	mood       float64 // of today
	class      string
	working    bool
	idle       func(now time.Time) bool // when nothing is posted although it should be
	statements float64
	feed       func(now time.Time) bool // whether statements come
	drafts     float64
	forgotten  bool // drafts are not looked after
}

// shown is what the company shows at a time.
func (o *company) shown(now time.Time, step time.Duration) []signal.Sample {
	at := now.In(o.tl.Zone())
	if d := calendar.DateOf(at); d != o.date {
		o.date, o.class, o.working = d, o.tl.Class(d), o.tl.IsWorkingDay(d)
		o.mood = math.Exp(0.25 * o.rng.NormFloat64())
	}
	hour := at.Hour()
	rate := 0.5 // an hour, by night
	if o.working && hour >= 8 && hour < 18 && (o.class != "half day" || hour < 12) {
		rate = 30
		if strings.HasPrefix(o.class, "WD") {
			rate = 90
		}
	}
	if !o.idle(now) {
		o.total += o.poisson(rate * o.mood * step.Hours())
	}
	if o.rng.IntN(1500) == 0 {
		o.total = 0 // a restart
	}
	if hour >= 6 && o.working && o.feed(now) { // the statement of the last working day
		if d, ok := o.tl.WorkingDay(o.date, -1); ok {
			o.statements = float64(d.In(time.UTC).Unix())
		}
	}
	switch {
	case o.class == "WD+1" && hour < 8:
		o.drafts = 40
	case o.class == "WD+5" && hour >= 14 && !o.forgotten:
		o.drafts = 0
	}
	out := []signal.Sample{sample(postings.Metric, o.total, nil), sample("drafts", o.drafts, nil)}
	if o.statements > 0 {
		out = append(out, sample(statements.Metric, o.statements, labels{"journal": "BNK1"}))
	}
	return out
}

func (o *company) poisson(mean float64) float64 {
	n, p := 0.0, o.rng.Float64()
	for limit := math.Exp(-mean); p > limit; n++ {
		p *= o.rng.Float64()
	}
	return n
}

// Thirteen months with a close in each, holidays, half days, both changes of the clocks,
// restarts and chance: nothing that happens is missing. Then the entries stop,
// statements do not come and drafts are forgotten: each is named and counted.
func TestThirteenMonths(t *testing.T) {
	const step = 15 * time.Minute
	from := local(t, "2025-11-01 00:00")
	closing := process.Work{Source: process.Schedule, Within: 24 * time.Hour, Metric: "drafts", Due: "WD+5 18:00", Done: process.Done{AtMost: new(0.0)}, Habit: true, Says: "drafts of the period"}
	daily := statements
	daily.Habit = true
	for seed := range uint64(1) {
		c := newClock(t, from, postings, daily, closing)
		o := &company{
			t: t, tl: c.subject.Timeline, rng: rand.New(rand.NewPCG(seed, 1)),
			idle: func(time.Time) bool { return false }, feed: func(time.Time) bool { return true },
		}
		live := func(to string, look func(now time.Time, w tiering.Work)) {
			t.Helper()
			for end := local(t, to); c.now.Before(end); c.now = c.now.Add(step) {
				for _, w := range c.ask(c.now, func(now time.Time) []signal.Sample { return o.shown(now, step) }) {
					look(c.now, w)
				}
			}
		}
		told := 0
		live("2026-11-25 00:00", func(now time.Time, w tiering.Work) {
			told++
			if w.Missing {
				t.Fatalf("seed %d: falsely missing at %v: %s: %s", seed, now, w.Name, w.Why)
			}
		})
		if told < 20000 {
			t.Errorf("seed %d: only %d judgements in thirteen months", seed, told)
		}
		first := map[string]tiering.Work{}
		note := func(now time.Time, w tiering.Work) {
			if w.Missing && first[w.Name].Name == "" {
				w.Oldest = now // when it was said
				first[w.Name] = w
			}
		}
		stops := local(t, "2026-12-02 09:00")
		o.idle = func(now time.Time) bool { return !now.Before(stops) && now.Before(stops.Add(9*time.Hour)) }
		o.feed = func(now time.Time) bool { return now.Before(local(t, "2026-12-03 00:00")) }
		o.forgotten = true
		live("2026-12-08 00:00", note)
		for name, want := range map[string]struct {
			said  string // latest
			lacks int    // least
		}{
			postings.Says: {"2026-12-02 15:00", 50},
			"BNK1":        {"2026-12-03 10:15", 1},
			closing.Says:  {"2026-12-07 18:15", 40},
		} {
			w, ok := first[name]
			if !ok || w.Oldest.After(local(t, want.said)) || w.Lacks < want.lacks {
				t.Errorf("seed %d: %s: %+v, want it said by %s and %d missing", seed, name, w, want.said, want.lacks)
			}
		}
	}
}
