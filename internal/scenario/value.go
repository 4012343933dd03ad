package scenario

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/signal"
)

// A Value is what a metric is set to: a number, a duration in seconds, an
// instant, one of the forms that move with the clock, a state, or absent.
type Value struct {
	text  string
	kind  valueKind
	n     float64 // of a number, of seconds, of a rate a minute
	day   calendar.Date
	clock calendar.TimeOfDay
	state signal.State
}

type valueKind uint8

const (
	noValue valueKind = iota
	absent            // nothing is published
	number
	instant // a day and a time in the scenario's zone
	date    // a day, published as Odoo's dates are: its midnight in UTC
	now     // the tick, and n seconds more
	rising  // n seconds, and those since it was set
	counter // n a minute since the world began, without a break
	state   // what a signal is to say
)

// String is the value as it was written.
func (v Value) String() string { return v.text }

const valueRemedy = "write a number, a duration such as 20m, a day, now, rising from 0s, 12 a minute, or absent"

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Value) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	*v = Value{text: text}
	if text == "absent" || text == "unknown" {
		v.kind = absent
		return nil
	}
	for _, st := range []signal.State{signal.OK, signal.Warning, signal.Critical} {
		if text == st.String() {
			v.kind, v.state = state, st
			return nil
		}
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
		v.kind, v.n = number, n
		return nil
	}
	if n, ok := strings.CutSuffix(text, " a minute"); ok {
		if rate, err := strconv.ParseUint(n, 10, 32); err == nil {
			v.kind, v.n = counter, float64(rate)
			return nil
		}
		return fmt.Errorf("is not a rate: %q; write a whole number such as 12 a minute", text)
	}
	if d, err := calendar.ParseDate(text); err == nil {
		v.kind, v.day = date, d
		return nil
	}
	if d, clock, ok := civil(text); ok {
		v.kind, v.day, v.clock = instant, d, clock
		return nil
	}
	return v.moving(text)
}

// moving reads now, now + 1h, now - 5m, rising and rising from 5m, and what is
// left: a duration.
func (v *Value) moving(text string) error {
	word, rest, _ := strings.Cut(text, " ")
	sign := 1.0
	switch {
	case text == "now" || text == "rising":
		v.kind = map[string]valueKind{"now": now, "rising": rising}[text]
		return nil
	case word == "now" && strings.HasPrefix(rest, "+ "):
		v.kind, text = now, rest[2:]
	case word == "now" && strings.HasPrefix(rest, "- "):
		v.kind, text, sign = now, rest[2:], -1
	case word == "rising" && strings.HasPrefix(rest, "from "):
		v.kind, text = rising, rest[5:]
	default:
		v.kind = number
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		v.kind = noValue
		return fmt.Errorf("is not a value: %q; %s", v.text, valueRemedy)
	}
	v.n = sign * time.Duration(d).Seconds()
	return nil
}

// at is the value at an instant; false when nothing is published. since is when
// it was set.
func (v Value) at(at, since time.Time, zone *time.Location) (float64, bool) {
	switch v.kind {
	case number:
		return v.n, true
	case instant:
		return float64(v.clock.On(v.day, zone).Unix()), true
	case date:
		return float64(v.day.In(time.UTC).Unix()), true
	case now:
		return float64(at.Unix()) + v.n, true
	case rising:
		return v.n + at.Sub(since).Seconds(), true
	case noValue, absent, counter, state: // a counter counts, see tally; a state is its signal's
	}
	return 0, false
}
