// Package web serves what the daemon has decided to people and to machines:
// server-rendered pages, and the same values as JSON under /api/v1.
//
// The package decides nothing. It asks a Source for values that are already
// true and words that are already written, and shows them: a status is always
// a word with an icon and a colour, every tile says how old its data is, and
// unknown is a state of its own. A page needs no script and asks nothing of
// another host; its one script refreshes the page in place. Everything a
// Source returns is treated as untrusted text: escaped, bounded, never a
// format string.
//
// Times are shown in the estate's zone with UTC in the tooltip. JSON carries
// RFC 3339 times and seconds; what is not known is absent, never zero.
package web
