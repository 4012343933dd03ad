package dashboard

import (
	"encoding/json"

	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
)

// A Panel shows the answer of its targets.
type Panel struct {
	Type             string                  `json:"type"`
	Id               *uint32                 `json:"id,omitempty"`
	Title            *string                 `json:"title,omitempty"`
	Description      *string                 `json:"description,omitempty"`
	Transparent      *bool                   `json:"transparent,omitempty"`
	Datasource       *common.DataSourceRef   `json:"datasource,omitempty"`
	GridPos          *GridPos                `json:"gridPos,omitempty"`
	Links            []DashboardLink         `json:"links,omitempty"`
	Repeat           *string                 `json:"repeat,omitempty"`
	RepeatDirection  *PanelRepeatDirection   `json:"repeatDirection,omitempty"`
	MaxPerRow        *float64                `json:"maxPerRow,omitempty"`
	MaxDataPoints    *float64                `json:"maxDataPoints,omitempty"`
	Interval         *string                 `json:"interval,omitempty"`
	TimeFrom         *string                 `json:"timeFrom,omitempty"`
	TimeShift        *string                 `json:"timeShift,omitempty"`
	HideTimeOverride *bool                   `json:"hideTimeOverride,omitempty"`
	Targets          []variants.Dataquery    `json:"targets,omitempty"`
	Transformations  []DataTransformerConfig `json:"transformations,omitempty"`
	Options          any                     `json:"options,omitempty"`
	FieldConfig      *FieldConfigSource      `json:"fieldConfig,omitempty"`
}

// PanelRepeatDirection lays repeated panels out.
type PanelRepeatDirection string

// Repeat directions.
const (
	PanelRepeatDirectionH PanelRepeatDirection = "h"
	PanelRepeatDirectionV PanelRepeatDirection = "v"
)

// A RowPanel is a heading, with panels of its own when it is collapsed.
type RowPanel struct {
	Type       string                `json:"type"`
	Collapsed  bool                  `json:"collapsed"`
	Title      *string               `json:"title,omitempty"`
	Datasource *common.DataSourceRef `json:"datasource,omitempty"`
	GridPos    *GridPos              `json:"gridPos,omitempty"`
	Id         uint32                `json:"id"`
	Panels     []Panel               `json:"panels"`
	Repeat     *string               `json:"repeat,omitempty"`
}

// A PanelOrRowPanel is whichever of the two is set.
type PanelOrRowPanel struct {
	Panel    *Panel
	RowPanel *RowPanel
}

// MarshalJSON implements json.Marshaler.
func (p PanelOrRowPanel) MarshalJSON() ([]byte, error) {
	if p.Panel != nil {
		return json.Marshal(p.Panel)
	}
	return json.Marshal(p.RowPanel)
}

// A DataTransformerConfig reshapes what the targets answered.
type DataTransformerConfig struct {
	Id       string         `json:"id"`
	Disabled *bool          `json:"disabled,omitempty"`
	Filter   *MatcherConfig `json:"filter,omitempty"`
	Options  any            `json:"options"`
}
