// Package postgres watches one PostgreSQL cluster: its primary and standbys.
//
// Each server is looked at once a second on a connection of its own (sampler).
// The looks feed a history of the primary's write-ahead log (package lsnclock),
// from which the age and size of what each standby lacks are judged. When the
// primary stops answering, exposure keeps growing from what was last known; the
// history is kept on disk, so that a restart of the daemon during an outage
// changes nothing. The sampler's memory is published by the task "server",
// which never waits for a server.
//
// Standbys are seen from the primary. Those declared with an address, and the
// further hosts of a multi-host connection string, are also looked at
// themselves: only they can tell that replay is paused, and only they can still
// be judged after the primary's death.
//
// The tasks "statistics" and "sizes" read the server that a client would get,
// each in one round trip; what a lock or a missing right denies costs only
// itself. Metrics that postgres_exporter has carry its names and labels.
//
// The task "tables" looks into the databases of that server, ten in a run, one
// after another, each on a connection of its own that is closed after it, or kept
// where there are three databases or fewer. A database that hangs, is locked or
// refuses costs itself. Tables of finance, those the configuration names and the
// largest have series of their own; the others of a database are relname "other",
// whose counters begin at 0 and count what those tables do from then on.
//
// A value that is not known is absent. The session of closewatch itself is left
// out of activity and locks.
package postgres
