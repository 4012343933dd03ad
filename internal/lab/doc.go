// Package lab runs real servers on loopback for tests and the demo:
// PostgreSQL with a streaming standby, PgBouncer, Redis, Alertmanager, Prometheus, and
// Traefik or, where there is no Traefik binary, its stand-in; for benchmarks also
// Prometheus' exporters for PostgreSQL and Redis, and the daemon itself.
//
// Everything a lab makes lies in one directory, listens on 127.0.0.1 on a
// port below the range the kernel hands out, and is stopped by process id.
// A server can be broken on purpose and mended: Kill ends its whole process
// tree as a crash would, Pause freezes it, Stop shuts it down, and Start
// brings it back with its data on its port.
//
// A lab outlives no crash for long: its directory records which process owns
// it and which processes it started, each with its start time, and the next
// New ends and removes what a dead owner left behind. A recorded process is
// only ended when its start time still matches, so that a reused id is safe.
//
// A Lab and its servers are safe for concurrent use. Calls that wait for a
// server end with the caller's context, or after half a minute when that has
// no deadline. When a server does not come up, the error holds the tail of
// its log; when its program is not installed, the hint names the package.
package lab
