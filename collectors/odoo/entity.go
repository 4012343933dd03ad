package odoo

import (
	"slices"
	"strconv"
)

// syntheticEntity is the entity of the company that belongs to our flows.
const syntheticEntity = "synthetic"

// entities names companies by what may be a label.
type entities struct {
	byID     map[int64]string
	fallback string
}

// newEntities takes later companies over earlier ones.
func newEntities(companies []Company, fallback string) entities {
	e := entities{byID: map[int64]string{}, fallback: fallback}
	for _, c := range companies {
		name := c.Entity
		if c.Synthetic {
			name = syntheticEntity
		}
		if name != "" {
			e.byID[int64(c.ID)] = name
		}
	}
	return e
}

// name returns the entity of a company; known is false for a row without one.
func (e entities) name(company int64, known bool) string {
	if name, ok := e.byID[company]; ok && known {
		return name
	}
	if e.fallback != "" {
		return e.fallback
	}
	if !known {
		return "none"
	}
	return "company-" + strconv.FormatInt(company, 10)
}

// all lists the names that were given, sorted.
func (e entities) all() []string {
	var names []string
	for _, name := range e.byID {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// zeros starts a count for each name that was given.
func (e entities) zeros() map[string]float64 {
	out := map[string]float64{}
	for _, name := range e.byID {
		out[name] = 0
	}
	return out
}
