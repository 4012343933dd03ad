// Package rules writes objectives as Prometheus rules, for estates whose rules
// are evaluated by a Prometheus, a Mimir, a Thanos ruler or a vmalert, and as a
// second opinion beside the daemon.
//
// The rules count as internal/slo counts: events since the evaluation before,
// from the values themselves and never by rate, which extrapolates; sums of bad
// and of all events over the same windows, never averages of ratios; the same
// limits in integers, strictly above; the same start-up rule and the same
// low-traffic bound, as a table. A differential test holds every evaluation of
// a real rule manager against the engine; docs/rules.md names what differs.
//
// What is recorded carries the objective's identity and nothing that anybody
// might edit, so that a changed title or team breaks no window. Generate is a
// pure function of its input: the same objectives give the same bytes.
package rules
