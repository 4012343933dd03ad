package openslo

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// A Subject is a process of a tenant.
type Subject struct {
	Environment, Tenant string
	Zone                string // time zone of its months
	Process             process.Process
	// Measured are the sources of objectives that name no indicator, by the
	// objective.
	Measured map[string][]Measured
}

// Measured is what counts the events of an objective, in PromQL.
type Measured struct {
	Source      slo.Source
	Good, Total string
}

// Settings are what documents depend on besides the objectives.
type Settings struct {
	Header []string // told in comments at the head
	URL    string   // where a Prometheus that has the series answers
	// Catalog is what the estate changes: what it has no more of it is told.
	Catalog []process.Process
}

// A Document is an objective that was written.
type Document struct {
	Name      string `json:"name"`
	Process   string `json:"process"`
	Objective string `json:"objective"`
	Tenant    string `json:"tenant"`
	Source    string `json:"source"`
}

// A Generated is what was written.
type Generated struct {
	File       []byte
	Documents  []Document
	NotCovered []string // in words
}

// Generate writes objectives as OpenSLO documents: in the order of the subjects,
// byte-identical for the same input.
func Generate(o Settings, subjects []Subject) Generated {
	g := generator{named: map[string]bool{}, of: map[string]int{}}
	for _, s := range subjects {
		g.of[s.Process.Name]++
	}
	g.shared(o)
	for i, s := range subjects {
		if i == 0 || subjects[i-1].Process.Name != s.Process.Name {
			g.service(s.Process, disabled(o.Catalog, s.Process))
		}
		for _, obj := range s.Process.Objectives {
			g.objective(s, obj)
		}
	}
	var b bytes.Buffer
	for _, line := range o.Header {
		fmt.Fprintln(&b, strings.TrimRight("# "+line, " "))
	}
	if len(g.NotCovered) > 0 {
		fmt.Fprintln(&b, "#\n# Not in here, because nothing measures it here:")
		for _, line := range g.NotCovered {
			fmt.Fprintln(&b, "# - "+line)
		}
	}
	for i, d := range g.docs {
		if i > 0 { // before the first, readers would take the comments for a document
			b.WriteString("---\n")
		}
		d.write(&b, "", nil)
	}
	g.File = b.Bytes()
	return g.Generated
}

type generator struct {
	Generated
	docs  []fields
	named map[string]bool // SLOs
	of    map[string]int  // how many tenants have a process
}

func (g *generator) document(k kind, metadata, spec fields) {
	g.docs = append(g.docs, fields{{"apiVersion", apiVersion}, {"kind", string(k)}, {"metadata", metadata}, {"spec", spec}})
}

// shared writes what all objectives refer to: the source of their series, and
// the burn rates that the daemon judges by. An alert policy has one condition,
// so that each pair of windows is one.
func (g *generator) shared(o Settings) {
	g.document(kindDataSource, fields{{"name", ourSource}, {"displayName", "Closewatch"}}, fields{
		{"description", "The Prometheus API of Closewatch, or any Prometheus that scrapes it."},
		{"type", "Prometheus"},
		{"connectionDetails", fields{{"url", o.URL}}},
	})
	g.document(kindAlertNotificationTarget, fields{{"name", ourTarget}, {"displayName", "Alertmanager"}}, fields{
		{"description", "Routes by team, tier and severity say who is told."}, {"target", ourTarget},
	})
	for _, w := range slo.BurnWindows() {
		name := burnName(w)
		says := "The budget burns slowly: "
		if w.Fast {
			says = "The budget burns fast: "
		}
		says += w.Name + " of the budget of thirty days."
		annotations := fields{{annotationShare, w.Share.FloatString(2)}, {annotationShort, shorthand(w.Short)}}
		g.document(kindAlertCondition, fields{{"name", name}, {"annotations", annotations}}, fields{
			{"description", says},
			{"severity", severityOf(w)},
			{"condition", fields{
				{"kind", burnrate}, {"op", "gt"}, {"threshold", number(w.Factor().FloatString(decimals(w.Factor())))}, {"lookbackWindow", shorthand(w.Lookback)}, {"alertAfter", "0m"},
			}},
		})
		g.document(kindAlertPolicy, fields{{"name", name}}, fields{
			{"description", says},
			{"alertWhenBreaching", true},
			{"alertWhenResolved", true},
			{"conditions", []any{fields{{"conditionRef", name}}}},
			{"notificationTargets", []any{fields{{"targetRef", ourTarget}}}},
		})
	}
}

func burnName(w slo.BurnWindow) string { return "burn-" + shorthand(w.Lookback) }

// disabled names the objectives of the catalogue's process that one has not.
func disabled(catalog []process.Process, p process.Process) []string {
	var out []string
	for _, from := range catalog {
		for _, o := range from.Objectives {
			if from.Name == p.Name && !hasObjective([]process.Process{p}, p.Name, o.Name) {
				out = append(out, o.Name)
			}
		}
	}
	return out
}

func (g *generator) service(p process.Process, disabled []string) {
	critical := p.RecoveryIn(true)
	annotations := fields{{annotationProcess, p.Name}}.
		with(annotationTier, string(p.Tier)).with(annotationCloseTier, string(p.CloseTier)).
		with(annotationCriticalWindow, flowOf(windowList(p.Windows), quoted)).
		with(annotationRTO, durationText(p.Recovery.RTO)).with(annotationRPO, durationText(p.Recovery.RPO)).
		with(annotationRTOCritical, durationText(critical.RTO)).with(annotationRPOCritical, durationText(critical.RPO)).
		with(annotationDisabled, strings.Join(disabled, ", "))
	g.document(kindService, fields{{"name", label(p.Name)}, {"displayName", clip(p.Title)}, {"annotations", annotations}}, fields{}.with("description", clipTo(p.Stops, maxDescription)))
}

// durationText is a duration, 0 included.
func durationText(d time.Duration) string { return cmp.Or(duration(d), "0s") }

// objective writes an objective, once for each source that measures it.
func (g *generator) objective(s Subject, o process.Objective) {
	if o.Indicator != nil {
		g.slo(s, o, slo.Records, indicatorSpec(s, o))
		return
	}
	measured := s.Measured[o.Name]
	if len(measured) == 0 {
		why := cmp.Or(o.Unmeasured, "neither a flow nor users measure it")
		g.NotCovered = append(g.NotCovered, fmt.Sprintf("%s/%s/%s/%s (%s): %s", s.Environment, s.Tenant, s.Process.Name, o.Name, o.Kind, why))
	}
	for _, m := range measured {
		g.slo(s, o, m.Source, ratio(m.Total, "good", m.Good))
	}
}

// sourceTitle says whose experience is measured.
func sourceTitle(s slo.Source) string {
	switch s {
	case slo.Users:
		return "real users"
	case slo.Synthetic:
		return "test transactions"
	default:
		return "records"
	}
}

func (g *generator) slo(s Subject, o process.Objective, source slo.Source, spec fields) {
	name := s.Process.Name + "-" + o.Name
	if source != slo.Records {
		name += "-" + string(source)
	}
	if g.of[s.Process.Name] > 1 {
		name += "-" + s.Tenant + "-" + s.Environment
	}
	name = g.unique(label(name), s.Environment+"/"+s.Tenant+"/"+s.Process.Name+"/"+o.Name+"/"+string(source))
	annotations := fields{
		{annotationProcess, s.Process.Name},
		{annotationObjective, o.Name},
		{annotationKind, string(o.Kind)},
		{annotationSource, string(source)},
		{annotationEnvironment, s.Environment},
		{annotationTenant, s.Tenant},
	}
	if o.Every {
		annotations = append(annotations, field{annotationEvery, "true"})
	} else {
		annotations = annotations.with(annotationCriticalTarget, string(share(o.CriticalTarget)))
	}
	if o.Indicator == nil || o.Indicator.Occasional() {
		annotations = annotations.with(annotationThreshold, duration(o.Threshold))
	}
	annotations = annotations.with(annotationCriticalThreshold, duration(o.CriticalThreshold))
	if o.CriticalOnly {
		annotations = append(annotations, field{annotationCriticalOnly, "true"})
	}
	if o.Indicator.Occasional() {
		annotations = append(annotations, field{annotationIndicator, flowOf(indicatorFields(o.Indicator), quoted)})
	}
	if rest := budgetAnnotation(o.Budget); len(rest) > 0 {
		annotations = append(annotations, field{annotationBudget, flowOf(rest, quoted)})
	}
	title := clip(s.Process.Title + ": " + o.Name + " by " + sourceTitle(source))
	g.document(kindSLO, fields{{"name", name}, {"displayName", title}, {"annotations", annotations}}, sloSpec(s, o, name, spec))
	g.Documents = append(g.Documents, Document{name, s.Process.Name, o.Name, s.Tenant, string(source)})
}

// budgetAnnotation is what OpenSLO cannot say of a budget.
func budgetAnnotation(b process.Budget) fields {
	out := fields{}.with("window", string(b.Window))
	if wholeMinutes(b.Slice) != b.Slice || b.EmptySlice != "" {
		out = out.with("slice", duration(b.Slice))
	}
	return append(out, restOfBudget(b)...)
}

// wholeMinutes is the least number of minutes that holds a slice: OpenSLO knows
// no seconds.
func wholeMinutes(d time.Duration) time.Duration { return (d + time.Minute - 1).Truncate(time.Minute) }

// almost is the highest target that OpenSLO can say: none may be missed.
const almost = process.Whole - 1

func sloSpec(s Subject, o process.Objective, name string, spec fields) fields {
	target := fields{}
	if i := o.Indicator; i != nil && !i.Occasional() {
		switch {
		case i.Oldest != nil:
			target = fields{{"op", "lte"}, {"value", number(float(o.Threshold.Seconds()))}}
		case i.AtMost != nil:
			target = fields{{"op", "lte"}, {"value", number(float(*i.AtMost))}}
		case i.AtLeast != nil:
			target = fields{{"op", "gte"}, {"value", number(float(*i.AtLeast))}}
		}
	}
	share := o.Target
	if o.Every {
		share = almost
	}
	target = append(target, field{"target", number(share.String())})
	method := occurrences
	if slice := o.Budget.Slice; slice > 0 {
		method = timeslices
		target = append(target, field{"timeSliceTarget", number(cmp.Or(o.Budget.SliceTarget, share).String())}, field{"timeSliceWindow", shorthand(wholeMinutes(slice))})
	}
	out := fields{}.with("description", clipTo(o.Says, maxDescription))
	out = append(out,
		field{"service", label(s.Process.Name)}, field{"indicator", fields{{"metadata", fields{{"name", name}}}, {"spec", spec}}},
		field{"timeWindow", []any{timeWindow(s, o)}}, field{"budgetingMethod", method}, field{"objectives", []any{target}},
	)
	if o.Every || o.Indicator.Occasional() {
		return out // nothing burns
	}
	policies := []any{}
	for _, w := range slo.BurnWindows() {
		policies = append(policies, fields{{"alertPolicyRef", burnName(w)}})
	}
	return append(out, field{"alertPolicies", policies})
}

// timeWindow is what the budget is reckoned over outside the critical window.
// Of occasions a month is, and of what may never fail.
func timeWindow(s Subject, o process.Objective) fields {
	window := o.Budget.Window
	if window == "" && !o.Indicator.Occasional() && !o.Every {
		window = process.RollingWindow
	}
	if window == process.RollingWindow {
		return fields{{"duration", "30d"}, {"isRolling", true}}
	}
	return fields{{"duration", "1M"}, {"calendar", fields{{"startTime", "2026-01-01 00:00:00"}, {"timeZone", cmp.Or(s.Zone, "UTC")}}}}
}

// indicatorSpec writes an indicator as PromQL. Of occasions it is what the daemon
// counted.
func indicatorSpec(s Subject, o process.Objective) fields {
	i, in := o.Indicator, scope{s.Environment, s.Tenant}
	sum := func(series process.Series) string { return "sum(" + in.selector(series) + ")" }
	switch {
	case i.Occasional():
		id := "closewatch_slo_events_total{objective=" + strconv.Quote(strings.Join([]string{s.Environment, s.Tenant, s.Process.Name, o.Name, string(slo.Records)}, "/"))
		return ratio("sum("+id+"})", "good", "sum("+id+`,result="good"})`)
	case i.Good != nil:
		return ratio(sum(*i.Total), "good", sum(*i.Good))
	case i.Bad != nil:
		return ratio(sum(*i.Total), "bad", sum(*i.Bad))
	case i.Histogram != nil:
		count := process.Series{Metric: i.Histogram.Metric + "_count", Labels: i.Histogram.Labels}
		bucket := process.Series{Metric: i.Histogram.Metric + "_bucket", Labels: i.Histogram.Labels}
		return ratio(sum(count), "good", "sum("+in.selector(bucket, bound(o.Threshold.Seconds()))+")")
	case i.Oldest != nil:
		query := "time() - min(" + in.selector(*i.Oldest) + " > 0)"
		if i.Idle != nil {
			query = "(" + query + ") or 0 * count(" + in.selector(*i.Idle) + ")"
		}
		return fields{{"thresholdMetric", metric(query)}}
	default:
		return fields{{"thresholdMetric", metric(sum(*i.Value))}}
	}
}

func ratio(total, partIs, part string) fields {
	return fields{{"ratioMetric", fields{{"counter", true}, {partIs, metric(part)}, {"total", metric(total)}}}}
}

func metric(query string) fields {
	return fields{{"metricSource", fields{{"metricSourceRef", ourSource}, {"type", "Prometheus"}, {"spec", fields{{"query", query}}}}}}
}

// label makes a DNS label of a name: what every reader of OpenSLO takes.
func label(name string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		default:
			return '-'
		}
	}, name)
	return strings.Trim(s, "-")
}

// unique makes a name of at most 63 characters that no other SLO has. What is
// shortened or taken gets a mark of what it stands for.
func (g *generator) unique(name, of string) string {
	if len(name) > maxName || g.named[name] {
		h := fnv.New32a()
		_, _ = h.Write([]byte(of)) // never fails
		mark := fmt.Sprintf("-%08x", h.Sum32())
		name = strings.TrimRight(name[:min(len(name), maxName-len(mark))], "-") + mark
	}
	g.named[name] = true
	return name
}

// clip makes a title fit.
func clip(s string) string { return clipTo(s, maxName) }

func clipTo(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
