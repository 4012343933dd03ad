// Package store keeps what was published, in an embedded Prometheus TSDB, and
// answers PromQL over it in Prometheus' own wire format.
//
// One Append is one tick: all its samples carry the tick's time, become
// visible together and survive a kill of the process as soon as Append has
// returned. A series that is no longer published gets a staleness marker, so
// that queries see it end. Every series has job="closewatch" and
// instance=<its component>, as dashboards written for a scraping Prometheus
// expect.
//
// Handler serves the part of Prometheus' HTTP API a Grafana data source and
// Prometheus' own client use. Queries are bounded in samples, time and number
// at once; a client that asks for too much gets Prometheus' own error.
package store
