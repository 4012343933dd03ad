// Package acceptance has the tests of the daemon as a whole, on an estate of
// real servers that they share, and nothing else. They know of the daemon what
// its users know: its files, its pages, its metrics and its alerts.
package acceptance
