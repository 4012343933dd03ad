package synthetic_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/odoorpc"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/synthetic"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// A drill is one thing that happens to a prober, or to two at once.
type drill struct {
	flow     string
	level    flow.Level
	at       point
	replicas string // how two probers are set up; "" for one
	also     point  // what happens to the second
}

// Set-ups of two replicas.
const (
	oneLease    = "two replicas, one lease"
	ownJournals = "two replicas, no common lease, own journals"
	sameJournal = "two replicas, no common lease, same journals"
)

// label says what a drill does, for the table and for failures.
func (d drill) label() string {
	what := d.at.Fault
	if what == "" && d.at.When != "" {
		what = "kill -9"
	}
	return cmp.Or(d.replicas, what, "nothing")
}

func (d drill) String() string {
	return fmt.Sprintf("%s %s, %s at %+v and %+v", d.flow, d.level, d.label(), d.at, d.also)
}

// A script is what an undisturbed run of a flow does.
type script struct {
	flow     string
	level    flow.Level
	steps    []string // in order; clean-up included
	cleanups map[string]bool
	requests map[string]int // by step, those of guards and sweep included
}

// points lists every moment of a step.
func (s script) points(step string) []point {
	var all []point
	if step != sweepStep {
		all = append(all, point{Step: step, When: atStart}, point{Step: step, When: atEnd})
	}
	for n := range s.requests[step] {
		for _, when := range []string{unsent, sent, answered} {
			all = append(all, point{Step: step, Request: n + 1, When: when})
		}
	}
	return all
}

// places lists what can be killed: the steps, the guards before them, and the
// sweep at the start.
func (s script) places() []string { return append([]string{sweepStep, guardsStep}, s.steps...) }

// breakable lists the steps that ask Odoo for anything once the run writes.
func (s script) breakable() []string {
	from := max(0, slices.Index(s.steps, "read-books"))
	return slices.DeleteFunc(slices.Clone(s.steps[from:]), func(step string) bool { return s.requests[step] == 0 })
}

// TestNeutrality kills probers at every step of every flow that writes, breaks
// what they are told, and has two of them work at once. Whatever happens, the
// next start leaves nothing behind in the synthetic company, and real companies
// are what they were, to the cent.
func TestNeutrality(t *testing.T) {
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any number will do
	if text := os.Getenv("CLOSEWATCH_NEUTRALITY_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to see the same again: CLOSEWATCH_NEUTRALITY_SEED=%d", seed)
		}
	})
	random := rand.New(rand.NewPCG(seed, 6)) //nolint:gosec // a seed, not a secret

	lanes := []*lane{newLane(t, "one", random.Uint64())}
	if lanes[0].stands {
		lanes = append(lanes, newLane(t, "two", random.Uint64()))
	}
	scripts := lanes[0].rehearse(t)
	drills := plan(scripts, runs(t), random, lanes[0].stands)
	r := &report{kills: map[string]*row{}, mishaps: map[string]*row{}}
	t.Run("drills", func(t *testing.T) {
		for i, l := range lanes {
			t.Run(fmt.Sprintf("lane %d", i+1), func(t *testing.T) {
				t.Parallel()
				for n := i; n < len(drills); n += len(lanes) {
					l.perform(t, drills[n], r)
				}
			})
		}
	})
	for _, l := range lanes {
		l.compare(t, r)
	}
	r.print(t, scripts, runs(t) > 0)
}

// runs is how many drills there are to be; 0 for as few as reach everything.
func runs(t *testing.T) int {
	t.Helper()
	switch text := os.Getenv("CLOSEWATCH_NEUTRALITY"); text {
	case "":
		return 0
	case "full":
		return 500
	default:
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("CLOSEWATCH_NEUTRALITY is %q; write full or a number of runs", text)
		}
		return n
	}
}

// plan kills every step once and lets every fault and set-up happen, then goes
// on at random until there are n drills. When there need not be many, a step
// that flows have in common is killed in one of them. A real Odoo is not
// restarted, and has journals for one prober.
func plan(scripts []script, n int, random *rand.Rand, stands bool) []drill {
	pick := func(all []string) string { return all[random.IntN(len(all))] }
	kill := func(s script, step string) drill {
		all := s.points(step)
		return drill{flow: s.flow, level: s.level, at: all[random.IntN(len(all))]}
	}
	faults := slices.DeleteFunc(wireFaults(), func(f string) bool { return f == odooRestarted && !stands })
	broken := func(s script, fault string) drill {
		step := pick(s.breakable())
		return drill{flow: s.flow, level: s.level, at: point{Step: step, Request: 1 + random.IntN(s.requests[step]), Fault: fault}}
	}
	setups := []string{oneLease, sameJournal}
	if stands {
		setups = append(setups, ownJournals)
	}
	two := func(s script, setup string) drill {
		d := kill(s, pick(s.places()))
		d.replicas = setup
		if setup == oneLease || random.IntN(2) == 0 {
			d.also = kill(s, pick(s.places())).at
		}
		return d
	}
	some := func() script { return scripts[random.IntN(len(scripts))] }

	var all []drill
	seen := map[string]bool{}
	for _, i := range random.Perm(len(scripts)) {
		for _, step := range scripts[i].places() {
			if n > 0 || !seen[step] {
				all = append(all, kill(scripts[i], step))
			}
			seen[step] = true
		}
	}
	for _, f := range faults {
		all = append(all, broken(some(), f))
	}
	for _, setup := range setups {
		all = append(all, two(some(), setup))
	}
	for len(all) < n {
		switch k := random.IntN(10); {
		case k < 5:
			s := some()
			all = append(all, kill(s, pick(s.places())))
		case k < 8:
			all = append(all, broken(some(), pick(faults)))
		default:
			all = append(all, two(some(), pick(setups)))
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// A lane is a place where one drill after the other takes place.
type lane struct {
	*place
	dir       string
	random    *rand.Rand
	client    *odoorpc.Client // of sweeps in this process
	real, own state           // before the first drill
}

func newLane(t *testing.T, name string, seed uint64) *lane {
	t.Helper()
	l := &lane{place: newPlace(t, "neutrality_"+name), dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 6))} //nolint:gosec // a seed, not a secret
	l.real, l.own = l.of(t, l.ledger.real...), l.of(t, l.synthetic)
	client, err := odoorpc.New(odoorpc.Config{
		URL: l.URL, Database: l.database, Login: l.login, Password: secret.New(l.password), Timeout: estate.Duration(time.Minute),
	}, odoorpc.Options{Version: "test", Transport: past{l.wire}})
	if err != nil {
		t.Fatal(err)
	}
	l.client = client
	return l
}

// order is that of a prober which is told to run a flow.
func (l *lane) order(replica string, books odoo.Synthetic, flow string, level flow.Level) order {
	return order{
		URL: l.URL, Database: l.database, Login: l.login, Password: l.password, Timeout: time.Minute, Books: books,
		State: filepath.Join(l.dir, replica), Lease: filepath.Join(l.dir, replica, "lease"), Flow: flow, Level: level,
	}
}

// rehearse lets every flow that writes run undisturbed, and notes what it does.
func (l *lane) rehearse(t *testing.T) []script {
	t.Helper()
	var all []script
	for _, f := range synthetic.Flows(nil) {
		for _, level := range f.Levels() {
			if level == flow.L0 {
				continue
			}
			said, alive := l.order("first", l.first, f.Name(), level).start(t)()
			if !alive || said.Run.Outcome != flow.Passed {
				t.Fatalf("undisturbed, %s %s: %s, %s (%s)", f.Name(), level, said.Run.Outcome, said.Run.Reason, said.Run.Hint)
			}
			s := script{flow: f.Name(), level: level, cleanups: map[string]bool{}, requests: said.Requests}
			for _, step := range said.Run.Steps {
				s.steps = append(s.steps, step.Name)
				s.cleanups[step.Name] = step.Cleanup
			}
			all = append(all, s)
		}
	}
	return all
}

// perform lets one drill happen and then what follows in life: the next start.
func (l *lane) perform(t *testing.T, d drill, r *report) {
	t.Helper()
	seconds := map[string]odoo.Synthetic{oneLease: l.first, ownJournals: l.second, sameJournal: l.first}
	probers := []order{l.order("first", l.first, d.flow, d.level)}
	probers[0].At = d.at
	if d.replicas != "" {
		second := l.order("second", seconds[d.replicas], d.flow, d.level)
		second.At = d.also
		if d.replicas == oneLease {
			second.Lease = probers[0].Lease
		}
		probers = append(probers, second)
	}
	before := l.performed(d.at.Fault)
	var ended []func() (testimony, bool)
	for _, o := range probers {
		ended = append(ended, o.start(t))
	}
	for i, end := range ended {
		said, alive := end()
		if doomed := probers[i].At.When != ""; alive == doomed && d.replicas == "" {
			t.Errorf("%s: alive is %t; %s at %s: %s", d, alive, said.Run.Outcome, said.Run.FailedStep, said.Run.Reason)
		}
		l.honest(t, d, probers[i], said, alive)
	}
	if d.at.Fault != "" && l.performed(d.at.Fault) == before {
		t.Errorf("%s: it did not come to pass", d)
	}
	if l.random.IntN(2) == 0 {
		l.drain(t) // else Odoo is still at what the last request asked
	}
	l.mend()
	left, _ := l.residue(t, l.own)
	for _, o := range probers {
		if l.random.IntN(4) == 0 {
			if err := os.Remove(filepath.Join(o.State, "intents.jsonl")); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		l.startAgain(t, d, o)
	}
	l.settle(t) // what was held back, or under way, may have come after that
	for _, o := range probers {
		l.sweep(t, d, o)
	}
	residue, what := l.residue(t, l.own)
	if residue != 0 {
		t.Errorf("%s: residue %s", d, what)
	}
	r.add(d, left, residue)
}

// honest checks that a run which left something said so, or has its intent
// open.
func (l *lane) honest(t *testing.T, d drill, o order, said testimony, alive bool) {
	t.Helper()
	if !alive || d.replicas != "" || len(said.Run.Leftovers) > 0 {
		return
	}
	log, err := flow.OpenIntentLog(filepath.Join(o.State, "intents.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	pending, err := log.Pending()
	if err != nil {
		t.Fatal(err)
	}
	if n, what := l.residue(t, l.own); n > 0 && len(pending) == 0 {
		t.Errorf("%s: %s, with nothing left over and no open intent, but there is %s", d, said.Run.Outcome, what)
	}
}

// startAgain is what follows a death: another start, which may itself be
// killed, or meet another that sweeps at the same time.
func (l *lane) startAgain(t *testing.T, d drill, o order) {
	t.Helper()
	o.At = point{}
	switch l.random.IntN(8) {
	case 0: // a start that is killed while it sweeps
		o.At = point{Step: sweepStep, Request: 1 + l.random.IntN(12), When: []string{unsent, sent, answered}[l.random.IntN(3)]}
		o.start(t)()
		l.drain(t)
	case 1: // a run in the middle of the day, killed while it removes what is left
		o.NoSweep = true
		o.At = point{Step: "remove-leftovers", Request: 1 + l.random.IntN(4), When: []string{unsent, sent, answered}[l.random.IntN(3)]}
		o.start(t)()
		l.drain(t)
	case 2: // two starts at once
		var both sync.WaitGroup
		for _, p := range []*odoo.Prober{l.sweeper(t, o), l.sweeper(t, o)} {
			both.Go(func() { _, _ = p.Sweep(context.WithoutCancel(t.Context())) }) // what one misses, the next start finds
		}
		both.Wait()
	case 3: // a start with a run
		if said, alive := o.start(t)(); !alive || said.Run.Outcome != flow.Passed && d.replicas == "" && d.at.Fault == "" {
			t.Errorf("%s: afterwards, %s: %s", d, said.Run.Outcome, said.Run.Reason)
		}
	case 4: // a start that is left alone
		l.sweep(t, d, o)
	}
}

// sweeper is a prober in this process, which asks Odoo directly.
func (l *lane) sweeper(t *testing.T, o order) *odoo.Prober {
	t.Helper()
	p, err := o.prober(l.client)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sweep is a start that is left alone.
func (l *lane) sweep(t *testing.T, d drill, o order) {
	t.Helper()
	if found, err := l.sweeper(t, o).Sweep(t.Context()); err != nil || len(found.Left) > 0 {
		t.Errorf("%s: the sweep found %d and left %d: %v", d, found.Found, len(found.Left), err)
	}
}

// compare looks at the books after the last drill.
func (l *lane) compare(t *testing.T, r *report) {
	t.Helper()
	real, own := l.of(t, l.ledger.real...), l.of(t, l.synthetic)
	if diff := gocmp.Diff(l.real, real); diff != "" {
		t.Errorf("real companies are not what they were (-before +after):\n%s", diff)
	}
	if diff := gocmp.Diff(l.own, own); diff != "" {
		t.Errorf("the synthetic company is not what it was (-before +after):\n%s", diff)
	}
	r.companies += len(l.ledger.real)
	r.delta += delta(t, l.real.Balances, real.Balances)
	r.sequences += changed(l.real.Sequences, real.Sequences)
}

// delta adds up by how much debit and credit of each account differ, in cents.
func delta(t *testing.T, before, after map[string]string) (cents int64) {
	t.Helper()
	amounts := func(of map[string]string, account string) (sums [2]int64) {
		for i, text := range strings.Fields(of[account]) {
			n, err := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			sums[i] = n
		}
		return sums
	}
	for account := range joined(before, after) {
		was, is := amounts(before, account), amounts(after, account)
		cents += max(was[0]-is[0], is[0]-was[0]) + max(was[1]-is[1], is[1]-was[1])
	}
	return cents
}

func joined(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// changed counts what is not the same in two states.
func changed(before, after map[string]string) (n int) {
	for key := range joined(before, after) {
		if before[key] != after[key] {
			n++
		}
	}
	return n
}

// A row of a report counts what happened at one place.
type row struct{ runs, left, residue int64 }

// A report counts drills.
type report struct {
	mu        sync.Mutex
	runs      int
	residue   int64
	kills     map[string]*row // by flow, level and step
	mishaps   map[string]*row // by what happened
	companies int
	delta     int64 // of the trial balance of real companies, in cents
	sequences int   // that changed
}

func (r *report) add(d drill, left, residue int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs++
	r.residue += residue
	count := func(in map[string]*row, key string) {
		if in[key] == nil {
			in[key] = &row{}
		}
		in[key].runs++
		in[key].left += left
		in[key].residue += residue
	}
	count(r.mishaps, d.label())
	if d.replicas == "" && d.at.When != "" {
		count(r.kills, placeOf(d.flow, d.level, d.at.Step))
	}
}

func placeOf(flow string, level flow.Level, step string) string {
	return flow + " " + string(level) + " " + step
}

// print logs the tables and checks that every step has been killed: of every
// flow, or of one that has it.
func (r *report) print(t *testing.T, scripts []script, ofEvery bool) {
	t.Helper()
	var b strings.Builder
	places, killed := map[string]bool{}, map[string]bool{}
	b.WriteString("\n| flow | step | kills | records left behind | residue\n")
	for _, s := range scripts {
		for _, step := range s.places() {
			place := step
			if ofEvery {
				place = placeOf(s.flow, s.level, step)
			}
			places[place] = true
			k := r.kills[placeOf(s.flow, s.level, step)]
			if k == nil {
				continue
			}
			killed[place] = true
			if s.cleanups[step] {
				step = "clean up: " + step
			}
			fmt.Fprintf(&b, "| %s %s | %s | %d | %d | %d\n", s.flow, s.level, step, k.runs, k.left, k.residue)
		}
	}
	for place := range places {
		if !killed[place] {
			t.Errorf("no prober was ever killed at %s", place)
		}
	}
	b.WriteString("| \n| what happened | runs | records left behind | residue\n")
	for _, what := range slices.Sorted(maps.Keys(r.mishaps)) {
		m := r.mishaps[what]
		fmt.Fprintf(&b, "| %s | %d | %d | %d\n", what, m.runs, m.left, m.residue)
	}
	fmt.Fprintf(&b, "|= runs=%d steps_killed=%d residue=%d real_companies=%d trial_balance_delta=%d.%02d sequences_changed=%d\n",
		r.runs, len(killed), r.residue, r.companies, r.delta/100, r.delta%100, r.sequences)
	t.Log(b.String())
}
