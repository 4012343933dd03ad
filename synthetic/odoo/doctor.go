package odoo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/flow"
)

// A State is how one precondition stands.
type State string

// States.
const (
	OK       State = "ok"
	Wrong    State = "wrong"
	Untold   State = "unknown" // it could not be told, which stops a write as well
	maxSkew        = 5 * time.Second
	keyWarns       = 30 * 24 * time.Hour
)

// A Finding is one precondition of the flows.
type Finding struct {
	What   string `json:"what"` // "lock dates"
	State  State  `json:"state"`
	Why    string `json:"why,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// A Rung is how far up the ladder a flow can be run now.
type Rung struct {
	Flow         string     `json:"flow"`
	Configured   flow.Level `json:"configured,omitempty"` // empty: it does not run
	Highest      flow.Level `json:"highest,omitempty"`    // empty: none
	Obstacle     string     `json:"obstacle,omitempty"`   // to the level above
	Remedy       string     `json:"remedy,omitempty"`
	CannotDetect []string   `json:"cannot_detect,omitempty"` // at the highest
}

// A Diagnosis is what stands between a tenant and its flows.
type Diagnosis struct {
	Environment string    `json:"environment"`
	Component   string    `json:"component"`
	Tenant      string    `json:"tenant"`
	Version     string    `json:"version,omitempty"`
	Findings    []Finding `json:"findings"`
	Ladder      []Rung    `json:"ladder"`
}

// Healthy reports whether nothing is wrong or unknown.
func (d Diagnosis) Healthy() bool {
	return !slices.ContainsFunc(d.Findings, func(f Finding) bool { return f.State != OK })
}

// HardClose is the finding about the calendar's hard close.
const HardClose = "hard close"

// titles are what people call the guards.
var titles = map[string]string{
	"kill-switch": "kill switch", "approval": "approval", "hard-close": HardClose, "rights": "rights", "privilege": "least privilege",
	"database": "identity of the database", "books": "books can be read", "company": "synthetic company", "partner": "customer",
	"journals": "journals", "lock-dates": "lock dates", "erasable": "audit trail", "e-invoicing": "e-invoicing off", "mail": "mail off",
	"payment-export": "payment export off", "rate-cap": "rate cap",
}

// Examine looks at every precondition of flows, each on its own, so that all
// that is in the way is told at once. It asks the guards that the flows ask,
// and writes nothing to Odoo. What cannot be looked at because something
// before it failed is left out.
func (p *Prober) Examine(ctx context.Context, flows []flow.Flow) Diagnosis {
	e := &examination{Prober: p, flows: flows, asked: map[string]error{}, unready: map[string]error{}, Diagnosis: Diagnosis{Environment: p.environment, Component: p.place(), Tenant: p.tenant}}
	in := e.reach(ctx)
	if in {
		e.credentials(ctx)
		e.guards(ctx)
		e.prepare(ctx)
	}
	for _, f := range flows {
		e.Ladder = append(e.Ladder, e.rung(ctx, f, in))
	}
	return e.Diagnosis
}

type examination struct {
	*Prober
	Diagnosis

	flows   []flow.Flow
	general []flow.Guard // asked of every flow that writes
	asked   map[string]error
	unready map[string]error // by flow: what it needs besides and has not
}

func (e *examination) ok(what, seen string) {
	e.Findings = append(e.Findings, Finding{What: what, State: OK, Why: seen})
}

// fault adds what err says; nothing is added for nil.
func (e *examination) fault(what string, state State, err error) {
	if err != nil {
		e.Findings = append(e.Findings, Finding{What: what, State: state, Why: fault.TextOf(err), Remedy: fault.HintOf(err)})
	}
}

// reach gets as far as a login, and reports whether it did.
func (e *examination) reach(ctx context.Context) bool {
	v, err := e.client.Version(ctx)
	if err != nil {
		e.fault("reachable", Wrong, err)
		return false
	}
	e.Version = v.Text
	switch {
	case v.Major < 16 || v.Major > 19:
		e.Findings = append(e.Findings, Finding{What: "reachable", State: Untold, Why: "Odoo " + v.Text + " is none of those that the flows were made for", Remedy: "use Odoo 16 to 19, or run the flows on a copy first"})
	default:
		e.ok("reachable", "Odoo "+v.Text)
	}
	e.clock(ctx)
	if _, err := e.client.UserID(ctx); err != nil {
		e.fault("login", Wrong, err)
		return false
	}
	e.ok("login", "accepted")
	return true
}

// clock compares Odoo's clock with ours: the date of a posting is ours, the
// lock dates are read by Odoo's.
func (e *examination) clock(ctx context.Context) {
	const what = "clock"
	before := e.now()
	theirs, err := e.client.Clock(ctx)
	if err != nil {
		e.fault(what, Untold, err)
		return
	}
	after := e.now()
	skew := time.Duration(0) // the header has whole seconds, and the answer took its time
	if theirs.After(after) {
		skew = theirs.Sub(after)
	} else if end := theirs.Add(time.Second); end.Before(before) {
		skew = end.Sub(before)
	}
	if skew.Abs() > maxSkew {
		e.Findings = append(e.Findings, Finding{What: what, State: Wrong, Why: fmt.Sprintf("Odoo's clock is %s from ours", skew.Round(time.Second)), Remedy: "let both keep time by NTP"})
		return
	}
	e.ok(what, fmt.Sprintf("within %s of ours", maxSkew))
}

// credentials says how the client gets in, and until when.
func (e *examination) credentials(ctx context.Context) {
	notes, err := e.client.Notes(ctx)
	if err != nil {
		e.fault("credentials", Untold, err)
		return
	}
	for _, n := range notes {
		f := Finding{What: "credentials", State: OK, Why: n.Text}
		if !n.Expires.IsZero() && n.Expires.Sub(e.now()) < keyWarns {
			f.State, f.Remedy = Wrong, n.Hint
		}
		e.Findings = append(e.Findings, f)
	}
}

// guards asks every guard once.
func (e *examination) guards(ctx context.Context) {
	if e.config.Synthetic.Company == 0 {
		return // nothing is to be written to
	}
	b := &books{}
	e.general = []flow.Guard{e.killSwitch.Guard(), {Name: "privilege", Check: e.privilegeGuard}, {Name: "database", Check: e.databaseGuard}}
	if e.intents != nil {
		e.general = append(e.general, e.rateGuard())
	}
	e.general = append(e.general, e.bookGuards(b)...)
	for _, g := range e.extra {
		e.ask(ctx, g, e.posts(), "")
	}
	for _, g := range e.general {
		e.ask(ctx, g, true, "")
		if g.Name == "books" && e.asked[g.Name] != nil {
			break // the others judge what could not be read
		}
	}
	for _, f := range e.flows {
		level, on := e.config.Level(f.Name())
		if on && len(rightsOf(f.Name())) > 0 {
			e.ask(ctx, e.rightsOf(f), true, f.Name())
		}
		if on && level == flow.L3 {
			e.ask(ctx, e.approvalOf(f, level), true, f.Name())
		}
	}
	if e.asked["books"] == nil {
		e.remains(ctx, b)
		e.chart(ctx, b)
	}
}

func (e *examination) rightsOf(f flow.Flow) flow.Guard {
	return flow.Guard{Name: "rights", Check: func(ctx context.Context) error { return e.rightsGuard(ctx, f.Name()) }}
}

func (e *examination) approvalOf(f flow.Flow, level flow.Level) flow.Guard {
	return flow.Guard{Name: "approval", Check: func(context.Context) error { return e.approval(f.Name(), level) }}
}

// posts reports whether any flow is to run at L3.
func (e *examination) posts() bool {
	return slices.ContainsFunc(e.flows, func(f flow.Flow) bool {
		level, on := e.config.Level(f.Name())
		return on && level == flow.L3
	})
}

// ask asks a guard, and tells what it says when that is of interest.
func (e *examination) ask(ctx context.Context, g flow.Guard, tell bool, of string) {
	err := flow.Check(ctx, []flow.Guard{g})
	e.asked[g.Name+of] = err
	if !tell {
		return
	}
	what := titles[g.Name]
	if what == "" {
		what = g.Name
	}
	if of != "" {
		what += " for " + of
	}
	switch {
	case err == nil:
		e.ok(what, e.seen(ctx, g.Name))
	case flow.IsObjection(err):
		e.fault(what, Wrong, errors.Unwrap(err))
	default:
		e.fault(what, Untold, errors.Unwrap(err))
	}
}

// seen is what is worth telling of a guard that agrees.
func (e *examination) seen(ctx context.Context, guard string) string {
	switch guard {
	case "database":
		is, err := e.readIdentity(ctx)
		if err != nil {
			return ""
		}
		if is.Neutralized {
			return short(is.Database) + ", neutralised"
		}
		return short(is.Database) + ", not neutralised"
	case "rate-cap":
		return fmt.Sprintf("%d runs an hour", e.config.RunsPerHour)
	case "company":
		return fmt.Sprintf("id %d", e.config.Synthetic.Company)
	}
	return ""
}

// A preparer is a flow that needs more of Odoo than rights and books. ready looks
// for it without writing, and says what it saw or what is missing.
type preparer interface {
	ready(ctx context.Context) (seen string, err error)
}

// prepare asks the flows what else they need. Of one that does not run it is
// told on the ladder only.
func (e *examination) prepare(ctx context.Context) {
	titles := map[string]string{ReportPDFName: "printing", WebsocketName: "websocket", QueueRoundtripName: "test job"}
	for _, f := range e.flows {
		p, ok := f.(preparer)
		if !ok {
			continue
		}
		within, cancel := context.WithTimeout(ctx, flow.DefaultStepTimeout)
		seen, err := p.ready(within)
		cancel()
		e.unready[f.Name()] = err
		what := titles[f.Name()]
		switch _, on := e.config.Level(f.Name()); {
		case !on:
		case err != nil:
			e.fault(what, Wrong, err)
		default:
			e.ok(what, seen)
		}
	}
}

// remains looks for what earlier runs left.
func (e *examination) remains(ctx context.Context, b *books) {
	const what = "leftovers"
	found := 0
	for _, find := range e.finders() {
		page, err := find(ctx, b, "", 0)
		if err != nil {
			e.fault(what, Untold, err)
			return
		}
		found += len(page)
	}
	open := 0
	if e.intents != nil {
		pending, err := e.intents.Pending()
		if err != nil {
			e.fault(what, Untold, err)
			return
		}
		for _, i := range pending {
			if i.Tenant == e.tenant {
				open++
			}
		}
	}
	if found > 0 {
		e.Findings = append(e.Findings, Finding{
			What: what, State: Wrong, Why: fmt.Sprintf("%d in the books, of runs that are under way or were broken off", found),
			Remedy: "the next run that writes removes them; if they stay, search journal entries of the synthetic company for " + Tag + ", reset them to draft and delete them",
		})
		return
	}
	if open > 0 {
		e.ok(what, fmt.Sprintf("none now; %d interrupted runs may bring some yet, and are looked for", open))
		return
	}
	e.ok(what, "none")
}

// chart looks at what a flow needs besides journals.
func (e *examination) chart(ctx context.Context, b *books) {
	if b.company.Currency == 0 {
		e.Findings = append(e.Findings, Finding{What: "currency", State: Wrong, Why: "the synthetic company has none", Remedy: "set it there"})
	} else {
		e.ok("currency", "set")
	}
	if e.config.Synthetic.BankJournal != "" {
		switch {
		case b.bank.ID == 0:
			e.fault("bank journal", Wrong, notFound("bank journal", "synthetic.bankJournal"))
		case b.bank.Suspense == 0:
			e.Findings = append(e.Findings, Finding{What: "bank journal", State: Wrong, Why: "it has no suspense account", Remedy: "set one in its settings"})
		default:
			e.ok("bank journal", "has a suspense account")
		}
	}
	if e.config.Synthetic.Tax != 0 {
		if err := (&transaction{Prober: e.Prober, books: b}).readTax(ctx); err != nil {
			e.fault("tax", Wrong, err)
		} else {
			e.ok("tax", "a percentage on top of the price")
		}
	}
}

// rung finds the highest level at which a flow could run now.
func (e *examination) rung(ctx context.Context, f flow.Flow, in bool) Rung {
	r := Rung{Flow: f.Name()}
	if level, on := e.config.Level(f.Name()); on {
		r.Configured = level
	}
	for _, level := range slices.Backward(f.Levels()) {
		err := e.obstacle(ctx, f, level, in)
		if err == nil {
			r.Highest = level
			break
		}
		r.Obstacle, r.Remedy = strings.TrimPrefix(fault.TextOf(err), "guard "), fault.HintOf(err)
	}
	if l, ok := f.(flow.Limiter); ok && r.Highest != "" {
		r.CannotDetect = l.CannotDetect(r.Highest)
	}
	return r
}

// obstacle is the first thing in the way of a flow at a level.
func (e *examination) obstacle(ctx context.Context, f flow.Flow, level flow.Level, in bool) error {
	switch {
	case !in:
		return flow.Objection("Odoo does not let us in", "see above")
	case e.unready[f.Name()] != nil:
		return e.unready[f.Name()]
	case level == flow.L0:
		return flow.Check(ctx, []flow.Guard{e.rightsOf(f)})
	case !inBooks(f.Name()):
		return flow.Check(ctx, append([]flow.Guard{e.killSwitch.Guard()}, e.extra...))
	case e.config.Synthetic.Company == 0:
		return flow.Objection("no synthetic company is configured", "run closewatch probe setup, and write what it prints under synthetic")
	case e.intents == nil:
		return flow.Objection("there is no intent log", "set --data")
	}
	own := []flow.Guard{e.approvalOf(f, level), e.rightsOf(f)}
	if level == flow.L3 {
		own = append(own, e.extra...)
	}
	if err := flow.Check(ctx, own); err != nil {
		return err
	}
	for _, g := range e.general {
		if err := e.asked[g.Name]; err != nil {
			return err
		}
	}
	return nil
}
