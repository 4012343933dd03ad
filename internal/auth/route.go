package auth

import (
	"fmt"
	"net/http"
	"slices"
)

// A Route is one endpoint, declared as data: nothing is served that is not
// declared with a scope.
type Route struct {
	Method  string // GET serves HEAD as well
	Pattern string // of http.ServeMux, without method: "/api/v1/explain"
	Scope   Scope
	Handler http.Handler
}

// Handler serves the routes behind the guard. It refuses a table that leaves
// open who may use a route.
func (g *Guard) Handler(routes []Route) (http.Handler, error) {
	mux := http.NewServeMux()
	for _, r := range routes {
		switch {
		case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, r.Method):
			return nil, fmt.Errorf("route %s has no method that can be served: %q", r.Pattern, r.Method)
		case r.Scope != Open && includedIn(r.Scope) == nil:
			return nil, fmt.Errorf("route %s %s has no scope: %q", r.Method, r.Pattern, r.Scope)
		case r.Handler == nil:
			return nil, fmt.Errorf("route %s %s has no handler", r.Method, r.Pattern)
		}
		mux.Handle(r.Method+" "+r.Pattern, g.protect(r))
	}
	mux.HandleFunc("/", elsewhere)
	return g.envelop(mux), nil
}

// elsewhere answers what no route does.
func elsewhere(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		answer(w, r, http.StatusNotFound, "nothing is here")
		return
	}
	answer(w, r, http.StatusMethodNotAllowed, "nothing is changed here")
}

// envelop does what concerns every request: the headers and the rate limit of
// the web configuration file.
func (g *Guard) envelop(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range g.file.headers() {
			w.Header().Set(name, value)
		}
		if g.flood != nil && !g.flood.Allow() {
			w.Header().Set("Retry-After", "1")
			answer(w, r, http.StatusTooManyRequests, "too many requests")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// protect lets through who may use a route, and tells who asked.
func (g *Guard) protect(route Route) http.Handler {
	if route.Scope == Open {
		return route.Handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, no := g.judge(route, r)
		event := Event{
			At: g.now(), Identity: who.String(), Scope: route.Scope, Method: route.Method, Route: route.Pattern,
			Remote: remoteOf(r).class(), Outcome: Granted, Count: 1,
		}
		if no != nil {
			event.Outcome = no.outcome
			g.failures[no.kind].Inc()
			g.book.write(event)
			g.refuse(w, r, no)
			return
		}
		g.book.write(event) // before it happens
		route.Handler.ServeHTTP(w, with(r, who))
	})
}

// judge says who asks, and why not when the answer is no.
func (g *Guard) judge(route Route, r *http.Request) (identity, *refusal) {
	if err := g.origins.Check(r); err != nil {
		return identity{kind: unknown}, foreign()
	}
	who, no := g.identify(r)
	switch {
	case no != nil:
		return who, no
	case may(who.scopes, route.Scope) && who.anonymous() && !g.ownName(r):
		return who, misdirected()
	case may(who.scopes, route.Scope):
		return who, nil
	case who.anonymous():
		return who, g.unauthenticated(route.Scope)
	}
	return who, insufficient(who, route.Scope)
}
