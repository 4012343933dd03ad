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
	Duration histogram        `json:"duration"`
	Origin   histogram        `json:"origin"`
}

// lineCounts count the lines of the log.
type lineCounts struct {
	Parsed    uint64    `json:"parsed"`
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
}

// newTally counts for tenants. Operations that are a process's outcome start at
// zero.
func newTally(ops *classifier, of *tenants) *tally {
	t := &tally{ops: ops, tenants: of, interrupted: interruptions{}}
	t.grow()
	return t
}

// grow makes room for tenants that have become known.
func (t *tally) grow() {
	known := len(t.unlisted)
	t.unlisted = append(t.unlisted, make([]unlisted, len(t.tenants.names)-known)...)
	t.cells = append(t.cells, make([]*cell, len(t.tenants.names)*len(t.ops.names)*clients-len(t.cells))...)
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
	if op != idxWebsocket && (result == served || result == aborted) {
		c.Duration.observe(r.Duration)
		if r.OriginDuration > 0 {
			c.Origin.observe(r.OriginDuration)
		}
	}
	if op == idxOther {
		t.unlisted[tenant].add(pair(r.Path))
	}
	if client == user && t.ops.writes[op] && r.interruptedWrite() {
		t.interrupted.add(tenant, op, r.Start+r.Duration)
	}
	t.lines.Parsed++
	if r.Retries > 0 {
		t.lines.Retries += uint64(r.Retries)
	}
	if r.Start > 0 {
		t.lines.LastLine = max(t.lines.LastLine, r.Start+r.Duration)
	}
	t.lines.Numbering.add(r)
}

// named is the tenant of that name, -1 when there is none.
func (t *tally) named(name string) int {
	i := t.tenants.learn(name)
	t.grow()
	return i
}

// tenant is that of a host, which is put in small letters in place.
func (t *tally) tenant(host []byte, answered bool) int {
	for i, c := range host {
		if c >= 'A' && c <= 'Z' {
			host[i] = c + 'a' - 'A'
		}
	}
	i := t.tenants.of(host, answered)
	if i >= len(t.unlisted) {
		t.grow()
	}
	return i
}
