package estate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
)

// What a document holds and where it stands does not depend on what stands
// before it in the file.
func TestReadDocuments(t *testing.T) {
	tests := map[string]struct {
		text     string
		want     []string // name and where it stands
		mistakes []string
	}{
		"one":                           {"name: a\n", []string{"a at 1:7"}, nil},
		"several":                       {"# first\nname: a\n---\n\nname: b\n", []string{"a at 2:7", "b at 5:7"}, nil},
		"a line of its own before each": {"---\nname: a\n---\nname: b\n---\n", []string{"a at 2:7", "b at 4:7"}, nil},
		"on the line itself":            {"--- {name: a}\n--- {name: b}\n", []string{"a at 1:12", "b at 2:12"}, nil},
		"a list":                        {"# all\n- name: a\n- name: b\n", []string{"a at 2:9", "b at 3:9"}, nil},
		"lists and documents":           {"- name: a\n---\nname: b\n", []string{"a at 1:9", "b at 3:7"}, nil},
		"with a byte order mark and CR": {"\ufeffname: a\r\n---\r\nname: b\r\n", []string{"a at 1:7", "b at 3:7"}, nil},
		"dashes inside":                 {"name: a\nsays: |\n  ---\n  --- x\n----\n", nil, []string{"x.yaml:5:1: syntax"}},
		"one that is no YAML":           {"name: [\n---\nname: b\nmore: 1\n", []string{"b at 3:7"}, []string{"x.yaml:1:7: syntax", "x.yaml:4:1: more: is not a known key"}},
		"an unknown key further down":   {"name: a\n---\nname: b\nnom: c\n", []string{"a at 1:7", "b at 3:7"}, []string{"x.yaml:4:1: nom: is not a known key"}},
		"a key without a value":         {"name: a\nsays:\n", []string{"a at 1:7"}, nil},
		"one without a value":           {"name: a\n---\n- name:\n  says: b\n", []string{"a at 1:7", " at 3:3"}, nil},
		"nothing":                       {"# nothing\n---\n...\n", nil, []string{"x.yaml:1:1: thing: is missing"}},
		"text":                          {"name: a\n---\ntext\n", []string{"a at 1:7", " at 3:1"}, []string{"x.yaml:3:1: thing: is text"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			docs, mistakes := estate.ReadDocuments("x.yaml", []byte(tt.text), "thing")
			var got, told []string
			for _, d := range docs {
				var into struct{ Name, Says string }
				d.Decode(&into)
				at := d.Note(estate.Problem{Field: "name"})
				got = append(got, fmt.Sprintf("%s at %d:%d", into.Name, at.Line, at.Column))
				if text := d.Text("name"); text != into.Name {
					t.Errorf("Text is %q, decoded %q", text, into.Name)
				}
				mistakes = append(mistakes, d.Mistakes()...)
			}
			for i, m := range mistakes {
				if i < len(tt.mistakes) && strings.HasPrefix(m.String(), tt.mistakes[i]) {
					told = append(told, tt.mistakes[i])
				} else {
					told = append(told, m.String())
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("documents differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.mistakes, told); diff != "" {
				t.Errorf("mistakes differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestASectionAsItStands(t *testing.T) {
	docs, mistakes := estate.ReadDocuments("x.yaml", []byte("open: {a: [1, {b: true}], c: text, d: }\n"), "thing")
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	var into struct{ Open estate.Section }
	docs[0].Decode(&into)
	want := map[string]any{"a": []any{"1", map[string]any{"b": "true"}}, "c": "text"}
	if diff := cmp.Diff(any(want), into.Open.Plain()); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}
