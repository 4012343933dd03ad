package wording

import (
	"strings"
)

// cause says what is probably behind it, how sure that is, what shows it, and
// what was ruled out.
func cause(s Situation) string {
	text := "not known yet; nothing that is watched explains it."
	if s.Suspected != "" {
		text = "(" + s.Confidence + ") " + s.Suspected + "."
		if s.Confidence == "" {
			text = Sentence(s.Suspected)
		}
		if shown := beyond(s.Suspected, s.Evidence); len(shown) > 0 {
			text += " Evidence: " + strings.Join(shown, "; ") + "."
		}
		if s.Or != "" {
			text += " Or: " + s.Or + "."
		}
	}
	if len(s.RuledOut) > 0 {
		text += " Ruled out: " + strings.Join(s.RuledOut, ", ") + "."
	}
	if len(s.Unseen) > 0 {
		text += " Not watched: " + strings.Join(s.Unseen, ", ") + "."
	}
	return text
}

// suspicion is the cause in a few words, for triage.
func suspicion(s Situation) string {
	switch {
	case s.Suspected == "":
		return "Cause not known."
	case s.Confidence == "possible":
		return "Possible cause: " + s.Suspected + "."
	default:
		return "Probable cause: " + s.Suspected + "."
	}
}

// beyond is the evidence that says more than what is suspected does.
func beyond(suspected string, evidence []string) []string {
	var out []string
	for _, e := range evidence {
		if !strings.HasSuffix(e, suspected) {
			out = append(out, e)
		}
	}
	return out
}

// bare are the names of what is ruled out, without what shows it.
func bare(ruledOut []string) []string {
	out := make([]string, len(ruledOut))
	for i, r := range ruledOut {
		out[i], _, _ = strings.Cut(r, " (")
	}
	return out
}
