package evidence

import (
	"encoding/json"
	"fmt"
	"time"
)

// maxFindings bounds each list of a report; the first are kept.
const maxFindings = 100

// A Report is what Verify found.
type Report struct {
	// Control totals of the good records: when there is no finding, Records is
	// LastSeq - StartsAfter, and the sum of Classes.
	Records  uint64           `json:"records"`
	Segments int              `json:"segments"`
	Bytes    int64            `json:"bytes"`
	FirstSeq uint64           `json:"first_seq"`
	LastSeq  uint64           `json:"last_seq"`
	LastHash string           `json:"last_hash"`
	First    time.Time        `json:"first"`
	Last     time.Time        `json:"last"`
	Classes  map[Class]uint64 `json:"classes"`
	Withheld uint64           `json:"withheld"` // values that were replaced by a keyed digest
	Gaps     GapTotals        `json:"gaps"`
	// StartsAfter is the last record that was removed by retention, which was
	// recorded at Removed; 0 when the log is there from its first record.
	StartsAfter uint64    `json:"starts_after"`
	Removed     time.Time `json:"removed,omitzero"`
	Anchored    int       `json:"anchors_agree"`     // anchors that the log agrees with
	Before      int       `json:"anchors_before"`    // anchors of records that were removed by retention
	Unreached   int       `json:"anchors_unreached"` // anchors of records behind a finding

	Findings []Finding `json:"findings"` // in the order of the log, the first 100
	More     int       `json:"more"`     // findings beyond them
	Warnings []Finding `json:"warnings"` // the first 100
	Quieter  int       `json:"more_warnings"`
}

// GapTotals sums the gap register.
type GapTotals struct {
	Count     int
	ByReason  map[Reason]time.Duration
	Unwatched time.Duration // in which nothing at all was watched
}

// Intact reports whether nothing is wrong.
func (r Report) Intact() bool { return len(r.Findings) == 0 }

func (r *Report) find(f Finding) {
	if len(r.Findings) == maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}

func (r *Report) warn(f Finding) {
	if len(r.Warnings) == maxFindings {
		r.Quieter++
		return
	}
	r.Warnings = append(r.Warnings, f)
}

// String is the report in one line.
func (r Report) String() string {
	s := fmt.Sprintf("%s in %s", counted(r.Records, "record"), counted(uint64(r.Segments), "segment"))
	if r.Records > 0 {
		s += fmt.Sprintf(", %s to %s", day(r.First), day(r.Last))
	}
	if r.Intact() {
		return s + ": intact"
	}
	first, before := r.Findings[0], ""
	if first.Seq > r.StartsAfter+1 && first.Kind != BadAnchor { // an anchor speaks for all that is before it
		before = "; everything before it is intact"
	}
	return s + ": damaged: " + first.String() + before
}

func counted(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + one + "s"
}

// MarshalJSON writes durations in seconds.
func (g GapTotals) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Count     int                `json:"count"`
		ByReason  map[Reason]float64 `json:"by_reason_seconds"`
		Unwatched float64            `json:"unwatched_seconds"`
	}{g.Count, seconds(g.ByReason), g.Unwatched.Seconds()})
}

// MarshalJSON writes durations in seconds.
func (r Register) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		From      time.Time          `json:"from,omitzero"`
		To        time.Time          `json:"to,omitzero"`
		Gaps      []Gap              `json:"gaps"`
		Left      int                `json:"left"`
		ByReason  map[Reason]float64 `json:"by_reason_seconds"`
		Unwatched float64            `json:"unwatched_seconds"`
	}{r.From, r.To, r.Gaps, r.Left, seconds(r.ByReason), r.Unwatched.Seconds()})
}

func seconds(m map[Reason]time.Duration) map[Reason]float64 {
	out := make(map[Reason]float64, len(m))
	for reason, d := range m {
		out[reason] = d.Seconds()
	}
	return out
}
