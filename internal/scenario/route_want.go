package scenario

import (
	"fmt"

	"github.com/closewatch/closewatch/internal/estate"
)

// A RouteWant is who is told of an alert by the Alertmanager that generate
// alertmanager configures: of those that fire for an impact, or of one that a rule or
// anybody else would send at this instant.
type RouteWant struct {
	Of    Subject           `yaml:"of" doc:"process, or process/entity: of its alerts that fire."`
	Alert map[string]string `yaml:"alert" doc:"Or the labels of an alert that would fire, besides those that do: alertname, severity, tier and others."`
	To    *[]string         `yaml:"to" doc:"The receivers that are told, in any order: exactly these, [] is nobody at this time."`
}

// Validate implements estate.Validator.
func (w *RouteWant) Validate() []estate.Problem {
	var ps []estate.Problem
	switch {
	case w.Of == "" && len(w.Alert) == 0:
		ps = append(ps, estate.Missing("of", "write the process, such as invoice-posting/acme-uk, or the labels of an alert"))
	case w.Of != "" && len(w.Alert) > 0:
		ps = append(ps, estate.Problem{Field: "alert", What: "stands beside of", Remedy: "keep one: of is for what fires, alert for what would"})
	case w.Of == "" && w.Alert["alertname"] == "":
		ps = append(ps, estate.Missing("alert.alertname", "write the alert's name, such as FinanceSignalCritical"))
	}
	if w.To == nil {
		ps = append(ps, estate.Missing("to", "write the receivers, such as [finance-page], or [] for nobody"))
	}
	return ps
}

// routes reports receivers and processes that there are not.
func (c checker) routes(at string, e *Expect) {
	for i, w := range e.Routes {
		field := fmt.Sprintf("%s.routes[%d]", at, i)
		if w.Of != "" {
			c.subjects(field+".of", []Subject{w.Of})
		}
		if w.To == nil {
			continue
		}
		for _, name := range *w.To {
			c.known(field+".to", "receiver", name, c.g.Receivers)
		}
	}
}
