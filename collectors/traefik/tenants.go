package traefik

import (
	"bytes"
	"slices"
	"strings"
)

// otherTenant stands for hosts that no tenant is mapped to.
const otherTenant = "other"

// A domain is the hosts one label below a name, as *.erp.example.com is
// written.
type domain struct {
	suffix []byte // with its leading dot
	tenant int    // of all of them; byLabel when each has its own
}

const byLabel = -1

// tenants maps hosts to tenants. Hosts of a domain whose first label is the
// tenant become known with the first answer Odoo gives a logged-in user there:
// names that somebody tries out do not.
type tenants struct {
	names    []string
	hosts    map[string]int // lower-case host to tenant
	domains  []domain       // the longest first
	fallback int            // tenant of every other host
}

// newTenants maps the hosts of an estate, and every other to fallback, or to
// other when that is empty.
func newTenants(hosts map[string]string, fallback string) *tenants {
	if fallback == "" {
		fallback = otherTenant
	}
	t := &tenants{names: []string{fallback}, hosts: map[string]int{}}
	for _, tenant := range hosts {
		if tenant != "*" {
			t.names = append(t.names, tenant)
		}
	}
	slices.Sort(t.names)
	t.names = slices.Compact(t.names)
	t.fallback = slices.Index(t.names, fallback)
	for host, tenant := range hosts {
		i := slices.Index(t.names, tenant) // byLabel of "*"
		if suffix, wild := strings.CutPrefix(strings.ToLower(host), "*"); wild {
			t.domains = append(t.domains, domain{[]byte(suffix), i})
		} else {
			t.hosts[strings.ToLower(host)] = i
		}
	}
	slices.SortFunc(t.domains, func(a, b domain) int { return len(b.suffix) - len(a.suffix) })
	return t
}

// of is the tenant of a host in small letters, and whether that is settled or
// may change. It allocates nothing but for a tenant that becomes known; answered
// says that it may.
func (t *tenants) of(host []byte, answered bool) (i int, settled bool) {
	if i, ok := t.hosts[string(host)]; ok {
		return i, true
	}
	for _, d := range t.domains {
		label, below := bytes.CutSuffix(host, d.suffix)
		switch {
		case !below || len(label) == 0 || bytes.IndexByte(label, '.') >= 0:
			continue
		case d.tenant != byLabel:
			return d.tenant, true
		case answered && isLabel(label):
			if i := t.learn(string(label)); i >= 0 {
				t.hosts[string(host)] = i
				return i, true
			}
		}
		return t.fallback, false
	}
	return t.fallback, true
}

// learn returns the tenant of that name, made if need be; -1 when there are too
// many, or when no domain has tenants of its own.
func (t *tenants) learn(name string) int {
	if i := slices.Index(t.names, name); i >= 0 {
		return i
	}
	open := slices.ContainsFunc(t.domains, func(d domain) bool { return d.tenant == byLabel })
	if !open || len(t.names) >= maxTenants || len(t.hosts) >= 10*maxTenants {
		return -1
	}
	t.names = append(t.names, name)
	return len(t.names) - 1
}

// isLabel reports whether b is a label of a host name, which may become a label
// value.
func isLabel(b []byte) bool {
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) <= 63
}
