package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tickrecord"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A weather is an estate's luck: what is published, what flows say and what
// people tell, drawn anew at every tick.
type weather struct {
	*rand.Rand
	database bool // answers
	failures map[string]int
	since    map[string]time.Time
	posted   float64
	requests float64
	errors   float64
}

func newWeather(seed uint64) *weather {
	return &weather{Rand: rand.New(rand.NewPCG(seed, 1)), database: true, failures: map[string]int{}, since: map[string]time.Time{}}
}

// Flow implements flowEvidence.
func (w *weather) Flow(_, _, name string, at time.Time) (tiering.Flow, []flow.Run) {
	f := tiering.Flow{Name: name, Level: "L3", State: tiering.FlowPassing, LastRun: at.Add(-10 * time.Second)}
	if n := w.failures[name]; n > 0 {
		f.State, f.Failures, f.Kind, f.Step, f.Reason = tiering.FlowFailing, n, fault.Rejected, "post", "no"
		f.FirstFailure, f.Previous = w.since[name], at.Add(-40*time.Second)
	}
	return f, nil
}

// published is what collectors say at a tick.
func (w *weather) published(at time.Time) []signal.Sample {
	if w.IntN(20) == 0 {
		w.database = !w.database
	}
	for _, name := range []string{"invoice-posting", "reporting", "bank-reconciliation"} {
		switch {
		case !w.database && w.IntN(2) == 0 || w.IntN(25) == 0:
			if w.failures[name] == 0 {
				w.since[name] = at
			}
			w.failures[name]++
		case w.database && w.IntN(8) == 0:
			delete(w.failures, name)
		}
	}
	up := map[bool]float64{true: 1}[w.database]
	w.posted += float64(w.IntN(4)) * up
	w.requests += float64(w.IntN(9))
	w.errors += float64(w.IntN(2)) * (1 - up)
	db := func(name string, value float64) signal.Sample {
		return signal.Sample{Name: name, Labels: labels{"environment": "production", "component": "db"}, Value: value, At: at}
	}
	out := []signal.Sample{db("pg_up", up), db("postgres_recovery_point_exposure_seconds", float64(w.IntN(400))), sample("odoo_up", 1, nil), sample("odoo_journal_entries_posted_total", w.posted, labels{"entity": "acme"})}
	for outcome, n := range map[string]float64{"ok": w.requests, "server": w.errors} {
		out = append(out, sample("traefik_finance_operations_total", n, labels{"operation": "account.move/action_post", "client": "user", "outcome": outcome}))
	}
	for i := range out {
		out[i].At = at
	}
	w.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] }) // the order tells nothing
	return out
}

// told is what people and pipelines say at a tick.
func (w *weather) told(at time.Time, open []string) (t Told) {
	if len(open) > 0 && w.IntN(8) == 0 {
		t.Acknowledgements = []Acknowledgement{{At: at.Add(-3 * time.Second), Incident: open[w.IntN(len(open))], By: "role:on-call"}}
	}
	if w.IntN(10) == 0 {
		c := deploy(at.Add(-time.Minute), fmt.Sprintf("revision %d", w.IntN(1000)))
		c.ID = c.id()
		t.Changes = []Change{c}
	}
	return t
}

// A lifetime is a daemon that lives through restarts, kills and a clock that
// steps back; what it decided is kept as JSON by tick.
type lifetime struct {
	plan    *Plan
	dir     string
	house   *house
	d       *decider
	at      time.Time
	kept    []byte // memory, as a file
	decided map[time.Time]string
}

func newLifetime(t *testing.T, plan *Plan, at time.Time) *lifetime {
	t.Helper()
	l := &lifetime{plan: plan, dir: durabletest.Dir(t), at: at, decided: map[time.Time]string{}}
	l.start(t)
	return l
}

func (l *lifetime) start(t *testing.T) {
	t.Helper()
	d, err := newDecider(l.plan, newCalendars(l.plan.Estate, entities(l.plan.Estate, l.plan.tenants)))
	if err != nil {
		t.Fatal(err)
	}
	var m memory
	if l.kept != nil {
		if err := json.Unmarshal(l.kept, &m); err != nil {
			t.Fatal(err)
		}
		d.restore(m)
	}
	l.d, l.house = d, openHouse(t, l.dir, l.at)
	l.house.startFrom(m)
}

// tick decides and records a tick, as App.step does.
func (l *lifetime) tick(t *testing.T, w *weather) {
	t.Helper()
	l.at = l.at.Add(tick)
	var open []string
	for _, inc := range l.d.incidents.Open() {
		open = append(open, inc.ID)
	}
	k := l.d.decide(l.at, given{published: indexSamples(w.published(l.at)), flows: w, told: w.told(l.at, open), warm: true})
	var err error
	if l.kept, err = json.Marshal(l.d.memory(l.at)); err != nil {
		t.Fatal(err)
	}
	*l.house.clock = l.at
	recorded := l.house.record(k, l.d.judge)
	if recorded {
		l.decided[l.at] = decidedText(t, k, l.d.judge)
	}
	if !recorded || l.house.dueWhole(l.at) {
		l.house.startFrom(l.d.memory(l.at))
	}
}

func decidedText(t *testing.T, k *Tick, j *judge) string {
	t.Helper()
	b, err := json.Marshal([]any{k.Impacts, j.incidents.Open()})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// kill leaves the directory as it is, with the newest record torn in two or not.
func (l *lifetime) kill(t *testing.T, torn bool) {
	t.Helper()
	dir := durabletest.Dir(t)
	if err := os.CopyFS(dir, os.DirFS(l.dir)); err != nil {
		t.Fatal(err)
	}
	_ = l.house.close() // its directory is not looked at again
	l.house.rooms = nil
	l.dir = dir
	if torn {
		segments, err := filepath.Glob(filepath.Join(dir, "ticks", "*.seg"))
		if err != nil || len(segments) == 0 {
			t.Fatal(err)
		}
		last := segments[len(segments)-1]
		info, err := os.Stat(last)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(last, info.Size()-5); err != nil {
			t.Fatal(err)
		}
		delete(l.decided, slices.MaxFunc(slices.Collect(maps.Keys(l.decided)), time.Time.Compare))
	}
	l.start(t)
}

const acmeInVienna = "timezone: Europe/Vienna\nentities: [{name: acme, tenant: prod}]\ncomponents:\n" + database + proxy

// Whatever happens to the daemon, what it decided is decided again from its
// record, byte for byte.
func TestLiveAndReplayedDecisionsAreTheSame(t *testing.T) {
	plan := planOf(t, acmeInVienna+odoo("erp", "prod", ""))
	begins := map[string]time.Time{
		"the night in which the clocks go back":    time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC),
		"the night in which the clocks go forward": time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC),
		"the last day of a month":                  time.Date(2026, 11, 30, 22, 30, 0, 0, time.UTC),
	}
	seed := uint64(0)
	for _, name := range slices.Sorted(maps.Keys(begins)) {
		seed++
		w := newWeather(seed)
		t.Run(name, func(t *testing.T) {
			l := newLifetime(t, plan, begins[name])
			for n := range 150 { // of which more than an hour without a restart, for a whole payload amid a run
				switch n {
				case 8:
					if err := l.house.close(); err != nil {
						t.Fatal(err)
					}
					l.house.rooms = nil
					l.at = l.at.Add(5 * tick)
					l.start(t)
				case 16:
					l.kill(t, false)
				case 138:
					l.kill(t, true)
				case 144:
					l.at = l.at.Add(-3 * tick) // the clock is set back
				}
				l.tick(t, w)
			}
			l.checkReplay(t)
		})
	}
}

func (l *lifetime) checkReplay(t *testing.T) {
	t.Helper()
	var r replayer
	again, raised, wholes := 0, 0, 0
	for rec, err := range readTicks(filepath.Join(l.dir, "ticks"), time.Time{}, endOfTime, withEvidence) {
		if err != nil {
			t.Fatal(err)
		}
		k, how, err := r.step(rec)
		if err != nil || how != same {
			t.Fatalf("tick %s: %v, %v", rec.At, how, err)
		}
		if got := decidedText(t, k, r.judge); got != l.decided[rec.At] {
			t.Fatalf("tick %s:\nlive     %s\nreplayed %s", rec.At, l.decided[rec.At], got)
		}
		again++
		if rec.start != nil {
			wholes++
		}
		for _, im := range k.Impacts {
			if im.Tier == tiering.BusinessCritical {
				raised++
			}
		}
	}
	if wholes < 5 { // of four starts, and amid a run
		t.Errorf("%d payloads are whole", wholes)
	}
	if again != len(l.decided) || raised == 0 {
		t.Errorf("%d of %d ticks were decided again, %d verdicts are business-critical: the day was too quiet to prove anything", again, len(l.decided), raised)
	}
}

// The order in which things are published at a tick tells nothing.
func TestTheOrderWithinATickTellsNothing(t *testing.T) {
	plan := planOf(t, acmeInVienna+odoo("erp", "prod", ""))
	play := func(shuffle uint64) string {
		d, err := newDecider(plan, newCalendars(plan.Estate, entities(plan.Estate, plan.tenants)))
		if err != nil {
			t.Fatal(err)
		}
		w, order := newWeather(3), rand.New(rand.NewPCG(shuffle, 2))
		var all strings.Builder
		for n := range 60 {
			at := noon.Add(time.Duration(n) * tick)
			published := w.published(at)
			order.Shuffle(len(published), func(i, j int) { published[i], published[j] = published[j], published[i] })
			k := d.decide(at, given{published: indexSamples(published), flows: w, warm: true})
			all.WriteString(decidedText(t, k, d.judge))
		}
		return all.String()
	}
	want := play(1)
	for shuffle := range uint64(4) {
		if play(2+shuffle) != want {
			t.Error("another order of the same samples comes to other decisions")
		}
	}
}

// recordedIn keeps ticks of a rehearsal in a data directory.
func recordedIn(t *testing.T, stored []tickrecord.Record) string {
	t.Helper()
	dir := durabletest.Dir(t)
	log, _, err := tickrecord.Open(tickrecord.Options{Dir: filepath.Join(dir, "ticks"), Grid: tick})
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range stored {
		if err := log.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReplaySumsUp(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.outage(t)
	r.at = r.at.Add(10 * tick) // stopped for a while
	var err error
	if r.start, err = r.memory(r.at).pack(); err != nil {
		t.Fatal(err)
	}
	r.tick(t, Told{}, signal.OK, 0)
	dir := recordedIn(t, r.stored)
	got, err := ReplayTicks(t.Context(), ReplayRequest{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	o := got.Decided
	if !got.Identical() || got.Ticks != len(r.stored) || len(got.Gaps) != 1 || got.Gaps[0].To.Sub(got.Gaps[0].From) != 10*tick {
		t.Errorf("identical %v, %d ticks, gaps %v", got.Identical(), got.Ticks, got.Gaps)
	}
	if o.Incidents != 1 || o.Pages != 1 || o.PerShift.Most != 1 || o.PerShift.Over != 0 || o.Detection.Longest < tick {
		t.Errorf("%d incidents, %d pages, %+v, %+v", o.Incidents, o.Pages, o.PerShift, o.Detection)
	}
	var what []string
	for _, e := range o.Timeline {
		if len(what) == 0 || what[len(what)-1] != e.What {
			what = append(what, e.What)
		}
	}
	for _, want := range []string{"raised", "opened", "page", "acknowledged", "lowered", "recovered"} {
		if !slices.Contains(what, want) {
			t.Errorf("the timeline has no %q: %v", want, what)
		}
	}
	for _, a := range o.Alerts {
		if a.Severity == "page" && (len(a.Lacks) > 0 || a.Title == "" || a.Ended.IsZero()) {
			t.Errorf("the page %+v is not complete", a)
		}
	}
	if len(o.Tiers) != 1 || o.Tiers[0].BusinessCritical < 10*time.Minute {
		t.Errorf("impaired: %+v", o.Tiers)
	}
	if _, err := ReplayTicks(t.Context(), ReplayRequest{Data: dir, From: noon.Add(24 * time.Hour)}); !errors.Is(err, ErrNothingRecorded) {
		t.Errorf("a day without records: %v", err)
	}
}

func TestReplayTellsTheFirstDifference(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	for n := range 6 {
		if n == 4 { // decided by other rules than it says
			r.tiers = tiering.NewEngine(tiering.DefaultHolds().Scale(0), tiering.DefaultRules())
		}
		r.tick(t, Told{}, signal.Critical, n)
	}
	got, err := ReplayTicks(t.Context(), ReplayRequest{Data: recordedIn(t, r.stored)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Identical() || got.Same+got.Unlike != 6 || got.First == nil || got.First.Subject == nil || got.First.Subject.Process != "invoice-posting" {
		t.Fatalf("replay = %+v", got)
	}
	d := got.First
	if d.At != r.stored[got.Same].At || d.Recorded == nil || d.Decided == nil || alike(d.Recorded, d.Decided) || len(d.Decided.Trace) == 0 {
		t.Errorf("the first difference is told as %+v", d)
	}
}

// Under another configuration the same evidence comes to other alerts.
func TestReplayUnderAnotherConfiguration(t *testing.T) {
	r := newRehearsal(t, memory{}, noon)
	r.outage(t)
	dir := recordedIn(t, r.stored)
	estate := "entities: [{name: acme, tenant: prod}]\ncomponents:\n" + database + odoo("erp", "prod", "")
	tests := map[string]struct{ more, want string }{
		"a process that matters less":            {"processes: {invoice-posting: {tier: D, closeTier: D}}\n", "removed 1 page"},
		"a process that is not watched any more": {"processes: {invoice-posting: {enabled: false}}\n", "removed 1 page"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ReplayTicks(t.Context(), ReplayRequest{Data: dir, Plan: planOf(t, tt.more+estate)})
			if err != nil {
				t.Fatal(err)
			}
			if said := got.Compared.Sentence(); !strings.Contains(said, tt.want) {
				t.Errorf("said %q, want %q", said, tt.want)
			}
		})
	}
}

func TestPagesOfAnyTwelveHoursAreCounted(t *testing.T) {
	at := func(hours ...float64) (out []ReplayAlert) {
		for _, h := range hours {
			out = append(out, ReplayAlert{Severity: "page", Sent: noon.Add(time.Duration(h * float64(time.Hour)))})
		}
		return append(out, ReplayAlert{Severity: "ticket", Sent: noon})
	}
	tests := map[string]struct {
		alerts     []ReplayAlert
		most, over int
	}{
		"none":                                 {at(), 0, 0},
		"two at once":                          {at(0, 0), 2, 0},
		"three within twelve hours":            {at(1, 6, 12.9), 3, 1},
		"three, the last twelve hours later":   {at(1, 6, 13), 2, 0},
		"four in a night, and a quiet morning": {at(0, 1, 2, 3, 30), 4, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := shiftLoad(tt.alerts); got.Most != tt.most || got.Over != tt.over {
				t.Errorf("load = %+v, want %d and %d over", got, tt.most, tt.over)
			}
		})
	}
}
