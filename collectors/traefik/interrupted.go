package traefik

import (
	"slices"
	"strings"
)

// Bounds of what counts as interrupted, and for how long it is recent.
const (
	// A client that leaves within a second changed its mind, or left the page.
	// One that leaves later gave up on work that had begun.
	gaveUpAfter = 1e9
	spans       = 6
	spanLength  = 5 * 60 * 1e9 // so that recent is the last half hour
)

// An interrupted write is work whose answer never arrived: the user saw an
// error or nothing, and Odoo may have done it all the same. Done again, it is
// done twice. What failed before Odoo began (502, 503, a body that did not
// arrive in full) is none; neither is what Odoo undid and said so.
type interrupted struct {
	Total  uint64        `json:"total"`
	Newest int64         `json:"newest"` // span of the newest, in spanLengths since 1970
	Spans  [spans]uint64 `json:"spans"`  // the newest first
}

// interruptedWrite reports whether a request that ended so is one, given that
// its operation writes.
func (r *request) interruptedWrite() bool {
	switch s := r.Status; s {
	case 504:
		return true
	case 499:
		return r.Duration >= gaveUpAfter
	default:
		return s >= 200 && s < 300 && r.cutShort()
	}
}

// add counts one that ended at an instant, in Unix nanoseconds.
func (i *interrupted) add(end int64) {
	i.Total++
	i.turn(end / spanLength)
	if back := i.Newest - end/spanLength; back < spans {
		i.Spans[back]++
	}
}

// turn makes the span the newest unless there is a newer one.
func (i *interrupted) turn(span int64) {
	steps := span - i.Newest
	if steps <= 0 {
		return
	}
	i.Newest = span
	kept := i.Spans
	i.Spans = [spans]uint64{}
	if steps < spans {
		copy(i.Spans[steps:], kept[:spans-steps])
	}
}

// recent is how many ended in the last half hour or so.
func (i interrupted) recent(now int64) (n uint64) {
	i.turn(now / spanLength)
	for _, in := range i.Spans {
		n += in
	}
	return n
}

// writing begins the methods that change the books in a way that is not
// harmless to do twice.
var writing = []string{
	"action_", "button_", "create", "draft2", "execute_import", "generated2", "import_", "js_assign_", "open2",
	"reconcile", "refund_", "reverse_", "send_", "validate_",
}

// harmless are methods of that sort that only open a form, or that leave things
// as they are when done again.
var harmless = []string{
	"account.move/action_register_payment", "account.payment.register/create", "account.move/button_draft",
	"account.move/button_cancel", "account.payment/action_draft", "account.bank.statement.line/action_undo_reconciliation",
}

// writes reports whether an operation is one that must not be done twice.
// Buttons of Odoo 16 and 17 hide their method: posting is among them.
func writes(operation string) bool {
	_, method, ok := strings.Cut(operation, "/")
	if !ok {
		return operation == opButton
	}
	begins := func(prefix string) bool { return strings.HasPrefix(method, prefix) }
	return slices.ContainsFunc(writing, begins) && !slices.Contains(harmless, operation)
}

// interruptions are the interrupted writes of users by tenant and operation.
type interruptions map[[2]int]*interrupted

// savedInterruption is how they are kept.
type savedInterruption struct {
	Tenant    string `json:"tenant"`
	Operation string `json:"operation"`
	interrupted
}

// add counts one.
func (is interruptions) add(tenant, op int, end int64) {
	at := [2]int{tenant, op}
	if is[at] == nil {
		is[at] = &interrupted{}
	}
	is[at].add(end)
}
