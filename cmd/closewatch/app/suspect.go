package app

import (
	"cmp"
	"fmt"

	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// causeOf is the cause of an impact or, where it names none, of its incident.
func causeOf(inc *incident.Incident, im tiering.Impact) *tiering.Cause {
	if im.Cause != nil {
		return im.Cause
	}
	return inc.Cause
}

// suspected is the candidate that is told first about an impact: its own, unless
// the incident knows a component and the impact does not. ok is false when
// nothing is known.
func suspected(inc *incident.Incident, im tiering.Impact) (c tiering.Candidate, ok bool) {
	if im.Cause == nil && inc.Cause != nil {
		cause := inc.Cause
		for _, c := range im.Candidates {
			if c.Component == cause.Component && !c.Inferred {
				return c, true
			}
		}
		return tiering.Candidate{
			Component: cause.Component, Kind: cause.Kind, Family: cause.Part, What: cause.String() + " is " + cause.State.String(), Confidence: tiering.Likely,
			State: cause.State, Since: cause.Since, For: cause.Evidence,
		}, true
	}
	if len(im.Candidates) == 0 || im.Candidates[0].Kind == tiering.UnknownCause {
		return tiering.Candidate{}, false
	}
	return im.Candidates[0], true
}

// causeInWords names the cause in a few words: the component that the impacts of
// the incident share, or else what is suspected and how surely; "" when nothing
// is.
func causeInWords(inc *incident.Incident, lead tiering.Impact) string {
	if inc.Cause != nil {
		return inc.Cause.String()
	}
	first, known := suspected(inc, lead)
	if !known {
		return ""
	}
	return fmt.Sprintf("%s (%s)", cmp.Or(first.Component, first.What), first.Confidence)
}

// suspect writes what is suspected, what shows it and what was ruled out.
func suspect(s *wording.Situation, inc *incident.Incident, im tiering.Impact) {
	first, known := suspected(inc, im)
	if known {
		s.Suspected, s.Confidence, s.Evidence = first.What, string(first.Confidence), first.For
	}
	for _, c := range im.Candidates {
		if c.What != first.What && c.Confidence == tiering.Likely && s.Or == "" {
			s.Or = c.What
		}
	}
	for _, x := range im.Excluded {
		if x.Component != first.Component {
			s.RuledOut = append(s.RuledOut, x.Component+" ("+x.Why+")")
		}
	}
}

// firstStep is the first thing to do about what is suspected; "" when the
// process's own steps know better.
func firstStep(inc *incident.Incident, im tiering.Impact) string {
	c, known := suspected(inc, im)
	if !known || c.Component == "" || c.Inferred && c.Confidence == tiering.Possible {
		return ""
	}
	return wording.FirstFor(c.Kind, c.Family, c.Component)
}
