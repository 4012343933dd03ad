package preview

import (
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The size of a cell of the grid in pixels, as the sheet lays it out, and what
// a panel needs besides its chart.
const (
	cellWidth, cellHeight = 56, 24
	headHeight            = 26
	legendHeight          = 16
	maxLegend             = 6
	letter                = 6 // how wide a letter is, at most
	maxRows               = 40
)

var lineColours = []string{"l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8"}

// body draws a panel's answers; charts have a legend.
func (p panel) body(got []answer, o Options) (template.HTML, []entry) {
	w, h := p.GridPos.W*cellWidth-16, p.GridPos.H*cellHeight-headHeight
	f := p.FieldConfig.Defaults
	switch p.Type {
	case "stat":
		return numbers(got), nil
	case "bargauge":
		return bars(got, f), nil
	case "table":
		return p.rows(got), nil
	case "state-timeline":
		return timeline(got, w, h-legendHeight, o), f.legend(got)
	}
	return chart(got, f, w, h-34, o)
}

func esc(s string) string { return template.HTMLEscapeString(s) }

// element makes HTML of a format of this package and arguments that are
// numbers, classes, or escaped.
func element(format string, args ...any) template.HTML {
	return template.HTML(fmt.Sprintf(format, args...)) //nolint:gosec // see above
}

// drawing is as large as its panel; on a small screen it has its own size, and is
// moved sideways.
func drawing(w, h int, inside string) template.HTML {
	return element(`<div class="draw" style="--w:%[1]dpx;--h:%[2]dpx"><svg viewBox="0 0 %[1]d %[2]d" preserveAspectRatio="none">%[3]s</svg></div>`, w, h, inside)
}

// named is the class of one of the dashboards' colours.
func named(colour string) string {
	switch colour {
	case "green", "blue", "orange", "red", "purple", "light-blue", "super-light-blue", "dark-blue":
		return "c-" + colour
	case "#808080":
		return "c-grey"
	}
	return "c-text"
}

// numbers are big values; several have their names.
func numbers(got []answer) template.HTML {
	var b strings.Builder
	for _, a := range got {
		name := ""
		if len(got) > 1 {
			name = "<small>" + esc(a.name) + "</small> "
		}
		fmt.Fprintf(&b, `<p class="stat %s">%s%s</p>`, named(a.shown.colour(a.last())), name, esc(a.shown.text(a.last())))
	}
	return element(`<div class="stats">%s</div>`, b.String())
}

func bars(got []answer, f field) template.HTML {
	most := 0.0
	for _, a := range got {
		most = max(most, math.Abs(a.last()))
	}
	if f.Max != nil {
		most = max(most, *f.Max)
	}
	var b strings.Builder
	for i, a := range got {
		if i == maxRows {
			break
		}
		part := 0.0
		if most > 0 {
			part = 100 * math.Abs(a.last()) / most
		}
		fmt.Fprintf(&b, `<div class="bar"><span>%s</span><i><b class="%s" style="width:%.1f%%"></b></i><em>%s</em></div>`,
			esc(a.name), named(f.colour(a.last())), part, esc(f.text(a.last())))
	}
	return element(`<div class="bars">%s</div>`, b.String())
}

// rows is a table: the labels that have a heading, then the value.
func (p panel) rows(got []answer) template.HTML {
	heads := map[string]string{}
	for _, t := range p.Transformations {
		heads = t.Options.RenameByName
	}
	var labels []string
	for l := range heads {
		if l != "Value" {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	var b strings.Builder
	b.WriteString("<tr>")
	for _, l := range labels {
		fmt.Fprintf(&b, "<th>%s</th>", esc(heads[l]))
	}
	fmt.Fprintf(&b, "<th>%s</th></tr>", esc(heads["Value"]))
	for i, a := range got {
		if i == maxRows {
			break
		}
		b.WriteString("<tr>")
		for _, l := range labels {
			fmt.Fprintf(&b, "<td>%s</td>", esc(a.labels[l]))
		}
		f := p.FieldConfig.Defaults
		fmt.Fprintf(&b, `<td class="fill %s">%s</td></tr>`, named(f.colour(a.last())), esc(f.text(a.last())))
	}
	return element(`<div class="scroll"><table>%s</table></div>`, b.String())
}

// legend is the words that are drawn, in the order of their values.
func (f field) legend(got []answer) []entry {
	seen := map[float64]bool{}
	for _, a := range got {
		for _, p := range a.points {
			seen[p.value] = true
		}
	}
	var out []entry
	for _, v := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, entry{Name: f.text(v), Colour: named(f.colour(v))})
	}
	return out
}

func timeline(got []answer, w, h int, o Options) template.HTML {
	label := 0
	for _, a := range got {
		label = max(label, letter*utf8.RuneCountInString(a.name)+8)
	}
	label = min(label, w/2)
	line := min(22, max(5, (h-4)/len(got)))
	step := o.Span / points
	x := func(at time.Time) float64 {
		return float64(label) + float64(w-label)*(1-float64(o.At.Sub(at))/float64(o.Span))
	}
	var b strings.Builder
	for i, a := range got {
		y := i * line
		fmt.Fprintf(&b, `<text class="name" x="0" y="%.1f">%s</text>`, float64(y)+float64(line)/2+3, esc(a.name))
		for from := 0; from < len(a.points); {
			to := from
			for to+1 < len(a.points) && a.points[to+1].value == a.points[from].value && a.points[to+1].at.Sub(a.points[to].at) <= step+time.Second {
				to++
			}
			left := x(a.points[from].at)
			right := min(float64(w), x(a.points[to].at.Add(step)))
			fmt.Fprintf(&b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"><title>%s: %s</title></rect>`,
				named(a.shown.colour(a.points[from].value)), left, y+1, max(1, right-left), max(2, line-2), esc(a.name), esc(a.shown.text(a.points[from].value)))
			if word := a.shown.text(a.points[from].value); line >= 14 && right-left > float64(12+letter*utf8.RuneCountInString(word)) {
				fmt.Fprintf(&b, `<text class="word" x="%.1f" y="%.1f">%s</text>`, left+6, float64(y)+float64(line)/2+3, esc(word))
			}
			from = to + 1
		}
	}
	return drawing(w, max(h, len(got)*line), b.String())
}

func chart(got []answer, f field, w, h int, o Options) (template.HTML, []entry) {
	low, high := bounds(got, f)
	const axis = 58
	x := func(at time.Time) float64 {
		return axis + float64(w-axis-4)*(1-float64(o.At.Sub(at))/float64(o.Span))
	}
	y := func(v float64) float64 { return 6 + float64(h-12)*(1-(v-low)/(high-low)) }
	var b strings.Builder
	for _, v := range []float64{low, (low + high) / 2, high} {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="axis" x="%d" y="%.1f">%s</text>`,
			axis, w, y(v), y(v), axis-5, y(v)+3, esc(inUnit(v, f.Unit, nil)))
	}
	for _, s := range f.Thresholds.Steps {
		if s.Value != nil && *s.Value > low && *s.Value <= high {
			fmt.Fprintf(&b, `<line class="limit %s" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, named(s.Color), axis, w, y(*s.Value), y(*s.Value))
		}
	}
	var legend []entry
	for i, a := range got {
		class := lineColours[i%len(lineColours)]
		if a.dashed {
			class = "dash c-red"
		}
		var path strings.Builder
		for j, p := range a.points {
			move := "L"
			if j == 0 || p.at.Sub(a.points[j-1].at) > o.Span/points+time.Second {
				move = "M"
			}
			fmt.Fprintf(&path, "%s%.1f %.1f", move, x(p.at), y(p.value))
		}
		fmt.Fprintf(&b, `<path class="line %s" d="%s"><title>%s</title></path>`, class, path.String(), esc(a.name))
		legend = append(legend, entry{Name: a.name, Value: inUnit(a.last(), f.Unit, nil), Colour: class, Dashed: a.dashed})
	}
	if more := len(legend) - maxLegend; more > 0 {
		legend = append(legend[:maxLegend], entry{Name: fmt.Sprintf("and %d more", more), Colour: "c-text"})
	}
	return drawing(w, h, b.String()), legend
}

// bounds are the least and the greatest value a chart shows; never the same.
func bounds(got []answer, f field) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, a := range got {
		for _, p := range a.points {
			low, high = min(low, p.value), max(high, p.value)
		}
	}
	if f.Min != nil && *f.Min < low {
		low = *f.Min
	}
	if f.Max != nil && *f.Max > high {
		high = *f.Max
	}
	if high <= low {
		high = low + 1
	}
	return low, high
}
