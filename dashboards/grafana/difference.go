package grafana

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxText is how much of a value a line of a difference shows.
const maxText = 80

// difference lists, in the order of their paths, what becomes otherwise when
// ours takes the place of theirs. What Grafana keeps for itself is left out:
// its own id, the version it counts, the version of the schema, and what it adds
// where we say nothing.
func difference(theirs, ours map[string]any) []string {
	var out []string
	compare(&out, "", without(theirs), without(ours))
	return out
}

func without(d map[string]any) map[string]any {
	d = maps.Clone(d)
	delete(d, "id")
	delete(d, "version")
	delete(d, "schemaVersion") // which it raises as it brings a dashboard up to date
	return d
}

func compare(out *[]string, path string, theirs, ours any) {
	switch ours := ours.(type) {
	case map[string]any:
		theirs, ok := theirs.(map[string]any)
		if !ok {
			break
		}
		for _, k := range slices.Sorted(maps.Keys(ours)) {
			compare(out, strings.TrimPrefix(path+"."+k, "."), theirs[k], ours[k])
		}
		return
	case []any:
		theirs, ok := theirs.([]any)
		if !ok {
			break
		}
		for i := range max(len(ours), len(theirs)) {
			at := fmt.Sprintf("%s[%d]", path, i)
			switch {
			case i >= len(theirs):
				*out = append(*out, at+": is added: "+brief(ours[i]))
			case i >= len(ours):
				*out = append(*out, at+": is taken away: "+brief(theirs[i]))
			default:
				compare(out, at, theirs[i], ours[i])
			}
		}
		return
	}
	if text(theirs) != text(ours) {
		was, becomes := fromDifference(label(theirs), label(ours))
		*out = append(*out, path+": "+short(was)+" becomes "+short(becomes))
	}
}

// fromDifference leaves out what two long texts begin with alike, but for a
// little.
func fromDifference(a, b string) (string, string) {
	x, y := []rune(a), []rune(b)
	alike := 0
	for alike < min(len(x), len(y)) && x[alike] == y[alike] {
		alike++
	}
	if from := alike - maxText/4; from > 0 && max(len(x), len(y)) > maxText {
		return "…" + string(x[from:]), "…" + string(y[from:])
	}
	return a, b
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func brief(v any) string { return short(label(v)) }

// label is a value in one line: a panel by its title.
func label(v any) string {
	if m, ok := v.(map[string]any); ok {
		if title, ok := m["title"].(string); ok {
			return fmt.Sprintf("%q", title)
		}
	}
	return text(v)
}

func short(s string) string {
	if r := []rune(s); len(r) > maxText {
		return string(r[:maxText]) + "…"
	}
	return s
}
