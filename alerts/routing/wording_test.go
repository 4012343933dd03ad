package routing_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/alerts/routing"
)

// What was written stays, also when it is empty; what was not is added, in the maps
// of a receiver one by one.
func TestWorded(t *testing.T) {
	spoken := []routing.Wording{{Config: "slack_configs", Settings: []routing.Setting{
		{Name: "title", Value: "ours"}, {Name: "send_resolved", Value: true}, {In: "details", Name: "Incident", Value: "ours"}, {In: "details", Name: "Subject", Value: "ours"},
	}}}
	tests := map[string]struct {
		config string
		want   string // of the first configuration; "" is as it was
		speaks bool
	}{
		"nothing is written":               {"slack_configs: [{channel: c}]", "channel: c|title: ours|send_resolved: true|details:|Incident: ours|Subject: ours", true},
		"all is written":                   {"slack_configs: [{title: t, send_resolved: false, details: {Incident: i, subject: s}}]", "title: t|send_resolved: false|details:|Incident: i|subject: s", false},
		"an empty text is a text":          {`slack_configs: [{title: ""}]`, `title: ""|send_resolved: true|details:|Incident: ours|Subject: ours`, true},
		"a map that is nothing":            {"slack_configs: [{title: t, send_resolved: true, details: }]", "title: t|send_resolved: true|details:|Incident: ours|Subject: ours", true},
		"a map that is none is left":       {"slack_configs: [{title: t, send_resolved: true, details: x}]", "title: t|send_resolved: true|details: x", false},
		"another sort":                     {"webhook_configs: [{url: https://hook.example.com}]", "url: https://hook.example.com", false},
		"what is no list is left":          {"slack_configs: {channel: c}", "channel: c", false},
		"a map has what the other has not": {"slack_configs: [{title: t, send_resolved: true, details: {Mine: m, SUBJECT: s}}]", "title: t|send_resolved: true|details:|Mine: m|SUBJECT: s|Incident: ours", true},
	}
	c := generate(t, options(t))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := routing.ReadBook("receivers.yml", []byte("receivers:\n  - name: finance-page\n    "+tt.config+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			before := string(c.File(b))
			worded, by := b.Worded(spoken)
			_, written, _ := strings.Cut(string(c.File(worded)), "- name: finance-page\n")
			written, _, _ = strings.Cut(written, "\n  - ")
			var lines []string
			for _, l := range strings.Split(written, "\n")[1:] {
				if l = strings.TrimLeft(l, " -"); l != "" && !strings.HasPrefix(l, "#") {
					lines = append(lines, l)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(lines, "|")); diff != "" {
				t.Errorf("receiver (-want +got):\n%s", diff)
			}
			if speaks := len(by) == 1 && by[0] == "finance-page"; speaks != tt.speaks {
				t.Errorf("speak by it: %v", by)
			}
			if string(c.File(b)) != before {
				t.Error("the book itself has changed")
			}
		})
	}
}
