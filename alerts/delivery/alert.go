package delivery

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// An Alert is something that fires. Its labels are its identity and never
// change in its life; everything that moves is an annotation.
type Alert struct {
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time // since when it fires; zero means since it is published
	GeneratorURL string    // where it can be looked at; may be empty
	// Heartbeat marks an alert that proves, by firing, that the program
	// works: it is sent again only while Publish is called, so that it ends
	// when the program hangs.
	Heartbeat bool
}

// maxValue bounds a label value or annotation in bytes. Longer ones are cut.
const maxValue = 4096

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// clean returns a copy of a that Alertmanager accepts, or why there is none.
// What a program got wrong (a name) is an error; what data may bring (an empty
// value, bytes that are no text, too much of it) is mended.
func (a Alert) clean() (Alert, error) {
	var err error
	if a.Labels, err = cleanSet("label", a.Labels); err != nil {
		return a, err
	}
	if a.Labels["alertname"] == "" {
		return a, fmt.Errorf("alert %s has no alertname", key(a.Labels))
	}
	if a.Annotations, err = cleanSet("annotation", a.Annotations); err != nil {
		return a, err
	}
	if u, err := url.Parse(a.GeneratorURL); err != nil || !u.IsAbs() || len(a.GeneratorURL) > maxValue {
		a.GeneratorURL = ""
	}
	return a, nil
}

func cleanSet(what string, set map[string]string) (map[string]string, error) {
	out := make(map[string]string, len(set))
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !labelName.MatchString(name) {
			return nil, fmt.Errorf("%s name %q is not one that Alertmanager takes", what, name)
		}
		if v := cut(strings.ToValidUTF8(set[name], "\uFFFD")); v != "" { // Alertmanager drops empty ones
			out[name] = v
		}
	}
	return out, nil
}

// cut shortens s to maxValue bytes, between characters.
func cut(s string) string {
	if len(s) <= maxValue {
		return s
	}
	const ellipsis = "…"
	end := maxValue - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// key is an alert's identity: its labels in order.
func key(labels map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(strconv.Quote(labels[name]))
		b.WriteByte(',')
	}
	return b.String()
}
