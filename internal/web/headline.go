package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/wording"
)

// A headline is the estate in one sentence, with a second for what comes next.
type headline struct {
	Status status
	Text   string
	Next   string
}

// notCurrent is the headline of verdicts that are not there or not current. They
// say nothing about now, so their age outranks all they say.
func notCurrent(asOf, now time.Time, stale time.Duration) (headline, bool) {
	switch {
	case asOf.IsZero():
		return headline{tierStatus(TierUnknown), "Taking the first look: nothing has been judged yet", "Reload in a minute."}, true
	case now.Sub(asOf) > stale:
		return headline{
			tierStatus(TierUnknown), "Unknown: the last verdict is " + span(now.Sub(asOf)) + " old",
			"Closewatch is running but not deciding; do not rely on anything below.",
		}, true
	default:
		return headline{}, false
	}
}

// headlineOf says what matters most.
func headlineOf(o Overview, now time.Time, stale time.Duration) headline {
	if h, old := notCurrent(o.AsOf, now, stale); old {
		return h
	}
	watched := slices.DeleteFunc(slices.Clone(o.Processes), func(p Process) bool { return !p.Watched() })
	h := headline{Next: nextDeadline(watched)}
	for _, t := range []Tier{TierBusinessCritical, TierDegradation, TierUnknown} {
		if at := titlesAt(watched, t); len(at) > 0 {
			h.Status, h.Text = tierStatus(t), sentence(t, at)
			return h
		}
	}
	h.Status = tierStatus(TierNone)
	switch all := titles(watched); len(all) {
	case 0:
		h.Status, h.Text = tierStatus(TierUnknown), "No finance process is watched"
	case 1:
		h.Text = all[0] + " is working"
	default:
		h.Text = fmt.Sprintf("All %d watched finance processes are working", len(all))
	}
	if n := len(o.Processes) - len(watched); n > 0 {
		h.Next = strings.TrimSpace(h.Next + fmt.Sprintf(" %s not watched.", wording.Count(n, "more is", "more are")))
	}
	return h
}

// statusHeadline says for everybody how things are.
func statusHeadline(s Status, now time.Time, stale time.Duration) headline {
	if h, old := notCurrent(s.AsOf, now, stale); old {
		return h
	}
	at := map[wording.Condition][]string{}
	var all, impaired []string
	for _, line := range s.Lines {
		at[line.Condition] = append(at[line.Condition], line.Process)
		if !slices.Contains(all, line.Process) {
			all = append(all, line.Process)
		}
		if line.Condition != wording.Working && line.Condition != wording.Unknown && !slices.Contains(impaired, line.Process) {
			impaired = append(impaired, line.Process)
		}
	}
	switch unknown := at[wording.Unknown]; {
	case len(all) == 0:
		return headline{tierStatus(TierUnknown), "Nothing is measured here", ""}
	case len(impaired) > 0:
		h := headline{conditionStatus(wording.Delayed), "Not everything works: " + wording.List(impaired), "What you can do meanwhile is said below."}
		if len(at[wording.Paused]) > 0 {
			h.Status = conditionStatus(wording.Paused)
		}
		return h
	case len(unknown) > 0:
		return headline{conditionStatus(wording.Unknown), "Nobody can tell at present: " + wording.List(slices.Compact(unknown)), ""}
	case len(all) == 1:
		return headline{conditionStatus(wording.Working), all[0] + " works", ""}
	default:
		return headline{conditionStatus(wording.Working), fmt.Sprintf("All %d finance processes work", len(all)), ""}
	}
}

func sentence(t Tier, titles []string) string {
	is := "is"
	if len(titles) > 1 {
		is = "are"
	}
	switch t {
	case TierBusinessCritical:
		return fmt.Sprintf("%s %s impaired: business-critical", wording.List(titles), is)
	case TierDegradation:
		return fmt.Sprintf("%s %s degraded", wording.List(titles), is)
	default:
		return fmt.Sprintf("%s cannot be judged", wording.List(titles))
	}
}

func titles(ps []Process) []string {
	var out []string
	for _, p := range ps {
		if !slices.Contains(out, p.Title) {
			out = append(out, p.Title)
		}
	}
	return out
}

func titlesAt(ps []Process, t Tier) []string {
	return titles(slices.DeleteFunc(slices.Clone(ps), func(p Process) bool { return p.Tier != t }))
}

// nextDeadline names the deadline with the least slack.
func nextDeadline(ps []Process) string {
	var least *Deadline
	for _, p := range ps {
		d := p.Deadline
		if d == nil || d.Slack == nil {
			continue
		}
		if least == nil || *d.Slack < *least.Slack {
			least = d
		}
	}
	switch {
	case least == nil:
		return ""
	case *least.Slack < 0:
		return fmt.Sprintf("Tightest deadline: %s, beyond reach by %s.", least.Name, span(least.Slack.D()))
	default:
		return fmt.Sprintf("Tightest deadline: %s, %s of slack.", least.Name, span(least.Slack.D()))
	}
}

// sorted returns o with what needs people first, and no nil list.
func sorted(o Overview) Overview {
	o.Processes = slices.Clone(o.Processes)
	slices.SortStableFunc(o.Processes, func(a, b Process) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.ServiceTier, b.ServiceTier),
			cmp.Compare(a.Title, b.Title),
			cmp.Compare(a.Environment, b.Environment),
			cmp.Compare(a.Tenant, b.Tenant),
			cmp.Compare(a.Entity, b.Entity),
		)
	})
	o.Components = slices.Clone(o.Components)
	slices.SortStableFunc(o.Components, func(a, b Component) int {
		worse := map[string]int{"critical": 0, "warning": 1, "unknown": 2, "ok": 3}
		return cmp.Or(
			cmp.Compare(worse[a.State.String()], worse[b.State.String()]),
			cmp.Compare(a.Environment, b.Environment),
			cmp.Compare(a.Name, b.Name),
		)
	})
	if o.Processes == nil {
		o.Processes = []Process{}
	}
	if o.Components == nil {
		o.Components = []Component{}
	}
	if o.Incidents == nil {
		o.Incidents = []IncidentSummary{}
	}
	if o.BlindSpots == nil {
		o.BlindSpots = []BlindSpot{}
	}
	return o
}
