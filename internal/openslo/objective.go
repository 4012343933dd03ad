package openslo

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/slo"
)

// objective is what an estate makes of one objective of an SLO; false when it
// cannot say it, which is noted then.
func (r reading) objective(d placed[SLO], at string, i int) (want process.Objective, ok bool) {
	spec, o := &d.is.Spec, &d.is.Spec.Objectives[i]
	want, ok = r.extension()
	if !ok {
		return want, false
	}
	want.Name = cmp.Or(r.meta.Annotations[annotationObjective], slug(r.meta.Name))
	if i > 0 {
		want.Name = slug(fmt.Sprintf("%s-%d", want.Name, i+1))
	}
	want.Says = r.says(d, at, o)
	if target, _ := o.target(); want.Every {
		want.Target = 0
	} else if want.Target = target; target == 0 {
		r.leave(at, "has a target of 0, which everything meets", "write the share that must be good")
		return want, false
	}
	if !r.measure(&want, d, at, o) {
		return want, false
	}
	if spec.BudgetingMethod != timeslices {
		want.Budget.Slice, want.Budget.EmptySlice = 0, ""
	} else {
		if length := time.Duration(o.TimeSliceWindow); wholeMinutes(want.Budget.Slice) != length {
			want.Budget.Slice = length
		}
		want.Budget.SliceTarget = *o.TimeSliceTarget
		if whole := cmp.Or(want.Target, almost); want.Budget.SliceTarget == whole { // what an estate means when it says none
			want.Budget.SliceTarget = 0
		}
	}
	r.window(&want, spec)
	return want, true
}

// says is what an objective says, of all that its documents do.
func (r reading) says(d placed[SLO], at string, o *Objective) string {
	sli := r.sliOf(d, at, o)
	texts := []struct {
		of          reading
		field, text string
	}{
		{r, "spec.description", d.is.Spec.Description},
		{r, at + ".displayName", o.DisplayName},
		{sli.reading, sli.at + ".description", sli.spec.Description},
		{r, "metadata.displayName", r.meta.DisplayName},
	}
	if len(d.is.Spec.Objectives) > 1 { // which one it is matters more
		texts[0], texts[1] = texts[1], texts[0]
	}
	said := ""
	for _, t := range texts {
		if said == "" {
			said = t.text
		} else if t.text != "" && t.text != said && !r.ours() {
			t.of.leave(t.field, "is one description too many: an objective of an estate has one", "remove it, or what stands before it")
		}
	}
	return said
}

// ours reports whether a document was generated from an estate.
func (r reading) ours() bool { return r.meta.Annotations[annotationObjective] != "" }

// unfit is what a name in an estate may not hold.
var unfit = regexp.MustCompile(`[^a-z0-9._-]+`)

// slug makes a name of an estate of one that is none.
func slug(name string) string {
	s := unfit.ReplaceAllString(strings.ToLower(name), "-")
	return strings.Trim(s[:min(len(s), maxName)], "-._")
}

// extension is what the annotations say of an objective.
func (r reading) extension() (want process.Objective, ok bool) {
	var o estate.ObjectiveOverride
	said, fine := r.meta.Annotations, true
	wrong := func(key string, err error) {
		if err != nil {
			what, remedy, _ := strings.Cut(err.Error(), "; ")
			r.leave(annotation(key), what, cmp.Or(remedy, "write it as in an estate"))
			fine = false
		}
	}
	if text, is := said[annotationKind]; is {
		kind := process.ObjectiveKind(text)
		if p, bad := estate.OneOf("", kind, process.ObjectiveKinds()...); bad {
			wrong(annotationKind, fmt.Errorf("%s; %s", p.What, p.Remedy))
		}
		o.Kind = &kind
	}
	for key, to := range map[string]**bool{annotationEvery: &o.Every, annotationCriticalOnly: &o.CriticalOnly} {
		if text, is := said[key]; is {
			v, err := strconv.ParseBool(text)
			if err != nil {
				wrong(key, fmt.Errorf("is %q; write \"true\" or \"false\"", text))
			}
			*to = &v
		}
	}
	for key, to := range map[string]**estate.Duration{annotationThreshold: &o.Threshold, annotationCriticalThreshold: &o.CriticalThreshold} {
		if text, is := said[key]; is {
			*to = new(estate.Duration)
			wrong(key, (*to).UnmarshalText([]byte(text)))
		}
	}
	if text, is := said[annotationCriticalTarget]; is {
		o.CriticalTarget = new(process.Share)
		wrong(annotationCriticalTarget, o.CriticalTarget.UnmarshalText([]byte(text)))
	}
	if _, is := said[annotationIndicator]; is {
		o.Indicator = new(estate.Indicator)
		fine = r.structured(annotationIndicator, o.Indicator) && fine
	}
	if _, is := said[annotationBudget]; is {
		o.Budget = new(estate.Budget)
		fine = r.structured(annotationBudget, o.Budget) && fine
	}
	if !fine {
		return want, false
	}
	const name = "x"
	applied := estate.ProcessOverride{Objectives: map[string]estate.ObjectiveOverride{name: o}}.Apply(process.Process{})
	return applied.Objectives[0], true
}

// structured decodes an annotation that says something as an estate does.
func (r reading) structured(key string, into any) bool {
	place := r.doc.Note(estate.Problem{Field: annotation(key)})
	_, mistakes := estate.ReadDocument(place.File, []byte(r.meta.Annotations[key]), strings.TrimPrefix(key, prefix), "write it as in an estate", into)
	for _, m := range mistakes {
		r.leave(annotation(key), fmt.Sprintf("%s %s", m.Path, m.What), m.Remedy)
	}
	return len(mistakes) == 0
}

// window takes over the time window of a budget.
func (r reading) window(want *process.Objective, spec *SLOSpec) {
	if len(spec.TimeWindow) == 0 {
		return
	}
	const at = "spec.timeWindow[0]"
	w := &spec.TimeWindow[0]
	length, fixed := w.Duration.D()
	said := want.Budget.Window != "" // by the annotation
	switch {
	case w.rolling() && fixed && length == rolling:
		if want.Indicator.Occasional() || want.Every {
			want.Budget.Window = cmp.Or(want.Budget.Window, process.RollingWindow)
		}
	case w.rolling():
		r.kept(at+".duration", "is "+w.Duration.String()+": an estate looks back 30d", "write 30d")
	case w.Duration == (Shorthand{1, 'M'}):
		if !said && !want.Indicator.Occasional() && !want.Every {
			want.Budget.Window = process.MonthWindow
		}
		if !strings.HasSuffix(w.Calendar.StartTime, "-01 00:00:00") {
			r.kept(at+".calendar.startTime", "is not the beginning of a month: months of an estate are those of the calendar", "write the first day of a month at 00:00:00")
		}
		if !r.ours() {
			r.kept(at+".calendar.timeZone", "is "+w.Calendar.TimeZone+": months of an estate begin at midnight of each entity", "see that the entities have that time zone")
		}
	default:
		r.kept(at+".duration", "is "+w.Duration.String()+" of a calendar: an estate has months and fiscal periods, and looks back 30d otherwise", `write 1M, or the annotation `+annotationBudget+`: '{window: fiscal}'`)
	}
}

// rolling is the rolling window of an estate, slo.Period.
const rolling = 30 * 24 * time.Hour

// An sli is an SLI with where it stands.
type sli struct {
	reading
	spec *SLISpec
	at   string
	name string
}

// sliOf is the SLI of an objective.
func (r reading) sliOf(d placed[SLO], at string, o *Objective) sli {
	inline, ref := d.is.Spec.Indicator, d.is.Spec.IndicatorRef
	place := "spec.indicator.spec"
	if o.composite() {
		inline, ref, place = o.Indicator, o.IndicatorRef, at+".indicator.spec"
	}
	if inline != nil {
		return sli{r, &inline.Spec, place, inline.Metadata.Name}
	}
	found := r.slis[ref]
	return sli{reading{r.importer, found.Document, &found.is.Metadata}, &found.is.Spec, "spec", ref}
}

// measure takes over what an objective is measured on.
func (r reading) measure(want *process.Objective, d placed[SLO], at string, o *Objective) bool {
	s := r.sliOf(d, at, o)
	in := scope{r.meta.Annotations[annotationEnvironment], r.meta.Annotations[annotationTenant]}
	if source := r.meta.Annotations[annotationSource]; source == string(slo.Users) || source == string(slo.Synthetic) {
		if want.Kind == "" {
			r.leave(annotation(annotationKind), "is missing", "write availability or latency: "+annotationSource+" says that flows and users are measured")
		}
		return want.Kind != "" // and nothing else: flows and users are what is measured unless an indicator is named
	}
	if want.Indicator == nil {
		indicator, threshold, ok := s.indicator(o, at, in, r)
		if !ok {
			return false
		}
		want.Indicator, want.Threshold = indicator, cmp.Or(want.Threshold, threshold)
	}
	want.Kind = cmp.Or(want.Kind, kindOf(want.Indicator))
	return true
}

// indicator is what an SLI says, as an estate says it. of is where the objective
// stands.
func (s sli) indicator(o *Objective, at string, in scope, of reading) (_ *process.Indicator, threshold time.Duration, ok bool) {
	if ratio := s.spec.RatioMetric; ratio != nil {
		if o.Op != "" || o.Value != nil {
			of.kept(at, "says op or value, which mean nothing with a ratioMetric", "remove them")
		}
		return s.ratio(ratio, in)
	}
	if o.Op == "" || o.Value == nil { // of an SLI that is referred to
		of.leave(at, "says neither op nor value, which the thresholdMetric of its SLI needs", "write op: lte and value")
		return nil, 0, false
	}
	return s.threshold(o, at, in, of)
}

// ratio is good or bad of total.
func (s sli) ratio(ratio *Ratio, in scope) (_ *process.Indicator, threshold time.Duration, ok bool) {
	at := s.at + ".ratioMetric"
	if ratio.Raw != nil {
		s.leave(at+".raw", "is a ratio that is there already: an estate counts events", "write good and total")
		return nil, 0, false
	}
	var read [3]*process.Series
	for i, part := range []struct {
		name string
		m    *Metric
	}{{"total", ratio.Total}, {"good", ratio.Good}, {"bad", ratio.Bad}} {
		if part.m == nil {
			continue
		}
		series, ok := s.series(at+"."+part.name, part.m, in, ratio.Counter)
		if !ok {
			return nil, 0, false
		}
		read[i] = &series
	}
	s.elsewhere(at, ratio.Total)
	total, good, bad := read[0], read[1], read[2]
	if good != nil {
		if histogram, threshold, ok := readHistogram(*good, *total); ok {
			return &process.Indicator{Histogram: &histogram}, threshold, true
		}
	}
	return &process.Indicator{Total: total, Good: good, Bad: bad}, 0, true
}

// series reads the counter that a part of a ratio asks for.
func (s sli) series(at string, m *Metric, in scope, counter bool) (process.Series, bool) {
	const instead = "write one counter with its labels, such as sum(rate(requests_total{code=\"500\"}[5m]))"
	at += ".metricSource"
	if !s.isPrometheus(m.MetricSource) {
		s.leave(at, "is not a Prometheus: nothing else is read", "record it as a counter in a Prometheus")
		return process.Series{}, false
	}
	q := m.query()
	series, ok := readCounter(q)
	switch grows := strings.Contains(q, "rate(") || strings.Contains(q, "increase("); {
	case q == "":
		s.leave(at+".spec", "has no query", "write query: with PromQL")
	case !ok:
		s.leave(at+".spec.query", "is more than the series of one counter: an estate says a metric and the values of its labels", instead)
	case !counter && !grows && !isCounter(series.Metric):
		s.leave(at+".spec.query", "is not said to be a counter: an estate counts events", "write counter: true, if it is one")
		ok = false
	}
	return in.bare(series), ok
}

// isCounter tells a counter by its name.
func isCounter(metric string) bool {
	return slices.ContainsFunc([]string{"_total", "_count", "_bucket"}, func(suffix string) bool { return strings.HasSuffix(metric, suffix) })
}

// ourSource is what generated documents read.
const ourSource = "closewatch"

// elsewhere notes that series of another source are read from what the daemon
// publishes.
func (s sli) elsewhere(at string, m *Metric) {
	if m.MetricSource.MetricSourceRef != ourSource {
		s.kept(at, "is counted from what Closewatch publishes under that name for the process's tenant", "look for it at /metrics, or declare a component that publishes it")
	}
}

// threshold is a number that is compared.
func (s sli) threshold(o *Objective, at string, in scope, of reading) (_ *process.Indicator, threshold time.Duration, ok bool) {
	m, place := s.spec.ThresholdMetric, s.at+".thresholdMetric.metricSource"
	if !s.isPrometheus(m.MetricSource) {
		s.leave(place, "is not a Prometheus: nothing else is read", "record it as a metric in a Prometheus")
		return nil, 0, false
	}
	q := m.query()
	if q == "" {
		s.leave(place+".spec", "has no query", "write query: with PromQL")
		return nil, 0, false
	}
	switch o.Op {
	case "lt":
		of.kept(at+".op", "is lt: in an estate the value itself is good, too", "write lte")
	case "gt":
		of.kept(at+".op", "is gt: in an estate the value itself is good, too", "write gte")
	}
	upTo := o.Op == "lte" || o.Op == "lt"
	if oldest, idle, ok := readAge(q); ok {
		if !upTo {
			of.leave(at+".op", "is "+o.Op+": an estate knows how old is too old, not how new is too new", "write lte")
			return nil, 0, false
		}
		s.elsewhere(place, m)
		oldest = in.bare(oldest)
		if idle != nil {
			*idle = in.bare(*idle)
		}
		old, ok := inSeconds(*o.Value)
		if !ok {
			of.leave(at+".value", "is no age in seconds", "write how old is too old, such as 86400")
		}
		return &process.Indicator{Oldest: &oldest, Idle: idle}, old, ok
	}
	series, ok := readSum(q)
	if ok {
		s.elsewhere(place, m)
		series = in.bare(series)
	} else if series, ok = s.asked(place, m, q, *o.Value, upTo); !ok {
		return nil, 0, false
	}
	out := &process.Indicator{Value: &series}
	if upTo {
		out.AtMost = o.Value
	} else {
		out.AtLeast = o.Value
	}
	return out, 0, true
}
