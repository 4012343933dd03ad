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
// itself. The task "statements" adds up what statements cost and tells the
// finance processes they serve (package attribution). Metrics that
// postgres_exporter has carry its names and labels.
//
// A value that is not known is absent. The session of closewatch itself is left
// out of activity and locks, the statements of its role out of all others.
package postgres
