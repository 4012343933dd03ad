package traefik

import (
	"bytes"
	"slices"
	"strings"
)

// Clients of a request.
const (
	user = iota
	probe
	clients
)

var clientNames = [clients]string{"user", "probe"}

// agentPrefix begins the User-Agent of every request of ours.
var agentPrefix = []byte("closewatch-probe/")

// otherTenant stands for hosts that no tenant is mapped to.
const otherTenant = "other"

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
	ops      *classifier
	tenants  []string
	hosts    map[string]int // lower-case host to tenant
	fallback int            // tenant of every other host
	cells    []*cell        // by tenant, operation, client
	recent   *window
	host     []byte // seen last, as it was written
	hosted   int    // its tenant
	lines    lineCounts
}

// newTally counts for the tenants of hosts, and for fallback, or "other" when
// that is empty. Operations that are a process's outcome start at zero.
func newTally(ops *classifier, hosts map[string]string, fallback string) *tally {
	if fallback == "" {
		fallback = otherTenant
	}
	t := &tally{ops: ops, hosts: map[string]int{}, tenants: []string{fallback}}
	for _, tenant := range hosts {
		t.tenants = append(t.tenants, tenant)
	}
	slices.Sort(t.tenants)
	t.tenants = slices.Compact(t.tenants)
	t.fallback = slices.Index(t.tenants, fallback)
	for host, tenant := range hosts {
		t.hosts[strings.ToLower(host)] = slices.Index(t.tenants, tenant)
	}
	t.recent = newWindow(len(t.tenants))
	t.cells = make([]*cell, len(t.tenants)*len(ops.names)*clients)
	for i := range t.tenants {
		if t.tenants[i] != otherTenant {
			for _, op := range ops.core {
				t.cell(i, op, user)
			}
		}
	}
	return t
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
			f(t.tenants[tenant], t.ops.names[op], clientNames[client], c)
		}
	}
}

// add counts one request. It may lower the case of r.Host in place.
func (t *tally) add(r *request) {
	op, always200 := t.ops.classify(r.Path)
	if r.Status == 0 || r.Status == 101 {
		op = idxWebsocket
	}
	client := user
	if bytes.HasPrefix(r.Agent, agentPrefix) {
		client = probe
	}
	tenant := t.tenant(r.Host)
	c := t.cell(tenant, op, client)
	result := judge(r, always200)
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

// tenant looks up a host. Most lines are of the same one as the line before.
func (t *tally) tenant(host []byte) int {
	if len(t.host) > 0 && string(host) == string(t.host) {
		return t.hosted
	}
	t.host = append(t.host[:0], host...)
	for i, c := range host {
		if c >= 'A' && c <= 'Z' {
			host[i] = c + 'a' - 'A'
		}
	}
	i, ok := t.hosts[string(host)]
	if !ok {
		i = t.fallback
	}
	t.hosted = i
	return i
}
