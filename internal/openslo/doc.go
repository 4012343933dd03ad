// Package openslo reads and writes objectives as OpenSLO v1 documents,
// https://github.com/OpenSLO/OpenSLO: SLO, SLI, AlertPolicy, AlertCondition,
// AlertNotificationTarget, Service and DataSource.
//
// Read is strict: every mistake of every file is told in one go, with its place.
// Import makes objectives of an estate of what was read, and lists with its
// place whatever an estate cannot say: nothing is dropped in silence. Generate
// writes the objectives of an estate; what only a finance estate says stands in
// annotations that begin with closewatch/, so that Import makes of it what it
// was made from. The package reads no file, asks no network and knows no clock.
package openslo
