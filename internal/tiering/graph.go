package tiering

import (
	"slices"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
)

// A graph is what the components of one subject rest on. An estate's graph has
// no cycle: that is checked when it is loaded.
type graph struct {
	needs []Need
	// beneath lists for each need the places of all it rests on, near or far, in
	// rising order.
	beneath [][]int
	// arrive says that what fails gets as far as the ingress: a check through it
	// that is not answered then speaks for what stands behind.
	arrive bool
}

func newGraph(needs []Need) graph {
	g := graph{needs: needs, beneath: make([][]int, len(needs))}
	direct := make([][]int, len(needs))
	for i, n := range needs {
		for j, other := range needs {
			if i != j && restsOn(n, other) {
				direct[i] = append(direct[i], j)
			}
		}
	}
	for i := range needs {
		seen := make([]bool, len(needs))
		var visit func(int)
		visit = func(at int) {
			for _, j := range direct[at] {
				if !seen[j] {
					seen[j] = true
					visit(j)
				}
			}
		}
		visit(i)
		for j, reached := range seen {
			if reached && j != i {
				g.beneath[i] = append(g.beneath[i], j)
			}
		}
	}
	return g
}

// restsOn reports whether a component rests on another directly.
func restsOn(n, other Need) bool {
	if n.DependsOn != nil {
		return slices.Contains(n.DependsOn, other.Component)
	}
	return slices.Contains(process.RestsOn(n.Kind), other.Kind)
}

// explainer returns the critical component that accounts for a component's bad
// state: one that it rests on. What an ingress says of the servers behind it
// (echo) is explained by those and by what they rest on; an ingress before an
// ERP that is unhealthy too, by what explains the ERP.
func (g graph) explainer(i int, f *Family) (int, bool) {
	critical := func(j int) bool { return g.needs[j].State == signal.Critical && !g.through(j) }
	for _, j := range g.beneath[i] {
		if critical(j) {
			return j, true
		}
	}
	if g.needs[i].Kind != process.Traefik {
		return 0, false
	}
	for j, n := range g.needs {
		if n.Kind != process.Odoo || n.State != signal.Critical && n.State != signal.Warning {
			continue
		}
		if (f.Effect == echo || f.Name == unreached && g.arrive) && critical(j) {
			return j, true
		}
		for _, k := range g.beneath[j] {
			if k != i && critical(k) && g.needs[k].Kind != process.Traefik {
				return k, true
			}
		}
	}
	return 0, false
}

// through reports whether an ingress is critical for no more than that nothing is
// got through it to what stands behind.
func (g graph) through(i int) bool {
	n := g.needs[i]
	if n.Kind != process.Traefik || !g.arrive || len(n.Signals) == 0 {
		return false
	}
	return !slices.ContainsFunc(n.Signals, func(s SignalSeen) bool {
		return s.Health && s.State == signal.Critical && FamilyOf(n.Kind, s.Name).Name != unreached
	})
}

// behind reports whether a component stands behind an ingress: an application, or
// what one rests on.
func (g graph) behind(i int) bool {
	if g.needs[i].Kind == process.Traefik {
		return false
	}
	for j, n := range g.needs {
		if n.Kind == process.Odoo && (i == j || slices.Contains(g.beneath[j], i)) {
			return true
		}
	}
	return false
}

// left counts the components of a redundant need's kind and how many of them
// are not critical: of two standbys one is left.
func (g graph) left(i int) (left, of int) {
	for _, n := range g.needs {
		if n.Kind == g.needs[i].Kind && n.Role == process.Redundant {
			of++
			if n.State != signal.Critical {
				left++
			}
		}
	}
	return left, of
}
