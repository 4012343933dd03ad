package process_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
)

// The thirteen finance outcomes every estate is asked about.
var names = []string{
	"invoice-posting", "payment-registration", "bank-reconciliation", "ap-bill-run", "payroll", "month-end-close", "statutory-reporting",
	"subscription-billing", "procurement", "inventory-valuation", "reporting", "e-invoicing", "bank-feed",
}

func TestTheCatalogueHasThirteenProcesses(t *testing.T) {
	var got, titles []string
	for _, p := range process.Catalog() {
		got, titles = append(got, p.Name), append(titles, p.Title)
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("processes differ (-want +got):\n%s", diff)
	}
	slices.Sort(titles)
	if n := len(slices.Compact(titles)); n != len(names) {
		t.Errorf("%d titles for %d processes", n, len(names))
	}
}

// Fields that may be empty, with why.
var optional = map[string]string{
	"CriticalRecovery": "as outside the window",
	"Refetch":          "lost work is gone",
	"Flows":            "no flow exercises it",
	"Operations":       "no operation of users is the outcome",
	"Progress":         "no counter is known",
	"Work":             "nothing is scheduled",
	"Objectives":       "checked below",
	"Vendor":           "nobody outside",
}

func TestEveryFieldIsFilled(t *testing.T) {
	for _, p := range process.Catalog() {
		v := reflect.ValueOf(p)
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if optional[name] == "" && v.Field(i).IsZero() {
				t.Errorf("%s: %s is missing", p.Name, name)
			}
		}
		if len(p.Objectives) == 0 {
			t.Errorf("%s: has no objective", p.Name)
		}
	}
}

// lint lists what is wrong with a process.
func lint(p process.Process) []string {
	var out []string
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	shortName := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	tiers := process.ServiceTiers()
	bad(!shortName.MatchString(p.Name), "name %q", p.Name)
	bad(!slices.Contains(tiers, p.Tier) || !slices.Contains(tiers, p.CloseTier), "tiers %q and %q", p.Tier, p.CloseTier)
	bad(slices.Index(tiers, p.CloseTier) > slices.Index(tiers, p.Tier), "matters less in its critical window (%s) than otherwise (%s)", p.CloseTier, p.Tier)
	bad(!slices.Contains(process.Responsibilities(), p.Responsibility), "responsibility %q", p.Responsibility)

	normal, critical := p.RecoveryIn(false), p.RecoveryIn(true)
	bad(normal.RTO <= 0 || critical.RTO <= 0, "no RTO")
	looser := p.CriticalRecovery.RTO > normal.RTO || p.CriticalRecovery.RPO > normal.RPO
	bad(looser, "recovery is looser in the critical window: %v, %v", normal, p.CriticalRecovery)
	bad((normal.RPO == 0 || critical.RPO == 0) && p.Refetch == "", "RPO 0 and nothing says where lost work is had again")
	bad(p.WorkaroundAfter <= 0 || p.WorkaroundAfter > critical.RTO, "the workaround starts after %v, later than the RTO of %v", p.WorkaroundAfter, critical.RTO)

	for _, w := range p.Windows {
		out = append(out, lintWindow(w)...)
	}
	for _, n := range p.Needs {
		bad(n.Component != "", "the catalogue names component %q", n.Component)
		bad(!slices.Contains(process.Kinds(), n.Kind), "kind %q", n.Kind)
		bad(!slices.Contains(process.Roles(), n.Role), "role %q", n.Role)
		bad(n.Use == "", "%s: no use", n.Kind)
	}
	for _, w := range p.Work {
		bad(!slices.Contains(process.WorkSources(), w.Source), "work source %q", w.Source)
		bad(w.Says == "", "expected work without words: %+v", w)
		switch w.Source {
		case process.QueueJobs, process.ScheduledAction:
			bad(len(w.Match) == 0 || slices.Contains(w.Match, "") || slices.Contains(w.Match, "*") || w.Within <= 0, "expected work %+v", w)
		case process.Schedule:
			_, err := calendar.ParseRecurrence(w.Due)
			bad(err != nil || w.Metric == "" || w.Within <= 0 || w.Done.String() == "", "declared work %+v: %v", w, err)
		case process.History:
			bad(w.Metric == "" || w.Least < 1, "usual work %+v", w)
		}
	}
	seen := map[string]bool{}
	for _, o := range p.Objectives {
		bad(seen[o.Name], "two objectives %s", o.Name)
		seen[o.Name] = true
		out = append(out, lintObjective(o)...)
	}
	for _, s := range p.Symptoms {
		known := []process.Detector{"", process.ByFlow, process.ByUsers, process.ByWork, process.BySignal}
		bad(!slices.Contains(known, s.By) || s.Says == "", "symptom %+v", s)
		bad((s.By == process.BySignal) != (s.Signal != ""), "symptom %+v names no signal, or one without need", s)
		bad(s.By == process.ByFlow && len(p.Flows) == 0, "no flow sees %q", s.Says)
		bad(s.By == process.ByUsers && len(p.Operations) == 0, "no operation shows %q", s.Says)
		bad(s.By == process.ByWork && len(p.Work) == 0, "no expected work shows %q", s.Says)
	}
	for _, line := range slices.Concat(p.DoNot, p.DoFirst) {
		bad(utf8.RuneCountInString(line) > 160, "too long for a page: %q", line)
		bad(!strings.HasSuffix(line, ".") && !strings.HasSuffix(line, "?"), "no sentence: %q", line)
	}
	for _, line := range p.DoNot {
		bad(!strings.HasPrefix(line, "Do not "), "does not start with Do not: %q", line)
	}
	bad(utf8.RuneCountInString(p.Meanwhile) > 70, "too long for a status line: %q", p.Meanwhile)
	bad(strings.HasSuffix(p.Meanwhile, ".") || strings.ToLower(p.Meanwhile) != p.Meanwhile, "does not follow please: %q", p.Meanwhile)
	return out
}

func lintWindow(w process.Window) []string {
	deadline := w.Before > 0 || w.BeforeDays > 0
	ok := false
	switch w.Kind {
	case process.Always:
		ok = w.From == 0 && w.To == 0 && !deadline
	case process.WorkingDays:
		ok = w.From != 0 && w.To != 0 && w.From <= w.To && !deadline
	case process.BeforeDeadline:
		ok = w.From == 0 && w.To == 0 && (w.Before > 0) != (w.BeforeDays > 0) && w.Says != ""
	}
	if !ok {
		return []string{fmt.Sprintf("critical window %+v", w)}
	}
	return nil
}

func lintObjective(o process.Objective) []string {
	share := func(s process.Share) bool { return s > 0 && s < process.Whole }
	var wrong bool
	switch {
	case !slices.Contains(process.ObjectiveKinds(), o.Kind), o.Name == "", o.Says == "":
		wrong = true
	case o.Every == (o.Target != 0), !o.Every && !share(o.Target):
		wrong = true
	case o.CriticalTarget != 0 && (o.Every || !share(o.CriticalTarget) || o.CriticalTarget < o.Target):
		wrong = true
	case o.Kind.HasThreshold() != (o.Threshold > 0), o.CriticalThreshold != 0 && o.Threshold == 0, o.CriticalThreshold < 0:
		wrong = true
	case o.CriticalOnly && (o.CriticalTarget != 0 || o.CriticalThreshold != 0):
		wrong = true
	}
	if wrong {
		return []string{fmt.Sprintf("objective %+v", o)}
	}
	return nil
}

func TestTheCatalogueIsSound(t *testing.T) {
	for _, p := range process.Catalog() {
		for _, problem := range lint(p) {
			t.Errorf("%s: %s", p.Name, problem)
		}
	}
}

// TestTheLintSees breaks a sound process in one place at a time.
func TestTheLintSees(t *testing.T) {
	tests := map[string]func(*process.Process){
		"a capital in the name":         func(p *process.Process) { p.Name = "Payroll" },
		"no such tier":                  func(p *process.Process) { p.Tier = "E" },
		"a tier that is lower in close": func(p *process.Process) { p.Tier, p.CloseTier = process.Critical, process.Important },
		"no such responsibility":        func(p *process.Process) { p.Responsibility = "nobody" },
		"a longer RTO in close":         func(p *process.Process) { p.CriticalRecovery.RTO = 5 * time.Hour },
		"a longer RPO in close":         func(p *process.Process) { p.CriticalRecovery.RPO = time.Hour },
		"RPO 0 with nothing to fetch":   func(p *process.Process) { p.CriticalRecovery.RPO, p.Refetch = 0, "" },
		"a workaround after the RTO":    func(p *process.Process) { p.WorkaroundAfter = 2 * time.Hour },
		"WD0":                           func(p *process.Process) { p.Windows[0].To = 0 },
		"a window that ends before":     func(p *process.Process) { p.Windows[0].From, p.Windows[0].To = 2, -2 },
		"a window of two kinds":         func(p *process.Process) { p.Windows[0].Before = time.Hour },
		"no such window":                func(p *process.Process) { p.Windows[0].Kind = "sometimes" },
		"no such kind of component":     func(p *process.Process) { p.Needs[0].Kind = "oracle" },
		"no such role":                  func(p *process.Process) { p.Needs[0].Role = "weak" },
		"a component nobody explains":   func(p *process.Process) { p.Needs[0].Use = "" },
		"an objective without a budget": func(p *process.Process) { p.Objectives[0].Target = process.Whole },
		"an objective of both sorts":    func(p *process.Process) { p.Objectives[0].Every = true },
		"a looser objective in close":   func(p *process.Process) { p.Objectives[0].CriticalTarget = 50 * process.Percent },
		"no threshold":                  func(p *process.Process) { p.Objectives[1].Threshold = 0 },
		"no such objective":             func(p *process.Process) { p.Objectives[0].Kind = "beauty" },
		"an objective twice":            func(p *process.Process) { p.Objectives[1].Name = p.Objectives[0].Name },
		"a symptom without its signal":  func(p *process.Process) { p.Symptoms[0].By = process.BySignal },
		"a symptom of work it has not":  func(p *process.Process) { p.Work, p.Symptoms[0].By = nil, process.ByWork },
		"work that matches everything": func(p *process.Process) {
			p.Work = []process.Work{{Source: process.QueueJobs, Match: []string{"*"}, Within: 1, Says: "x"}}
		},
		"no such source of work": func(p *process.Process) {
			p.Work = []process.Work{{Source: "fax", Match: []string{"x"}, Within: 1, Says: "x"}}
		},
		"declared work that is never due": func(p *process.Process) {
			p.Work = []process.Work{{Source: process.Schedule, Metric: "x", Within: 1, Due: "WD0 10:00", Done: process.Done{AtMost: new(0.0)}, Says: "x"}}
		},
		"declared work that nothing shows": func(p *process.Process) {
			p.Work = []process.Work{{Source: process.Schedule, Metric: "x", Within: 1, Due: "WD+1 10:00", Says: "x"}}
		},
		"usual work of which one is enough": func(p *process.Process) {
			p.Work = []process.Work{{Source: process.History, Metric: "x", Says: "x"}}
		},
		"a do-not line too long":           func(p *process.Process) { p.DoNot[0] = "Do not " + strings.Repeat("x", 160) + "." },
		"a do-not line that says do":       func(p *process.Process) { p.DoNot[0] = "Requeue all jobs." },
		"a meanwhile that is a sentence":   func(p *process.Process) { p.Meanwhile = "Keep drafts." },
		"a meanwhile too long for a line":  func(p *process.Process) { p.Meanwhile = strings.Repeat("wait ", 20) },
		"a flow's symptom without a flow":  func(p *process.Process) { p.Flows = nil },
		"users' symptom without a method":  func(p *process.Process) { p.Operations = nil },
		"an objective that says nothing":   func(p *process.Process) { p.Objectives[0].Says = "" },
		"a catalogue naming a component":   func(p *process.Process) { p.Needs[0].Component = "db" },
		"an RTO that was not given at all": func(p *process.Process) { p.Recovery, p.CriticalRecovery = process.Recovery{}, process.Recovery{} },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			p := process.Catalog()[0]
			breakIt(&p)
			if len(lint(p)) == 0 {
				t.Error("the lint finds nothing")
			}
		})
	}
}

// What users of Odoo report again and again, by process: each has a symptom or
// a line on what not to do that speaks of it.
func TestKnownPainsAreSpokenOf(t *testing.T) {
	pains := map[string][]string{
		"invoice-posting":      {"gives up after five tries", "number is missing", "locked period", "post themselves do not", "requeue jobs in state started", "may already be posted"},
		"payment-registration": {"click register again", "payment file again", "stay in process"},
		"bank-reconciliation":  {"statement that may already be in", "count as reconciled"},
		"ap-bill-run":          {"second payment file", "bank account is refused"},
		"payroll":              {"payroll file twice", "time limit"},
		"month-end-close":      {"one bad entry", "switched off", "exception to a lock date never ends", "change lock dates"},
		"statutory-reporting":  {"time limit", "acknowledgement", "file again"},
		"subscription-billing": {"invoiced twice", "switched off", "holds up all the others", "were not delivered"},
		"procurement":          {"receipt twice", "approvals are stuck"},
		"inventory-valuation":  {"ran out of memory", "differ"},
		"reporting":            {"PDF", "is behind"},
		"e-invoicing":          {"runner is deaf", "stay started", "rejected", "expired", "resend an e-invoice", "requeue jobs in state started"},
		"bank-feed":            {"consent has expired", "lines are doubled", "statement again"},
	}
	for _, p := range process.Catalog() {
		text := strings.Join(p.DoNot, "\n")
		for _, s := range p.Symptoms {
			text += "\n" + s.Says
		}
		if len(pains[p.Name]) == 0 {
			t.Errorf("%s: no pain is known", p.Name)
		}
		for _, pain := range pains[p.Name] {
			if !strings.Contains(text, pain) {
				t.Errorf("%s: nothing speaks of %q", p.Name, pain)
			}
		}
	}
}

// Names as versions of Odoo and modules give them, and others like them.
func TestWorkIsFoundByItsName(t *testing.T) {
	tests := map[string]struct {
		process string
		source  process.WorkSource
		want    bool
	}{
		"Pull Online Bank Statements":  {"bank-feed", process.ScheduledAction, true},
		"Account: Journal online sync": {"bank-feed", process.ScheduledAction, true},
		"Mail: Fetchmail Service":      {"bank-feed", process.ScheduledAction, false},
		"root.edi":                     {"e-invoicing", process.QueueJobs, true},
		"root.edi.peppol":              {"e-invoicing", process.QueueJobs, true},
		"root.account_edi":             {"e-invoicing", process.QueueJobs, true},
		"root.einvoice":                {"e-invoicing", process.QueueJobs, true},
		"root.credit":                  {"e-invoicing", process.QueueJobs, false},
		"root.expedition":              {"e-invoicing", process.QueueJobs, false},
		"root.media":                   {"e-invoicing", process.QueueJobs, false},
	}
	for name, tt := range tests {
		found := false
		for _, p := range process.Catalog() {
			for _, w := range p.Work {
				for _, pattern := range w.Match {
					re := regexp.MustCompile("(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
					found = found || p.Name == tt.process && w.Source == tt.source && re.MatchString(name)
				}
			}
		}
		if found != tt.want {
			t.Errorf("%s finds %q: %v, want %v", tt.process, name, found, tt.want)
		}
	}
}

func TestTheCatalogueIsFreshEachTime(t *testing.T) {
	before := process.Catalog()
	for _, p := range process.Catalog() {
		scramble(reflect.ValueOf(&p).Elem())
	}
	if diff := cmp.Diff(before, process.Catalog()); diff != "" {
		t.Errorf("a change to one copy of the catalogue shows in the next:\n%s", diff)
	}
}

// scramble empties everything a value holds by reference.
func scramble(v reflect.Value) {
	for _, f := range v.Fields() {
		if f.Kind() == reflect.Slice {
			for n := range f.Len() {
				f.Index(n).SetZero()
			}
		}
	}
}

func TestWindowsAreSaidInWords(t *testing.T) {
	tests := map[string]process.Window{
		"WD-2 to WD+2":                             {Kind: process.WorkingDays, From: -2, To: 2},
		"WD-1":                                     {Kind: process.WorkingDays, From: -1, To: -1},
		"WD-2 (receipt cut-off)":                   {Kind: process.WorkingDays, From: -2, To: -2, Says: "receipt cut-off"},
		"WD+1 to WD+3 (bank)":                      {Kind: process.WorkingDays, From: 1, To: 3, Says: "bank"},
		"4 h before the AP cut-off":                {Kind: process.BeforeDeadline, Before: 4 * time.Hour, Says: "the AP cut-off"},
		"90 min before each deadline":              {Kind: process.BeforeDeadline, Before: 90 * time.Minute},
		"1 working day before the payment cut-off": {Kind: process.BeforeDeadline, BeforeDays: 1, Says: "the payment cut-off"},
		"5 working days before the filing date":    {Kind: process.BeforeDeadline, BeforeDays: 5, Says: "the filing date"},
		"always":                                   {Kind: process.Always},
		"always (clearance has legal clocks)":      {Kind: process.Always, Says: "clearance has legal clocks"},
	}
	for want, w := range tests {
		if got := w.String(); got != want {
			t.Errorf("%+v says %q, want %q", w, got, want)
		}
	}
}

func TestWhatHoldsInTheCriticalWindow(t *testing.T) {
	p := process.Process{Tier: process.Important, CloseTier: process.Critical, Recovery: process.Recovery{RTO: 8 * time.Hour, RPO: time.Hour}}
	if p.RecoveryIn(true) != p.Recovery {
		t.Errorf("without recovery objectives of its own the window has %v", p.RecoveryIn(true))
	}
	p.CriticalRecovery = process.Recovery{RTO: time.Hour}
	if got := p.RecoveryIn(true); got != p.CriticalRecovery || p.RecoveryIn(false) != p.Recovery {
		t.Errorf("in the window %v, outside it %v", got, p.RecoveryIn(false))
	}
	if p.TierIn(true) != process.Critical || p.TierIn(false) != process.Important {
		t.Errorf("tiers %s and %s", p.TierIn(true), p.TierIn(false))
	}
	// An estate that tightens the outside tightens the window with it.
	p.Recovery = process.Recovery{RTO: time.Minute, RPO: time.Hour}
	p.CriticalRecovery = process.Recovery{RTO: time.Hour, RPO: 2 * time.Hour}
	if got := p.RecoveryIn(true); got != p.Recovery {
		t.Errorf("in the window %v, looser than outside it", got)
	}
	if p.Tier, p.CloseTier = process.Critical, process.Standard; p.TierIn(true) != process.Critical {
		t.Errorf("in the window it matters less: %s", p.TierIn(true))
	}
	p.Tier = process.Important
	p.Recovery, p.CriticalRecovery = process.Recovery{RTO: 8 * time.Hour, RPO: time.Hour}, process.Recovery{RTO: time.Hour}
	if p.CloseTier = ""; p.TierIn(true) != process.Important {
		t.Errorf("without a tier of its own the window has %q", p.TierIn(true))
	}
	if p.Tolerates(time.Second, true) || !p.Tolerates(time.Hour, false) || p.Tolerates(time.Hour+1, false) {
		t.Error("exposure is not compared with the objective in force")
	}
	if p.Refetch = "the bank's records"; !p.Tolerates(time.Hour, true) || p.Tolerates(2*time.Hour, false) {
		t.Error("work that can be had again counts as lost, or an objective above 0 is ignored")
	}
}
