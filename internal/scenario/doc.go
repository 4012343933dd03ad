// Package scenario is the language in which an estate is tested like code: what
// is measured and told along a clock, and which impacts and pages come of it.
//
// A scenario is a file. Parse reads it strictly and tells every mistake with its
// place. A World is the estate as the scenario describes it at an instant: it
// publishes the samples that collectors would, and nothing that the scenario
// does not say. What is not said is absent, which is unknown and never ok. The
// package decides nothing, reads no file and no clock.
package scenario
