package app

import (
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

// incidentEntries are the incidents that were raised, escalated, merged or
// recovered at a tick, and how each process that recovered stood against its
// recovery objectives.
func incidentEntries(t *Tick) []evidence.Entry {
	var out []evidence.Entry
	for _, inc := range t.Incidents {
		add := func(action, outcome string, refs map[string]string) {
			refs["incident"], refs["environment"] = inc.ID, inc.Environment
			if inc.Cause != nil {
				refs["cause"] = inc.Cause.Component
			}
			out = append(out, evidence.Entry{Class: evidence.Decision, Action: action, Outcome: outcome, Refs: stated(refs)})
		}
		for _, e := range inc.Escalations {
			if !e.At.Equal(t.At) {
				continue
			}
			refs := keyRefs(e.By)
			action := "incident-escalated"
			if inc.Detected.Equal(t.At) {
				action, refs["first_bad"] = "incident-raised", instant(inc.Opened)
			}
			add(action, e.Tier.String(), refs)
		}
		for _, m := range inc.Members {
			if m.Left.Equal(t.At) && inc.Into == "" && m.Worst >= tiering.Degradation {
				add("process-recovered", verdictWord(m.RTO.Verdict()), objectiveRefs(m))
			}
		}
		switch {
		case !inc.Recovered.Equal(t.At):
		case inc.Into != "":
			add("incident-merged", "", map[string]string{"into": inc.Into})
		default:
			add("incident-recovered", inc.Tier().String(), lifeRefs(inc))
		}
	}
	return out
}

// objectiveRefs are how a member that recovered stood against its objectives.
func objectiveRefs(m incident.Member) map[string]string {
	refs := keyRefs(m.Impact.Key)
	refs["rto_verdict"], refs["rpo_verdict"] = verdictWord(m.RTO.Verdict()), verdictWord(m.RPO.Verdict())
	if !m.RTO.Began.IsZero() {
		refs["rto"], refs["away"] = lasted(m.RTO.Objective), lasted(m.RTO.Elapsed)
	}
	if m.RPO.Known {
		refs["rpo"], refs["at_risk"] = lasted(m.RPO.Objective), lasted(m.RPO.Worst)
		if m.RPO.Postings != nil {
			refs["postings_at_risk"] = strconv.FormatFloat(*m.RPO.Postings, 'f', 0, 64)
		}
	}
	return refs
}

// lifeRefs are how long each part of an incident took, the verdicts, and the
// checks that recovery was said on.
func lifeRefs(inc *incident.Incident) map[string]string {
	refs := map[string]string{
		"first_bad": instant(inc.Opened), "raised": instant(inc.Detected), "acknowledged": instant(inc.Acknowledged), "restored": instant(inc.Restored),
		"to_detect": lasted(inc.ToDetect()), "rto_verdict": verdictWord(inc.RTO()), "rpo_verdict": verdictWord(inc.RPO()), "pages": strconv.Itoa(inc.Pages),
	}
	if d, ok := inc.ToAcknowledge(); ok {
		refs["to_acknowledge"] = lasted(d)
	}
	if d, ok := inc.ToRestore(); ok {
		refs["to_restore"] = lasted(d)
	}
	passed, not := 0, ""
	for _, c := range inc.Checks {
		switch {
		case c.State == incident.Passed:
			passed++
		case len(not)+len(c.Name) < maxRef:
			not = strings.TrimPrefix(not+"+"+c.Name, "+")
		}
	}
	refs["checks_passed"], refs["checks_not_passed"] = strconv.Itoa(passed), not
	return refs
}

// maxRef bounds a reference of evidence, in bytes.
const maxRef = 120

// lasted is a duration as a reference of evidence: whole seconds.
func lasted(d time.Duration) string { return d.Round(time.Second).String() }

// verdictWord is a verdict as evidence has words: without a space.
func verdictWord(v incident.Verdict) string { return strings.ReplaceAll(string(v), " ", "-") }
