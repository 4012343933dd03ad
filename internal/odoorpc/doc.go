// Package odoorpc speaks to Odoo 16 to 19 the way a browser does, and tells
// precisely what went wrong when Odoo does not answer as it should.
//
// A Client logs in once over /web/session/authenticate, which costs Odoo a
// password hash of half a second, and then calls models with the session cookie
// at /web/dataset/call_kw/<model>/<method>: 5 to 10 ms a call, and a path that
// access logs can be read by. It logs in again only when Odoo says that the
// session has expired; the call that met it is repeated once, because Odoo
// refuses it before doing anything. API keys, which Odoo does not accept for a
// session, go over JSON-2 from Odoo 19 on and over /jsonrpc before; which of the
// two is found out by Odoo's version, once, and again after an answer that
// another version or a restart would give. Callers do not notice the difference.
//
// What a client must know about Odoo, and this one does:
//
//   - Success is the absence of an error key: a method that returns None answers
//     with neither result nor error. HTTP says 200 either way.
//   - With its database down Odoo answers a session's call with 404 or a redirect
//     to the database selector and a fresh cookie. Redirects are not followed,
//     the cookie is kept unless the answer is a good one, and the failure is
//     fault.Unavailable.
//   - A worker killed at its time limit closes the connection without an answer:
//     fault.Unreachable. The transaction may yet have been committed, as it may
//     after a timeout, so a call is never repeated behind the caller's back.
//   - The class of an error is in error.data.name. error.message and error.code
//     differ between versions and brands, and are not looked at, except for code
//     100, an expired session.
//
// Every failure is a *fault.Error whose kind comes from one table (table.go). What
// Odoo says is bounded and scrubbed before it enters an error: no names, amounts or
// document numbers, see Scrub; what was sent and answered is kept as a shape without
// values, see Exchange. Bodies are bounded as well. Proxies of the environment are
// not used. A call carries the traceparent of the span in its context and is
// counted by the Meter there.
package odoorpc
