package traefik

// A numbering follows RequestCount, the order of arrival that Traefik gives
// each request it means to log. Requests that access-log filters drop leave
// gaps: Numbered minus Seen is what is missing, plus what is still open.
//
// Lines are written when a request ends, so numbers arrive out of order. A
// number below the highest belongs to a restarted Traefik only when its request
// also began later than the one with the highest number.
type numbering struct {
	Numbered uint64 `json:"numbered"` // numbers given out, as far as they are known
	Seen     uint64 `json:"seen"`     // of these, lines read
	Base     int64  `json:"base"`     // numbers at or below it precede us
	High     int64  `json:"high"`
	Began    int64  `json:"began"` // start of the request numbered High, Unix nanoseconds
}

// slack is how much later a lower number may begin in the same run: numbers
// are given out concurrently and CLF times are whole seconds.
const slack = 2e9

func (n *numbering) add(r *request) {
	if r.Count < 1 || r.Start == 0 {
		return
	}
	switch {
	case n.High == 0: // first line ever: what came before is not ours to count
		n.Base, n.High, n.Began = r.Count-1, r.Count-1, r.Start
	case r.Count < n.High && r.Start > n.Began+slack: // Traefik restarted
		n.Base, n.High, n.Began = 0, 0, r.Start
	}
	if r.Count <= n.Base {
		return
	}
	if r.Count > n.High {
		n.Numbered += uint64(r.Count - n.High)
		n.High, n.Began = r.Count, r.Start
	}
	n.Seen++
}
