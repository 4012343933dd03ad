package process

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// A Share is an exact part of a whole, in billionths: 99.5 % is 995_000_000. The
// zero Share is none. It is a decimal from the text of the estate to the
// comparison with what was counted; it never goes through a float.
type Share int64

// Whole is everything.
const Whole Share = 1_000_000_000

// Percent makes shares in Go, exactly: 99.5 * Percent. It has no type, so that
// the product is worked out before it becomes a Share.
const Percent = 10_000_000

// decimals is how many digits a Share has behind the point.
const decimals = 9

// ParseShare reads a share of a whole, such as 0.995 or 99.5%. Its error says
// what is wrong, and after a semicolon what to write instead.
func ParseShare(s string) (Share, error) {
	const remedy = "use a share above 0 and below 1, such as 0.995 or 99.5%"
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	places := decimals
	if percent {
		number, places = strings.TrimSpace(number), decimals-2
	}
	digits, fraction, _ := strings.Cut(number, ".")
	if len(number) == 0 || strings.Trim(digits+fraction, "0123456789") != "" || digits+fraction == "" {
		return 0, fmt.Errorf("is not a share: %q; %s", s, remedy)
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > places {
		return 0, fmt.Errorf("has more than %d decimals: %s; %s", places, s, remedy)
	}
	n, err := strconv.ParseInt(digits+fraction+strings.Repeat("0", places-len(fraction)), 10, 64)
	switch {
	case err != nil || n > int64(Whole):
		return 0, fmt.Errorf("is not a share of a whole: %s; %s", s, remedy)
	default:
		return Share(n), nil
	}
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Share) UnmarshalText(b []byte) (err error) {
	*s, err = ParseShare(string(b))
	return err
}

// MarshalJSON implements json.Marshaler: a number with exactly its digits.
func (s Share) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Share) UnmarshalJSON(b []byte) error { return s.UnmarshalText(b) }

// String is the decimal: "0.995".
func (s Share) String() string {
	text := fmt.Sprintf("%d.%0*d", s/Whole, decimals, s%Whole)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Rat is the share as an exact number.
func (s Share) Rat() *big.Rat { return big.NewRat(int64(s), int64(Whole)) }

// Float is the share as a number for people and metrics; nothing is decided on it.
func (s Share) Float() float64 {
	f, _ := s.Rat().Float64()
	return f
}
