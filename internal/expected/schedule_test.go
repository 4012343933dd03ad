package expected

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// vienna is a calendar with holidays around a year's end and a half day.
func vienna(t *testing.T, around time.Time) *calendar.Timeline {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	on := func(y int, m time.Month, d int) calendar.Date { return calendar.Date{Year: y, Month: m, Day: d} }
	holidays := map[calendar.Date]string{}
	for y := 2025; y < 2029; y++ {
		holidays[on(y, 12, 25)], holidays[on(y, 12, 26)], holidays[on(y, 1, 1)], holidays[on(y, 1, 6)] = "Christmas Day", "St Stephen's Day", "New Year", "Epiphany"
		holidays[on(y, 5, 1)], holidays[on(y, 10, 26)], holidays[on(y, 12, 8)] = "Labour Day", "National Day", "Immaculate Conception"
	}
	half := map[calendar.Date]calendar.TimeOfDay{on(2025, 12, 24): {Hour: 12}, on(2025, 12, 31): {Hour: 12}, on(2026, 12, 24): {Hour: 12}, on(2026, 12, 31): {Hour: 12}}
	month := calendar.Mark{WD: 5, At: calendar.EndOfDay()}
	p := calendar.Plan{
		Entity: "acme", Zone: zone, Days: calendar.NewDays("at", calendar.MondayToFriday(), holidays, half), Payday: 25,
		Close: &calendar.ClosePlan{Name: "month", PreClose: calendar.Span{From: calendar.Mark{WD: -3}, To: calendar.PeriodEnd()}, Close: calendar.Span{From: calendar.PeriodEnd(), To: month}, Target: month},
	}
	from, to := calendar.Horizon(around)
	return calendar.Compile(p, from, to)
}

// A clock asks a ledger again and again, as the daemon does.
type clock struct {
	t       *testing.T
	ledger  *Ledger
	subject Subject
	now     time.Time
}

func newClock(t *testing.T, from time.Time, work ...process.Work) *clock {
	t.Helper()
	c := &clock{t: t, ledger: New(5 * time.Minute), subject: acme("test", work...), now: from}
	c.subject.Timeline = vienna(t, from)
	return c
}

// until asks every five minutes up to a time, and at it; the answer is the last.
func (c *clock) until(to time.Time, published func(now time.Time) []signal.Sample) []tiering.Work {
	for c.now.Before(to) {
		c.ask(c.now, published)
		c.now = c.now.Add(5 * time.Minute)
	}
	c.now = to
	return c.ask(to, published)
}

func (c *clock) ask(at time.Time, shown func(time.Time) []signal.Sample) []tiering.Work {
	return c.ledger.Judge(at, published(shown(at)), c.subject)
}

// sleeps passes time in which nothing is measured.
func (c *clock) sleeps(d time.Duration) { c.now = c.now.Add(d) }

// restarts writes what is remembered down and takes it up in a new ledger.
func (c *clock) restarts() {
	c.t.Helper()
	memory, err := json.Marshal(c.ledger.Memory())
	if err != nil {
		c.t.Fatal(err)
	}
	days, err := json.Marshal(c.ledger.Days())
	if err != nil {
		c.t.Fatal(err)
	}
	var m Memory
	var d map[string][]Day
	if err := json.Unmarshal(memory, &m); err != nil {
		c.t.Fatal(err)
	}
	if err := json.Unmarshal(days, &d); err != nil {
		c.t.Fatal(err)
	}
	c.ledger = New(5 * time.Minute)
	c.ledger.Restore(c.now, m, d)
}

func local(t *testing.T, s string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func midnight(t *testing.T, date string) float64 {
	t.Helper()
	d, err := calendar.ParseDate(date)
	if err != nil {
		t.Fatal(err)
	}
	return float64(d.In(time.UTC).Unix())
}

var statements = process.Work{
	Source: process.Schedule, Within: 4 * time.Hour, Metric: "bank_statement_timestamp_seconds", By: "journal",
	Due: "every working day 10:00", Done: process.Done{Dated: new(1)}, Says: "bank statement of the last working day",
}

// What a date tells needs no memory: the newest statement is of the last
// working day, or it is not.
func TestStatementsAreDueEveryMorning(t *testing.T) {
	tests := map[string]struct {
		at, newest string
		missing    bool
		lacks      int
		due        string
		why        string
	}{
		"it came in the night":          {"2026-11-18 10:00", "2026-11-17", false, 0, "2026-11-19 10:00", ""},
		"not due yet":                   {"2026-11-18 09:59", "2026-11-16", false, 0, "2026-11-18 10:00", ""},
		"it did not come":               {"2026-11-18 10:00", "2026-11-16", true, 1, "2026-11-18 14:00", "due Wed 18 Nov 10:00, and the newest is of Mon 16 Nov 2026"},
		"none came for a week":          {"2026-11-18 11:00", "2026-11-10", true, 5, "2026-11-18 14:00", "due Wed 18 Nov 10:00, and the newest is of Tue 10 Nov 2026: 5 working days are missing"},
		"Friday's is enough on Monday":  {"2026-11-16 12:00", "2026-11-13", false, 0, "2026-11-17 10:00", ""},
		"Thursday's is not":             {"2026-11-16 12:00", "2026-11-12", true, 1, "2026-11-16 14:00", "due Mon 16 Nov 10:00, and the newest is of Thu 12 Nov 2026"},
		"nothing is due on a Sunday":    {"2026-11-15 12:00", "2026-11-12", false, 0, "2026-11-16 10:00", ""},
		"nothing is due on a holiday":   {"2026-12-25 12:00", "2026-12-23", false, 0, "2026-12-28 10:00", ""},
		"after Christmas":               {"2026-12-28 12:00", "2026-12-24", false, 0, "2026-12-29 10:00", ""},
		"after Christmas, not the 24th": {"2026-12-28 12:00", "2026-12-23", true, 1, "2026-12-28 14:00", "due Mon 28 Dec 10:00, and the newest is of Wed 23 Dec 2026"},
		"on a half day":                 {"2026-12-24 10:30", "2026-12-23", false, 0, "2026-12-28 10:00", ""},
		"today's has come already":      {"2026-11-18 10:00", "2026-11-18", false, 0, "2026-11-19 10:00", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			at := local(t, tt.at)
			c := newClock(t, at, statements)
			got := c.ask(at, func(time.Time) []signal.Sample {
				return []signal.Sample{
					sample(statements.Metric, midnight(t, tt.newest), labels{"entity": "acme", "journal": "BNK1"}),
					sample(statements.Metric, midnight(t, "2020-01-01"), labels{"entity": "other", "journal": "BNK1"}), // not ours
				}
			})
			want := []tiering.Work{{Source: process.Schedule, Name: "BNK1", Says: statements.Says, Due: local(t, tt.due)}}
			if tt.missing {
				want[0].Missing, want[0].Lacks, want[0].Why, want[0].Since = true, tt.lacks, tt.why, want[0].Due.Add(-4*time.Hour)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Judge (-want +got):\n%s", diff)
			}
		})
	}
}

// What is not there is not missing: a database without the metric, a journal
// that never had a statement.
func TestNoStatementsAreNotMeasurable(t *testing.T) {
	at := local(t, "2026-11-18 12:00")
	for name, shown := range map[string][]signal.Sample{
		"no metric":            nil,
		"a journal without":    {sample(statements.Metric, 0, labels{"entity": "acme", "journal": "BNK1"})},
		"not a number":         {sample(statements.Metric, nan(), labels{"entity": "acme", "journal": "BNK1"})},
		"of another entity":    {sample(statements.Metric, midnight(t, "2020-01-01"), labels{"entity": "other", "journal": "BNK1"})},
		"of another tenant":    {sample(statements.Metric, midnight(t, "2020-01-01"), labels{"tenant": "test", "journal": "BNK1"})},
		"beyond what is dated": {sample(statements.Metric, 1e300, labels{"journal": "BNK1"})},
	} {
		c := newClock(t, at, statements)
		if got := c.ask(at, func(time.Time) []signal.Sample { return shown }); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A journal that is looked after weekly is not late every morning.
func TestOnlyWhatIsAHabitIsMissing(t *testing.T) {
	habit := statements
	habit.Habit = true
	from := local(t, "2026-09-01 00:00")
	daily := func(stops time.Time) func(time.Time) []signal.Sample {
		return func(now time.Time) []signal.Sample {
			d := min(now.Unix(), stops.Unix())
			return []signal.Sample{sample(habit.Metric, float64(d-d%86400-86400), labels{"journal": "BNK1"})} // also at weekends
		}
	}
	weekly := func(now time.Time) []signal.Sample { // every Friday
		d := now.Unix() - now.Unix()%86400
		return []signal.Sample{sample(habit.Metric, float64(d-86400*((d/86400+6)%7)), labels{"journal": "BNK1"})}
	}
	c := newClock(t, from, habit)
	stops := local(t, "2026-10-01 12:00")
	if got := c.until(stops, daily(stops)); len(got) != 1 || got[0].Missing {
		t.Fatalf("a statement every day: %+v", got)
	}
	got := c.until(local(t, "2026-10-05 10:05"), daily(stops))
	if len(got) != 1 || !got[0].Missing || got[0].Lacks != 2 {
		t.Errorf("two days after the last: %+v", got)
	}
	got = c.until(local(t, "2026-10-21 10:05"), daily(stops)) // twelve working days
	if len(got) != 1 || !got[0].Missing || got[0].Since != local(t, "2026-10-02 10:00") && got[0].Since != local(t, "2026-10-05 10:00") {
		t.Errorf("weeks after the last: %+v", got)
	}
	c = newClock(t, from, habit)
	for day := range 60 {
		for _, w := range c.until(from.AddDate(0, 0, day).Add(12*time.Hour), weekly) {
			if w.Missing {
				t.Fatalf("day %d: a weekly journal is missing: %+v", day, w)
			}
		}
	}
}

// A value that must be reached counts from when it is due to when it is
// reached; that it is left again afterwards is nothing new.
func TestDraftsOfThePeriod(t *testing.T) {
	work := process.Work{
		Source: process.Schedule, Within: 24 * time.Hour, Metric: "drafts", Due: "WD+5 18:00", Done: process.Done{AtMost: new(0.0)}, Says: "drafts to be posted",
	}
	drafts := func(n float64) func(time.Time) []signal.Sample {
		return func(time.Time) []signal.Sample { return []signal.Sample{sample("drafts", n, nil)} }
	}
	c := newClock(t, local(t, "2026-11-02 08:00"), work)
	due := local(t, "2026-11-06 18:00")
	steps := []struct {
		name    string
		until   string
		drafts  float64
		missing bool
		count   int
	}{
		{"before it is due", "2026-11-06 17:55", 5, false, 0},
		{"when it is due", "2026-11-06 18:00", 5, true, 5},
		{"two are left", "2026-11-06 20:00", 2, true, 2},
		{"all are done", "2026-11-06 21:00", 0, false, 0},
		{"those of the next period are none of it", "2026-11-20 12:00", 40, false, 0},
	}
	for _, s := range steps {
		missing := tiering.Work{}
		for _, w := range c.until(local(t, s.until), drafts(s.drafts)) {
			missing = w
		}
		if missing.Missing != s.missing || missing.Count != s.count || s.missing && !missing.Since.Equal(due) {
			t.Errorf("%s: %+v", s.name, missing)
		}
	}
	late := newClock(t, local(t, "2026-11-10 08:00"), work)
	if got := late.until(local(t, "2026-11-20 12:00"), drafts(40)); len(got) != 0 {
		t.Errorf("nobody watched when it was due: %+v", got)
	}
	down := newClock(t, local(t, "2026-11-02 08:00"), work)
	down.until(local(t, "2026-11-06 17:00"), drafts(0))
	down.sleeps(3 * time.Hour)
	if got := down.until(local(t, "2026-11-20 12:00"), drafts(40)); len(got) != 0 {
		t.Errorf("nothing was measured when it was due: %+v", got)
	}
	restarted := newClock(t, local(t, "2026-11-02 08:00"), work)
	restarted.until(local(t, "2026-11-06 18:30"), drafts(3))
	restarted.restarts()
	restarted.sleeps(time.Hour)
	if got := restarted.until(local(t, "2026-11-06 20:00"), drafts(3)); len(got) != 1 || !got[0].Missing || !got[0].Since.Equal(due) {
		t.Errorf("after a restart: %+v", got)
	}
}

// A counter must have advanced since the work was last done: one run is not
// taken for two, and a run that was late is none of the next.
func TestACounterAdvances(t *testing.T) {
	work := process.Work{
		Source: process.Schedule, Within: time.Hour, Metric: "runs_total", Due: "every working day 10:00", Done: process.Done{Advances: new(1.0)}, Says: "billing run",
	}
	total := 7.0
	count := func(time.Time) []signal.Sample { return []signal.Sample{sample("runs_total", total, nil)} }
	c := newClock(t, local(t, "2026-11-16 12:00"), work) // a Monday
	expect := func(name, until string, lacks int) {
		t.Helper()
		got := c.until(local(t, until), count)
		if lacks == 0 && len(got) > 0 && got[0].Missing || lacks > 0 && (len(got) != 1 || !got[0].Missing || got[0].Lacks != lacks) {
			t.Errorf("%s: %+v, want %d missing", name, got, lacks)
		}
	}
	expect("what came before the watch began is not known", "2026-11-17 11:00", 0)
	total++
	expect("it ran in time", "2026-11-18 11:00", 0)
	expect("it did not run", "2026-11-19 11:00", 1)
	total++
	expect("it ran late", "2026-11-19 15:00", 0)
	expect("the late run is not that of the next day", "2026-11-20 11:00", 1)
	total = 1
	expect("the counter was reset and it ran", "2026-11-20 12:00", 0)
	c.restarts()
	total++
	expect("over a weekend and a restart", "2026-11-23 11:00", 0)
	c.sleeps(20 * time.Hour)
	expect("something may have run while nothing was measured", "2026-11-24 10:05", 0)
	expect("and from there on it is counted", "2026-11-25 10:05", 1)
}
