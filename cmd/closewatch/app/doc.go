// Package app is the daemon as a value: New wires it from an estate, Start runs
// it, Stop drains it. It is the only package that knows both the plug-ins
// (collectors, flows, delivery, dashboards) and the engines (objectives,
// tiering, incidents, store, web), and the only one that reads the clock.
//
// Data flows once, left to right: collectors and flows publish metrics; at each
// tick of a fixed grid the published samples become signals, events and
// evidence; evidence becomes impacts, impacts become incidents, incidents
// become alerts, pages and metrics. Everything decided in a tick is decided at
// the tick's time.
package app
