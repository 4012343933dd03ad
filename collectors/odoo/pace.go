package odoo

import "time"

// A pace is how fast a counter has grown of late.
type pace struct {
	points []pacePoint // oldest first
}

type pacePoint struct {
	at    time.Time
	count float64
}

const (
	paceWindow = 5 * time.Minute
	paceLeast  = 30 * time.Second // less says nothing
	pacePoints = 400              // of a look each second, and then some
)

// note adds what the counter is now and drops what is older than the window,
// but for the one point that begins it.
func (p *pace) note(at time.Time, count float64) {
	p.points = append(p.points, pacePoint{at, count})
	for len(p.points) > 2 && at.Sub(p.points[1].at) >= paceWindow || len(p.points) > pacePoints {
		p.points = p.points[1:]
	}
}

// rate is the growth per second; known is false while too little has been seen.
func (p *pace) rate() (perSecond float64, known bool) {
	if len(p.points) < 2 {
		return 0, false
	}
	first, last := p.points[0], p.points[len(p.points)-1]
	span := last.at.Sub(first.at)
	if span < paceLeast {
		return 0, false
	}
	return (last.count - first.count) / span.Seconds(), true
}
