package calendar

// A FreezeLevel says what a freeze forbids.
type FreezeLevel string

// Freeze levels.
const (
	SoftFreeze FreezeLevel = "soft" // changes need a reason
	HardFreeze FreezeLevel = "hard" // changes need break-glass
)

// A Freeze keeps changes away from the close. It tells people not to change
// things; it never mutes an alert and never lowers one.
type Freeze struct {
	ID         string
	Title      string
	Components []string // nil is all
	From, To   Mark
	Level      FreezeLevel
	BreakGlass BreakGlass
}

// BreakGlass is what a change during a hard freeze needs.
type BreakGlass struct {
	Approvers int
	Ticket    bool
}
