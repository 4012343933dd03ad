// Package redis watches one Redis server.
//
// Once a second the server is sent a PING on a connection of its own and the
// answer is timed: what a client sees, queueing in the server's event loop
// included, which no number that Redis reports about itself shows. A server
// that does not answer within the timeout counts as an answer slower than every
// bucket, so a stall is visible in the distribution and not only as a gap. The
// task "server" publishes the sampler's memory and never waits for the server.
//
// The task "info" reads INFO on a second connection. Metrics that redis_exporter
// has carry its names and labels. No keys are read, counted or scanned.
//
// A value that is not known is absent: a server without a memory limit has no
// share of it in use, one that never saved has no duration of its last save.
package redis
