package dashboards

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// blind is what no data means unless a panel says otherwise: never good news.
const blind = "No data: not measured"

// quiet is what no data means where only what is bad has series: that there is
// none of it, and no more than that.
func quiet(none string) string { return none + ", as far as is measured" }

// Colours, one per meaning, on every panel.
const (
	good    = "green"
	notice  = "blue"
	bad     = "orange"
	worst   = "red"
	unknown = "#808080" // cannot be told
	event   = "purple"  // somebody did something
)

// cannotTell is the word of what is not known, wherever others have words.
const cannotTell = "Cannot be told"

// source is the data source people choose at the top of a dashboard.
func source() common.DataSourceRef {
	return common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}
}

// over asks for a range.
func over(ref, legend, expr string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(ref).Expr(expr).LegendFormat(legend).Range().
		EditorMode(prometheus.QueryEditorModeCode).Datasource(source())
}

// latest asks for the newest value.
func latest(ref, legend, expr string) *prometheus.DataqueryBuilder {
	return over(ref, legend, expr).Instant()
}

// steps makes thresholds: a base colour, then values with the colour from
// there up.
func steps(base string, more ...dashboard.Threshold) *dashboard.ThresholdsConfigBuilder {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).
		Steps(append([]dashboard.Threshold{{Color: base}}, more...))
}

func from(value float64, colour string) dashboard.Threshold {
	return dashboard.Threshold{Value: new(value), Color: colour}
}

// thresholds makes the thresholds of the series of one query.
func thresholds(base string, more ...dashboard.Threshold) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "thresholds", Value: dashboard.ThresholdsConfig{
		Mode: dashboard.ThresholdsModeAbsolute, Steps: append([]dashboard.Threshold{{Color: base}}, more...),
	}}}
}

// A word stands for a value, in a colour.
type word struct{ value, text, colour string }

func mapped(all ...word) []dashboard.ValueMapping {
	options := map[string]dashboard.ValueMappingResult{}
	for i, w := range all {
		options[w.value] = dashboard.ValueMappingResult{Text: new(w.text), Color: new(w.colour), Index: new(int32(i))}
	}
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: options}}}
}

// words maps the values 0, 1, 2 … to words with colours.
func words(pairs ...[2]string) []dashboard.ValueMapping {
	all := make([]word, len(pairs))
	for i, p := range pairs {
		all[i] = word{strconv.Itoa(i), p[0], p[1]}
	}
	return mapped(all...)
}

// numbered is the number of the state that a series is in, of a metric that has
// a series for each state with 1 where it holds: 0 is the first of states. Where
// several hold it is the last of them.
func numbered(by, metric, selector, label string, states ...string) string {
	var out []string
	for i, s := range slices.Backward(states) {
		out = append(out, fmt.Sprintf(`%d * max by (%s) (%s{%s,%s="%s"} == 1)`, i, by, metric, selector, label, s))
	}
	return strings.Join(out, " or ")
}

// states are the words of closewatch_component_state and closewatch_signal_state.
func states() []dashboard.ValueMapping {
	return words([2]string{cannotTell, unknown}, [2]string{"OK", good}, [2]string{"Warning", bad}, [2]string{"Critical", worst})
}

// verdicts are the words of what is 1 when it succeeded.
func verdicts(failed, passed string) []dashboard.ValueMapping {
	return words([2]string{failed, worst}, [2]string{passed, good})
}

// A panels hands out ids in the order panels are made.
type panels struct{ last uint32 }

func (p *panels) id() uint32 {
	p.last++
	return p.last
}

// number is one big value.
func (p *panels) number(title, about, expr string) *stat.PanelBuilder {
	return p.numbers(title, about, latest("A", "", expr))
}

// numbers are big values side by side, each with its name.
func (p *panels) numbers(title, about string, targets ...*prometheus.DataqueryBuilder) *stat.PanelBuilder {
	b := stat.NewPanelBuilder().Id(p.id()).Title(title).Description(about).Datasource(source()).NoValue(blind)
	for _, t := range targets {
		b.WithTarget(t)
	}
	return b.ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		GraphMode(common.BigValueGraphModeNone).ColorMode(common.BigValueColorModeBackground).
		ColorScheme(byThreshold())
}

// timeline shows words over time.
func (p *panels) timeline(title, about, legend, expr string, mappings []dashboard.ValueMapping) *statetimeline.PanelBuilder {
	return statetimeline.NewPanelBuilder().Id(p.id()).Title(title).Description(about).Datasource(source()).NoValue(blind).
		WithTarget(over("A", legend, expr)).
		Mappings(mappings).ColorScheme(byThreshold()).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false)).
		ShowValue(common.VisibilityModeAuto).MergeValues(true).RowHeight(0.85).FillOpacity(80).LineWidth(0).NeverSpanNulls()
}

// chart draws series over time.
func (p *panels) chart(title, about, unit string) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().Id(p.id()).Title(title).Description(about).Datasource(source()).NoValue(blind).
		Unit(unit).Min(0).
		LineWidth(2).FillOpacity(8).ShowPoints(common.VisibilityModeNever).
		SpanNulls(common.BoolOrFloat64{Bool: new(false)}).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// line is a chart of one query.
func (p *panels) line(title, about, unit, legend, expr string) *timeseries.PanelBuilder {
	return p.chart(title, about, unit).WithTarget(over("A", legend, expr))
}

// against adds what the lines of a chart should keep to, dashed.
func against(t *timeseries.PanelBuilder, legend, expr string) *timeseries.PanelBuilder {
	return t.WithTarget(over("Z", legend, expr)).OverrideByQuery("Z", dashed(worst))
}

// limit draws thresholds into a chart.
func limit(t *timeseries.PanelBuilder, thresholds *dashboard.ThresholdsConfigBuilder) *timeseries.PanelBuilder {
	return t.Thresholds(thresholds).
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
}

// bars compares the newest values.
func (p *panels) bars(title, about, unit, legend, expr string) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().Id(p.id()).Title(title).Description(about).Datasource(source()).NoValue(blind).
		Unit(unit).WithTarget(latest("A", legend, expr)).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		DisplayMode(common.BarGaugeDisplayModeBasic).Orientation(common.VizOrientationHorizontal).ShowUnfilled(true).
		ColorScheme(byThreshold())
}

// table lists the newest values, one line a series. columns are its labels and
// "Value", with their headings; the value is a word with its colour.
func (p *panels) table(title, about, expr string, columns map[string]string, mappings []dashboard.ValueMapping) *table.PanelBuilder {
	hidden := map[string]bool{"Time": true}
	return table.NewPanelBuilder().Id(p.id()).Title(title).Description(about).Datasource(source()).NoValue(blind).
		WithTarget(latest("A", "", expr).Format(prometheus.PromQueryFormatTable)).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{"excludeByName": hidden, "renameByName": columns}}).
		Mappings(mappings).ColorScheme(byThreshold()).CellHeight(common.TableCellHeightSm).
		OverrideByName(columns["Value"], []dashboard.DynamicConfigValue{{Id: "custom.cellOptions", Value: map[string]any{"type": "color-background"}}})
}

func byThreshold() *dashboard.FieldColorBuilder {
	return dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)
}
