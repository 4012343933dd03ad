package auth

import (
	"slices"

	"github.com/closewatch/closewatch/internal/estate"
)

// A Scope is one thing an identity may do; an estate hands them out.
type Scope = estate.Scope

// The scopes of routes.
const (
	Open    Scope = "open" // everybody: nothing is to be learnt
	Scrape        = estate.ScopeScrape
	Read          = estate.ScopeRead
	Operate       = estate.ScopeOperate
	Admin         = estate.ScopeAdmin
)

// changes reports whether a scope is about more than reading.
func changes(s Scope) bool { return s == Operate || s == Admin }

// includedIn lists the scopes that allow what a scope asks for.
func includedIn(wanted Scope) []Scope {
	switch wanted {
	case Scrape:
		return []Scope{Scrape}
	case Read:
		return []Scope{Read, Operate, Admin}
	case Operate:
		return []Scope{Operate, Admin}
	case Admin:
		return []Scope{Admin}
	}
	return nil
}

// may reports whether an identity with these scopes may do what wanted says.
func may(has []Scope, wanted Scope) bool {
	return slices.ContainsFunc(includedIn(wanted), func(s Scope) bool { return slices.Contains(has, s) })
}
