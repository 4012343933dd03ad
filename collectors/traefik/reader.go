package traefik

import "slices"

// A reader counts the lines of an access log. It is a logtail.Consumer.
type reader struct {
	parser *parser
	tally  *tally
}

// counted is all that was counted up to a position in the log.
type counted struct {
	Buckets []float64   `json:"buckets"`
	Lines   lineCounts  `json:"lines"`
	Cells   []savedCell `json:"cells"`

	Interrupted []savedInterruption `json:"interrupted,omitempty"`
	// Unlisted is how many model methods without a label were seen, by tenant,
	// since the process began.
	Unlisted map[string]int `json:"-"`

	recent  *window // begins anew with the process
	tenants []string
}

type savedCell struct {
	Tenant    string `json:"tenant"`
	Operation string `json:"operation"`
	Client    string `json:"client"`
	cell
}

// Line implements logtail.Consumer.
func (r *reader) Line(b []byte) {
	lines := &r.tally.lines
	switch r.parser.parse(b) {
	case unparsed:
		lines.Unparsed++
	case statusless:
		lines.NoStatus++
	case plain:
		lines.Plain++
		r.tally.add(&r.parser.req)
	case parsed:
		r.tally.add(&r.parser.req)
	}
}

// Pause implements logtail.Consumer: a line is a record.
func (*reader) Pause() {}

// Save implements logtail.Consumer.
func (r *reader) Save() counted {
	c := counted{Buckets: Buckets(), Lines: r.tally.lines, Unlisted: map[string]int{}, recent: r.tally.recent.clone(), tenants: slices.Clone(r.tally.tenants.names)}
	r.tally.each(func(tenant, op, client string, counts *cell) {
		c.Cells = append(c.Cells, savedCell{tenant, op, client, counts.clone()})
	})
	for at, counts := range r.tally.interrupted {
		c.Interrupted = append(c.Interrupted, savedInterruption{r.tally.tenants.names[at[0]], r.tally.ops.names[at[1]], *counts})
	}
	for tenant, u := range r.tally.unlisted {
		if n := len(u.seen); n > 0 {
			c.Unlisted[r.tally.tenants.names[tenant]] = n
		}
	}
	return c
}

// Restore implements logtail.Consumer. Tenants and operations the
// configuration no longer has are dropped; histograms of other buckets too.
func (r *reader) Restore(c counted) {
	t := r.tally
	t.lines = c.Lines
	sameBuckets := slices.Equal(c.Buckets, Buckets())
	ops := map[string]int{}
	for i, name := range t.ops.names {
		ops[name] = i
	}
	for _, saved := range c.Cells {
		tenant := t.named(saved.Tenant)
		op, known := ops[saved.Operation]
		client := slices.Index(clientNames[:], saved.Client)
		if tenant < 0 || !known || client < 0 {
			continue
		}
		counts := saved.cell
		if !sameBuckets {
			counts.Duration, counts.Origin = histogram{}, histogram{}
		}
		*t.cell(tenant, op, client) = counts
	}
	for _, saved := range c.Interrupted {
		if tenant, op := t.named(saved.Tenant), slices.Index(t.ops.names, saved.Operation); tenant >= 0 && op >= 0 {
			t.interrupted[[2]int{tenant, op}] = &saved.interrupted
		}
	}
}
