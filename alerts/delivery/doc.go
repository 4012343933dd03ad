// Package delivery brings alerts to Alertmanagers and keeps them there.
//
// The caller publishes, tick by tick, the full set of what fires; delivery
// works out what is new, what changed and what has resolved, writes it to a
// durable outbox and returns. Every Alertmanager of the list is told
// everything, at its own pace, so that one that is down or slow holds up
// nobody:
//
//   - what is new, changed or resolved is sent at once,
//   - what fires is sent again every Resend, always with an explicit end five
//     Resends ahead, so that an alert nobody maintains any more ends by itself,
//   - what has resolved is sent a Hold after its alert was last sent, and again
//     for fifteen Resends, and longer until each Alertmanager has taken it once,
//     so that no alert stays open for a page that is over.
//
// A tier is a label, so an impact that escalates is another alert beside the
// first. The higher is raised before the lower of the same tick, and ends after
// it, so that an inhibition rule never lets the lower one through.
//
// Ends hold by the clock of whoever reads them: every Alertmanager's clock is
// known from its answers, the first of them to a request without alerts, and an alert that
// fires ends ahead of both clocks.
//
// A set that is too large loses its oldest informational alerts and nothing
// else; an end is never lost.
//
// A Fallback tells pages by webhook and email while no Alertmanager takes them,
// each of them and its end once.
//
// The queue is the set itself: an alert that changes while an Alertmanager is
// away is sent in its last state, so an outage of hours makes no backlog.
// After a kill at any instant a new Delivery on the same directory goes on
// where the old one was: an alert keeps its start, and one that is absent from
// the next Publish is resolved. Alertmanager takes repetitions for one alert.
package delivery
