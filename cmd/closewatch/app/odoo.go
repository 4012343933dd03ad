package app

import (
	"net/url"
	"slices"
	"strings"
	"time"

	collect "github.com/closewatch/closewatch/collectors/odoo"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
	flows "github.com/closewatch/closewatch/synthetic/odoo"
)

// An odooSection is what an estate writes below odoo. The collectors and the
// flows each own a part of it; only here both are known.
type odooSection struct {
	RPC         odoorpc.Config    `yaml:",inline"` // url, host, database, login, password, apiKey, timeout
	Synthetic   flows.Synthetic   `yaml:"synthetic"`
	RunsPerHour int               `yaml:"runsPerHour"` // that write, of all flows together
	Companies   []collect.Company `yaml:"companies"`
	Databases   collect.Databases `yaml:"databases"`
	Copies      collect.Copies    `yaml:"copies"`
	SQL         collect.SQL       `yaml:"sql"`
	Health      collect.Health    `yaml:"health"`
	Web         collect.Web       `yaml:"web"`
	Log         collect.Log       `yaml:"log"`
	Filestore   string            `yaml:"filestore"`

	// planned is the flows' half as the schedule has it, to be checked with the
	// section; nil checks the section alone.
	planned func(*odooSection) flows.Config
}

// SetDefaults implements estate.Defaulter.
func (s *odooSection) SetDefaults() {
	s.RPC.SetDefaults()
	var c collect.Config
	c.SetDefaults()
	s.Databases, s.Copies, s.SQL, s.Health, s.Web, s.Log = c.Databases, c.Copies, c.SQL, c.Health, c.Web, c.Log
	var f flows.Config
	f.SetDefaults()
	s.RunsPerHour = f.RunsPerHour
}

// Validate implements estate.Validator.
func (s *odooSection) Validate() []estate.Problem {
	c := s.collectors()
	problems := c.Validate()
	if s.RunsPerHour < 1 {
		problems = append(problems, estate.Problem{Field: "runsPerHour", What: "allows no run at all", Remedy: "write how many runs may write in an hour, such as 120"})
	}
	if s.planned == nil {
		return problems
	}
	plan := s.planned(s)
	for _, p := range plan.Validate() {
		if strings.HasPrefix(p.Field, "synthetic") { // the rest stands in the schedule, which checks itself
			problems = append(problems, p)
		}
	}
	return problems
}

// collectors is the collectors' half.
func (s *odooSection) collectors() collect.Config {
	return collect.Config{
		URL: s.RPC.URL, Host: s.RPC.Host, Database: s.RPC.Database, Companies: s.Companies, Databases: s.Databases, Copies: s.Copies, SQL: s.SQL, Health: s.Health,
		Web: s.Web, Log: s.Log, Filestore: s.Filestore,
	}
}

// host is what requests to this Odoo carry as Host.
func (s *odooSection) host() string {
	if s.RPC.Host != "" {
		return s.RPC.Host
	}
	u, err := url.Parse(s.RPC.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// flows is the flows' half, with what the estate's schedule says about this
// component.
func (s *odooSection) flows(component string, schedule estate.Schedule) flows.Config {
	var c flows.Config
	c.SetDefaults()
	c.Synthetic, c.RunsPerHour = s.Synthetic, s.RunsPerHour
	c.Levels, c.Approvals = map[string]flow.Level{}, map[string]flows.Approval{}
	c.Intervals, c.QuietIntervals, c.CriticalIntervals = map[string]time.Duration{}, map[string]time.Duration{}, map[string]time.Duration{}
	c.Timeouts, c.StepTimeouts = map[string]time.Duration{}, map[string]time.Duration{}
	for name, plan := range schedule.Flows {
		if plan.Component != "" && plan.Component != component {
			continue
		}
		switch {
		case !plan.IsEnabled():
			c.Levels[name] = flows.Off
		case plan.Level != "":
			c.Levels[name] = flow.Level(plan.Level)
		default:
			c.Levels[name] = flows.Safest(name)
		}
		for _, d := range []struct {
			said *estate.Duration
			into map[string]time.Duration
		}{
			{plan.Interval, c.Intervals},
			{plan.Quiet, c.QuietIntervals},
			{plan.Critical, c.CriticalIntervals},
			{plan.Timeout, c.Timeouts},
			{plan.StepTimeout, c.StepTimeouts},
		} {
			if d.said != nil {
				d.into[name] = d.said.D()
			}
		}
		if plan.Approval != nil {
			c.Approvals[name] = flows.Approval{By: plan.Approval.By, On: plan.Approval.On.String()}
		}
		_ = c.Decode(name, plan.Settings) // mistakes are told when the estate is loaded
	}
	return c
}

// companies names the companies of a tenant as far as the estate knows them.
func (s *odooSection) companies(e *estate.Estate) []collect.Company {
	var out []collect.Company
	for _, ent := range e.Entities {
		if ent.Tenant == s.RPC.Database && ent.Company > 0 {
			out = append(out, collect.Company{ID: int(ent.Company), Entity: ent.Name})
		}
	}
	if id := int(s.Synthetic.Company); id > 0 && !slices.ContainsFunc(out, func(c collect.Company) bool { return c.ID == id }) {
		out = append(out, collect.Company{ID: id, Synthetic: true})
	}
	return out
}
