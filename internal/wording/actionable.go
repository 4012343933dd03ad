package wording

import (
	"fmt"
	"unicode/utf8"
)

// Lacks says what a page lacks for whoever is woken by it to act on it without
// opening a link; nothing of one that is complete. runbook is the name of its
// runbook.
func Lacks(s Situation, runbook string) []string {
	p := Compose(s)
	var out []string
	lacks := func(missing bool, what string) {
		if missing {
			out = append(out, what)
		}
	}
	lacks(s.Stops == "" && s.Headline == "", "impact: what people cannot do")
	lacks(len(s.DoFirst) == 0, "what to do first")
	lacks(s.Workaround == "" && s.Meanwhile == "", "workaround: what finance does meanwhile")
	lacks(s.Team == "", "team: who is on call for it")
	lacks(s.Owner == "", "owner: who decides for the business")
	lacks(s.Deadline == "" && s.RTO == 0, "by when: neither a deadline nor a recovery time objective")
	lacks(s.Suspected == "" && len(s.RuledOut) == 0 && len(s.Unseen) == 0, "cause: neither a suspect nor what was ruled out")
	lacks(s.Because == "", "why it is a page")
	_, known := Runbook(runbook)
	lacks(!known, "runbook: there is none of the name "+runbook)
	lacks(utf8.RuneCountInString(p.Title) > MaxTitle, fmt.Sprintf("a title of at most %d characters", MaxTitle))
	lacks(utf8.RuneCountInString(p.Body) > MaxBody, fmt.Sprintf("a text of at most %d characters", MaxBody))
	for _, f := range append(PII(p.Title), PII(p.Body)...) {
		out = append(out, "discretion: "+f.Why)
	}
	return out
}
