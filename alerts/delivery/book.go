package delivery

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A record is one alert of the outbox: firing, or resolved and still told.
type record struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt,omitzero"` // when it resolved; zero while it fires
	GeneratorURL string            `json:"generatorURL,omitempty"`
	Heartbeat    bool              `json:"heartbeat,omitempty"`
	ChangedAt    time.Time         `json:"changedAt,omitzero"` // when version was made
	TakenAt      time.Time         `json:"takenAt,omitzero"`   // when an Alertmanager first took it; kept of pages, for a Fallback

	// version changes with everything Alertmanager has to be told at once.
	version uint64
	rank    int
}

func (r *record) firing() bool { return r.EndsAt.IsZero() }

// changed is since when the alert is as it is.
func (r *record) changed() time.Time { return cmp.Or(r.ChangedAt, r.EndsAt, r.StartsAt) }

// book is the set of records by key, with what a Publish makes of it. It is
// not safe for concurrent use.
type book struct {
	records map[string]*record
	version uint64
	shed    map[string]bool // what was not taken of the last Publish
}

// maxFiring bounds what fires at once, see bound.
const maxFiring = 10_000

func newBook(records []*record) *book {
	b := &book{records: map[string]*record{}}
	for _, r := range records {
		b.version++
		r.version, r.rank = b.version, rank(r.Labels)
		b.records[key(r.Labels)] = r
	}
	return b
}

// A change is what is different from the Publish before.
type change int

const (
	nothing change = iota
	words          // annotations of what fired before say something else
	facts          // what fires, since when, what has ended, or of which incident it is
)

// publish makes firing the set of what fires at a tick, and reports what changed
// and how many alerts were newly left out of a set that is too large. Its error
// names the alerts that cannot be sent; the others are taken.
func (b *book) publish(now, at time.Time, firing []Alert) (changed change, shed int, err error) {
	var errs []error
	current := make(map[string]Alert, len(firing))
	for _, a := range firing {
		a, err := a.clean()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		k := key(a.Labels)
		if _, twice := current[k]; twice {
			errs = append(errs, fmt.Errorf("alert %s is published twice", k))
			continue
		}
		current[k] = a
	}
	shed = b.bound(at, current)
	for k, a := range current {
		changed = max(changed, b.fire(now, at, k, a))
	}
	if b.resolve(now, at, current) {
		changed = facts
	}
	return changed, shed, errors.Join(errs...)
}

// bound takes the oldest informational alerts out of a set that is too large,
// and returns how many of them it did not take out the time before. What is more
// than informational is never taken out: the estate bounds it.
func (b *book) bound(at time.Time, current map[string]Alert) (newly int) {
	over := len(current) - maxFiring
	if over <= 0 {
		b.shed = nil
		return 0
	}
	var minor []string
	for k, a := range current {
		if a.Labels["tier"] == informational {
			minor = append(minor, k)
		}
	}
	slices.SortFunc(minor, func(x, y string) int {
		return cmp.Or(cmp.Or(current[x].StartsAt, at).Compare(cmp.Or(current[y].StartsAt, at)), cmp.Compare(x, y))
	})
	shed := map[string]bool{}
	for _, k := range minor[:min(over, len(minor))] {
		delete(current, k)
		shed[k] = true
		if !b.shed[k] {
			newly++
		}
	}
	b.shed = shed
	return newly
}

// annotationIncident says of which incident an alert is.
const annotationIncident = "incident"

// fire notes that a fires. An alert that fired before keeps its start.
func (b *book) fire(now, at time.Time, k string, a Alert) (changed change) {
	changed = facts
	r := &record{
		Labels: a.Labels, Annotations: a.Annotations, GeneratorURL: a.GeneratorURL, Heartbeat: a.Heartbeat,
		StartsAt: cmp.Or(a.StartsAt, at).UTC(), ChangedAt: now.UTC(), rank: rank(a.Labels),
	}
	if old := b.records[k]; old != nil && old.firing() {
		r.StartsAt, r.TakenAt = old.StartsAt, old.TakenAt
		if r.GeneratorURL == old.GeneratorURL && r.Heartbeat == old.Heartbeat && r.Annotations[annotationIncident] == old.Annotations[annotationIncident] {
			if maps.Equal(r.Annotations, old.Annotations) {
				return nothing
			}
			changed = words
		}
	}
	b.version++
	r.version = b.version
	b.records[k] = r
	return changed
}

// resolve ends what fires and is not in current.
func (b *book) resolve(now, at time.Time, current map[string]Alert) (changed bool) {
	for k, r := range b.records {
		if _, fires := current[k]; r.firing() && !fires {
			b.version++
			ended := *r
			ended.version, ended.EndsAt, ended.ChangedAt = b.version, at.UTC(), now.UTC()
			if ended.EndsAt.Before(ended.StartsAt) { // the clock stepped back
				ended.StartsAt = ended.EndsAt
			}
			b.records[k] = &ended
			changed = true
		}
	}
	return changed
}

// prune forgets the resolved alerts for which over returns true.
func (b *book) prune(over func(key string, r *record) bool) (changed bool) {
	for k, r := range b.records {
		if !r.firing() && over(k, r) {
			delete(b.records, k)
			changed = true
		}
	}
	return changed
}

// sorted returns the keys in order.
func (b *book) sorted() []string { return slices.Sorted(maps.Keys(b.records)) }

// count returns how many alerts fire and how many have resolved.
func (b *book) count() (firing, resolved int) {
	for _, r := range b.records {
		if r.firing() {
			firing++
		} else {
			resolved++
		}
	}
	return firing, resolved
}
