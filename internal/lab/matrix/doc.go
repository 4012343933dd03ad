// Package matrix holds what the lab's faults look like at the moment they are
// judged, and says whether the cause that was injected is ranked first: for each
// fault alone, and for every two of them at once.
//
// What was recorded of a fault is reduced to what the ranking reads. Two at once
// are what was recorded of each laid over one another: of what is needed the
// worst state and the signals of both, of what fails the failure that comes
// first on the way.
package matrix
