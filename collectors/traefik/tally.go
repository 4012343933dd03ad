package traefik

import "bytes"

// Clients of a request.
const (
	user = iota
	probe
	clients
)

var clientNames = [clients]string{"user", "probe"}

// agentPrefix begins the User-Agent of every request of ours.
var agentPrefix = []byte("closewatch-probe/")

// A cell is what was counted for one tenant, operation and client.
type cell struct {
	Outcomes [outcomes]uint64 `json:"outcomes"`
	Retries  uint64           `json:"retries"`
	Received uint64           `json:"received"` // bytes of requests, as far as lines tell them
	Sent     uint64           `json:"sent"`     // bytes of answers
	Duration histogram        `json:"duration"`
	Origin   histogram        `json:"origin"`
}

// clone returns a copy that later requests do not change.
func (c *cell) clone() cell {
	d := *c
	d.Duration, d.Origin = c.Duration.clone(), c.Origin.clone()
	return d
}

// lineCounts count the lines of the log.
type lineCounts struct {
	Parsed    uint64    `json:"parsed"`
	Plain     uint64    `json:"plain"` // of these, genericCLF
	Sized     uint64    `json:"sized"` // of these, with the size of the request
	NoStatus  uint64    `json:"no_status"`
	Unparsed  uint64    `json:"unparsed"`
	Retries   uint64    `json:"retries"`
	LastLine  int64     `json:"last_line"` // end of the newest request, Unix nanoseconds
	Numbering numbering `json:"numbering"`
}

// A tally counts requests in cells that exist once they were seen. Its memory
// is bounded by the tenants and operations it was made for. It is not safe for
// concurrent use.
type tally struct {
	ops         *classifier
	tenants     *tenants
	cells       []*cell // by tenant, operation, client
	lines       lineCounts
	interrupted interruptions
	unlisted    []unlisted // by tenant
	recent      *window
	host        []byte // seen last, as it was written
	hosted      int    // its tenant
}

// newTally counts for tenants. Operations that are a process's outcome start at
// zero.
func newTally(ops *classifier, of *tenants) *tally {
	t := &tally{ops: ops, tenants: of, interrupted: interruptions{}, recent: newWindow(0)}
	t.grow()
	return t
}

// grow makes room for tenants that have become known.
func (t *tally) grow() {
	known := len(t.unlisted)
	t.unlisted = append(t.unlisted, make([]unlisted, len(t.tenants.names)-known)...)
	t.cells = append(t.cells, make([]*cell, len(t.tenants.names)*len(t.ops.names)*clients-len(t.cells))...)
	t.recent.grow(len(t.tenants.names))
	for i := known; i < len(t.tenants.names); i++ {
		if t.tenants.names[i] != otherTenant {
			for _, op := range t.ops.core {
				t.cell(i, op, user)
			}
		}
	}
}

// cell returns the cell, made if need be.
func (t *tally) cell(tenant, op, client int) *cell {
	i := (tenant*len(t.ops.names)+op)*clients + client
	if t.cells[i] == nil {
		t.cells[i] = &cell{}
	}
	return t.cells[i]
}

// each calls f for every cell in a fixed order.
func (t *tally) each(f func(tenant, op, client string, c *cell)) {
	for i, c := range t.cells {
		if c != nil {
			client, op, tenant := i%clients, i/clients%len(t.ops.names), i/clients/len(t.ops.names)
			f(t.tenants.names[tenant], t.ops.names[op], clientNames[client], c)
		}
	}
}

// add counts one request. It may lower the case of r.Host in place.
func (t *tally) add(r *request) {
	op, always200 := t.ops.classify(r.Method, r.Path)
	if r.Status == 0 || r.Status == 101 {
		op = idxWebsocket
	}
	client := user
	if bytes.HasPrefix(r.Agent, agentPrefix) {
		client = probe
	}
	result := judge(r, always200)
	tenant := t.tenant(r.Host, always200 && result == served)
	c := t.cell(tenant, op, client)
	c.Outcomes[result]++
	c.Retries += uint64(max(0, r.Retries))
	c.Received += uint64(max(0, r.BodySize))
	c.Sent += uint64(max(0, r.Size))
	if op != idxWebsocket && (result == served || result == aborted) {
		if r.Duration >= 0 {
			c.Duration.observe(r.Duration)
		}
		if r.OriginDuration > 0 {
			c.Origin.observe(r.OriginDuration)
		}
	}
	if op == idxOther {
		t.unlisted[tenant].add(pair(r.Path))
	}
	if client == user && t.ops.writes[op] && r.interruptedWrite() {
		t.interrupted.add(tenant, op, r.Start+max(0, r.Duration))
	}
	t.line(r)
	if ended := r.Start + max(0, r.Duration); r.Start > 0 && client == user && op != idxWebsocket {
		t.recent.add(ended, tenant, result)
	}
}

// line counts the line of a request.
func (t *tally) line(r *request) {
	l := &t.lines
	l.Parsed++
	l.Retries += uint64(max(0, r.Retries))
	if r.BodySize >= 0 {
		l.Sized++
	}
	if r.Start > 0 {
		l.LastLine = max(l.LastLine, r.Start+max(0, r.Duration))
	}
	l.Numbering.add(r)
}

// named is the tenant of that name, -1 when there is none.
func (t *tally) named(name string) int {
	i := t.tenants.learn(name)
	t.grow()
	return i
}

// tenant looks up a host, which is put in small letters in place. Most lines
// are of the same one as the line before.
func (t *tally) tenant(host []byte, answered bool) int {
	if len(t.host) > 0 && string(host) == string(t.host) {
		return t.hosted
	}
	t.host = append(t.host[:0], host...)
	for i, c := range host {
		if c >= 'A' && c <= 'Z' {
			host[i] = c + 'a' - 'A'
		}
	}
	i, settled := t.tenants.of(host, answered)
	if !settled {
		t.host = t.host[:0]
	}
	if i >= len(t.unlisted) {
		t.grow()
	}
	t.hosted = i
	return i
}
