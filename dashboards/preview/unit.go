package preview

import (
	"math"
	"strconv"
	"strings"
)

// inUnit writes a value in one of Grafana's units with about three digits.
func inUnit(v float64, unit string, decimals *int) string {
	number := func(v float64) string {
		if decimals != nil {
			return strconv.FormatFloat(v, 'f', *decimals, 64)
		}
		return short(v)
	}
	switch unit {
	case "percentunit":
		return number(v*100) + " %"
	case "s":
		return duration(v)
	case "bytes", "Bps":
		text := scaled(v, 1024, []string{" B", " KiB", " MiB", " GiB", " TiB"})
		if unit == "Bps" {
			text += "/s"
		}
		return text
	case "ops", "reqps":
		return number(v) + "/s"
	case "short", "":
		if math.Abs(v) >= 1000 {
			return scaled(v, 1000, []string{"", " K", " Mil", " Bil", " Tri"})
		}
		return number(v)
	}
	return number(v) + " " + unit
}

func scaled(v, by float64, names []string) string {
	i := 0
	for math.Abs(v) >= by && i < len(names)-1 {
		v /= by
		i++
	}
	return short(v) + names[i]
}

func duration(v float64) string {
	for _, u := range []struct {
		from, per float64
		name      string
	}{{86400, 86400, " d"}, {3600, 3600, " h"}, {60, 60, " min"}, {1, 1, " s"}, {1e-3, 1e-3, " ms"}} {
		if math.Abs(v) >= u.from {
			return short(v/u.per) + u.name
		}
	}
	if v == 0 {
		return "0 s"
	}
	return short(v*1e6) + " µs"
}

func short(v float64) string {
	digits := 2
	switch a := math.Abs(v); {
	case a >= 100:
		digits = 0
	case a >= 10:
		digits = 1
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}
