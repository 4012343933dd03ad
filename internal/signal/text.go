package signal

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxLabelText bounds what of a label value is repeated to people.
const maxLabelText = 80

// text says in words what the reading means.
func (d *Definition) text(r Reading, m *memory) string {
	switch {
	case r.State == Unknown && math.IsNaN(r.Value):
		return fmt.Sprintf("%s: not known, %s has not been measured%s", d.Title, r.Component, freshness(d.Fresh))
	case r.State == Unknown:
		return fmt.Sprintf("%s: not known yet, now %s", d.Title, format(r.Value, d.Unit))
	case r.State == OK:
		return d.Title
	default:
		return d.fill(r, m)
	}
}

func freshness(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " for " + format(d.Seconds(), "seconds")
}

// fill replaces the placeholders of Says. What is bad only because of the close
// says so.
func (d *Definition) fill(r Reading, m *memory) string {
	limits := d.limits(m)
	threshold, always := limits.Warning, d.base(m.identity.Component).Warning
	if r.State == Critical {
		threshold, always = limits.Critical, d.base(m.identity.Component).Critical
	}
	said := d.filled(r, threshold)
	if m.inClose && !d.crossed(r.Value, always) {
		said += " (too much in the close)"
	}
	return said
}

func (d *Definition) filled(r Reading, threshold float64) string {
	return placeholder.ReplaceAllStringFunc(d.Says, func(ph string) string {
		switch name := ph[1 : len(ph)-1]; name {
		case "value":
			return format(r.Value, d.Unit)
		case "threshold":
			return format(threshold, d.Unit)
		case "component":
			return printable(r.Component)
		case "environment":
			return printable(r.Environment)
		case "tenant":
			return printable(r.Tenant)
		default:
			return printable(r.Labels[name])
		}
	})
}

// printable bounds a label value and takes control characters out of it: it
// may come from a monitored system.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > maxLabelText {
		return string(runes[:maxLabelText-1]) + "…"
	}
	return s
}

// format writes a value for people: 95 s, 4 min 10 s, 1.5 GiB, 12 %.
func format(v float64, unit string) string {
	switch unit {
	case "seconds":
		return formatSeconds(v)
	case "bytes":
		return formatBytes(v)
	case "ratio":
		return number(v*100) + " %"
	case "":
		return number(v)
	default:
		return number(v) + " " + unit
	}
}

func formatSeconds(v float64) string {
	if math.IsNaN(v) || math.Abs(v) < 120 || math.Abs(v) > 1e9 {
		return number(v) + " s"
	}
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	s := int64(math.Round(v))
	switch d, h, m := s/86400, s%86400/3600, s%3600/60; {
	case d > 0:
		return sign + join(d, "d", h, "h")
	case h > 0:
		return sign + join(h, "h", m, "min")
	default:
		return sign + join(m, "min", s%60, "s")
	}
}

func join(a int64, unitA string, b int64, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}

func formatBytes(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return number(v) + " " + units[i]
}

// number writes whole numbers whole and others with three significant digits.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	if math.Abs(v) >= 1000 && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
