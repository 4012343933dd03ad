// Package arch states, as tests, how the house is built: which package may
// import which, what every package owes its reader, and what may be found
// nowhere. The tests open the sources themselves, so that the test cache sees
// what they depend on.
package arch
