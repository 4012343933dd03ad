// Package tickrecord keeps what the engine decided on, tick by tick, so that
// every decision can be replayed byte for byte.
//
// A record belongs to one instant of the grid and is on disk when Append
// returns. Records are in the order of their instants: a tick that is not after
// the last one, because the wall clock was set back, is refused. Ticks without a
// record are gaps: they are found and have a reason, and they are never filled.
// What a record holds beside its envelope is the caller's; here it is bytes.
//
// FORMAT.md has the layout on disk.
package tickrecord
