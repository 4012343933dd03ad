package openslo

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/slo"
)

// alerts notes what the alert policies of an SLO ask for that the daemon does
// not do.
func (r reading) alerts(spec *SLOSpec) {
	for i, p := range spec.AlertPolicies {
		at := fmt.Sprintf("spec.alertPolicies[%d]", i)
		if p.Spec != nil {
			r.policy(at+".spec", p.Spec)
			continue
		}
		if _, there := r.policies[p.AlertPolicyRef]; !there {
			r.leave(at+".alertPolicyRef", fmt.Sprintf("there is no AlertPolicy %q in these files", p.AlertPolicyRef), "give its file, too, to be told what differs")
		}
	}
}

// policy notes what is different about an alert policy.
func (r reading) policy(at string, p *AlertPolicySpec) {
	for _, said := range []struct {
		field string
		value *bool
		is    bool
		does  string
	}{
		{"alertWhenBreaching", p.AlertWhenBreaching, false, "a burn is judged all the same"},
		{"alertWhenResolved", p.AlertWhenResolved, false, "Alertmanager is told when it is over"},
		{"alertWhenNoData", p.AlertWhenNoData, true, "what is not measured is told by an alert of its own, FinanceMonitoringBlind"},
	} {
		if said.value != nil && *said.value == said.is {
			r.leave(at+"."+said.field, fmt.Sprintf("is %v: %s", said.is, said.does), "remove it")
		}
	}
	for i, c := range p.Conditions {
		at := fmt.Sprintf("%s.conditions[%d]", at, i)
		if c.Spec != nil {
			r.condition(at+".spec", c.Spec)
		} else if _, there := r.conditions[c.ConditionRef]; !there {
			r.leave(at+".conditionRef", fmt.Sprintf("there is no AlertCondition %q in these files", c.ConditionRef), "give its file, too, to be told what differs")
		}
	}
	for i, t := range p.NotificationTargets {
		if t.Spec != nil {
			r.target(fmt.Sprintf("%s.notificationTargets[%d].metadata.name", at, i), t.Metadata.Name)
		}
	}
}

// condition notes a burn rate that is none of the daemon's.
func (r reading) condition(at string, spec *ConditionSpec) {
	c, severity := &spec.Condition, at+".severity"
	at += ".condition"
	back, fixed := c.LookbackWindow.D()
	i := slices.IndexFunc(slo.BurnWindows(), func(b slo.BurnWindow) bool { return fixed && b.Lookback == back })
	after, _ := c.AlertAfter.D()
	rate := new(big.Rat)
	if c.Threshold != nil {
		rate.SetString(float(*c.Threshold))
	}
	if c.Op == "gte" {
		r.kept(at+".op", "is gte: the daemon judges by more than the rate", "write gt")
	}
	switch rising := c.Op == "gt" || c.Op == "gte"; {
	case !rising:
		r.leave(at+".op", "is "+c.Op+": a budget that burns slowly is no alert", "write gt")
	case i < 0 || slo.BurnWindows()[i].Factor().Cmp(rate) != 0:
		r.leave(at, fmt.Sprintf("a burn rate of %s over %s is none that the daemon judges by", rate.FloatString(decimals(rate)), c.LookbackWindow), "write one of "+strings.Join(burnWords(), ", "))
	case after > 0:
		r.leave(at+".alertAfter", "is "+c.AlertAfter.String()+": the daemon has a second, shorter window instead", "remove it")
	case spec.Severity != severityOf(slo.BurnWindows()[i]):
		r.leave(severity, fmt.Sprintf("is %q: what a burn means today is decided by tier and calendar", spec.Severity), "write "+severityOf(slo.BurnWindows()[i]))
	}
}

// severityOf is what a burn asks for where nothing else is known: action now, or
// a ticket.
func severityOf(b slo.BurnWindow) string {
	if b.Fast {
		return "page"
	}
	return "ticket"
}

// decimals is how many digits behind the point a rate needs.
func decimals(rate *big.Rat) int {
	n, exact := rate.FloatPrec()
	if !exact {
		return 3
	}
	return n
}

// burnWords are the burn rates that the daemon judges by.
func burnWords() []string {
	var out []string
	for _, b := range slo.BurnWindows() {
		out = append(out, fmt.Sprintf("%s over %s", b.Factor().FloatString(decimals(b.Factor())), shorthand(b.Lookback)))
	}
	return out
}

// ourTarget is who generated documents tell.
const ourTarget = "alertmanager"

func (r reading) target(at, name string) {
	if name != ourTarget {
		r.leave(at, fmt.Sprintf("%q is nobody that an estate knows: Alertmanager's routes say who is told", name), "route by the labels team, tier and severity")
	}
}

// others notes what documents besides SLOs and services say that an estate
// cannot, or that nothing refers to.
func (im *importer) others() {
	for _, name := range slices.Sorted(maps.Keys(im.policies)) {
		d := im.policies[name]
		reading{im, d.Document, &d.is.Metadata}.policy("spec", &d.is.Spec)
	}
	for _, name := range slices.Sorted(maps.Keys(im.conditions)) {
		d := im.conditions[name]
		reading{im, d.Document, &d.is.Metadata}.condition("spec", &d.is.Spec)
	}
	for _, name := range slices.Sorted(maps.Keys(im.targets)) {
		d := im.targets[name]
		reading{im, d.Document, &d.is.Metadata}.target("metadata.name", name)
	}
	for _, name := range slices.Sorted(maps.Keys(im.sources)) {
		d := im.sources[name]
		asked := slices.ContainsFunc(slices.Collect(maps.Values(im.asks)), func(a ask) bool { return a.used && a.source == name })
		if name != ourSource && !asked {
			reading{im, d.Document, &d.is.Metadata}.leave("metadata.name", fmt.Sprintf("%q is asked nothing: series are read from what Closewatch publishes", name), "declare a component that publishes them")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(im.slis)) {
		if !im.refersTo(name) {
			d := im.slis[name]
			reading{im, d.Document, &d.is.Metadata}.leave("metadata.name", fmt.Sprintf("no SLO refers to the SLI %q", name), "give the file of its SLO, too")
		}
	}
}

// refersTo reports whether an SLO has an SLI.
func (im *importer) refersTo(name string) bool {
	return slices.ContainsFunc(im.slos, func(d placed[SLO]) bool {
		return d.is.Spec.IndicatorRef == name ||
			slices.ContainsFunc(d.is.Spec.Objectives, func(o Objective) bool { return o.IndicatorRef == name })
	})
}
