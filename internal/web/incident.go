package web

import (
	"time"

	"github.com/closewatch/closewatch/internal/wording"
)

// A Life is what has become of an incident, and how long that took.
type Life struct {
	Detected      time.Time    `json:"detected,omitzero"` // when it was raised
	ToDetect      Seconds      `json:"to_detect_seconds"` // from the first bad tick
	ToAcknowledge *Seconds     `json:"to_acknowledge_seconds,omitempty"`
	ToRestore     *Seconds     `json:"to_restore_seconds,omitempty"` // from the first bad tick until the last outcome worked again
	Recovering    time.Time    `json:"recovering_since,omitzero"`    // nothing of it has been bad since
	Restored      time.Time    `json:"restored,omitzero"`
	Pages         int          `json:"pages"`
	Escalations   []Escalation `json:"escalations,omitempty"`
	Taken         []Taken      `json:"acknowledgements,omitempty"`
	RTO           Verdict      `json:"rto_verdict"`
	RPO           Verdict      `json:"rpo_verdict"`
}

// An Escalation is a rise of an incident's tier.
type Escalation struct {
	At      time.Time `json:"at"`
	Tier    Tier      `json:"tier"`
	Process string    `json:"process"` // that reached it
	Entity  string    `json:"entity"`
}

// A Taken is somebody taking an incident, by a role or the name of a token.
type Taken struct {
	At time.Time `json:"at"`
	By string    `json:"by"`
}

// A Verdict is how a recovery objective is kept: "running", "met", "missed" or
// "not measured".
type Verdict string

// A Recovery is how one process stands against its recovery objectives.
type Recovery struct {
	Process  string   `json:"process"`
	Title    string   `json:"title"`
	Entity   string   `json:"entity"`
	Tenant   string   `json:"tenant"`
	RTO      *Clock   `json:"rto,omitempty"` // nil when the outcome was never business-critical
	RTOMark  int      `json:"rto_mark_percent,omitempty"`
	RTOIs    Verdict  `json:"rto_verdict"`
	RPO      *Clock   `json:"rpo,omitempty"` // at worst; nil without an objective
	RPOIs    Verdict  `json:"rpo_verdict"`
	Postings *float64 `json:"postings_at_risk,omitempty"` // journal entries at worst; nil when not known
}

// Entries says how many journal entries were at risk; "" when nobody knows.
func (r Recovery) Entries() string {
	if r.Postings == nil {
		return ""
	}
	return wording.Count(int(*r.Postings), "journal entry", "journal entries")
}

// A Check is what recovery waits for, or has waited for.
type Check struct {
	Name  string `json:"name"`
	State string `json:"state"` // "passed", "waiting", "unknown" or "not checked"
	Text  string `json:"text"`
	Holds bool   `json:"holds"` // recovery is not said before it passes
}

// verdictStatus says a verdict.
func verdictStatus(v Verdict) status {
	switch v {
	case "met":
		return status{"Met", "ok", "ok"}
	case "missed":
		return status{"Missed", "stop", "critical"}
	case "running":
		return status{"Within, so far", "info", "info"}
	default:
		return status{"Not measured", "unknown", "unknown"}
	}
}

// checkStatus says how a check stands.
func checkStatus(c Check) status {
	switch c.State {
	case "passed":
		return status{"Passed", "ok", "ok"}
	case "waiting":
		return status{"Not yet", "warn", "warning"}
	case "unknown":
		return status{"Unknown", "unknown", "warning"}
	default:
		return status{"Not checked", "unknown", "unknown"}
	}
}

// Holding is how many checks recovery waits for.
func (in Incident) Holding() int {
	n := 0
	for _, c := range in.Checks {
		if c.Holds {
			n++
		}
	}
	return n
}

// Measured are the processes that have a recovery objective that is measured.
func (in Incident) Measured() []Recovery {
	var out []Recovery
	for _, r := range in.Recoveries {
		if r.RTO != nil || r.RPO != nil && r.RPO.Elapsed != nil {
			out = append(out, r)
		}
	}
	return out
}

// Word is the incident's state for people.
func (s IncidentSummary) Word() string {
	switch s.State {
	case "merged":
		return "Part of another incident"
	case "recovered":
		return "Recovered"
	case "recovering":
		return "Recovering"
	default:
		return ""
	}
}
