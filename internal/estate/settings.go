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

// Store is what the embedded time series database keeps.
type Store struct {
	Retention Duration `yaml:"retention"`
}

// SetDefaults implements Defaulter.
func (s *Store) SetDefaults() { s.Retention = Duration(15 * 24 * time.Hour) }

// Validate implements Validator.
func (s *Store) Validate() []Problem {
	if s.Retention.D() < time.Hour {
		return []Problem{{"retention", "is less than 1h", "write 15d"}}
	}
	return nil
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
