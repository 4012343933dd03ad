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

	// version changes with everything Alertmanager has to be told at once.
	version uint64
}

func (r *record) firing() bool { return r.EndsAt.IsZero() }

// book is the set of records by key, with what a Publish makes of it. It is
// not safe for concurrent use.
type book struct {
	records map[string]*record
	version uint64
}

// maxFiring bounds what is taken of one Publish.
const maxFiring = 10_000

func newBook(records []*record) *book {
	b := &book{records: map[string]*record{}}
	for _, r := range records {
		b.version++
		r.version = b.version
		b.records[key(r.Labels)] = r
	}
	return b
}

// publish makes firing the set of what fires at a tick, and reports whether
// anything changed. Its error names the alerts that cannot be sent; the others
// are taken.
func (b *book) publish(at time.Time, firing []Alert) (changed bool, err error) {
	var errs []error
	current := make(map[string]bool, len(firing))
	for _, a := range firing {
		a, err := a.clean()
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case current[key(a.Labels)]:
			errs = append(errs, fmt.Errorf("alert %s is published twice", key(a.Labels)))
			continue
		case len(current) == maxFiring:
			errs = append(errs, fmt.Errorf("more than %d alerts are published", maxFiring))
			return b.resolve(at, current) || changed, errors.Join(errs...)
		}
		current[key(a.Labels)] = true
		changed = b.fire(at, a) || changed
	}
	changed = b.resolve(at, current) || changed
	return changed, errors.Join(errs...)
}

// fire notes that a fires. An alert that fired before keeps its start.
func (b *book) fire(at time.Time, a Alert) (changed bool) {
	k := key(a.Labels)
	r := &record{
		Labels: a.Labels, Annotations: a.Annotations, GeneratorURL: a.GeneratorURL, Heartbeat: a.Heartbeat,
		StartsAt: cmp.Or(a.StartsAt, at).UTC(),
	}
	if old := b.records[k]; old != nil && old.firing() {
		r.StartsAt = old.StartsAt
		if r.GeneratorURL == old.GeneratorURL && r.Heartbeat == old.Heartbeat && maps.Equal(r.Annotations, old.Annotations) {
			return false
		}
	}
	b.version++
	r.version = b.version
	b.records[k] = r
	return true
}

// resolve ends what fires and is not in current.
func (b *book) resolve(at time.Time, current map[string]bool) (changed bool) {
	for k, r := range b.records {
		if r.firing() && !current[k] {
			b.version++
			ended := *r
			ended.version, ended.EndsAt = b.version, at.UTC()
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
