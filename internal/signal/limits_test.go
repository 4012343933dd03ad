package signal_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/internal/signal"
)

// inTheClose is lag with a limit of its own there.
func inTheClose() signal.Definition {
	d := lag()
	d.Close = &signal.Limits{Warning: 4, Critical: 20, Exit: 0.5, For: 0}
	return d
}

// A value per tick in, the state after each tick out. The close lasts from "(" to
// ")".
func TestStatesOverAClose(t *testing.T) {
	const afterwards = 30 * time.Minute // how long its limits linger
	tests := map[string]struct {
		ticks string // o is 3, m 6, w 15, c 70: ok anywhere, bad in the close, always a warning, always critical
		want  string
	}{
		"outside it is as ever":                                 {"omwc", "oowc"},
		"inside it is stricter":                                 {"(omwc", "owwc"},
		"what was fine becomes bad when it begins":              {"mm(mm", "ooww"},
		"what is bad in the close only ends half an hour later": {"(mm)mm+mm", "wwww" + "oo"},
		"a close that ends and goes on moves nothing":           {"(m)m(m)m(m", "wwwww"},
		"what is always bad stays bad":                          {"(w)w+w", "www"},
	}
	values := map[rune]float64{'o': 3, 'm': 6, 'w': 15, 'c': 70}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e, at, inside, got := evaluator(t, inTheClose()), epoch, false, ""
			e.Close(func(signal.Reading) bool { return inside })
			for _, c := range tt.ticks {
				switch c {
				case '(', ')':
					inside = c == '('
				case '+':
					at = at.Add(afterwards)
				default:
					at = at.Add(tick)
					got += string("?owc"[e.Evaluate(at, []signal.Sample{sample("postgres_replay_lag_seconds", values[c], at)})[0].State])
				}
			}
			if got != tt.want {
				t.Errorf("states over %q = %s, want %s", tt.ticks, got, tt.want)
			}
		})
	}
}

// What is bad only because of the close says so, with the threshold in force.
func TestTextOfTheClose(t *testing.T) {
	for value, want := range map[float64]string{
		6:  "db is 6 s behind (limit 4 s) (too much in the close)",
		15: "db is 15 s behind (limit 4 s)",
		70: "db is 70 s behind (limit 20 s)",
	} {
		e := evaluator(t, inTheClose())
		e.Close(func(signal.Reading) bool { return true })
		if got := e.Evaluate(epoch, []signal.Sample{sample("postgres_replay_lag_seconds", value, epoch)})[0].Text; got != want {
			t.Errorf("%v: %q, want %q", value, got, want)
		}
	}
}

// A component with limits of its own has those; one where the signal is off has
// no reading, though it is expected.
func TestExceptions(t *testing.T) {
	d := inTheClose()
	d.At = map[string]signal.Exception{
		"slow": {Limits: signal.Limits{Warning: 100, Critical: signal.Never()}},
		"off":  {Off: true},
	}
	e := evaluator(t, d)
	e.Close(func(signal.Reading) bool { return true })
	e.Expect([]signal.Subject{{"postgres", "production", "db"}, {"postgres", "production", "slow"}, {"postgres", "production", "off"}})
	var samples []signal.Sample
	for _, component := range []string{"db", "slow", "off"} {
		samples = append(samples, sample("postgres_replay_lag_seconds", 70, epoch, "component", component))
	}
	for _, given := range [][]signal.Sample{samples, nil} {
		said := ""
		for _, r := range e.Evaluate(epoch, given) {
			said += r.Component + " " + r.State.String() + " "
		}
		if want := map[bool]string{true: "db critical slow ok ", false: "db unknown slow unknown "}[given != nil]; said != want {
			t.Errorf("readings of %d samples: %s, want %s", len(given), said, want)
		}
	}
}

// Limits of the close that one component has are in force there, where all others have
// none.
func TestCloseOfOneComponent(t *testing.T) {
	d := lag()
	d.At = map[string]signal.Exception{"db": {
		Limits: signal.Limits{Warning: 10, Critical: 60}, Close: &signal.Limits{Warning: 4, Critical: 20},
	}}
	for inside, want := range map[bool]signal.State{false: signal.OK, true: signal.Warning} {
		e := evaluator(t, d)
		e.Close(func(signal.Reading) bool { return inside })
		if got := e.Evaluate(epoch, []signal.Sample{sample("postgres_replay_lag_seconds", 6, epoch)})[0].State; got != want {
			t.Errorf("in the close %v: %s, want %s", inside, got, want)
		}
	}
}

// Entering a close never makes a reading better, at whatever value and time.
func TestACloseIsNeverMilder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := mustNew(t, inTheClose()), mustNew(t, inTheClose())
		inside := false
		b.Close(func(signal.Reading) bool { return inside })
		at := epoch
		for range rapid.IntRange(1, 60).Draw(t, "ticks") {
			at = at.Add(tick)
			inside = rapid.Bool().Draw(t, "in the close")
			s := []signal.Sample{sample("postgres_replay_lag_seconds", rapid.Float64Range(0, 100).Draw(t, "value"), at)}
			always, close := a.Evaluate(at, s)[0].State, b.Evaluate(at, s)[0].State
			if close < always {
				t.Fatalf("%s with the close, %s without", close, always)
			}
		}
	})
}

func TestCheckOfTheClose(t *testing.T) {
	tests := map[string]struct {
		change func(*signal.Definition)
		want   string // "" is fine
	}{
		"stricter":                       {func(*signal.Definition) {}, ""},
		"a state that exists in it only": {func(d *signal.Definition) { d.Critical = signal.Never() }, ""},
		"wider":                          {func(d *signal.Definition) { d.Close.Warning = 11 }, "in the close, warning (11) is wider than outside (10)"},
		"a state is missing in it":       {func(d *signal.Definition) { d.Close.Critical = signal.Never() }, "in the close, critical (NaN) is wider than outside (60)"},
		"in the wrong order":             {func(d *signal.Definition) { d.Close.Critical = 3 }, "in the close, critical (3) is reached before warning (4)"},
		"at one component": {func(d *signal.Definition) {
			d.At = map[string]signal.Exception{"db": {Limits: signal.Limits{Warning: 9, Critical: 1}}}
		}, "db: critical (1) is reached before warning (9)"},
		"switched off there, so no matter": {func(d *signal.Definition) {
			d.At = map[string]signal.Exception{"db": {Off: true, Limits: signal.Limits{Warning: 9, Critical: 1}}}
		}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := inTheClose()
			tt.change(&d)
			switch err := d.Check(); {
			case tt.want == "" && err != nil:
				t.Errorf("Check() = %v, want nothing", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Check() = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestParseQuantity(t *testing.T) {
	tests := map[string]struct {
		value float64
		unit  string
	}{
		"10": {10, ""}, "0.5": {0.5, ""}, "-3": {-3, ""}, "0": {0, ""},
		"500ms": {0.5, "seconds"}, "5m": {300, "seconds"}, "1h30m": {5400, "seconds"}, "1 h 30 min": {math.Inf(1), "bad"}, "2w": {1209600, "seconds"},
		"0.1s": {0.1, "seconds"}, "80%": {0.8, "ratio"}, "99.95 %": {0.9995, "ratio"}, "0.1%": {0.001, "ratio"},
		"10GiB": {10 << 30, "bytes"}, "10GB": {10e9, "bytes"}, "1.5MiB": {1.5 * (1 << 20), "bytes"}, "7B": {7, "bytes"},
		"never": {math.NaN(), ""},
		"":      {math.Inf(1), "bad"}, "m": {math.Inf(1), "bad"}, "5 apples": {math.Inf(1), "bad"}, "1.2.3": {math.Inf(1), "bad"}, ".5": {math.Inf(1), "bad"},
		"5.": {math.Inf(1), "bad"}, "1e9": {math.Inf(1), "bad"}, "NaN": {math.Inf(1), "bad"}, "Inf": {math.Inf(1), "bad"}, "1h5GiB": {math.Inf(1), "bad"},
		"5GiB1h": {math.Inf(1), "bad"}, "80%80%": {math.Inf(1), "bad"}, "--1": {math.Inf(1), "bad"}, "5mm": {math.Inf(1), "bad"}, "10gib": {math.Inf(1), "bad"},
		strings.Repeat("9", 41): {math.Inf(1), "bad"},
	}
	for text, want := range tests {
		q, err := signal.ParseQuantity(text)
		switch {
		case want.unit == "bad":
			if err == nil {
				t.Errorf("ParseQuantity(%q) = %+v, want a mistake", text, q)
			} else if what, remedy, both := strings.Cut(err.Error(), "; "); !both || what == "" || remedy == "" {
				t.Errorf("ParseQuantity(%q): %q does not say what to write instead", text, err)
			}
		case err != nil || q.Unit != want.unit || q.Value != want.value && !(math.IsNaN(want.value) && q.Never()):
			t.Errorf("ParseQuantity(%q) = %+v, %v, want %v %s", text, q, err, want.value, want.unit)
		}
	}
}

// Whatever is written, a quantity is a number or never, and says why when it is
// neither.
func FuzzParseQuantity(f *testing.F) {
	for _, seed := range []string{"10", "500ms", "1h30m", "80%", "10GiB", "never", "-0.5", "1..2", "9e999", "5 m", "٣m"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := signal.ParseQuantity(text)
		if err != nil {
			if !strings.Contains(err.Error(), "; ") {
				t.Errorf("%q: %q has no remedy", text, err)
			}
			return
		}
		if math.IsInf(q.Value, 0) || q.Never() && strings.TrimSpace(text) != "never" {
			t.Errorf("%q = %+v", text, q)
		}
		if signal.Format(q.Value, q.Unit) == "" {
			t.Errorf("%q cannot be shown", text)
		}
	})
}
