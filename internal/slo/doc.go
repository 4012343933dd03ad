// Package slo measures objectives: sliding windows of good and bad events,
// error budgets and burn rates.
//
// The engine is streaming. Each objective owns a few rings of cells and one
// running sum per window, so a tick costs the same whether the window is five
// minutes or thirty days, allocates nothing, and needs no query. Events are
// integers and stay integers; a window without events is NoTraffic, never a
// ratio of zero or NaN; a tick nobody observed lowers the measured fraction
// instead of counting as good.
//
// The package is pure: ticks arrive with their time, nothing reads a clock.
package slo
