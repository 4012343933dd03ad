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
	"github.com/closewatch/closewatch/synthetic/odoo/neutrality"
)

// A drill is one thing that happens to a prober, or to two at once.
type drill struct {
	flow     string
	level    flow.Level
	at       point
	replicas string // how two probers are set up; "" for one
	also     point  // what happens to the second
	paid     bool   // a payment of a run of long ago is there already
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

	n := runs(t)
	version := func() int { return 16 + random.IntN(4) }
	lanes := []*lane{newLane(t, "one", edition{version: version()}, random.Uint64())}
	if lanes[0].stands {
		lanes = append(lanes, newLane(t, "two", edition{version: version(), enterprise: true, booked: true}, random.Uint64()))
	}
	deal(t, lanes, n, random)
	each(t, lanes, "rehearsal", func(t *testing.T, l *lane) { l.rehearse(t) })
	r := &report{kills: map[string]*row{}, mishaps: map[string]*row{}}
	plan(lanes, n, random)
	each(t, lanes, "drills", func(t *testing.T, l *lane) {
		for i, d := range l.drills {
			l.perform(t, d, i == 0, r)
		}
	})
	for _, l := range lanes {
		l.compare(t, r)
	}
	r.print(t, lanes, n > 0)
}

// each does something in all lanes at once.
func each(t *testing.T, lanes []*lane, what string, do func(*testing.T, *lane)) {
	t.Helper()
	t.Run(what, func(t *testing.T) {
		for i, l := range lanes {
			t.Run(fmt.Sprintf("lane %d", i+1), func(t *testing.T) {
				t.Parallel()
				do(t, l)
			})
		}
	})
}

// apart lists the flows that are not tortured, and why not. Any other that
// does more than read is.
var apart = map[string]string{
	odoo.QueueRoundtripName: "it requeues the one test job, and writes nothing to the books",
	odoo.WebsocketName:      "it tells the bus that its user is there, and writes nothing to the books",
}

// deal gives every lane the flows and levels that are tortured in it: all of
// them, or when there need not be many drills, its share.
func deal(t *testing.T, lanes []*lane, n int, random *rand.Rand) {
	t.Helper()
	var all []script
	for _, f := range synthetic.Flows(nil) {
		for _, level := range f.Levels() {
			if level != flow.L0 && apart[f.Name()] == "" {
				all = append(all, script{flow: f.Name(), level: level})
			}
		}
	}
	for name := range apart {
		if !slices.Contains(synthetic.Names(), name) {
			t.Errorf("%s is no flow", name)
		}
	}
	for i, k := range random.Perm(len(all)) {
		for j, l := range lanes {
			if n > 0 || i%len(lanes) == j {
				l.scripts = append(l.scripts, all[k])
			}
		}
	}
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

// plan kills every step once in every lane, and lets every fault and set-up
// happen, then goes on at random until there are n drills. When there need not
// be many, a step that flows have in common is killed in one of them.
func plan(lanes []*lane, n int, random *rand.Rand) {
	seen := map[string]bool{}
	for _, l := range lanes {
		for _, s := range l.scripts {
			for _, step := range s.places() {
				if n > 0 || !seen[step] {
					l.drills = append(l.drills, l.kill(s, step))
				}
				seen[step] = true
			}
		}
	}
	turn := 0
	next := func() *lane { turn++; return lanes[turn%len(lanes)] }
	for _, fault := range lanes[0].faults() {
		l := next()
		l.drills = append(l.drills, l.broken(fault))
	}
	for _, setup := range lanes[0].setups() {
		l := next()
		l.drills = append(l.drills, l.two(setup))
	}
	planned := func() (sum int) {
		for _, l := range lanes {
			sum += len(l.drills)
		}
		return sum
	}
	for planned() < n {
		l := next()
		l.drills = append(l.drills, l.any())
	}
	for _, l := range lanes {
		random.Shuffle(len(l.drills), func(i, j int) { l.drills[i], l.drills[j] = l.drills[j], l.drills[i] })
	}
}

// pick is one of several at random.
func pick[T any](l *lane, all []T) T { return all[l.random.IntN(len(all))] }

// faults lists what can be broken: a real Odoo is not restarted.
func (l *lane) faults() []string {
	return slices.DeleteFunc(wireFaults(), func(f string) bool { return f == odooRestarted && !l.stands })
}

// setups lists how two probers can be set up: in a real Odoo, there are journals
// for one.
func (l *lane) setups() []string {
	if l.stands {
		return []string{oneLease, sameJournal, ownJournals}
	}
	return []string{oneLease, sameJournal}
}

// kill is a death somewhere in a step.
func (l *lane) kill(s script, step string) drill {
	return drill{flow: s.flow, level: s.level, at: pick(l, s.points(step))}
}

// broken is a request of some flow that comes to grief.
func (l *lane) broken(fault string) drill {
	s := pick(l, l.scripts)
	step := pick(l, s.breakable())
	return drill{flow: s.flow, level: s.level, at: point{Step: step, Request: 1 + l.random.IntN(s.requests[step]), Fault: fault}}
}

// two is a death while another prober is at work, which may die too.
func (l *lane) two(setup string) drill {
	s := pick(l, l.scripts)
	d := l.kill(s, pick(l, s.places()))
	d.replicas = setup
	if setup == oneLease || l.random.IntN(2) == 0 {
		d.also = l.kill(s, pick(l, s.places())).at
	}
	return d
}

// any is a drill of any kind.
func (l *lane) any() drill {
	switch k := l.random.IntN(10); {
	case k < 5:
		s := pick(l, l.scripts)
		return l.kill(s, pick(l, s.places()))
	case k < 8:
		return l.broken(pick(l, l.faults()))
	default:
		return l.two(pick(l, l.setups()))
	}
}

// A lane is a place where one drill after the other takes place.
type lane struct {
	*place
	dir     string
	random  *rand.Rand
	client  *odoorpc.Client // of sweeps in this process
	scripts []script        // of the flows that are tortured here
	drills  []drill

	// Before the first drill.
	real, own state
	proof     neutrality.Proof
}

func newLane(t *testing.T, name string, e edition, seed uint64) *lane {
	t.Helper()
	l := &lane{place: newPlace(t, "neutrality_"+name, e), dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 6))} //nolint:gosec // a seed, not a secret
	l.real, l.own, l.proof = l.of(t, l.ledger.real...), l.of(t, l.synthetic), l.prove(t)
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

// rehearse lets every flow run undisturbed, and notes what it does.
func (l *lane) rehearse(t *testing.T) {
	t.Helper()
	for i := range l.scripts {
		s := &l.scripts[i]
		said, alive := l.order("first", l.first, s.flow, s.level).start(t)()
		if !alive || said.Run.Outcome != flow.Passed || len(said.Run.Leftovers) > 0 {
			t.Fatalf("undisturbed, %s %s: %s, %s (%s)", s.flow, s.level, said.Run.Outcome, said.Run.Reason, said.Run.Hint)
		}
		s.cleanups, s.requests = map[string]bool{}, said.Requests
		for _, step := range said.Run.Steps {
			s.steps = append(s.steps, step.Name)
			s.cleanups[step.Name] = step.Cleanup
		}
	}
}

// perform lets one drill happen and then what follows in life: the next start.
// Now and then, and when it must, a payment is there already.
func (l *lane) perform(t *testing.T, d drill, paid bool, r *report) {
	t.Helper()
	if l.stands && (paid || l.random.IntN(8) == 0) {
		l.leavePayment(t, l.client)
		d.paid = true
	}
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
	real, own, proof := l.of(t, l.ledger.real...), l.of(t, l.synthetic), l.prove(t)
	if diff := gocmp.Diff(l.real, real); diff != "" {
		t.Errorf("real companies are not what they were (-before +after):\n%s", diff)
	}
	if diff := gocmp.Diff(l.own, own); diff != "" {
		t.Errorf("the synthetic company is not what it was (-before +after):\n%s", diff)
	}
	if diff := gocmp.Diff(l.proof.Companies, proof.Companies); diff != "" {
		t.Errorf("the proof is not what it was (-before +after):\n%s", diff)
	}
	r.proofs = append(r.proofs, l.proven(proof)...)
	r.companies += len(l.ledger.real)
	r.delta += delta(t, l.real.Balances, real.Balances)
	r.sequences += changed(l.real.Sequences, real.Sequences)
	for _, n := range own.Sequences {
		r.missing += n.Missing
	}
}

// proven says what closewatch_ledger_proof found at the end, a line per
// company, and whether it is what it found at the beginning.
func (l *lane) proven(end neutrality.Proof) []string {
	var lines []string
	start := neutrality.Before{Companies: l.proof.Companies}
	same := func(a, b string) string {
		if a == b {
			return "as before, " + a[:min(12, len(a))]
		}
		return "changed"
	}
	for _, c := range end.Companies {
		was, _ := start.Company(c.ID)
		what := "real"
		if c.Synthetic {
			what = "synthetic"
		}
		lines = append(lines, fmt.Sprintf("| %s | %d, %s | %s | %s | %s | %s", l.edition, c.ID, what, end.Verdict, c.Own, same(was.Balances, c.Balances), same(was.Numbers, c.Numbers)))
	}
	return lines
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

func joined[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// changed counts what is not the same in two states.
func changed[V comparable](before, after map[string]V) (n int) {
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
	sequences int   // of real companies that changed
	missing   int64 // numbers in the synthetic company
	proofs    []string
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
	if d.paid {
		count(r.mishaps, "a payment was there already")
	}
	if d.replicas == "" && d.at.When != "" {
		count(r.kills, placeOf(d.flow, d.level, d.at.Step))
	}
}

func placeOf(flow string, level flow.Level, step string) string {
	return flow + " " + string(level) + " " + step
}

// print logs the tables and checks that every step has been killed: of every
// flow, or of one that has it.
func (r *report) print(t *testing.T, lanes []*lane, ofEvery bool) {
	t.Helper()
	var b strings.Builder
	b.WriteString("\n| flow | step | kills | records left behind | residue\n")
	killed := r.printKills(t, &b, lanes, ofEvery)
	for _, name := range slices.Sorted(maps.Keys(apart)) {
		fmt.Fprintf(&b, "| %s | not killed: %s\n", name, apart[name])
	}
	b.WriteString("| \n| what happened | runs | records left behind | residue\n")
	for _, what := range slices.Sorted(maps.Keys(r.mishaps)) {
		m := r.mishaps[what]
		fmt.Fprintf(&b, "| %s | %d | %d | %d\n", what, m.runs, m.left, m.residue)
	}
	b.WriteString("| \n| ledger proof at the end, of | company | verdict | the prober's records | balances, SHA-256 | numbers, SHA-256\n")
	for _, line := range r.proofs {
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "|= runs=%d steps_killed=%d residue=%d real_companies=%d trial_balance_delta=%d.%02d sequences_changed=%d numbers_missing=%d\n",
		r.runs, killed, r.residue, r.companies, r.delta/100, r.delta%100, r.sequences, r.missing)
	t.Log(b.String())
}

// printKills prints a line for every step that was killed, and counts them.
func (r *report) printKills(t *testing.T, b *strings.Builder, lanes []*lane, ofEvery bool) int {
	t.Helper()
	places, killed := map[string]bool{}, map[string]bool{}
	printed := map[string]bool{}
	for _, l := range lanes {
		for _, s := range l.scripts {
			for _, step := range s.places() {
				place := step
				if ofEvery {
					place = placeOf(s.flow, s.level, step)
				}
				places[place] = true
				key := placeOf(s.flow, s.level, step)
				k := r.kills[key]
				if k == nil {
					continue
				}
				killed[place] = true
				if printed[key] {
					continue
				}
				printed[key] = true
				if s.cleanups[step] {
					step = "clean up: " + step
				}
				fmt.Fprintf(b, "| %s %s | %s | %d | %d | %d\n", s.flow, s.level, step, k.runs, k.left, k.residue)
			}
		}
	}
	for place := range places {
		if !killed[place] {
			t.Errorf("no prober was ever killed at %s", place)
		}
	}
	return len(killed)
}
