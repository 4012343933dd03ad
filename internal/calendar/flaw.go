package calendar

// A Flaw is something wrong with a close plan, at a field below it.
type Flaw struct {
	Field  string // "milestones[2].depends[0]"
	What   string
	Remedy string
}
