// Package grafana brings the dashboards into a Grafana over its HTTP API. What
// is there already is replaced, known by its uid; what is the same is left
// alone, so that bringing them twice changes nothing.
package grafana
