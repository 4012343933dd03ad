package tiering

import "time"

// An Anomaly is a number that is not as is usual for its time of the week and of
// the close. It is found while measuring, and recorded: what was learned has no
// say when a tick is decided again.
type Anomaly struct {
	Signal string
	Since  time.Time
	Value  float64
	Median float64
	MAD    float64
	Text   string // "cache hits of db are 97.8 % against 99.2 % usual for close Mondays 10:00 (6 weeks)"
}

// anomalies adds what is unusual to what was found: beside a symptom that means
// something by itself it is no news.
func anomalies(e *Evidence, found []finding) []finding {
	others := len(found) > 0
	for _, a := range e.Unusual {
		found = append(found, finding{Unusually, a.Text + ", no user effect", 0, others})
	}
	return found
}
