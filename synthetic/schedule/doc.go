// Package schedule runs the flows of one tenant in their time.
//
// Every flow has an interval. Its first run comes within seconds of the start;
// from then on it runs on a grid whose phase is derived from environment,
// tenant and flow, so that many tenants spread over the interval and a restart
// does not move them. A run that takes longer than its interval skips the ticks
// it missed: a flow never overlaps itself.
//
// The interval follows the calendar: longer at quiet times, shorter in the
// critical window of the flow's process, from one to the other within seconds
// and never with a gap of more than one and a half intervals of the slower.
// While nothing may be posted, a flow that posts runs at its safest level, or
// reports that it rests.
//
// Of the flows that write, one at a time runs, in this process by a queue of
// its own and among processes by a Lease. Flows that only read need neither.
// A run that cannot have the lease in time is reported as blocked, not left
// out. The lease can be lost while it is held, so it is asked for again right
// before each write; cleaning up goes on without it. What earlier runs left over is swept before the first write and again
// after every run that could not remove it.
//
// Pause and the kill switch stop writing; reading and cleaning up go on, and
// the paused flows keep reporting that they are blocked.
package schedule
