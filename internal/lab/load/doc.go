// Package load is business traffic for the laboratory: bookkeepers who post
// invoices, send them, register payments, import and match bank lines, and
// read lists and reports, in an Odoo reached through its ingress.
//
// Work arrives at a set rate with the irregularity of people: the time between
// two invoices is exponential, bounded. At most Options.Concurrency pieces of
// work are under way; what arrives beyond that is skipped and counted, so that
// an outage builds no queue. Nothing that fails ends a Load: failures are
// counted by kind, a lost session is renewed, and work goes on.
//
// It works in the first company its user may see, finds journals and customers
// there by itself, and never touches another.
package load
