package app

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	promrules "github.com/prometheus/prometheus/rules"

	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/slo"
)

// A signalsRig has the engine's signals and a ruler with the rules made of them side
// by side on the same samples.
type signalsRig struct {
	*ruler
	defs     map[string]signal.Definition
	engine   *signal.Evaluator
	inClose  bool // from the beginning to the end
	keep     time.Duration
	blind    time.Duration
	must     []string // components without a reading of which an alert is due
	alerts   []*promrules.AlertingRule
	standing map[string]bool      // what fires, held or not, by alert
	ended    map[string]time.Time // when what is held ended
	since    map[string]time.Time // since when a component has no reading of a signal
	compared int
	bad      int // of them, by the engine
	held     int // by the rules alone: see longer
}

// watchedComponents are the components in these tests; of the last no signal has to be there.
var watchedComponents = []string{"a", "b", "c"}

func newSignalsRig(tb testing.TB, defs []signal.Definition, inClose bool, keep time.Duration) *signalsRig {
	tb.Helper()
	r := &signalsRig{
		ruler: newRuler(tb), defs: map[string]signal.Definition{}, inClose: inClose, keep: keep, blind: 3 * tick, must: watchedComponents[:2],
		standing: map[string]bool{}, ended: map[string]time.Time{}, since: map[string]time.Time{},
	}
	var err error
	if r.engine, err = signal.NewEvaluator(defs); err != nil {
		tb.Fatal(err)
	}
	r.engine.Close(func(signal.Reading) bool { return inClose })
	var subjects []signal.Subject
	for _, name := range watchedComponents {
		subjects = append(subjects, signal.Subject{Kind: "postgres", Environment: "production", Component: name})
	}
	r.engine.Expect(subjects)
	options := rules.Options{
		Settings: slo.Settings{Tick: tick, Scale: 1}, Hold: keep, Blind: r.blind, Environments: []string{"production"},
		Entities: []rules.Entity{{Environment: "production", Tenant: "prod", Name: "acme", Calendars: []string{"gb"}}},
	}
	for _, d := range defs {
		r.defs[d.Name] = d
		options.Signals = append(options.Signals, rules.Signal{Definition: d, Group: "postgres", Must: subjects[:len(r.must)]})
	}
	file, err := rules.Generate(options, nil)
	if err != nil {
		tb.Fatal(err)
	}
	r.load(file)
	for _, g := range r.groups {
		for _, a := range g.AlertingRules() {
			a.SetRestored(true) // until it has looked for what fired before a restart, it writes no ALERTS
			r.alerts = append(r.alerts, a)
		}
	}
	return r
}

// A limit is where a state begins and where it is left again.
type limit struct {
	window         string // in which the rules have it
	threshold, out float64
	below          bool
}

// beyond reports whether a value is not back where the state is left.
func (l limit) beyond(v float64) bool {
	if l.below {
		return v < l.out
	}
	return v > l.out
}

// limitsOf are the limits in force at a component.
func (r *signalsRig) limitsOf(d signal.Definition, component string) map[string]limit {
	usual, inClose := signal.Limits{Warning: d.Warning, Critical: d.Critical, Exit: d.Exit, For: d.For}, d.Close
	if x, special := d.At[component]; special {
		usual, inClose = x.Limits, x.Close
	}
	is := usual
	if r.inClose && inClose != nil {
		is = *inClose
	}
	out := map[string]limit{}
	for name, pair := range map[string][2]float64{rules.SignalWarning: {is.Warning, usual.Warning}, rules.SignalCritical: {is.Critical, usual.Critical}} {
		if math.IsNaN(pair[0]) {
			continue
		}
		l := limit{"always", pair[0], pair[0], d.Direction == signal.Below}
		if pair[0] != pair[1] || is.For != usual.For || is.Exit != usual.Exit {
			l.window = "close"
		}
		if is.Exit > 0 {
			margin := math.Abs(l.threshold) * (1 - is.Exit)
			if l.below {
				l.out = l.threshold + margin
			} else {
				l.out = l.threshold - margin
			}
		}
		out[name] = l
	}
	return out
}

// tick has both see the same samples at the same instant, and compares.
func (r *signalsRig) tick(at time.Time, samples []signal.Sample) (differences []string) {
	phase := "open"
	if r.inClose {
		phase = "close"
	}
	r.scrape(at, append(samples, sample("closewatch_calendar_phase", 1, labels{"component": "closewatch", "entity": "acme", "phase": phase})))
	r.evaluate(at)
	firing := r.firing()
	say := func(what string, want, got bool) {
		differences = append(differences, fmt.Sprintf("%s %s: the engine says %v, the rules %v", at.Format("15:04:05"), what, want, got))
	}
	missing := map[string]bool{}
	for _, d := range r.defs {
		for _, c := range r.must {
			missing[d.Name+" "+c] = !d.At[c].Off
		}
	}
	seen := map[string]bool{}
	for _, x := range r.engine.Evaluate(at, collected(at, samples)) {
		if !math.IsNaN(x.Value) {
			missing[x.Signal+" "+x.Component] = false
		}
		worst := map[string]signal.State{rules.SignalWarning: signal.Warning, rules.SignalCritical: signal.Critical}
		for name, l := range r.limitsOf(r.defs[x.Signal], x.Component) {
			key := strings.Join([]string{name, l.window, x.Signal, x.Component, x.Tenant, x.Labels["part"]}, " ")
			bad := x.State >= worst[name]
			want := bad || r.longer(key, l, x.Value)
			r.compared++
			r.bad += map[bool]int{true: 1}[bad]
			r.held += map[bool]int{true: 1}[want && !bad]
			if got := firing[key]; got != want {
				say(fmt.Sprintf("%s, %g of %g (left at %g)", key, x.Value, l.threshold, l.out), want, got)
			}
			r.stand(key, at, want)
			seen[key] = true
		}
	}
	for what, is := range missing {
		if !is {
			delete(r.since, what)
		} else if r.since[what].IsZero() {
			r.since[what] = at
		}
		key := rules.SignalUnmeasured + " " + what
		want := is && (at.Sub(r.since[what]) >= r.blind || r.standing[key])
		r.compared++
		if got := firing[key]; got != want {
			say(key, want, got)
		}
		r.stand(key, at, want)
		seen[key] = true
	}
	for key := range firing { // of what the engine has no reading of, too
		usual := r.inClose && strings.Contains(key, " always ") // beside the limits of the close, which are stricter
		if !seen[key] && !usual {
			say(key, false, true)
		}
	}
	for key := range r.standing {
		if !seen[key] {
			r.stand(key, at, false)
		}
	}
	return differences
}

// longer is the one thing in which rules are to differ: what fired a moment ago goes
// on as soon as the value is beyond where the state is left.
func (r *signalsRig) longer(key string, l limit, v float64) bool {
	return r.standing[key] && l.beyond(v)
}

// stand notes whether an alert goes on at a tick, and keeps it for as long as it is
// held after that.
func (r *signalsRig) stand(key string, at time.Time, active bool) {
	switch ended, held := r.ended[key]; {
	case active:
		r.standing[key] = true
		delete(r.ended, key)
	case r.standing[key] && !held:
		r.ended[key] = at
		r.standing[key] = r.keep > 0
	case r.standing[key] && at.Sub(ended) >= r.keep:
		delete(r.standing, key)
		delete(r.ended, key)
	}
}

// firing are the alerts whose expression holds and has for as long as it must.
func (r *signalsRig) firing() map[string]bool {
	out := map[string]bool{}
	for _, a := range r.alerts {
		for _, x := range a.ActiveAlerts() {
			if x.State != promrules.StateFiring || !x.KeepFiringSince.IsZero() {
				continue
			}
			of := x.Labels.Get
			key := []string{a.Name(), of("window"), of("signal"), of("component"), of("tenant"), of("part")}
			if a.Name() == rules.SignalUnmeasured {
				key = []string{a.Name(), of("signal"), of("component")}
			}
			out[strings.Join(key, " ")] = true
		}
	}
	return out
}

// someSignals draws definitions of every sort: each aggregate, both directions, with
// and without hysteresis, holds, limits of the close and exceptions.
func someSignals(random *rand.Rand, n int) []signal.Definition {
	draw := func(v ...float64) float64 { return v[random.IntN(len(v))] }
	limits := func(below bool, from float64) signal.Limits {
		x := signal.Limits{Warning: from, Critical: from + 20, Exit: draw(0, 0.5, 0.8, 1), For: time.Duration(random.IntN(4)) * tick}
		if below {
			x.Critical = from - 20
		}
		switch random.IntN(4) {
		case 0:
			x.Warning = signal.Never()
		case 1:
			x.Critical = signal.Never()
		}
		return x
	}
	stricter := func(x signal.Limits, below bool) *signal.Limits {
		by := draw(0, 7)
		if below {
			by = -by
		}
		x.Warning, x.Critical = x.Warning-by, x.Critical-draw(0, by)
		x.For = min(x.For, time.Duration(random.IntN(4))*tick)
		return &x
	}
	var out []signal.Definition
	for i := range n {
		d := signal.Definition{
			Name: fmt.Sprintf("s%d", i), Kind: "postgres", Title: "All is well", Metric: fmt.Sprintf("metric_%d", i), Match: map[string]string{"state": "due"},
			Aggregate: signal.Aggregate(i % 4), Says: "{value} at {component}", Optional: random.IntN(3) == 0,
		}
		below := d.Aggregate != signal.Count && random.IntN(2) == 0
		if below {
			d.Direction = signal.Below
		}
		if random.IntN(2) == 0 {
			d.By = []string{"part"}
		}
		x := limits(below, draw(-30, 0, 30))
		if d.Aggregate == signal.Count {
			x = signal.Limits{Warning: 0, Critical: draw(1, math.NaN()), For: x.For}
		}
		d.Warning, d.Critical, d.Exit, d.For = x.Warning, x.Critical, x.Exit, x.For
		if d.Aggregate != signal.Count && random.IntN(2) == 0 {
			d.Close = stricter(x, below)
		}
		if d.Aggregate != signal.Count && random.IntN(2) == 0 {
			at := signal.Exception{Limits: limits(below, draw(-10, 10))}
			if random.IntN(2) == 0 {
				at.Close = stricter(at.Limits, below)
			}
			d.At = map[string]signal.Exception{"b": at}
			if random.IntN(3) == 0 {
				d.At["a"] = signal.Exception{Off: true}
			}
		}
		out = append(out, d)
	}
	return out
}

// A wanderer draws what is measured of one reading: values at, about and far from
// its limits, for a while each; now and then nothing.
type wanderer struct {
	of     signal.Definition
	labels labels
	near   []float64
	value  float64
	gone   bool
	left   int // ticks until it changes
}

func (w *wanderer) samples(random *rand.Rand) []signal.Sample {
	if w.left == 0 {
		w.left, w.gone = 1+random.IntN(6), random.IntN(12) == 0
		w.value = w.near[random.IntN(len(w.near))]
	}
	w.left--
	if w.gone {
		return nil
	}
	return w.seen()
}

// seen is what is measured now.
func (w *wanderer) seen() []signal.Sample {
	var out []signal.Sample
	add := func(shard string, v float64) {
		more := maps.Clone(w.labels)
		more["shard"] = shard
		out = append(out, sample(w.of.Metric, v, more))
	}
	switch w.of.Aggregate {
	case signal.Max:
		add("0", w.value)
		add("1", -1000)
	case signal.Min:
		add("0", w.value)
		add("1", 1000)
	case signal.Sum:
		add("0", w.value+3)
		add("1", -3)
	case signal.Count:
		for i := range int(w.value) {
			add(strconv.Itoa(i), 7)
		}
	}
	return out
}

// wanderers are the readings of every signal at every component, those of one place
// together.
func (r *signalsRig) wanderers() [][]*wanderer {
	var out [][]*wanderer
	for _, name := range slices.Sorted(maps.Keys(r.defs)) {
		d := r.defs[name]
		for i, c := range watchedComponents {
			tenant := "prod"
			if i == 0 {
				tenant = "" // of a server that all share
			}
			near := []float64{-200, 200}
			for _, l := range r.limitsOf(d, c) {
				for _, v := range []float64{l.threshold, l.out} {
					near = append(near, v-1, v, v+1)
				}
				near = append(near, (l.threshold+l.out)/2)
			}
			switch d.Aggregate {
			case signal.Count:
				near = []float64{0, 1, 2, 3}
			case signal.Sum: // the two add in different orders, which shows in the last bit of broken numbers
				for i := range near {
					near[i] = math.Round(near[i]*2) / 2
				}
			case signal.Max, signal.Min:
			}
			slices.Sort(near)
			var here []*wanderer
			for _, part := range []string{"x", "y"} {
				here = append(here, &wanderer{of: d, near: near, labels: labels{"component": c, "tenant": tenant, "part": part, "state": "due"}})
				if len(d.By) == 0 {
					break
				}
			}
			out = append(out, here)
		}
	}
	return out
}

// Whatever is measured, the alerts on signals fire and end on the evaluation on which
// the engine's states begin and end, but for what the documentation names: what fired
// within the time that alerts are held goes on as long as it has not come back far
// enough.
func TestRulesOfSignalsAgreeWithTheEngine(t *testing.T) {
	histories, signals, ticks := 4, 4, 40
	if os.Getenv("CLOSEWATCH_RULES") == "full" {
		histories, signals, ticks = 20, 8, 200
	}
	compared, bad, held := 0, 0, 0
	for seed := range histories {
		random := rand.New(rand.NewPCG(uint64(seed), 8))
		keep := time.Duration(seed%3) * 2 * tick
		r := newSignalsRig(t, someSignals(random, signals), seed%2 == 1, keep)
		all := r.wanderers()
		silent, gone := map[string]int{}, map[int]int{} // ticks for which nothing is seen of a component, and has been of a signal there
		for i := range ticks {
			var samples []signal.Sample
			for _, c := range watchedComponents {
				if silent[c]--; silent[c] < -2 && keep > 0 && random.IntN(15) == 0 {
					silent[c] = 1 + random.IntN(int(keep/tick))
				}
			}
			for place, of := range all {
				var got []signal.Sample
				for _, w := range of {
					if is := w.samples(random); silent[w.labels["component"]] <= 0 {
						got = append(got, is...)
					}
				}
				if gone[place]++; len(got) == 0 && gone[place] > int(keep/tick) { // for longer, rules forget what they held
					for _, w := range of {
						w.value = max(w.value, 1)
						got = append(got, w.seen()...)
					}
				}
				if len(got) > 0 {
					gone[place] = 0
				}
				samples = append(samples, got...)
			}
			for _, d := range r.tick(noon.Add(time.Duration(i)*tick), samples) {
				t.Errorf("history %d: %s", seed, d)
			}
			if t.Failed() {
				return
			}
		}
		compared, bad, held = compared+r.compared, bad+r.bad, held+r.held
	}
	if bad < compared/20 || bad > compared*3/4 || held == 0 || held > compared/10 {
		t.Errorf("of %d comparisons %d were of something bad, and %d of what is held: the histories show nothing", compared, bad, held)
	}
	t.Logf("|= histories=%d evaluations=%d bad=%d held=%d differences=0", histories, compared, bad, held)
}

// Named difference: the limits of the close are alerts of their own. They begin to
// hold when the close does, whatever was bad before, and what they said is over when
// they are.
func TestRulesOfSignalsBeginTheCloseAnew(t *testing.T) {
	d := signal.Definition{
		Name: "s", Kind: "postgres", Title: "All is well", Metric: "metric", Says: "{value}",
		Warning: 20, Critical: signal.Never(), Exit: 0.5, For: 20 * tick,
		Close: &signal.Limits{Warning: 15, Critical: signal.Never(), Exit: 0.5, For: 4 * tick},
	}
	r := newSignalsRig(t, []signal.Definition{d}, false, 0)
	linger := int(30 * time.Minute / tick)
	const begins, closes = 5, 20
	engine, alert := []int{}, []int{} // ticks at which the one and the other is bad
	for i := range closes + linger + 5 {
		at := noon.Add(time.Duration(i) * tick)
		inClose := i >= begins && i < closes
		value := 25.0 // beyond both
		if i >= closes {
			value = 14 // beyond where the usual one is left
		}
		samples := []signal.Sample{sample("metric", value, labels{"component": "a"})}
		r.scrape(at, append(samples, sample("closewatch_calendar_phase", map[bool]float64{true: 1}[inClose], labels{"component": "closewatch", "entity": "acme", "phase": "close"})))
		r.evaluate(at)
		r.engine.Close(func(signal.Reading) bool { return inClose })
		for _, x := range r.engine.Evaluate(at, collected(at, samples)) {
			if x.State == signal.Warning {
				engine = append(engine, i)
			}
		}
		if fires := r.firing(); fires["FinanceSignalWarning close s a prod "] || fires["FinanceSignalWarning always s a prod "] {
			alert = append(alert, i)
		}
	}
	last := closes + linger + 4
	if engine[0] != begins || engine[len(engine)-1] != last {
		t.Errorf("the engine's state is from %d to %d, want %d to %d: what was bad before counts, and what is not back far enough goes on", engine[0], engine[len(engine)-1], begins, last)
	}
	if over := closes + linger - 1; alert[0] != begins+4 || alert[len(alert)-1] != over-1 {
		t.Errorf("the alerts are from %d to %d, want %d to %d", alert[0], alert[len(alert)-1], begins+4, over-1)
	}
}
