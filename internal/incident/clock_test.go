package incident_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

// timed is a business-critical impact with the clock that tiering runs for it,
// stopped when it is better.
func timed(at, began time.Time, rto time.Duration, better time.Time) tiering.Impact {
	im := impact("invoice-posting", crit, "db")
	until := at
	if !better.IsZero() {
		until = better
	}
	im.Since, im.Hold.Below, im.Recovering = began, better, !better.IsZero()
	im.Clock = tiering.Clock{Began: began, Stopped: better, Objective: rto, Elapsed: until.Sub(began)}
	return im
}

func TestTheClockOfAMember(t *testing.T) {
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	never := time.Time{}
	bad := func(minute int, rto time.Duration) tiering.Impact { return timed(at(minute), at(0), rto, never) }
	better := func(minute, since int) tiering.Impact { return timed(at(minute), at(0), time.Hour, at(since)) }
	over := impact("invoice-posting", none, "")
	type tick struct {
		minute int
		impact tiering.Impact
		holds  bool // a check is not passed
	}
	for name, tt := range map[string]struct {
		ticks   []tick
		elapsed time.Duration
		mark    int
		verdict incident.Verdict
	}{
		"runs":                                   {[]tick{{1, bad(1, time.Hour), false}, {29, bad(29, time.Hour), false}}, 29 * time.Minute, 0, incident.Running},
		"reaches half":                           {[]tick{{1, bad(1, time.Hour), false}, {30, bad(30, time.Hour), false}}, 30 * time.Minute, 50, incident.Running},
		"reaches four fifths":                    {[]tick{{1, bad(1, time.Hour), false}, {48, bad(48, time.Hour), false}}, 48 * time.Minute, 80, incident.Running},
		"reaches all of it":                      {[]tick{{1, bad(1, time.Hour), false}, {60, bad(60, time.Hour), false}}, time.Hour, 100, incident.Running},
		"is beyond it, and goes on":              {[]tick{{1, bad(1, time.Hour), false}, {61, bad(61, time.Hour), false}}, 61 * time.Minute, 100, incident.Missed},
		"the objective is that of when it began": {[]tick{{1, bad(1, 4*time.Hour), false}, {61, bad(61, time.Hour), false}}, 61 * time.Minute, 0, incident.Running},
		"stops with the first good tick":         {[]tick{{1, bad(1, time.Hour), false}, {20, better(20, 19), false}, {29, better(29, 19), false}, {30, over, false}, {35, over, false}}, 19 * time.Minute, 0, incident.Met},
		"stops when its checks pass":             {[]tick{{1, bad(1, time.Hour), true}, {29, better(29, 19), true}, {30, over, true}, {50, over, true}, {62, over, false}, {67, over, false}}, 62 * time.Minute, 100, incident.Missed},
		"goes on when it comes back":             {[]tick{{1, bad(1, time.Hour), false}, {29, better(29, 19), false}, {30, over, false}, {33, timed(at(33), at(32), time.Hour, never), false}}, 33 * time.Minute, 50, incident.Running},
		"has no objective":                       {[]tick{{1, bad(1, 0), false}, {600, bad(600, 0), false}}, 600 * time.Minute, 0, incident.NotMeasured},
		"never was business-critical":            {[]tick{{1, impact("invoice-posting", degr, "db"), false}, {600, impact("invoice-posting", degr, "db"), false}}, 0, 0, incident.NotMeasured},
	} {
		t.Run(name, func(t *testing.T) {
			holds := false
			m := incident.NewManager(incident.Settings{Settle: settling, Checks: func(*incident.Incident) []incident.Check {
				return []incident.Check{{Name: "writable", State: map[bool]incident.CheckState{true: incident.Waiting, false: incident.Passed}[holds]}}
			}})
			for _, k := range tt.ticks {
				holds = k.holds
				m.Step(at(k.minute), []tiering.Impact{k.impact})
			}
			inc := m.All()[0]
			c := inc.LeadMember().RTO
			if c.Elapsed != tt.elapsed || c.Mark != tt.mark || c.Verdict() != tt.verdict || inc.RTO() != tt.verdict {
				t.Errorf("%s of %s, %d %%, %s; want %s, %d %%, %s", c.Elapsed, c.Objective, c.Mark, c.Verdict(), tt.elapsed, tt.mark, tt.verdict)
			}
		})
	}
}

func TestWhatWasAtRiskAtWorst(t *testing.T) {
	n := func(v float64) *float64 { return &v }
	for name, tt := range map[string]struct {
		risks   []incident.Risk
		over    bool
		worst   time.Duration
		entries *float64
		verdict incident.Verdict
	}{
		"the worst is kept":       {[]incident.Risk{{Known: true, Exposure: time.Minute, Postings: n(3)}, {Known: true, Exposure: 4 * time.Minute, Postings: n(40)}, {Known: true, Exposure: time.Second}}, false, 4 * time.Minute, n(40), incident.Running},
		"and met when it is over": {[]incident.Risk{{Known: true, Exposure: time.Minute}}, true, time.Minute, nil, incident.Met},
		"as much as is allowed":   {[]incident.Risk{{Known: true, Exposure: 5 * time.Minute}}, true, 5 * time.Minute, nil, incident.Met},
		"more than is allowed":    {[]incident.Risk{{Known: true, Exposure: 5*time.Minute + 1}}, false, 5*time.Minute + 1, nil, incident.Missed},
		"nobody can tell":         {[]incident.Risk{{}, {}}, true, 0, nil, incident.NotMeasured},
		"nothing, which is known": {[]incident.Risk{{Known: true}}, true, 0, nil, incident.Met},
		"known in one tick only":  {[]incident.Risk{{}, {Known: true, Exposure: time.Second}, {}}, false, time.Second, nil, incident.Running},
	} {
		t.Run(name, func(t *testing.T) {
			var now incident.Risk
			m := incident.NewManager(incident.Settings{Risk: func(tiering.Key) incident.Risk {
				now.Objective = 5 * time.Minute
				return now
			}})
			at := start
			for _, now = range tt.risks {
				at = at.Add(time.Minute)
				m.Step(at, []tiering.Impact{impact("invoice-posting", crit, "db")})
			}
			if tt.over {
				m.Step(at.Add(time.Minute), []tiering.Impact{impact("invoice-posting", none, "")})
			}
			got := m.All()[0].LeadMember().RPO
			if diff := cmp.Diff(tt.entries, got.Postings); diff != "" || got.Worst != tt.worst || got.Verdict() != tt.verdict {
				t.Errorf("at worst %s, %s; want %s, %s; entries (-want +got):\n%s", got.Worst, got.Verdict(), tt.worst, tt.verdict, diff)
			}
		})
	}
}
