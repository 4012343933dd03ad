// Package pgsession is one bounded, read-only, labelled PostgreSQL session per
// server, shared by whoever asks that server something.
//
// A Session keeps at most Settings.Connections connections (one unless told
// otherwise), opens them on first use and again, with growing pauses, after a
// failure. Every connection announces itself as application "closewatch", may
// only read, and carries a statement, lock and idle-in-transaction timeout that
// the server itself enforces, so that nothing of ours outlives us there.
//
// Questions are asked in batches. A batch is sent in one round trip, each
// statement in a transaction of its own: a lock that cannot be had in time or
// a view that may not be read costs one answer, not all of them. Batch never
// blocks longer than its context, whatever the server does.
//
// Each text is parsed and planned once per connection: the first time it is asked
// it is prepared on the way, in the same round trip, the least used of 64 giving
// way. Where that is not possible, behind a pooler that hands each transaction to
// any server connection, statements are sent whole.
//
// Answers are text as PostgreSQL writes it, read through typed getters to
// which NULL is absent, never zero. Failures are *fault.Error with the kind
// that the SQLSTATE means and, where a person can act, what to do.
package pgsession
