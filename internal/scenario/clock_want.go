package scenario

import (
	"slices"

	"github.com/closewatch/closewatch/internal/estate"
)

// A ClockWant is what is expected of an impact's recovery objectives, in the
// newest incident that it is or was in. What is not said is not looked at.
type ClockWant struct {
	Of      Subject  `yaml:"of" doc:"process, or process/entity."`
	RTO     Verdict  `yaml:"rto" doc:"running, met, missed or not measured: how long the outcome is away, or was."`
	Elapsed Distance `yaml:"elapsed" doc:"How long it is away, or was: under 1h, over 30m."`
	RPO     Verdict  `yaml:"rpo" doc:"running, met, missed or not measured: how much committed work was at risk at worst."`
}

// A Verdict is how a recovery objective is kept.
type Verdict string

// Verdicts lists the verdicts.
func Verdicts() []Verdict { return []Verdict{"running", "met", "missed", "not measured"} }

// Validate implements estate.Validator.
func (w *ClockWant) Validate() []estate.Problem {
	if w.Of == "" {
		return []estate.Problem{estate.Missing("of", "write the process, such as invoice-posting/acme-uk")}
	}
	if w.RTO == "" && w.RPO == "" && w.Elapsed.IsZero() {
		return []estate.Problem{{What: "expects nothing", Remedy: "write rto: met, rpo: missed, or elapsed: under 1h"}}
	}
	var ps []estate.Problem
	for _, v := range []struct {
		field string
		is    Verdict
	}{{"rto", w.RTO}, {"rpo", w.RPO}} {
		if p, bad := estate.OneOf(v.field, v.is, Verdicts()...); bad && v.is != "" {
			ps = append(ps, p)
		}
	}
	if w.Elapsed.gone || w.Elapsed.none {
		ps = append(ps, estate.Problem{Field: "elapsed", What: "is no length of time: " + w.Elapsed.text, Remedy: "write under 1h or over 30m"})
	}
	return slices.Clip(ps)
}
