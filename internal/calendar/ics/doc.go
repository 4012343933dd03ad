// Package ics reads holidays from and writes events to iCalendar files (RFC
// 5545). Reading is strict about what decides a day and lenient about the rest:
// what it cannot understand there is an error with a line and a remedy, what it
// leaves out is counted. Both directions are bounded; there is no clock and no
// file in it.
package ics
