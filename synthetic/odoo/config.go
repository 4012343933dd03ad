package odoo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
)

// Config says which flows run on a tenant, how far they go and where. Where the
// books are is written in the tenant's section; the rest comes from the
// estate's schedule.
type Config struct {
	Synthetic   Synthetic
	Levels      map[string]flow.Level    // by flow: L0, L1, L3 or Off
	Intervals   map[string]time.Duration // by flow; the others run at their default
	Timeouts    map[string]time.Duration // by flow; the others have flow.DefaultTimeout
	Approvals   map[string]Approval      // by flow: of L3 in production
	RunsPerHour int                      // that write, of all flows together
	Printing    Printing                 // of the flow report-pdf

	QuietIntervals    map[string]time.Duration // by flow; the others have one derived from their interval
	CriticalIntervals map[string]time.Duration // by flow, in critical windows; the others the same
	StepTimeouts      map[string]time.Duration // by flow; the others have flow.DefaultStepTimeout
}

// Synthetic is the part of the books that belongs to the prober.
type Synthetic struct {
	Company             int64  `yaml:"company"`     // id of the dedicated company
	SaleJournal         string `yaml:"saleJournal"` // code of its sale journal, used by nobody else
	BankJournal         string `yaml:"bankJournal"` // code of its bank journal, used by nobody else
	Partner             int64  `yaml:"partner"`     // id of a customer that belongs to the company
	Tax                 int64  `yaml:"tax"`         // id of a percentage tax put on the invoice; 0 for none
	Product             int64  `yaml:"product"`     // id of a product put on the invoice; 0 for none
	QueueJob            int64  `yaml:"queueJob"`    // id of a test job of queue_job that the prober may requeue; 0 for none
	AllowOtherCompanies bool   `yaml:"allowOtherCompanies"`
	Database            string `yaml:"database"` // identity of the database that may be written to, as probe doctor tells it; empty: the first that is met
}

// Approval says who agreed that L3 runs in production, and when.
type Approval struct {
	By string
	On string // 2026-11-20
}

// Off disables a flow.
const Off flow.Level = "off"

// Production is the name of the environment in which L3 needs an approval.
const Production = estate.Production

// SetDefaults implements estate.Defaulter.
func (c *Config) SetDefaults() {
	c.RunsPerHour = 480 // four flows that write every 30 seconds, as in a critical window
	c.Printing.SetDefaults()
}

// levels lists what each flow can be run at.
var levels = map[string][]flow.Level{
	LoginName:               {flow.L0},
	ReportingName:           {flow.L0},
	InvoicePostingName:      {flow.L1, flow.L3},
	PaymentRegistrationName: {flow.L3},
	BankReconciliationName:  {flow.L3},
	QueueRoundtripName:      {flow.L1},
	ReportPDFName:           {flow.L1},
	WebsocketName:           {flow.L0, flow.L1},
}

// intervals are the defaults of those flows that do not run every minute:
// logging in costs Odoo a password hash, and a job takes the place of another.
var intervals = map[string]time.Duration{
	LoginName:     5 * time.Minute,
	ReportingName: 5 * time.Minute,

	QueueRoundtripName: 5 * time.Minute,
	ReportPDFName:      15 * time.Minute,
	WebsocketName:      5 * time.Minute,
}

// Decode reads what the schedule says under the settings of a flow.
func (c *Config) Decode(name string, settings estate.Section) estate.Mistakes {
	if settings.IsZero() {
		return nil
	}
	if name == ReportPDFName {
		return settings.Decode(&c.Printing)
	}
	return settings.Decode(&struct{}{}) // the others have none
}

// Level returns the level at which a flow runs, and false when it does not.
// Without a word in the configuration, flows that only read do run, drafts are
// made where there is a synthetic company, the test job is requeued where there
// is one, and L3 waits to be asked for.
func (c Config) Level(name string) (flow.Level, bool) {
	level, said := c.Levels[name]
	switch {
	case said:
		return level, level != Off
	case name == LoginName, name == WebsocketName:
		return flow.L0, true
	case name == QueueRoundtripName && c.Synthetic.QueueJob != 0:
		return flow.L1, true
	case c.Synthetic.Company == 0:
		return "", false
	case name == ReportingName:
		return flow.L0, true
	case name == InvoicePostingName, name == ReportPDFName:
		return flow.L1, true
	}
	return "", false
}

// Interval returns how often a flow runs.
func (c Config) Interval(name string) time.Duration {
	if d, ok := c.Intervals[name]; ok {
		return d
	}
	if d, ok := intervals[name]; ok {
		return d
	}
	return time.Minute
}

// Bounds of intervals that are derived from others.
const (
	quietTimes   = 5
	longestQuiet = 15 * time.Minute // so that a prober which died is missed within the hour, also at night
	shortest     = 15 * time.Second
)

// QuietInterval returns how often a flow runs at quiet times.
func (c Config) QuietInterval(name string) time.Duration {
	if d, ok := c.QuietIntervals[name]; ok {
		return d
	}
	interval := c.Interval(name)
	return max(interval, min(quietTimes*interval, longestQuiet))
}

// CriticalInterval returns how often a flow runs in its process's critical
// windows. That of a flow which writes leaves room for the others below
// RunsPerHour: a run that the cap stops tells nothing.
func (c Config) CriticalInterval(name string) time.Duration {
	if d, ok := c.CriticalIntervals[name]; ok {
		return d
	}
	interval := c.Interval(name)
	bound := shortest
	if level, on := c.Level(name); on && level != flow.L0 && c.RunsPerHour > 0 {
		bound = max(bound, time.Duration(c.writers())*time.Hour/time.Duration(c.RunsPerHour))
	}
	return min(interval, max(interval/2, bound))
}

// writers counts the flows that do more than read.
func (c Config) writers() int {
	n := 0
	for name := range levels {
		if level, on := c.Level(name); on && level != flow.L0 {
			n++
		}
	}
	return n
}

// printTimeout lets a long document take as long as Odoo lets a request run
// (limit_time_real, 120 s by default), and ends before it.
const printTimeout = 110 * time.Second

// Timeout returns how long one run of a flow may take.
func (c Config) Timeout(name string) time.Duration {
	if d, ok := c.Timeouts[name]; ok {
		return d
	}
	if name == ReportPDFName {
		return printTimeout
	}
	return flow.DefaultTimeout
}

// StepTimeout returns how long each step of a flow may take.
func (c Config) StepTimeout(name string) time.Duration {
	if d, ok := c.StepTimeouts[name]; ok {
		return d
	}
	if name == ReportPDFName || name == QueueRoundtripName { // one step of theirs is the whole wait
		return c.Timeout(name)
	}
	return flow.DefaultStepTimeout
}

// Safest is the lowest level a flow can be run at.
func Safest(name string) flow.Level {
	if ls := levels[name]; len(ls) > 0 {
		return ls[0]
	}
	return flow.L0
}

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	var problems []estate.Problem
	add := func(field, what, remedy string) {
		problems = append(problems, estate.Problem{Field: field, What: what, Remedy: remedy})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Levels)) {
		if what, remedy := wrongLevel(name, c.Levels[name]); what != "" {
			add("levels."+name, what, remedy)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Intervals)) {
		if _, ok := levels[name]; !ok {
			add("intervals."+name, "is not a flow", flowNames())
		} else if c.Intervals[name] < time.Second {
			add("intervals."+name, "is shorter than a second", "write a duration such as 1m")
		}
	}
	if c.RunsPerHour < 1 {
		add("runsPerHour", "allows no run at all", "write how many runs may write in an hour, such as 120, or turn flows off under levels")
	}
	if c.writes() {
		problems = append(problems, c.Synthetic.problems(c.runs(BankReconciliationName) || c.runs(PaymentRegistrationName))...)
	}
	if c.runs(QueueRoundtripName) && c.Synthetic.QueueJob <= 0 {
		add("synthetic.queueJob", "is missing", "write the id of the test job that closewatch probe setup made, or turn queue-roundtrip off")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Approvals)) {
		if _, err := time.Parse(time.DateOnly, c.Approvals[name].On); err != nil {
			add("approvals."+name+".on", "is not a date", "write it as 2026-11-20")
		}
	}
	return problems
}

// ValidateIn returns what is wrong with running c in an environment.
func (c Config) ValidateIn(environment string) []estate.Problem {
	var problems []estate.Problem
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		if level, ok := c.Level(name); ok && level == flow.L3 && !c.approved(environment, name) {
			problems = append(problems, estate.Problem{
				Field: "approvals." + name, What: "is missing, and the flow is to post in " + environment,
				Remedy: "write approval: {by: NAME, on: DATE} once the controller has agreed, or use a lower level",
			})
		}
	}
	return problems
}

// approved reports whether a flow may run at L3 in an environment.
func (c Config) approved(environment, name string) bool {
	a := c.Approvals[name]
	return environment != Production || a.By != "" && a.On != ""
}

func (c Config) runs(name string) bool {
	_, ok := c.Level(name)
	return ok
}

// writes reports whether any flow is to write to the books.
func (c Config) writes() bool {
	for name := range levels {
		if level, on := c.Level(name); on && level != flow.L0 && inBooks(name) {
			return true
		}
	}
	return false
}

// inBooks reports whether what a flow writes is in the books: a test job and
// the presence of a user are not.
func inBooks(name string) bool { return name != QueueRoundtripName && name != WebsocketName }

func (s Synthetic) problems(bank bool) []estate.Problem {
	var problems []estate.Problem
	need := func(missing bool, field, remedy string) {
		if missing {
			problems = append(problems, estate.Problem{Field: "synthetic." + field, What: "is missing", Remedy: remedy})
		}
	}
	need(s.Company <= 0, "company", "write the id of the company made for monitoring; never a real one")
	need(s.SaleJournal == "", "saleJournal", "write the code of a sale journal of that company which nobody else uses")
	need(bank && s.BankJournal == "", "bankJournal", "write the code of a bank journal of that company which nobody else uses")
	need(s.Partner <= 0, "partner", "write the id of a customer that belongs to that company and has no e-mail address")
	return problems
}

func wrongLevel(name string, level flow.Level) (what, remedy string) {
	known, ok := levels[name]
	switch {
	case !ok:
		return "is not a flow", flowNames()
	case level == Off, slices.Contains(known, level):
		return "", ""
	}
	return fmt.Sprintf("cannot run at %q", level), fmt.Sprintf("use one of %v or off", known)
}

func flowNames() string {
	return "use one of " + strings.Join(slices.Sorted(maps.Keys(levels)), ", ")
}
