package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// write lays the groups out as YAML that people can read: expressions as
// blocks, all other text quoted as JSON, which is YAML.
func write(o Options, groups []group) []byte {
	var b bytes.Buffer
	for _, line := range o.Header {
		fmt.Fprintln(&b, strings.TrimRight("# "+line, " "))
	}
	if len(o.NotCovered) > 0 {
		fmt.Fprintln(&b, "#\n# Not in here, because only the daemon can tell:")
		for _, line := range o.NotCovered {
			fmt.Fprintln(&b, "# - "+line)
		}
	}
	if len(groups) == 0 {
		fmt.Fprintln(&b, "groups: []")
		return b.Bytes()
	}
	fmt.Fprintln(&b, "groups:")
	for _, g := range groups {
		fmt.Fprintf(&b, "  - name: %s\n    interval: %s\n    rules:\n", quote(g.name), duration(g.interval))
		for _, r := range g.rules {
			r.write(&b)
		}
	}
	return b.Bytes()
}

func (r rule) write(b *bytes.Buffer) {
	const margin = "        "
	if r.says != "" {
		fmt.Fprintf(b, "      # %s\n", r.says)
	}
	if r.alert != "" {
		fmt.Fprintf(b, "      - alert: %s\n", r.alert)
	} else {
		fmt.Fprintf(b, "      - record: %s\n", r.record)
	}
	if strings.ContainsAny(r.expr, "\n\"") {
		// The 2 is for the first line, which may be indented itself.
		fmt.Fprintf(b, "%sexpr: |2\n%s  %s\n", margin, margin, indent(r.expr, margin+"  "))
	} else {
		fmt.Fprintf(b, "%sexpr: %s\n", margin, quote(r.expr))
	}
	if r.hold > 0 {
		fmt.Fprintf(b, "%sfor: %s\n", margin, duration(r.hold))
	}
	if r.keep > 0 {
		fmt.Fprintf(b, "%skeep_firing_for: %s\n", margin, duration(r.keep))
	}
	pairs(b, margin, "labels", r.labels)
	pairs(b, margin, "annotations", r.annotations)
}

func pairs(b *bytes.Buffer, margin, name string, of [][2]string) {
	if len(of) == 0 {
		return
	}
	fmt.Fprintf(b, "%s%s:\n", margin, name)
	for _, p := range of {
		fmt.Fprintf(b, "%s  %s: %s\n", margin, p[0], quote(p[1]))
	}
}

// quote writes text as JSON.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string encodes
	return strings.TrimSpace(b.String())
}

// indent indents every line but the first.
func indent(s, by string) string { return strings.ReplaceAll(s, "\n", "\n"+by) }

func trim(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func seconds(d time.Duration) string { return trim(d.Seconds()) }
