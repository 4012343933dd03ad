// Package lsnclock tells how old, in true seconds, what a standby lacks is.
//
// The clock watches one server's write-ahead log grow: each Sample says where
// the log stood and when, by that server's own time. From such a history two
// bounds follow for any standby position X:
//
//   - lower: the age of the first sample at which the log held data beyond X.
//     That data is certainly missing at X, and is at least this old.
//   - upper: the age of the last sample at which all data in the log was at or
//     before X. Whatever X lacks was written after it. This is what would be
//     lost at most, in seconds, if the standby took over now.
//
// The lower bound is 0 when nothing is known to be missing, so an idle primary
// shows no lag. The upper bound never stops growing while the log is not
// sampled, so a dead primary and a blind observer are not mistaken for health.
// Their distance is the sampling interval.
//
// Data means transactions that ended: a commit that still waits, for a disk or
// a synchronous standby, was promised to nobody. A log also grows by records that commit nothing: a
// snapshot of running transactions every few seconds, a checkpoint, a hint bit
// on a page. A sample therefore carries the server's transaction snapshot;
// between two equal snapshots no transaction ended, so the log's growth between
// them holds nothing that could be lost.
//
// A history belongs to one cluster and spans its timelines: a promotion cuts
// it at the last position known to be common to both, and positions on an
// older timeline count up to that cut. Memory is bounded: with age samples are
// thinned, which widens the bounds in proportion to age and never makes them
// wrong.
//
// The package is pure: no I/O, no goroutines, no clock but the samples'.
package lsnclock
