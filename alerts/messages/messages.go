package messages

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed templates/*.tmpl
var templates embed.FS

// A File is one file of templates.
type File struct {
	Name    string // "slack.tmpl"
	Content string
}

// Files lists the files of templates by name. An Alertmanager needs them all:
// those of the receivers call those of closewatch.tmpl.
func Files() []File {
	names, err := fs.Glob(templates, "templates/*.tmpl")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	slices.Sort(names)
	out := make([]File, len(names))
	for i, name := range names {
		content, err := templates.ReadFile(name)
		if err != nil {
			panic(err) // it was just listed
		}
		out[i] = File{strings.TrimPrefix(name, "templates/"), string(content)}
	}
	return out
}

// A Field is a setting of a receiver and the text that Alertmanager expands for
// it.
type Field struct{ Name, Text string }

// A Receiver is a sort of receiver in Alertmanager's configuration, and the
// fields that make it speak by these templates.
type Receiver struct {
	Config  string // "slack_configs"
	Fields  []Field
	Details []Field // of details, where it has such
	Headers []Field // of headers, where it has such
}

// Receivers lists the sorts of receiver that there are templates for.
func Receivers() []Receiver {
	use := func(name string) string { return `{{ template "closewatch.` + name + `" . }}` }
	page := []Field{
		{"What", use("plain")},
		{"Draft for stakeholders", use("update")},
		{"Incident", use("incident_url")},
		{"Runbook", use("runbook_url")},
	}
	return []Receiver{
		{
			Config: "slack_configs",
			Fields: []Field{
				{"color", use("slack.color")},
				{"title", use("slack.title")},
				{"title_link", use("incident_url")},
				{"text", use("slack.text")},
				{"fallback", use("slack.title")},
			},
		},
		{Config: "msteamsv2_configs", Fields: []Field{{"title", use("teams.title")}, {"text", use("teams.text")}}},
		{
			Config:  "email_configs",
			Fields:  []Field{{"html", use("email.html")}, {"text", use("email.text")}},
			Headers: []Field{{"Subject", use("title")}},
		},
		{
			Config: "pagerduty_configs",
			Fields: []Field{
				{"description", use("title")},
				{"severity", use("pagerduty.severity")},
				{"client", "Closewatch"},
				{"client_url", use("incident_url")},
				{"class", use("class")},
				{"component", use("component")},
				{"group", use("process")},
			},
			Details: page,
		},
		{
			Config: "opsgenie_configs",
			Fields: []Field{
				{"message", use("title")},
				{"description", use("plain")},
				{"priority", use("opsgenie.priority")},
				{"source", use("incident_url")},
				{"entity", use("entity")},
				{"tags", use("opsgenie.tags")},
				{"note", use("runbook_url")},
			},
		},
	}
}
