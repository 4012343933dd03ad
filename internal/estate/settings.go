package estate

import (
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/secret"
)

// Timing is the daemon's pace.
type Timing struct {
	Tick   Duration `yaml:"tick"`   // grid on which everything is decided
	Scale  float64  `yaml:"scale"`  // burn windows and holds are multiplied by it: 1 outside demos
	Resend Duration `yaml:"resend"` // how often a firing alert is sent again
}

// SetDefaults implements Defaulter.
func (t *Timing) SetDefaults() {
	*t = Timing{Tick: Duration(30 * time.Second), Scale: 1, Resend: Duration(time.Minute)}
}

// Validate implements Validator.
func (t *Timing) Validate() []Problem {
	var ps []Problem
	if t.Tick.D() < 100*time.Millisecond || t.Tick.D() > 5*time.Minute {
		ps = append(ps, Problem{"tick", "is not between 100ms and 5m", "write 30s"})
	}
	if t.Scale <= 0 || t.Scale > 1 {
		ps = append(ps, Problem{"scale", fmt.Sprintf("is not above 0 and at most 1: %v", t.Scale), "write 1, or a smaller number for a demo"})
	}
	if t.Resend.D() < time.Second || t.Resend.D() > time.Hour {
		ps = append(ps, Problem{"resend", "is not between 1s and 1h", "write 1m"})
	}
	return ps
}

// Store says how long what is kept in the data directory is kept.
type Store struct {
	Retention Duration `yaml:"retention"` // of metrics
	Ticks     Duration `yaml:"ticks"`     // of what was decided on, tick by tick: how far back replay reaches
	Ledger    Duration `yaml:"ledger"`    // of each objective's 5-minute cells: how far back reports reach
	Evidence  Duration `yaml:"evidence"`  // of the evidence log; a legal hold keeps all of it
	Runs      Duration `yaml:"runs"`      // of flows' runs; of those that passed, few after two days
}

const day = Duration(24 * time.Hour)

// SetDefaults implements Defaulter. Seven years of evidence is what auditors of
// listed companies ask for; laws differ.
func (s *Store) SetDefaults() {
	*s = Store{Retention: 15 * day, Ticks: 30 * day, Ledger: 3 * 365 * day, Evidence: 7 * 365 * day, Runs: 400 * day}
}

// Validate implements Validator.
func (s *Store) Validate() []Problem {
	var ps []Problem
	if s.Retention.D() < time.Hour {
		ps = append(ps, Problem{"retention", "is less than 1h", "write 15d"})
	}
	for _, kept := range []struct {
		field string
		keep  Duration
		say   string
	}{{"ticks", s.Ticks, "30d"}, {"ledger", s.Ledger, "3y"}, {"evidence", s.Evidence, "7y"}, {"runs", s.Runs, "400d"}} {
		if kept.keep < day {
			ps = append(ps, Problem{kept.field, "is less than 1d", "write " + kept.say})
		}
	}
	return ps
}

// Telemetry is where the daemon's own traces and metrics go.
type Telemetry struct {
	OTLP *OTLP `yaml:"otlp"` // nil: nowhere
}

// OTLP is an OpenTelemetry collector that is spoken to over HTTP.
type OTLP struct {
	Endpoint secret.Value `yaml:"endpoint" secret:"url"`
}

// Validate implements Validator.
func (o *OTLP) Validate() []Problem {
	if o.Endpoint.IsZero() {
		return []Problem{Missing("endpoint", "write a URL such as http://127.0.0.1:4318")}
	}
	if what := checkURL(o.Endpoint.Reveal()); what != "" {
		return []Problem{{"endpoint", what, "write a URL such as http://127.0.0.1:4318"}}
	}
	return nil
}
