package store

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// The times Prometheus' own clients send for "always".
var (
	minTime          = time.Unix(math.MinInt64/1000+62135596801, 0).UTC()
	maxTime          = time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC()
	minTimeFormatted = minTime.Format(time.RFC3339Nano)
	maxTimeFormatted = maxTime.Format(time.RFC3339Nano)
)

func invalid(parameter string, err error) error {
	return fmt.Errorf("invalid parameter %q: %w", parameter, err)
}

// instant reads a time parameter.
func instant(r *http.Request, name string, absent time.Time) (time.Time, error) {
	s := r.FormValue(name)
	if s == "" {
		return absent, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return time.Time{}, invalid(name, fmt.Errorf("invalid time value for '%s': %w", name, err))
	}
	return t, nil
}

// interval reads start and end of a search for series.
func interval(r *http.Request) (start, end time.Time, err error) {
	if start, err = instant(r, "start", minTime); err != nil {
		return start, end, err
	}
	if end, err = instant(r, "end", maxTime); err != nil {
		return start, end, err
	}
	if end.Before(start) {
		return start, end, errors.New("end timestamp must not be before start timestamp")
	}
	return start, end, nil
}

// parseTime reads seconds since the epoch or RFC 3339, as Prometheus does.
func parseTime(s string) (time.Time, error) {
	if t, err := strconv.ParseFloat(s, 64); err == nil {
		whole, fraction := math.Modf(t)
		fraction = math.Round(fraction*1000) / 1000
		return time.Unix(int64(whole), int64(fraction*float64(time.Second))).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	switch s { // years of more than four digits, which time.Parse does not take
	case minTimeFormatted:
		return minTime, nil
	case maxTimeFormatted:
		return maxTime, nil
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
}

// parseDuration reads seconds or a duration such as 5m.
func parseDuration(s string) (time.Duration, error) {
	if d, err := strconv.ParseFloat(s, 64); err == nil {
		ns := d * float64(time.Second)
		if ns > math.MaxInt64 || ns < math.MinInt64 {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", s)
		}
		return time.Duration(ns), nil
	}
	if d, err := model.ParseDuration(s); err == nil {
		return time.Duration(d), nil
	}
	return 0, fmt.Errorf("cannot parse %q to a valid duration", s)
}

// limit reads how many results are wanted; 0 is all.
func limit(r *http.Request) (int, error) {
	s := r.FormValue("limit")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, invalid("limit", err)
	}
	if n < 0 {
		return 0, invalid("limit", errors.New("limit must be non-negative"))
	}
	return n, nil
}

// number reads an integer parameter.
func number(r *http.Request, name string, absent int) (int, error) {
	s := r.FormValue(name)
	if s == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, errors.New(name + " must be a number")
	}
	return n, nil
}

// matchers reads match[] parameters. Each must match something by a value.
func matchers(r *http.Request) ([][]*labels.Matcher, error) {
	sets, err := parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		if !selective(set) {
			return nil, errors.New("match[] must contain at least one non-empty matcher")
		}
	}
	return sets, nil
}

func selective(set []*labels.Matcher) bool {
	for _, m := range set {
		if m != nil && !m.Matches("") {
			return true
		}
	}
	return false
}
