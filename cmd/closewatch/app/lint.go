package app

import (
	"fmt"
	"os"
	"slices"

	"github.com/closewatch/closewatch/alerts/lint"
	"github.com/closewatch/closewatch/collectors/prometheus"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A Lint is what is wrong with the pages an estate would send.
type Lint struct {
	Findings []LintFinding `json:"findings"`
	Pages    float64       `json:"pages_per_shift"` // on average, were every objective only just met
	Bearable int           `json:"bearable_pages_per_shift"`
}

// A LintFinding is one of them, with its place.
type LintFinding struct {
	Rule    string `json:"rule"`
	Refused bool   `json:"refused"` // such a page is not to be sent; otherwise it is advice
	estate.Mistake
}

// Refused counts the findings that are more than advice.
func (l Lint) Refused() int {
	n := 0
	for _, f := range l.Findings {
		if f.Refused {
			n++
		}
	}
	return n
}

// Lint looks at every page the estate may send, what is refused first and each
// in the order of the file.
func (p *Plan) Lint() (Lint, error) {
	in := lint.Input{Estate: p.Estate, Queries: map[string]string{}}
	for _, s := range tiering.Symptoms() {
		in.Symptoms = append(in.Symptoms, string(s))
	}
	for _, s := range resolveSubjects(p.Estate, p.tenants, p.scheduled) {
		in.Outcomes = append(in.Outcomes, lint.Outcome{
			Process: s.process, Entity: s.key.Entity, Environment: s.key.Environment, Flows: p.runs(flowKey{environment: s.key.Environment, tenant: s.key.Tenant}, s.flows),
		})
	}
	for _, c := range p.components {
		var asked prometheus.Config
		if c.Kind == "prometheus" && len(c.Section.Decode(&asked)) == 0 {
			for i, q := range asked.Queries {
				in.Queries[q.Name] = q.Query
				at := fmt.Sprintf("%s.queries[%d].", c.Section.Path(), i)
				for _, t := range []lint.Text{{Field: at + "title", Says: q.Title}, {Field: at + "says", Says: q.Says}} {
					if t.Says != "" {
						in.Signals = append(in.Signals, t)
					}
				}
			}
		}
	}
	data, err := os.ReadFile(p.Estate.File)
	if err != nil {
		return Lint{}, err
	}
	file, _ := estate.ReadDocument(p.Estate.File, data, "", "", &estate.Estate{}) // for the places: what is wrong with it is known
	found := lint.Check(in)
	out := Lint{Findings: []LintFinding{}, Pages: found.Pages, Bearable: lint.Bearable}
	for _, f := range found.Findings {
		out.Findings = append(out.Findings, LintFinding{string(f.Rule), f.Refused, file.Note(f.Problem)})
	}
	slices.SortStableFunc(out.Findings, func(a, b LintFinding) int {
		switch {
		case a.Refused != b.Refused && a.Refused:
			return -1
		case a.Refused != b.Refused:
			return 1
		default:
			return a.Line - b.Line
		}
	})
	return out, nil
}

// runs are the flows of a tenant and how often each runs when it runs most.
func (p *Plan) runs(of flowKey, names []string) []lint.Flow {
	var out []lint.Flow
	for _, c := range p.components {
		if c.odoo == nil || c.Environment != of.environment || c.odoo.RPC.Database != of.tenant {
			continue
		}
		config := c.odoo.flows(c.Name, p.Estate.Schedule)
		for _, name := range names {
			if _, on := config.Level(name); !on {
				continue
			}
			every := config.Interval(name)
			if p.Estate.ByCalendar() {
				every = config.CriticalInterval(name)
			}
			out = append(out, lint.Flow{Name: name, Every: every})
		}
	}
	return out
}
