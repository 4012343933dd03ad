package openslo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
)

// changeOf writes an objective as an estate says it that has base before.
func changeOf(base, want process.Objective) fields {
	out := fields{}.with("kind", string(want.Kind))
	if want.Every {
		out = out.with("every", true)
	} else {
		out = out.with("target", number(want.Target.String())).with("criticalTarget", share(want.CriticalTarget))
	}
	out = out.with("threshold", duration(want.Threshold)).with("criticalThreshold", duration(want.CriticalThreshold))
	if want.CriticalOnly || base.CriticalOnly {
		out = append(out, field{"criticalOnly", want.CriticalOnly})
	}
	if want.Says != base.Says {
		out = append(out, field{"says", want.Says})
	}
	if want.Indicator != nil {
		out = append(out, field{"indicator", indicatorFields(want.Indicator)})
	}
	if budget := budgetFields(want.Budget); len(budget) > 0 || len(budgetFields(base.Budget)) > 0 {
		out = append(out, field{"budget", budget})
	}
	return out
}

// staysOf names what an estate that has base cannot take back.
func staysOf(base, want process.Objective) []string {
	var out []string
	stays := func(is bool, what string) {
		if is {
			out = append(out, what)
		}
	}
	stays(base.CriticalTarget != 0 && want.CriticalTarget == 0 && !want.Every, "criticalTarget")
	stays(base.Threshold != 0 && want.Threshold == 0, "threshold")
	stays(base.CriticalThreshold != 0 && want.CriticalThreshold == 0, "criticalThreshold")
	stays(base.Indicator != nil && want.Indicator == nil, "indicator")
	return out
}

func share(s process.Share) number {
	if s == 0 {
		return ""
	}
	return number(s.String())
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return model.Duration(d).String()
}

// indicatorFields writes an indicator as an estate says it.
func indicatorFields(i *process.Indicator) fields {
	var out fields
	for _, part := range []struct {
		key string
		is  *process.Series
	}{{"total", i.Total}, {"good", i.Good}, {"bad", i.Bad}, {"histogram", i.Histogram}, {"oldest", i.Oldest}, {"idle", i.Idle}, {"value", i.Value}} {
		if part.is == nil {
			continue
		}
		of := fields{{"metric", part.is.Metric}}
		var labels fields
		for _, name := range slices.Sorted(maps.Keys(part.is.Labels)) {
			labels = append(labels, field{name, part.is.Labels[name]})
		}
		out = append(out, field{part.key, of.with("labels", labels)})
	}
	for _, limit := range []struct {
		key string
		is  *float64
	}{{"atMost", i.AtMost}, {"atLeast", i.AtLeast}} {
		if limit.is != nil {
			out = append(out, field{limit.key, number(float(*limit.is))})
		}
	}
	if i.Dated != nil {
		out = append(out, field{"dated", number(strconv.Itoa(*i.Dated))})
	}
	return out.with("due", i.Due).with("work", i.Work)
}

// budgetFields writes a budget as an estate says it.
func budgetFields(b process.Budget) fields {
	out := fields{}.with("window", string(b.Window)).with("slice", duration(b.Slice)).with("sliceTarget", share(b.SliceTarget))
	return append(out, restOfBudget(b)...)
}

// restOfBudget is what OpenSLO cannot say of a budget.
func restOfBudget(b process.Budget) fields {
	var weights, shares fields
	for _, phase := range slices.Sorted(maps.Keys(b.Weights)) {
		weights = append(weights, field{phase, number(strconv.Itoa(b.Weights[phase]))})
	}
	for _, phase := range slices.Sorted(maps.Keys(b.Shares)) {
		shares = append(shares, field{phase, number(b.Shares[phase].String())})
	}
	out := fields{}.with("emptySlice", string(b.EmptySlice)).with("weights", weights).with("shares", shares)
	if !b.PolicySince.IsZero() {
		out = append(out, field{"policySince", b.PolicySince.Format(time.DateOnly)})
	}
	if b.Unpoliced() {
		return append(out, field{"policy", []any{}})
	}
	var steps []any
	for _, s := range b.Policy {
		steps = append(steps, fields{{"left", number(s.Left.String())}}.with("phase", s.Phase).with("state", string(s.State)))
	}
	return out.with("policy", steps)
}

// windowFields writes a critical window as an estate says it.
func windowFields(w process.Window) fields {
	var out fields
	switch {
	case w.Kind == process.Always:
		out = fields{{"always", true}}
	case w.Kind == process.BeforeDeadline && w.BeforeDays > 0:
		out = fields{{"beforeDays", number(strconv.Itoa(w.BeforeDays))}}
	case w.Kind == process.BeforeDeadline:
		out = fields{{"before", duration(w.Before)}}
	default:
		out = fields{{"from", fmt.Sprintf("WD%+d", w.From)}, {"to", fmt.Sprintf("WD%+d", w.To)}}
	}
	return out.with("says", w.Says)
}

func windowList(windows []process.Window) []any {
	out := []any{}
	for _, w := range windows {
		out = append(out, windowFields(w))
	}
	return out
}

// processChange is what a service says differently of its process; false when
// its annotations cannot be read.
func (r reading) processChange(p process.Process, description string) (fields, bool) {
	var out fields
	fine := true
	said := r.meta.Annotations
	if title := r.meta.DisplayName; title != "" && title != clip(p.Title) {
		out = append(out, field{"title", title})
	}
	if _, ours := said[annotationTier]; description != "" && description != clipTo(p.Stops, maxDescription) {
		if ours {
			out = append(out, field{"stops", description})
		} else {
			r.leave("spec.description", "is not what people cannot do when the process stops, which is what an estate says of it", "write stops in the estate")
		}
	}
	for _, tier := range []struct {
		annotation, key string
		is              process.ServiceTier
	}{{annotationTier, "tier", p.Tier}, {annotationCloseTier, "closeTier", p.CloseTier}} {
		if text := said[tier.annotation]; text != "" && text != string(tier.is) {
			out = append(out, field{tier.key, text})
		}
	}
	if text, is := said[annotationCriticalWindow]; is {
		windows, ok := r.windows(text)
		if fine = ok; ok && !slices.Equal(windows, p.Windows) {
			out = append(out, field{"criticalWindow", windowList(windows)})
		}
	}
	for _, goal := range []struct {
		annotation, key string
		is              time.Duration
	}{
		{annotationRTO, "rto", p.Recovery.RTO},
		{annotationRPO, "rpo", p.Recovery.RPO},
		{annotationRTOCritical, "rtoCritical", p.RecoveryIn(true).RTO},
		{annotationRPOCritical, "rpoCritical", p.RecoveryIn(true).RPO},
	} {
		text, is := said[goal.annotation]
		if !is {
			continue
		}
		d, err := model.ParseDuration(text)
		if err != nil {
			r.leave(annotation(goal.annotation), fmt.Sprintf("is not a duration: %q", text), "write 4h or 30m")
			fine = false
		} else if time.Duration(d) != goal.is {
			out = append(out, field{goal.key, text})
		}
	}
	return out, fine
}

// windows reads critical windows as an estate says them.
func (r reading) windows(text string) ([]process.Window, bool) {
	var said struct {
		CriticalWindow []estate.CriticalWindow
	}
	place := r.doc.Note(estate.Problem{Field: annotation(annotationCriticalWindow)})
	_, mistakes := estate.ReadDocument(place.File, []byte("{criticalWindow: "+text+"}"), strings.TrimPrefix(annotationCriticalWindow, prefix), "write it as in an estate", &said)
	for _, m := range mistakes {
		r.leave(annotation(annotationCriticalWindow), lastOfPath(m.Path)+" "+m.What, m.Remedy)
	}
	if len(mistakes) > 0 {
		return nil, false
	}
	return estate.ProcessOverride{CriticalWindow: said.CriticalWindow}.Apply(process.Process{}).Windows, true
}
