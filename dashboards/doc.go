// Package dashboards writes Grafana dashboards: one Go file per dashboard, one
// committed JSON file under generated/ each.
//
// A dashboard is built with the Grafana Foundation SDK and is a pure function
// of its Options: the same input gives the same bytes. Every panel says what an
// empty answer means, because no data is never good news, and every query
// names only metrics that Closewatch publishes. Generated files are never
// edited by hand: a test compares them with what this package writes.
package dashboards

//go:generate env UPDATE_GOLDEN=1 go test -count=1 -run TestGeneratedFilesAreCurrent .
