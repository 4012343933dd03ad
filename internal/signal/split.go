package signal

// A Split finds what is published with one value of a label without going
// through that of all others: what one tenant of a thousand publishes. The zero
// Split is ready for use. It keeps its room from tick to tick, and is not safe
// for concurrent use.
type Split struct {
	label     string
	published Published
	turn      uint64
	shelves   map[string]*shelf    // by metric
	of        map[string]Published // by value
}

// A shelf has the samples of one metric.
type shelf struct {
	turn uint64 // they are of
	by   map[string][]Sample
}

// Begin takes up what is published at a tick.
func (s *Split) Begin(label string, p Published) {
	if s.label != label || s.shelves == nil {
		*s = Split{label: label, turn: s.turn, shelves: map[string]*shelf{}, of: map[string]Published{}}
	}
	s.published = p
	s.turn++
}

// Of is what is published with a value of the label, until the next Begin.
func (s *Split) Of(value string) Published {
	p, ok := s.of[value]
	if !ok {
		p = func(metric string) []Sample { return s.shelf(metric).by[value] }
		s.of[value] = p
	}
	return p
}

// shelf has the samples of a metric at this tick.
func (s *Split) shelf(metric string) *shelf {
	f := s.shelves[metric]
	if f == nil {
		f = &shelf{by: map[string][]Sample{}}
		s.shelves[metric] = f
	}
	if f.turn == s.turn {
		return f
	}
	f.turn = s.turn
	for value, samples := range f.by {
		f.by[value] = samples[:0]
	}
	for _, x := range s.published(metric) {
		value := x.Labels[s.label]
		f.by[value] = append(f.by[value], x)
	}
	for value, samples := range f.by {
		if len(samples) == 0 {
			delete(f.by, value)
		}
	}
	return f
}
