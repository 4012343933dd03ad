// Package recovery watches whether what was lost could be brought back, and to
// which moment: backups, the archive of the write-ahead log between them, and
// the proof that a restore was tried.
//
// It reads files and nothing else. It runs no program, asks no server and needs
// no right but to read: the info files of a pgBackRest repository with the
// archive beside them, or what `pgbackrest info --output=json` printed into a
// file; a directory of archived segments; drops, in which any other tool says
// what it backed up; and the reports of restore tests. The formats of the last
// two are those of Drop and RestoreTest.
//
// A backup counts when all it needs to be restored is there: the backups it
// builds on and each segment of the log from its start to its end. The range
// one can recover to reaches from there as far as the archive has no gap,
// along the history of the newest timeline.
//
// Evidence that is damaged, partial, stale or from the future proves nothing.
// What it last proved stays published as the moment it happened, which only
// grows older; what would be judged from it is not a number, which is unknown,
// until it is good again. That nothing was ever backed up or tried, told by
// evidence that is good, is an infinite delay and not an absence.
//
// A directory on a network that hangs cannot be left: the runner abandons the
// task then, and nothing is known of the component.
package recovery
