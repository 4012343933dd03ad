// Package evidence keeps the record of what was observed, decided, sent, viewed
// and changed: append-only, hash-chained, segmented and fsynced, so that an
// auditor can check it with a shell and without trusting the daemon.
//
// A record that Append acknowledged is on disk. Each line's hash covers the line
// before it, a finished segment has a seal, the file head says how far the log
// goes, and the daily anchors, shipped elsewhere, tell a log that was written
// anew from the one that was. Verify reads a directory alone, also beside a
// running daemon, and names the first bad record. FORMAT.md draws the files and
// re-performs the check with sha256sum.
//
// What is damaged is never repaired and never hidden: it stays as it is, is
// named in a record, and the chain goes on in a new segment. Time in which
// nothing was watched is a record too, a Gap, and never interpolated.
//
// Records refer to things and people, they do not describe them: what looks like
// personal data is replaced by a keyed digest before it is written.
package evidence
