package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// A Client calls Odoo as an administrator; *odoorpc.Client is one.
type Client interface {
	Call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error
	UserID(ctx context.Context) (int64, error)
	Version(ctx context.Context) (odoorpc.Version, error)
}

var _ Client = (*odoorpc.Client)(nil)

// Settings say what is to be made, and where.
type Settings struct {
	Client      Client
	Name        string // begins the name of all that is made; empty means DefaultName
	Login       string // of the monitoring user; empty means DefaultLogin
	SaleJournal string // code; empty means CWI
	BankJournal string // code; empty means CWB

	// Password keeps the monitoring user's password. Nil leaves it to whoever
	// does the work by hand.
	Password Keeper

	// Progress hears of every step when it is done. Nil means nobody does.
	Progress func(Result)
}

// Names of what is made when nothing else is asked for.
const (
	DefaultName  = "Closewatch"
	DefaultLogin = "closewatch"
)

// A Keeper keeps the password of the monitoring user.
type Keeper interface {
	// Works reports whether the password that is kept lets login into Odoo.
	Works(ctx context.Context, login string) (bool, error)
	// Renew makes a new password and keeps it, before Odoo is told.
	Renew() (secret.Value, error)
}

// A State is how a step stands.
type State string

// States.
const (
	There   State = "there"   // as it should be; nothing was changed
	Missing State = "missing" // to be made, or to be put right
	Made    State = "made"    // made now, or put right
	Failed  State = "failed"
	Removed State = "removed"
	Kept    State = "kept"   // archived: Odoo does not let it be deleted
	Absent  State = "absent" // there was nothing to remove
)

// A Result says how one step stands.
type Result struct {
	Number int    `json:"number"` // from 1
	Name   string `json:"name"`   // "sale-journal"
	What   string `json:"what"`   // in words
	Menu   string `json:"menu"`   // where a person does it by hand
	State  State  `json:"state,omitempty"`
	Note   string `json:"note,omitempty"`
}

// A Report is what came of all steps.
type Report struct {
	Steps     []Result       `json:"steps"`
	Version   string         `json:"version,omitempty"`
	Synthetic odoo.Synthetic `json:"synthetic"` // to be written in the estate; zero where nothing is yet
	User      int64          `json:"user,omitempty"`
	Queue     bool           `json:"queue_job_installed"` // without it queue-roundtrip cannot run
	Login     string         `json:"login"`
}

// Count returns how many steps stand so.
func (r Report) Count(state State) int {
	n := 0
	for _, s := range r.Steps {
		if s.State == state {
			n++
		}
	}
	return n
}

// A Setup is what is to be made in one database. It is used by one goroutine.
type Setup struct {
	Settings
	found  found
	inside bool                       // calls are made in the synthetic company, which the administrator may enter
	fields map[string]map[string]bool // by model: which fields there are
	givens map[string]int64           // by external id: records of addons
}

// found is what is known of the database.
type found struct {
	version  odoorpc.Version
	admin    int64
	currency int64
	queue    bool // queue_job is installed

	company, sale, bank, partner, product, tax int64

	channel, group, access, rule, job int64

	user int64
}

// New returns a Setup. Nothing is asked of Odoo yet.
func New(s Settings) *Setup {
	for p, v := range map[*string]string{&s.Name: DefaultName, &s.Login: DefaultLogin, &s.SaleJournal: "CWI", &s.BankJournal: "CWB"} {
		if *p == "" {
			*p = v
		}
	}
	if s.Progress == nil {
		s.Progress = func(Result) {}
	}
	return &Setup{Settings: s, fields: map[string]map[string]bool{}, givens: map[string]int64{}}
}

// A step makes one thing, or finds it made.
type step struct {
	name, what, menu string

	// check says what is missing or not as it should be; "" when nothing is.
	check func(context.Context) (lacks string, err error)
	// do makes it so. It is called only when check found something.
	do func(context.Context) error
	// locate finds what undo is to take back, and undo takes it back; both are nil
	// when there is nothing to take back.
	locate func(context.Context) error
	undo   func(context.Context) (State, string, error)
	// gate: while it is missing, later steps cannot be looked at.
	gate bool
}

// Print lists the steps without asking Odoo: what a person has to do by hand.
func (s *Setup) Print() Report {
	s.found.queue = true // told with its condition
	report := Report{Login: s.Login}
	for i, st := range s.steps() {
		report.Steps = append(report.Steps, Result{Number: i + 1, Name: st.name, What: st.what, Menu: st.menu})
	}
	return report
}

// Plan looks at every step and changes nothing.
func (s *Setup) Plan(ctx context.Context) (Report, error) {
	closed := false
	return s.each(ctx, func(ctx context.Context, st step, r *Result) error {
		r.State = Missing
		if closed {
			return nil
		}
		lacks, err := st.check(ctx)
		if err != nil {
			return err
		}
		if lacks == "" {
			r.State = There
			return nil
		}
		r.Note = lacks
		closed = st.gate
		return nil
	})
}

// Apply makes what is missing. It stops at the first step that fails; what was
// made until then stays and is found by the next Apply.
func (s *Setup) Apply(ctx context.Context) (Report, error) {
	return s.each(ctx, func(ctx context.Context, st step, r *Result) error {
		lacks, err := st.check(ctx)
		if err != nil {
			return err
		}
		r.State = There
		if lacks == "" {
			return nil
		}
		if err := st.do(ctx); err != nil {
			return err
		}
		r.State = Made
		if lacks != nothingYet {
			r.Note = "before: " + lacks
		}
		still, err := st.check(ctx)
		if err == nil && still != "" {
			err = &fault.Error{Op: "make it", Kind: fault.Assertion, Err: fmt.Errorf("Odoo accepted the change, yet %s", still), Hint: "do this step by hand: " + st.menu} //nolint:staticcheck // a product's name
		}
		return err
	})
}

// each performs fn on every step in order, until one fails.
func (s *Setup) each(ctx context.Context, fn func(context.Context, step, *Result) error) (Report, error) {
	report := Report{Login: s.Login}
	if err := s.look(ctx); err != nil {
		return report, err
	}
	report.Version, report.Queue = s.found.version.Text, s.found.queue
	for i, st := range s.steps() {
		r := Result{Number: i + 1, Name: st.name, What: st.what, Menu: st.menu}
		err := fn(ctx, st, &r)
		if err != nil {
			r.State, r.Note = Failed, err.Error()
		}
		s.Progress(r)
		report.Steps = append(report.Steps, r)
		if err != nil {
			return report, fault.Wrap(fmt.Sprintf("step %d, %s", i+1, st.name), err, "")
		}
	}
	s.conclude(&report)
	return report, nil
}

// Remove takes back what Apply made, last first, as far as Odoo lets it. A step
// that cannot be taken back does not keep the others.
func (s *Setup) Remove(ctx context.Context) (Report, error) {
	report := Report{Login: s.Login}
	if err := s.look(ctx); err != nil {
		return report, err
	}
	report.Version = s.found.version.Text
	steps := slices.DeleteFunc(s.steps(), func(st step) bool { return st.undo == nil })
	for _, st := range steps {
		if err := st.locate(ctx); err != nil {
			return report, fault.Wrap("look for "+st.name, err, "")
		}
	}
	var failed error
	for i, st := range slices.Backward(steps) {
		r := Result{Number: len(steps) - i, Name: st.name, What: st.what, Menu: st.menu}
		var err error
		if r.State, r.Note, err = st.undo(ctx); err != nil {
			r.Note = err.Error()
			if failed == nil {
				failed = fault.Wrap("remove "+st.name, err, "")
			}
		}
		s.Progress(r)
		report.Steps = append(report.Steps, r)
	}
	return report, failed
}

// conclude fills in what the estate needs to know.
func (s *Setup) conclude(r *Report) {
	f := s.found
	r.User = f.user
	if f.company == 0 {
		return
	}
	r.Synthetic = odoo.Synthetic{
		Company: f.company, SaleJournal: s.SaleJournal, BankJournal: s.BankJournal,
		Partner: f.partner, Tax: f.tax, Product: f.product, QueueJob: f.job,
	}
}

// steps lists all there is to do, in order.
func (s *Setup) steps() []step {
	all := []step{s.companyStep(), s.administratorStep(), s.chartStep()}
	all = append(all, s.bookSteps()...)
	if s.found.queue {
		all = append(all, s.queueRightSteps()...)
	}
	all = append(all, s.userStep(), s.passwordStep())
	if s.found.queue {
		all = append(all, s.jobStep())
	}
	return all
}

// slug is Name as it goes into external ids and the name of the channel.
func (s *Setup) slug() string {
	keep := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r == ' ', r == '-', r == '_', r == '.':
			return '_'
		}
		return -1
	}
	return strings.Map(keep, strings.ToLower(s.Name))
}
