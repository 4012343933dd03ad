// Package text builds the panel that shows words.
package text

import "github.com/grafana/grafana-foundation-sdk/go/internal/panel"

// TextMode says what the content is written in.
type TextMode string

// Text modes.
const (
	TextModeHTML     TextMode = "html"
	TextModeMarkdown TextMode = "markdown"
	TextModeCode     TextMode = "code"
)

// Options of the panel.
type Options struct {
	Mode    TextMode `json:"mode"`
	Content string   `json:"content"`
}

// PanelBuilder builds the panel.
type PanelBuilder struct {
	panel.Base[*PanelBuilder]
	options *Options
}

// NewPanelBuilder starts an empty text in Markdown.
func NewPanelBuilder() *PanelBuilder {
	b := &PanelBuilder{options: &Options{Mode: TextModeMarkdown}}
	panel.Start(&b.Base, b, "text", b.options, nil)
	return b
}

// Mode sets what the content is written in.
func (b *PanelBuilder) Mode(mode TextMode) *PanelBuilder {
	b.options.Mode = mode
	return b
}

// Content sets the words.
func (b *PanelBuilder) Content(content string) *PanelBuilder {
	b.options.Content = content
	return b
}
