package estate

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/calendar"
)

// Maintenance is announced work on components: once, or again and again.
type Maintenance struct {
	ID            string          `yaml:"id"`
	Title         string          `yaml:"title"`
	Scope         Extent          `yaml:"scope"`
	On            Date            `yaml:"on"`     // the day of a single window; or
	Repeat        Repeat          `yaml:"repeat"` // FREQ=WEEKLY;BYDAY=SU or FREQ=MONTHLY;BYDAY=-1SU
	Start         ClockTime       `yaml:"start"`
	Duration      Duration        `yaml:"duration"`
	Timezone      Zone            `yaml:"timezone"`      // the calendar's when it names none
	Notice        Notice          `yaml:"notice"`        // how long before it is announced: 5BD
	CountsAgainst calendar.Counts `yaml:"countsAgainst"` // raw: the raw figures only; both: the adjusted too
}

// A Repeat is a small part of RFC 5545's recurrence rules.
type Repeat struct{ calendar.Repeat }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Repeat) UnmarshalText(b []byte) (err error) {
	r.Repeat, err = calendar.ParseRepeat(string(b))
	return err
}

// A Notice is a number of business days, written 5BD.
type Notice int

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Notice) UnmarshalText(b []byte) error {
	number, ok := strings.CutSuffix(string(b), "BD")
	days, err := strconv.ParseUint(number, 10, 8)
	if !ok || err != nil || days > 99 {
		return fmt.Errorf("is not a number of business days: %q; write one such as 5BD", b)
	}
	*n = Notice(days)
	return nil
}

// longest is how long maintenance may last: what lasts longer is a migration,
// and is said in parts.
const longest = 7 * 24 * time.Hour

// SetDefaults implements Defaulter.
func (m *Maintenance) SetDefaults() { m.CountsAgainst = calendar.CountsRaw }

// Validate implements Validator.
func (m *Maintenance) Validate() []Problem {
	ps := idProblems(m.ID, "weekly-patching")
	if m.On.IsZero() == m.Repeat.IsZero() {
		ps = append(ps, Problem{"", "needs either one day or a rule", "write on: 2026-12-06, or repeat: FREQ=WEEKLY;BYDAY=SU"})
	}
	if !m.Start.given {
		ps = append(ps, Missing("start", "write the time of day, such as \"02:00\""))
	}
	switch {
	case m.Duration == 0:
		ps = append(ps, Missing("duration", "write how long it lasts, such as 2h"))
	case m.Duration.D() > longest:
		ps = append(ps, Problem{"duration", "is longer than 7d", "declare one maintenance for each part"})
	}
	if p, bad := OneOf("countsAgainst", m.CountsAgainst, calendar.CountsRaw, calendar.CountsBoth); bad {
		ps = append(ps, p)
	}
	return ps
}
