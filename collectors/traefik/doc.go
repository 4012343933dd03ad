// Package traefik watches an ingress: its own metrics, its entrypoints from
// outside, its access log and its own log.
//
// The access log is where finance work becomes visible: Traefik's metrics know
// routers, the log knows that account.move/action_post took four seconds for
// tenant prod. Each line becomes a finance operation: a model and method of a
// bounded list, the name of a rule of the estate, or one of a few shapes (rpc,
// button, report, export, login, websocket, content, static, health, queue_job,
// portal, payment, webhook, database, web, other). Query strings, addresses and
// user names are never kept.
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
// A write whose answer never arrived (504, a client that gave up after a second
// or more, an answer cut short) may have been done although the user saw an
// error: it is counted apart, so that nobody does it twice unawares.
//
// Coverage is told twice. RequestCount in the lines sees what Traefik's filters
// leave out, but not what has no number: routers and entrypoints without a log.
// The totals of the entrypoints see these too, but not what has no metrics.
//
// Traefik's own log alone tells of refused configurations (Traefik 2 also counts
// them) and of renewals that failed. Nothing of its lines is kept but what they
// are about and when.
//
// Durations are observed for ok and aborted requests other than websockets: an
// answer that was waited for, or given up on. What failed fast must not make
// the rest look quick; it is counted by outcome.
//
// The log is followed by internal/logtail, which says what is exact about it
// and what is a bound.
package traefik
