// Package redis watches one Redis server, versions 6 to 8: alone, a replica, with
// Sentinels or a node of a cluster.
//
// Once a second the server is sent a PING on a connection of its own and the
// answer is timed, every fifth time also a GET of a key that is not there: what a
// client sees, queueing in the server's event loop included, which no number that
// Redis reports about itself shows. A server that does not answer within the
// timeout counts as an answer slower than every bucket, so a stall is visible in
// the distribution and not only as a gap. The task "server" publishes the
// sampler's memory and never waits for the server.
//
// The task "info" asks on a second connection, in one round trip, for INFO, the
// latency monitor and the slow log; once a minute also for the parameters that
// matter, for LATENCY HISTOGRAM and for INFO's percentiles, which cost the server
// most; in a second one for what the first gave reason to. Nothing is written and no argument of a command is looked at. Keys are
// measured by their exact names when the estate lists them; keys are only ever
// scanned when it says so, in the background, at its pace and within its budget
// (task "patterns").
//
// With Sentinels, the server watched is the primary that most of them name. They
// are asked every two seconds, whatever state the server is in (task
// "sentinels").
//
// Metrics that redis_exporter has carry its names, types and labels. What this
// package does better under the same name: buckets of distributions are always
// the same ones, a latency spike's length is told for five minutes and not for
// ever, and a number that stands for "never" is absent.
//
// A value that is not known is absent: a server without a memory limit has no
// share of it in use, a consumer group whose lag the server cannot tell has none.
// Risks to data, which are judged by the tolerance for loss that the estate
// declares, are NaN when the server does not let itself be asked. Commands that
// are refused are published, tried again every five minutes, and never taken for
// an answer.
package redis
