// Package dashboard builds Grafana dashboards in their v1 JSON form.
package dashboard

import "github.com/grafana/grafana-foundation-sdk/go/common"

// A Dashboard is what Grafana imports.
type Dashboard struct {
	Id                   *int64                       `json:"id,omitempty"`
	Uid                  *string                      `json:"uid,omitempty"`
	Title                *string                      `json:"title,omitempty"`
	Description          *string                      `json:"description,omitempty"`
	Tags                 []string                     `json:"tags,omitempty"`
	Timezone             *string                      `json:"timezone,omitempty"`
	Editable             *bool                        `json:"editable,omitempty"`
	GraphTooltip         *DashboardCursorSync         `json:"graphTooltip,omitempty"`
	Time                 *DashboardDashboardTime      `json:"time,omitempty"`
	FiscalYearStartMonth *uint8                       `json:"fiscalYearStartMonth,omitempty"`
	LiveNow              *bool                        `json:"liveNow,omitempty"`
	WeekStart            *string                      `json:"weekStart,omitempty"`
	Refresh              *string                      `json:"refresh,omitempty"`
	Preload              *bool                        `json:"preload,omitempty"`
	SchemaVersion        uint16                       `json:"schemaVersion"`
	Version              *uint32                      `json:"version,omitempty"`
	Panels               []PanelOrRowPanel            `json:"panels,omitempty"`
	Templating           DashboardDashboardTemplating `json:"templating"`
	Annotations          AnnotationContainer          `json:"annotations"`
	Links                []DashboardLink              `json:"links,omitempty"`
}

// DashboardDashboardTime is the range shown on opening.
type DashboardDashboardTime struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// DashboardDashboardTemplating holds the variables.
type DashboardDashboardTemplating struct {
	List []VariableModel `json:"list,omitempty"`
}

// DashboardCursorSync says what panels share when one is pointed at.
type DashboardCursorSync int64

// What panels share.
const (
	DashboardCursorSyncOff       DashboardCursorSync = 0
	DashboardCursorSyncCrosshair DashboardCursorSync = 1
	DashboardCursorSyncTooltip   DashboardCursorSync = 2
)

// A GridPos places a panel on the grid of 24 columns.
type GridPos struct {
	H      uint32 `json:"h"`
	W      uint32 `json:"w"`
	X      uint32 `json:"x"`
	Y      uint32 `json:"y"`
	Static *bool  `json:"static,omitempty"`
}

// An AnnotationContainer holds the annotation queries.
type AnnotationContainer struct {
	List []AnnotationQuery `json:"list,omitempty"`
}

// An AnnotationQuery overlays events on every panel.
type AnnotationQuery struct {
	Name            string                 `json:"name"`
	Datasource      *common.DataSourceRef  `json:"datasource,omitempty"`
	Enable          bool                   `json:"enable"`
	Hide            *bool                  `json:"hide,omitempty"`
	IconColor       string                 `json:"iconColor"`
	Filter          *AnnotationPanelFilter `json:"filter,omitempty"`
	Type            *string                `json:"type,omitempty"`
	BuiltIn         *float64               `json:"builtIn,omitempty"`
	Expr            *string                `json:"expr,omitempty"`
	TitleFormat     *string                `json:"titleFormat,omitempty"`
	TextFormat      *string                `json:"textFormat,omitempty"`
	TagKeys         *string                `json:"tagKeys,omitempty"`
	Step            *string                `json:"step,omitempty"`
	UseValueForTime *bool                  `json:"useValueForTime,omitempty"`
}

// An AnnotationPanelFilter limits an annotation to some panels.
type AnnotationPanelFilter struct {
	Exclude *bool    `json:"exclude,omitempty"`
	Ids     []uint32 `json:"ids"`
}

// A DashboardLink leads out of a dashboard or a panel.
type DashboardLink struct {
	Title       string            `json:"title"`
	Type        DashboardLinkType `json:"type"`
	Icon        string            `json:"icon"`
	Tooltip     string            `json:"tooltip"`
	Url         *string           `json:"url,omitempty"`
	Tags        []string          `json:"tags"`
	AsDropdown  bool              `json:"asDropdown"`
	TargetBlank bool              `json:"targetBlank"`
	IncludeVars bool              `json:"includeVars"`
	KeepTime    bool              `json:"keepTime"`
}

// DashboardLinkType says where a link leads.
type DashboardLinkType string

// Link types.
const (
	DashboardLinkTypeLink       DashboardLinkType = "link"
	DashboardLinkTypeDashboards DashboardLinkType = "dashboards"
)
