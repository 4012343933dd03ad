package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/wording"
)

// A status is a word with an icon and a colour; none of the three goes alone.
type status struct {
	Word string
	Icon string // id of a symbol in the page
	Tone string // class of the colour
}

func tierStatus(t Tier) status {
	switch t {
	case TierBusinessCritical:
		return status{"Business-critical", "stop", "critical"}
	case TierDegradation:
		return status{"Degradation", "warn", "warning"}
	case TierInformational:
		return status{"Informational", "info", "info"}
	case TierNone:
		return status{"Working", "ok", "ok"}
	default:
		return status{"Unknown", "unknown", "unknown"}
	}
}

func stateStatus(s signal.State) status {
	switch s {
	case signal.Critical:
		return status{"Critical", "stop", "critical"}
	case signal.Warning:
		return status{"Warning", "warn", "warning"}
	case signal.OK:
		return status{"OK", "ok", "ok"}
	default:
		return status{"Unknown", "unknown", "unknown"}
	}
}

func conditionStatus(c wording.Condition) status {
	switch c {
	case wording.Working:
		return status{string(c), "ok", "ok"}
	case wording.Paused:
		return status{string(c), "stop", "critical"}
	case wording.Slow, wording.Unsteady, wording.Delayed:
		return status{string(c), "warn", "warning"}
	default:
		return status{string(wording.Unknown), "unknown", "unknown"}
	}
}

func outcomeStatus(o flow.Outcome) status {
	switch o {
	case flow.Passed:
		return status{"Passed", "ok", "ok"}
	case flow.Failed:
		return status{"Failed", "stop", "critical"}
	case flow.Blocked:
		return status{"Blocked by a guard", "warn", "warning"}
	default:
		return status{"Could not measure", "unknown", "unknown"}
	}
}

// processStatus is the tier's, except where nothing could have had one.
func processStatus(p Process) status {
	switch {
	case p.Paused:
		return status{"Paused", "pause", "unknown"}
	case !p.Watched():
		return status{"Not watched", "unknown", "unknown"}
	default:
		return tierStatus(p.Tier)
	}
}

// rank orders processes for people: what needs them first, then what went out
// of sight, then what is fine, and last what nothing watches.
func rank(p Process) int {
	switch {
	case !p.Watched():
		return 6
	case p.Paused:
		return 5
	case p.Tier == TierBusinessCritical:
		return 0
	case p.Tier == TierDegradation:
		return 1
	case p.Tier == TierInformational:
		return 3
	case p.Tier == TierNone:
		return 4
	default:
		return 2
	}
}

// span says a duration in at most two units: "2 h 55 min", "40 s", "3 d 4 h".
func span(d time.Duration) string {
	d = d.Abs()
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return trimZero(fmt.Sprintf("%.1f", d.Seconds())) + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return two(int(d.Minutes()), "min", int(d.Seconds())%60, "s", d < 10*time.Minute)
	case d < 48*time.Hour:
		return two(int(d.Hours()), "h", int(d.Minutes())%60, "min", true)
	default:
		return two(int(d.Hours())/24, "d", int(d.Hours())%24, "h", true)
	}
}

func two(big int, bigUnit string, small int, smallUnit string, both bool) string {
	if !both || small == 0 {
		return fmt.Sprintf("%d %s", big, bigUnit)
	}
	return fmt.Sprintf("%d %s %d %s", big, bigUnit, small, smallUnit)
}

func trimZero(s string) string { return strings.TrimSuffix(s, ".0") }
