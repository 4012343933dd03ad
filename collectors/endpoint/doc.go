// Package endpoint watches what a finance process leans on outside the ERP:
// banks, tax engines, identity providers, reporting and document services.
//
// A component is one such service with up to 32 checks: an HTTP request whose
// answer is judged, a TCP connection (with TLS, if wanted), or a question put
// to one DNS server. Each check is a task of its own with its own interval and
// deadline, on a connection of its own that is made anew for every run and
// closed after it: a hanging service delays no other check, and what is
// measured is what a new client meets. No more connections are open at once
// than there are checks, one each.
//
// Every failure has a kind of the closed set of internal/fault; status.go holds
// the table for HTTP and answer.go the one for DNS. A check that has not run is
// absent from the metrics, which makes its signal unknown.
//
// Nothing but what the estate names is called: no proxy of the environment is
// used, no redirect is followed unless the check says so, none to another host
// when the check carries credentials, and nothing from outside can start a
// check or choose its target. Requests that change things (PUT, PATCH, DELETE)
// are refused; a POST is for services that are asked that way. An answer is
// read up to a bound, and one that was longer says so. Neither query strings
// nor header values nor bodies appear in a label, a log line or an error.
package endpoint
