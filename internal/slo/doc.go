// Package slo measures objectives: sliding windows of good and bad events,
// error budgets and burn rates.
//
// The engine is streaming. Rings of cells and one running sum per window and
// objective make a tick cost the same whether the window is five minutes or
// thirty days; it allocates nothing and needs no query. Events are integers and
// stay integers; a window without events is NoTraffic, never a ratio of zero or
// NaN; a tick nobody observed lowers the measured fraction instead of counting as
// good. Windows of up to six hours are exact to the tick; those of up to three
// days hold up to five minutes more, that of thirty days up to an hour more.
//
// # What fires
//
// A burn fires at a tick when its long window is worse than its limit, what is
// recent is, and chance is ruled out:
//
//   - The limit is the burn's factor times the error budget, and compared in whole
//     numbers: bad·den > total·num. Exactly at the limit nothing fires. Until a
//     window has begun whole, the part that has not is taken to be like the rest
//     and healthy: what is compared is the use of the budget of the whole window.
//   - What is recent is the short window. Where that holds fewer events than must
//     be bad, the next longer window of the engine takes its place, up to half of
//     the long one: a probe that runs every ten minutes is judged too.
//   - Chance is ruled out when so many bad events in the long window come by
//     chance less than once in twenty times at the limit, while the recent window
//     holds as many as the objective says a burn takes; or less than once in a
//     thousand times, whatever the recent window holds. The bound is the exact
//     binomial one of Clopper and Pearson; from five bad events to be expected at
//     the limit on a ratio speaks for itself.
//   - When the source is silent for half of the short window or more, what fired
//     goes on firing while the long window is worse than its limit, and nothing
//     begins to. A source that answers and has no traffic is not silent.
//
// # What rules over ratios get wrong
//
// A real Prometheus with the usual rules was seen to get each of these wrong;
// defects_test.go has one test for each.
//
//	1 traffic stops for longer than   the ratio is NaN, and the budget of thirty   sums of events: a window without
//	  the shortest window             days with it                                 traffic adds nothing
//	2 the first failures create       they are not counted: there is nothing to    a series that appears beside others of
//	  their series                    take the increase from                       its component counts from zero
//	3 the source is down              the page resolves                            what fired goes on, nothing begins;
//	                                                                               the measured fraction says why
//	4 most traffic is in office       the mean of ratios is several times too      sums of events over the period
//	  hours                           low
//	5 a counter is reset again and    extrapolation gives another number           what was shown is counted, exactly
//	  again                           each time
//	6 one failure of a probe          pages                                        the bound above
//	7 a blip soon after the start     is a burn of three days                      the part that has not begun is healthy
//	8 exactly at the objective        fires: 1 - 0.999 is more than 0.001          decimals and integers
//	9 a label is edited               recording and alerting break for thirty      an objective is its ID; all else about
//	                                  days                                         it may change
//
// # Counters
//
// A Meter turns published counters into events: see Counters for resets, gaps,
// late and duplicate readings and clocks that step. After a crash nobody knows
// how far counters were at the last tick that is known to have been counted; what
// they grew by up to the first reading is then left out rather than counted
// twice.
//
// # Restarts
//
// Snapshot and Restore carry everything over a restart; with the events since,
// the result is as if there had been none. Restore finds objectives by ID and works sums out
// of cells, so that other objectives, targets and windows need nothing else.
// Rebuild makes the rings from a ledger's cells, and Recall those of objectives
// that a snapshot did not know.
//
// The package is pure: ticks arrive with their time, nothing reads a clock.
package slo
