// Package traefik watches an ingress: its own metrics, its entrypoint from
// outside, and its access log.
//
// The access log is where finance work becomes visible: Traefik's metrics know
// routers, the log knows that account.move/action_post took four seconds for
// tenant prod. Each line becomes a finance operation: a model and method of a
// bounded list, or one of a few shapes (rpc, button, report, login, websocket,
// content, static, health, web, other). Query strings, addresses and user
// names are never kept.
//
// Outcomes. A request ends as exactly one of
//
//	ok        answered; a websocket counts as one ok when it closes
//	client    refused because of the request: 4xx
//	limited   refused by a rate limit: 429
//	aborted   the client went away: 499, or 502 while its upload was unfinished
//	upstream  Odoo could not answer: 502, 503, 504, a body cut short, and 3xx or
//	          404 on /web/dataset/, where Odoo says so when its database is gone
//	server    Odoo or Traefik failed: any other 5xx
//
// An aborted upload is logged as 502 with origin status 502, like a dead
// backend. The two are told apart only when the log keeps request headers
// (fewer bytes arrived than Content-Length announced); otherwise it counts as
// upstream. Odoo answers HTTP 200 to a business error: outcome ok means that
// an answer was delivered, not that the posting happened.
//
// Durations are observed for ok and aborted requests other than websockets: an
// answer that was waited for, or given up on. What failed fast must not make
// the rest look quick; it is counted by outcome.
//
// The log is followed by internal/logtail, which says what is exact about it
// and what is a bound.
package traefik
