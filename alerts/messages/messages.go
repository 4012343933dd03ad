package messages

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed templates/*.tmpl
var templates embed.FS

// Glob finds the files of templates in the directory that they are written to.
const Glob = prefix + "*.tmpl"

const prefix = "closewatch-"

// A File is one file of templates.
type File struct {
	Name    string // "closewatch-slack.tmpl"
	Content string
}

// Files lists the files of templates by name. An Alertmanager needs them all:
// those of the receivers call those that all have in common.
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
		out[i] = File{prefix + strings.TrimPrefix(name, "templates/"), string(content)}
	}
	return out
}

// A Field is a setting of a receiver and the text that Alertmanager expands for
// it.
type Field struct {
	In   string // "details" or "headers": a map of the receiver that it is one of; "" is none
	Name string
	Text string
}

// A Receiver is a sort of receiver in Alertmanager's configuration, and the
// fields that make it speak by these templates.
type Receiver struct {
	Config string // "slack_configs"
	Fields []Field
}

// Receivers lists the sorts of receiver that there are templates for.
func Receivers() []Receiver {
	use := func(name string) string { return `{{ template "closewatch.` + name + `" . }}` }
	const details, headers = "details", "headers"
	return []Receiver{
		{"slack_configs", []Field{
			{"", "color", use("slack.color")},
			{"", "title", use("slack.title")},
			{"", "title_link", use("incident_url")},
			{"", "text", use("slack.text")},
			{"", "fallback", use("slack.title")},
		}},
		{"msteamsv2_configs", []Field{{"", "title", use("teams.title")}, {"", "text", use("teams.text")}}},
		{"email_configs", []Field{{"", "html", use("email.html")}, {"", "text", use("email.text")}, {headers, "Subject", use("title")}}},
		{"pagerduty_configs", []Field{
			{"", "description", use("title")},
			{"", "severity", use("pagerduty.severity")},
			{"", "client", "Closewatch"},
			{"", "client_url", use("incident_url")},
			{"", "class", use("class")},
			{"", "component", use("component")},
			{"", "group", use("process")},
			{details, "What", use("plain")},
			{details, "Draft for stakeholders", use("update")},
			{details, "Incident", use("incident_url")},
			{details, "Runbook", use("runbook_url")},
			{details, "firing", ""}, // otherwise Alertmanager adds every label and annotation once more
			{details, "resolved", ""},
		}},
		{"opsgenie_configs", []Field{
			{"", "message", use("title")},
			{"", "description", use("plain")},
			{"", "priority", use("opsgenie.priority")},
			{"", "source", "Closewatch"},
			{"", "entity", use("entity")},
			{"", "tags", use("opsgenie.tags")},
			{details, "Draft for stakeholders", use("update")},
			{details, "Incident", use("incident_url")},
			{details, "Runbook", use("runbook_url")},
		}},
	}
}
