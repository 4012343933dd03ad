// Package auth decides who may do what over HTTP, and tells it as evidence.
//
// A Guard stands in front of every Route, which names its scope. Who asks is
// known by a bearer token, a password (of a web configuration file of
// Prometheus' exporter toolkit), or a verified certificate; one of them is
// enough. This machine may read and scrape without any, unless the estate says
// otherwise. Nobody changes anything without credentials, from this machine
// neither: a page in a browser has this machine's address, too. For the same
// reason a change that a page of another origin asks for is refused whatever
// it carries, and this machine without credentials is answered only under
// names that are its own.
//
// Attempts that fail are limited for each address, and at most one password is
// computed at once, so that guessing burns no more than one core. Nothing that
// was presented, no header and no query is ever logged, answered or told.
package auth
