package openslo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

// A Shorthand is a duration as OpenSLO writes it: a whole number and one of m,
// h, d, w, M, Q and Y. The zero Shorthand says none.
type Shorthand struct {
	N    int
	Unit byte
}

// units are the letters, from minutes to years.
const units = "mhdwMQY"

// IsZero reports whether nothing was said.
func (s Shorthand) IsZero() bool { return s.Unit == 0 }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Shorthand) UnmarshalText(b []byte) error {
	const remedy = "write a whole number and m, h, d, w, M, Q or Y, such as 30d"
	text := string(b)
	if text == "" || !strings.Contains(units, text[len(text)-1:]) {
		return fmt.Errorf("is not a duration: %q; %s", text, remedy)
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	if err != nil {
		return fmt.Errorf("is not a duration: %q; %s", text, remedy)
	}
	*s = Shorthand{int(n), text[len(text)-1]} //nolint:gosec // 16 bits
	return nil
}

// String is the duration as it is written.
func (s Shorthand) String() string {
	if s.IsZero() {
		return ""
	}
	return strconv.Itoa(s.N) + string(s.Unit)
}

// D is how long it is; false for months, quarters and years, which are of no
// one length.
func (s Shorthand) D() (time.Duration, bool) {
	unit, ok := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s.Unit]
	return time.Duration(s.N) * unit, ok
}

// shorthand writes a duration of whole minutes: OpenSLO knows no seconds.
func shorthand(d time.Duration) string {
	for _, unit := range []struct {
		letter string
		d      time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}} {
		if d >= unit.d && d%unit.d == 0 {
			return strconv.FormatInt(int64(d/unit.d), 10) + unit.letter
		}
	}
	return "0m"
}

// A SliceWindow is how long a slice of time is: a duration as above, or a number
// of minutes.
type SliceWindow time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *SliceWindow) UnmarshalText(b []byte) error {
	if minutes, err := strconv.ParseUint(string(b), 10, 16); err == nil && minutes > 0 {
		*w = SliceWindow(time.Duration(minutes) * time.Minute) //nolint:gosec // 16 bits
		return nil
	}
	var s Shorthand
	if err := s.UnmarshalText(b); err != nil {
		return err
	}
	d, ok := s.D()
	if !ok || d == 0 {
		return fmt.Errorf("is no length of a slice: %q; write minutes, hours or days, such as 5m", b)
	}
	*w = SliceWindow(d)
	return nil
}

// A Percent is a share written in percent: 99.5.
type Percent process.Share

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Percent) UnmarshalText(b []byte) error {
	s, err := process.ParseShare(strings.TrimSpace(string(b)) + "%")
	if err != nil {
		return fmt.Errorf("is not a percentage: %q; write a number above 0 and below 100, such as 99.5", b)
	}
	*p = Percent(s)
	return nil
}
