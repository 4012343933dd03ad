// Package tiering turns evidence about a finance process into a business-impact
// verdict with its reasons.
//
// Decide is a pure function of one subject's evidence and the time of the tick.
// It names the symptoms that are present, looks each up in the decision table
// (data: see Table), and takes the highest tier; every row it considered is in
// the verdict's trace. Engine adds what needs memory: a worse tier must hold
// before it stands, a better one must stay quiet before it is believed, missing
// evidence freezes what stands, and flapping is damped.
//
// A cause without a symptom never pages. The exceptions are losses that a
// symptom would reveal too late: a recovery point beyond its objective.
package tiering
