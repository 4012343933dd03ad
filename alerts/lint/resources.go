package lint

import (
	"fmt"
	"regexp"

	"github.com/closewatch/closewatch/internal/process"
)

// resource finds metrics of what a machine has much or little of: they say
// nothing of whether anybody's work gets done.
var resource = regexp.MustCompile(`(?i)(?:^|[_:(\s"-])(?:cpu|mem|memory|rss|load(?:1|5|15)?|disk|filesystem|swap|iops|iowait|fds?|goroutines|threads|uptime|pressure|throttled|oom)(?:[_:)\s"{[-]|$)`)

// resources looks at what the objectives of a process that pages are measured on.
func (p outcomes) resources(queries map[string]string) []Finding {
	if !p.pages() {
		return nil
	}
	var out []Finding
	for _, o := range p.Objectives {
		if o.Indicator == nil {
			continue
		}
		for _, s := range []*process.Series{o.Indicator.Total, o.Indicator.Good, o.Indicator.Bad, o.Indicator.Histogram, o.Indicator.Oldest, o.Indicator.Value} {
			if s == nil {
				continue
			}
			measured := s.Metric
			if q, asked := queries[s.Labels["query"]]; asked {
				measured = q
			}
			if m := resource.FindString(measured); m != "" {
				out = append(out, p.finding(Resource, true, ".objectives."+o.Name+".indicator", fmt.Sprintf("measures a resource (%s), and its failure could wake somebody", measured), "measure what people notice: events that fail, time they wait, work that is late"))
				break
			}
		}
	}
	return out
}
