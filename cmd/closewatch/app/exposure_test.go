package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// The exposure is that of the best copy, and nothing is one that does not tell.
func TestBestCopy(t *testing.T) {
	type told map[string]float64 // seconds by component; absent is not known
	one := []need{
		{"db", process.Postgres, process.Hard, ""},
		{"backups", process.Backup, process.Redundant, ""},
		{"offsite", process.Backup, process.Redundant, ""},
		{"reports", process.Postgres, process.Soft, ""},
	}
	two := append([]need{{"ledger", process.Postgres, process.Hard, ""}}, one...)
	standby := func(name string, d time.Duration) tiering.Copy { return tiering.Copy{Component: name, Exposure: d} }
	archive := func(name string, d time.Duration) tiering.Copy {
		return tiering.Copy{Component: name, Archive: true, Exposure: d}
	}
	tests := map[string]struct {
		needs []need
		told  told
		want  tiering.Recovery
	}{
		"nobody tells":               {one, told{}, tiering.Recovery{}},
		"only what is not a copy":    {one, told{"reports": 5}, tiering.Recovery{}},
		"only the standby":           {one, told{"db": 5}, tiering.Recovery{Known: true, Component: "db", Exposure: 5 * time.Second, Copies: []tiering.Copy{standby("db", 5*time.Second)}}},
		"only the archive":           {one, told{"backups": 60}, tiering.Recovery{Known: true, Component: "backups", Exposure: time.Minute, Copies: []tiering.Copy{archive("backups", time.Minute)}}},
		"the standby is ahead":       {one, told{"db": 5, "backups": 60}, tiering.Recovery{Known: true, Component: "db", Exposure: 5 * time.Second, Copies: []tiering.Copy{standby("db", 5*time.Second), archive("backups", time.Minute)}}},
		"the standby is paused":      {one, told{"db": 7200, "backups": 60}, tiering.Recovery{Known: true, Component: "db", Exposure: time.Minute, Copies: []tiering.Copy{standby("db", 2*time.Hour), archive("backups", time.Minute)}}},
		"the better of two archives": {one, told{"backups": 60, "offsite": 30}, tiering.Recovery{Known: true, Component: "backups", Exposure: 30 * time.Second, Copies: []tiering.Copy{archive("backups", time.Minute), archive("offsite", 30*time.Second)}}},
		"the worse of two databases, of which nobody knows whose the archive is": {
			two,
			told{"db": 5, "ledger": 90, "backups": 1},
			tiering.Recovery{Known: true, Component: "ledger", Exposure: 90 * time.Second, Copies: []tiering.Copy{standby("ledger", 90*time.Second), standby("db", 5*time.Second)}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			components := map[string]componentState{}
			for _, n := range tt.needs {
				reading := signal.Reading{Role: signal.Recovery, State: signal.Unknown}
				if v, known := tt.told[n.component]; known {
					reading.State, reading.Value = signal.OK, v
				}
				components[n.component] = componentState{Readings: []signal.Reading{{Role: signal.Health, State: signal.OK, Value: 0}, reading}}
			}
			subj := acme(process.Process{Name: "invoice-posting"})
			subj.needs = tt.needs
			if diff := cmp.Diff(tt.want, recoveryOf(exposures(subj, components))); diff != "" {
				t.Errorf("recovery (-want +got):\n%s", diff)
			}
		})
	}
}

// Entries are counted back to the moment of the exposure, at most, and only as
// far as the memory goes.
func TestPostingsAtRisk(t *testing.T) {
	subj := acme(process.Process{Name: "invoice-posting"})
	a := newAssembler()
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	look := func(minutes int, exposure time.Duration, known bool, samples ...signal.Sample) *float64 {
		return a.postingsAtRisk(at(minutes), indexSamples(samples), subj, tiering.Recovery{Known: known, Exposure: exposure})
	}
	count := func(minutes int, n float64) signal.Sample { return posted(at(minutes), "acme", n) }
	number := func(n float64) *float64 { return &n }
	for i, step := range []struct {
		name string
		got  *float64
		want *float64
	}{
		{"nothing is counted yet", look(0, 0, true), nil},
		{"the memory does not reach back", look(0, time.Minute, true, count(0, 100)), nil},
		{"nothing is exposed", look(1, 0, true, count(1, 110)), number(0)},
		{"a minute is", look(2, time.Minute, true, count(2, 125)), number(15)},
		{"a moment between two counts takes the earlier", look(3, 90*time.Second, true, count(3, 126)), number(16)},
		{"two minutes are, others' entries do not count", look(4, 2*time.Minute, true, count(4, 130), posted(at(4), "other", 9000)), number(5)},
		{"the exposure is not known", look(5, 0, false, count(5, 131)), nil},
		{"the count is stale", look(11, time.Minute, true, count(5, 131)), nil},
		{"a day is longer than was watched", look(12, 24*time.Hour, true, count(12, 140)), nil},
		{"the counter began anew", look(13, time.Minute, true, count(13, 3)), nil},
		{"and goes on", look(14, time.Minute, true, count(14, 7)), number(4)},
	} {
		if diff := cmp.Diff(step.want, step.got); diff != "" {
			t.Errorf("%d: %s (-want +got):\n%s", i, step.name, diff)
		}
	}
}

// However often it is told, a journal remembers a day, to the half minute.
func TestAJournalIsBounded(t *testing.T) {
	j := &journal{}
	end := noon
	for n := range 3 * int(journalSpan/(10*time.Second)) {
		end = noon.Add(time.Duration(n) * 10 * time.Second)
		j.note(end, float64(n))
	}
	if most := int(journalSpan/journalStep) + 3; len(j.points) > most {
		t.Errorf("it remembers %d points, want at most %d", len(j.points), most)
	}
	for back, want := range map[time.Duration]float64{time.Hour: 360, 23 * time.Hour: 23 * 360} {
		got, known := j.since(end.Add(-back))
		if !known || got < want || got > want+3 {
			t.Errorf("%v back: %v (%v), want %v to %v", back, got, known, want, want+3)
		}
	}
	if got, known := j.since(end.Add(-25 * time.Hour)); known {
		t.Errorf("25 h back: %v, want not known", got)
	}
}
