package tiering

import (
	"cmp"
	"slices"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// explains lists, for a kind of component, the kinds whose bad state it
// accounts for: an ERP that cannot reach its database is not itself the cause.
var explains = map[string][]string{
	"postgres": {"odoo"},
	"redis":    {"odoo"},
	"traefik":  {"odoo"},
}

// accountedFor reports whether another suspect explains n: one that is critical
// and beneath it. An ingress whose ERP does not answer either is explained by
// what explains the ERP.
func accountedFor(n Need, suspects []Need) bool {
	kinds := []string{n.Kind}
	if n.Kind == "traefik" && slices.ContainsFunc(suspects, func(other Need) bool { return other.Kind == "odoo" }) {
		kinds = append(kinds, "odoo")
	}
	return slices.ContainsFunc(suspects, func(other Need) bool {
		return other.State == signal.Critical && other.Kind != n.Kind &&
			slices.ContainsFunc(kinds, func(kind string) bool { return slices.Contains(explains[other.Kind], kind) })
	})
}

// cause picks the deepest unhealthy dependency, and lists the healthy ones that
// were ruled out. A component is not the cause when another unhealthy one
// accounts for it. Hard comes before redundant and soft, critical before
// warning, earlier before later.
func cause(needs []Need) (*Cause, []string) {
	var suspects []Need
	var ruledOut []string
	for _, n := range needs {
		switch n.State {
		case signal.Critical, signal.Warning:
			suspects = append(suspects, n)
		case signal.OK:
			ruledOut = append(ruledOut, n.Component)
		default: // unknown is neither cause nor ruled out
		}
	}
	suspects = slices.DeleteFunc(slices.Clone(suspects), func(n Need) bool { return accountedFor(n, suspects) })
	if len(suspects) == 0 {
		return nil, ruledOut
	}
	role := map[process.Role]int{process.Hard: 0, process.Redundant: 1, process.Soft: 2}
	slices.SortStableFunc(suspects, func(a, b Need) int {
		return cmp.Or(
			cmp.Compare(b.State, a.State),
			cmp.Compare(role[a.Role], role[b.Role]),
			a.Since.Compare(b.Since),
			cmp.Compare(a.Component, b.Component),
		)
	})
	n := suspects[0]
	return &Cause{Component: n.Component, Kind: n.Kind, State: n.State, Since: n.Since, Evidence: n.Evidence}, ruledOut
}

// recoveryCause is the system of record whose work is exposed: by its own
// health signals it may well be fine, its copies are not.
func recoveryCause(e Evidence, ruledOut []string) (*Cause, []string) {
	if e.Recovery.BeyondSince.IsZero() {
		return nil, ruledOut
	}
	for _, n := range e.Needs {
		if n.Component == e.Recovery.Component {
			ruledOut = slices.DeleteFunc(ruledOut, func(name string) bool { return name == n.Component })
			return &Cause{Component: n.Component, Kind: n.Kind, State: signal.Warning, Since: e.Recovery.BeyondSince, Evidence: n.Evidence}, ruledOut
		}
	}
	return nil, ruledOut
}
