package signal

import (
	"fmt"
	"math"
	"math/big"
	"strings"
)

// A Quantity is a threshold as people write it: "5m", "500ms", "80%", "10GiB", a
// plain number, or "never" for a state that does not exist.
type Quantity struct {
	Value float64 // NaN: never
	Unit  string  // "seconds", "bytes", "ratio", "" for a plain number
}

// A quantityUnit is a unit as it is written, and how many of the base unit it
// is, as a fraction.
type quantityUnit struct {
	suffix   string
	unit     string
	num, den int64
}

// quantityUnits lists the units, longer suffixes before shorter ones that they
// end with.
func quantityUnits() []quantityUnit {
	return []quantityUnit{
		{"ms", "seconds", 1, 1000},
		{"KiB", "bytes", 1 << 10, 1},
		{"MiB", "bytes", 1 << 20, 1},
		{"GiB", "bytes", 1 << 30, 1},
		{"TiB", "bytes", 1 << 40, 1},
		{"kB", "bytes", 1e3, 1},
		{"MB", "bytes", 1e6, 1},
		{"GB", "bytes", 1e9, 1},
		{"TB", "bytes", 1e12, 1},
		{"B", "bytes", 1, 1},
		{"%", "ratio", 1, 100},
		{"w", "seconds", 7 * 86400, 1},
		{"d", "seconds", 86400, 1},
		{"h", "seconds", 3600, 1},
		{"m", "seconds", 60, 1},
		{"s", "seconds", 1, 1},
	}
}

// longestQuantity bounds what is read of one.
const longestQuantity = 40

// ParseQuantity reads a quantity exactly: the nearest float64 to the decimal as
// written. Times may have several parts, such as 1h30m. Its errors read "what is
// wrong; what to write instead".
func ParseQuantity(s string) (Quantity, error) {
	const remedy = "write a number, with its unit such as 30s, 5m, 2h, 80% or 10GiB, or never"
	text := strings.TrimSpace(s)
	if text == "never" {
		return Quantity{Value: math.NaN()}, nil
	}
	if len(text) > longestQuantity {
		return Quantity{}, fmt.Errorf("is too long to be a threshold; %s", remedy)
	}
	rest, negative := strings.CutPrefix(text, "-")
	sum, unit, parts := new(big.Rat), "", 0
	for rest != "" {
		value, after, ok := cutDecimal(rest)
		if !ok {
			return Quantity{}, fmt.Errorf("is no threshold: %q; %s", text, remedy)
		}
		u, after, ok := cutUnit(after)
		if !ok || parts > 0 && (u.unit != "seconds" || unit != "seconds") {
			return Quantity{}, fmt.Errorf("has no unit that is known: %q; %s", text, remedy)
		}
		unit, rest, parts = u.unit, after, parts+1
		sum.Add(sum, value.Mul(value, big.NewRat(u.num, u.den)))
	}
	if parts == 0 {
		return Quantity{}, fmt.Errorf("is no threshold: %q; %s", text, remedy)
	}
	if negative {
		sum.Neg(sum)
	}
	v, _ := sum.Float64()
	return Quantity{v, unit}, nil
}

// cutDecimal cuts digits, with at most one point among them, off the front.
func cutDecimal(s string) (value *big.Rat, rest string, ok bool) {
	n := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if n < 0 {
		n = len(s)
	}
	digits := s[:n]
	if digits == "" || digits[0] == '.' || digits[n-1] == '.' || strings.Count(digits, ".") > 1 {
		return nil, s, false
	}
	value, ok = new(big.Rat).SetString(digits)
	return value, s[n:], ok
}

// cutUnit cuts a unit off the front; a plain number has none.
func cutUnit(s string) (u quantityUnit, rest string, ok bool) {
	s = strings.TrimPrefix(s, " ")
	if s == "" {
		return quantityUnit{num: 1, den: 1}, "", true
	}
	n := strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' || r == ' ' })
	if n < 0 {
		n = len(s)
	}
	for _, u := range quantityUnits() {
		if s[:n] == u.suffix {
			return u, strings.TrimPrefix(s[n:], " "), true
		}
	}
	return quantityUnit{}, s, false
}

// Never reports whether the state it stands for does not exist.
func (q Quantity) Never() bool { return math.IsNaN(q.Value) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (q *Quantity) UnmarshalText(b []byte) (err error) {
	*q, err = ParseQuantity(string(b))
	return err
}

// Fits reports whether the quantity can be a threshold of a signal in a unit. A
// plain number is one of pieces or a share, never one of seconds or bytes; 0 and
// "never" fit any.
func (q Quantity) Fits(unit string) bool {
	if q.Never() || q.Value == 0 || q.Unit == unit {
		return true
	}
	return q.Unit == "" && unit != "seconds" && unit != "bytes"
}

// Format writes a value of a unit for people: 95 s, 4 min 10 s, 1.5 GiB, 12 %; a
// threshold that does not exist is "never".
func Format(v float64, unit string) string {
	if math.IsNaN(v) {
		return "never"
	}
	return format(v, unit)
}
