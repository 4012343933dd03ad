// Package postgres watches one PostgreSQL cluster: its primary and standbys.
//
// Each server is looked at once a second on a connection of its own (sampler):
// one short statement, and others when that one or the time says that they are
// due. The looks feed a history of the primary's write-ahead log (package
// lsnclock), from which the age and size of what each standby lacks are judged.
// When the primary stops answering, exposure keeps growing from what was last
// known; the history is kept on disk, so that a restart of the daemon during an
// outage changes nothing. The samplers' memory is published by the tasks
// "server" and "replication", which never wait for a server; the latter tells
// what looking costs.
//
// Standbys are seen from the server they follow, which may be a standby that is
// looked at. Those declared with an address, and the further hosts of a
// multi-host connection string, are also looked at themselves: only they can
// tell why they do not replay, and only they can still be judged after the
// primary's death. A standby whose primary nobody sees is judged by what its
// receiver was told.
//
// The other tasks read the server that a client would get: "statistics" and
// "settings" in one round trip each, "sizes" one database after the other, from
// which it also learns how they grow. What a lock or a missing right denies
// costs only itself. Metrics that postgres_exporter has carry its names and
// labels; of many databases, those beyond a bound are added up as "other".
//
// Sessions that wait for a lock are followed to the roots of their chains, and
// connection pools are reckoned up against what the server has room for. Where
// PgBouncer stands before the cluster, the task "pgbouncer" reads its console,
// under the names of pgbouncer_exporter.
//
// The task "tables" looks into the databases of that server, five in a run, one
// after another, each on a connection of its own that is closed after it, or kept
// where there are three databases or fewer. A database that hangs, is locked or
// refuses costs itself. Tables of finance, those the configuration names and the
// largest have series of their own; the others of a database are relname "other",
// whose counters begin at 0 and count what those tables do from then on.
//
// The task "statements" adds up what statements cost and tells the finance
// processes they serve (package attribution).
//
// A value that is not known is absent. The session of closewatch itself is left
// out of activity and locks, the statements of its role out of all others.
package postgres
