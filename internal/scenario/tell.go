package scenario

import "github.com/closewatch/closewatch/internal/estate"

// A Tell is what people and pipelines tell the daemon at an instant.
type Tell struct {
	Changes     []Change `yaml:"changes" doc:"What was changed in the estate."`
	Acknowledge string   `yaml:"acknowledge" doc:"By which role every open incident that has paged is taken."`
}

// A Change is something that was changed in the estate.
type Change struct {
	Kind        string          `yaml:"kind" doc:"deploy, configuration, schema, infrastructure, failover, certificate, lock-date or other."`
	Component   string          `yaml:"component" doc:"Which component; without one it concerns all."`
	Environment string          `yaml:"environment" doc:"Default: that of the estate."`
	What        string          `yaml:"what" doc:"deployed revision a1b2c3"`
	Reference   string          `yaml:"reference" doc:"Of the ticket or the pipeline."`
	By          string          `yaml:"by" doc:"The role or pipeline. Default: deploy."`
	Ago         estate.Duration `yaml:"ago" doc:"How long before it is told it took effect. Default: now."`
}

// IsZero reports whether nothing is told.
func (t Tell) IsZero() bool { return len(t.Changes) == 0 && t.Acknowledge == "" }

// Validate implements estate.Validator.
func (c *Change) Validate() []estate.Problem {
	var ps []estate.Problem
	if c.Kind == "" {
		ps = append(ps, estate.Missing("kind", "write deploy, configuration or another kind of change"))
	}
	if c.What == "" {
		ps = append(ps, estate.Missing("what", "write what was changed"))
	}
	return ps
}
