// Package routing writes how an Alertmanager brings the estate's alerts to people:
// routes by severity, tier and team, inhibition, and time intervals from the
// finance calendar.
//
// A Config is a value that can be asked, too: who hears of an alert at an instant,
// and which alerts are muted by others. The arithmetic is Alertmanager's own; a
// test holds it against Alertmanager's packages and amtool, which are no part of
// the daemon because they bring half of its size with them.
//
// What is business-critical is muted by nothing: neither by a time interval nor by
// another alert. Generate is a pure function of its input.
package routing
