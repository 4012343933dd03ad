// Package ledger keeps for years how every objective did: cells of five
// minutes with bad and total events, what of them maintenance excludes, and how
// much was observed of what was expected.
//
// It is the ledger of objectives, not of accounts. A cell is written once, when
// it ends, for all objectives together; it is never written again. What is found
// out later, an exclusion or a correction, is an entry of its own that says who,
// why and when, and both readings stay: raw, as it was observed, and corrected.
//
// Counts are integers, sums are exact, and a sum that would overflow is an
// error. What was not observed is missing: it is counted as expected and never
// as good. FORMAT.md has the layout on disk.
//
// # Ticks and cells
//
// A tick counts what happened since the tick before it, so the tick at the end
// of a cell belongs to it and the one at its beginning to the cell before: a
// cell [12:00, 12:05) has the ticks after 12:00 up to and including 12:05. The
// cell that is open is in memory. After a crash the caller observes again, from
// its tick record, the ticks after Committed.
package ledger
