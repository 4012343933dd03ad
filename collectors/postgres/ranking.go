package postgres

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// A ranking keeps the few that took most time lately and counts for each what
// it has used since it is among them. It changes its mind slowly, so that the
// series published of its members last.
//
// A member starts at zero, however much it used before: its counter never
// jumps. What the others use is for the caller to count, so that members and
// others together lose nothing when one enters or leaves.
type ranking[K comparable] struct {
	size    int
	compare func(a, b K) int // orders those of equal weight
	members map[K]*counts
	// weights is the time each took, counted less the longer ago: that of the
	// members, and of as many candidates as may become one.
	weights map[K]float64
}

const (
	// rankingHalfLife is after how long time taken counts half.
	rankingHalfLife = time.Hour
	// rankingMargin is by how much a candidate outweighs the least member before
	// it takes its place.
	rankingMargin = 1.5
	// rankingCandidates is how many are weighed for each member.
	rankingCandidates = 10
)

func newRanking[K comparable](size int, compare func(a, b K) int) *ranking[K] {
	return &ranking[K]{size: size, compare: compare, members: make(map[K]*counts), weights: make(map[K]float64)}
}

// add chooses the members anew by what was used in the time since the last
// call, and counts it: that of whom was a member and still is for the member,
// all else for the rest.
func (r *ranking[K]) add(gains map[K]gain, elapsed time.Duration, rest func(K, counts)) {
	fade := math.Exp2(-max(elapsed, 0).Hours() / rankingHalfLife.Hours())
	for key := range r.weights {
		r.weights[key] *= fade
	}
	for key, g := range gains {
		r.weights[key] += g.weight
	}
	before := maps.Clone(r.members)
	r.choose()
	for key, g := range gains {
		if member := r.members[key]; member != nil && before[key] != nil {
			member.add(g.counts)
		} else {
			rest(key, g.counts)
		}
	}
}

// choose lets the heaviest enter while there is room, and then in place of the
// least member where the margin allows.
func (r *ranking[K]) choose() {
	order := slices.SortedFunc(maps.Keys(r.weights), r.heavier)
	for _, key := range order {
		if r.members[key] != nil || r.weights[key] <= 0 {
			continue
		}
		if len(r.members) >= r.size {
			least := slices.MaxFunc(slices.Collect(maps.Keys(r.members)), r.heavier)
			if r.weights[key] <= rankingMargin*r.weights[least] {
				break
			}
			delete(r.members, least)
		}
		r.members[key] = new(counts)
	}
	for i, key := range order {
		if i >= r.size*rankingCandidates && r.members[key] == nil {
			delete(r.weights, key)
		}
	}
}

func (r *ranking[K]) heavier(a, b K) int {
	return cmp.Or(cmp.Compare(r.weights[b], r.weights[a]), r.compare(a, b))
}
