package odoo

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// What the cron workers do.
const (
	actionsOK      = "ok"
	actionsPaused  = "paused"
	actionsHeldUp  = "held_up"
	actionsBehind  = "behind"
	actionsStopped = "stopped"
)

var actionStates = []string{actionsOK, actionsPaused, actionsHeldUp, actionsBehind, actionsStopped}

const (
	// leastGrace is how late an action may be: an idle cron worker looks once a
	// minute, a busy one when it has finished the others that are due.
	leastGrace = 10 * time.Minute
	mostGrace  = time.Hour
	// rareInterval is that of actions of which many runs in an hour are no work:
	// those due more often are also started whenever there is something to do.
	rareInterval = 12 * time.Hour
	// loopingRuns is how many of them in an hour are a loop: once a minute.
	loopingRuns = 60
	// maxProgress is how many of the newest reports of progress are read.
	maxProgress = 2000
	// unknownAction stands for the one that runs when the tables do not tell which.
	unknownAction = "one whose name is not known"
)

// A scheduledAction is one row of ir_cron and what is found about it.
type scheduledAction struct {
	id           int64
	name         string // fit to be a label
	label        string // the same, made distinct
	active       bool
	once         bool // ends by itself: called a given number of times
	next, last   time.Time
	triggered    time.Time // the earliest call that was asked for besides
	interval     time.Duration
	priority     int64
	failures     int64
	firstFailure time.Time
	counted      bool // failures are known
	progress

	overdue     time.Duration // 0 when it is not
	running     bool
	deactivated bool
	timeouts    int64
	runs        float64
	extraRuns   int
	holdsUp     int
}

// A progress is what an action reported last. Odoo writes one when a run, or a
// batch of it, begins, and again when it ends.
type progress struct {
	reported      bool
	unended       int64 // runs in a row that did not end, the present one included
	done          int64
	deactivates   bool // it asked to be switched off
	began         time.Time
	timed         bool // a run has ended
	duration      time.Duration
	doneInTheHour bool
}

// An actionLook is what one look found.
type actionLook struct {
	now     time.Time
	actions []scheduledAction // active ones first
	waiting bool              // modules wait to be installed, upgraded or removed
	visible bool              // what sessions do is known
	running []time.Time       // since when each cron worker has run an action, oldest first

	overdue      int
	unknownHolds int // held up by an action whose name is not known
	state        string
}

// queries are those of one look, the actions first.
func (*actions) queries(t *tables) []pgsession.Query {
	qs := []pgsession.Query{{Name: "ir_cron", SQL: actionsSQL(t)}, {Name: "cron sessions", SQL: cronSessionsSQL}}
	if t.readable("ir_cron_progress", "id") && t.readable("ir_cron_progress", "deactivate") {
		qs = append(qs, pgsession.Query{Name: "ir_cron_progress", SQL: progressSQL, Args: []any{maxProgress}})
	}
	if t.readable("ir_module_module", "state") {
		qs = append(qs, pgsession.Query{Name: "ir_module_module", SQL: modulesSQL})
	}
	return qs
}

// actionsSQL reads the table of tens of rows. A name is translated in Odoo 16.
func actionsSQL(t *tables) string {
	optional := func(col, kind string) string {
		if t.readable("ir_cron", col) {
			return "c." + col
		}
		return "null::" + kind
	}
	name, triggered := "c.cron_name", "null::timestamp"
	if t.columns["ir_cron"]["cron_name"].kind == "jsonb" {
		name = "coalesce(c.cron_name->>'en_US', (select value from jsonb_each_text(c.cron_name) limit 1))"
	}
	if t.readable("ir_cron_trigger", "call_at") && t.readable("ir_cron_trigger", "cron_id") {
		triggered = "(select min(call_at) from (select call_at from ir_cron_trigger where cron_id = c.id limit 1000) as asked)"
	}
	return `select c.id, ` + name + ` as name, coalesce(c.active, false) as active, c.nextcall, c.lastcall, c.interval_number, c.interval_type,
       ` + optional("priority", "int") + ` as priority, ` + optional("failure_count", "int") + ` as failures,
       ` + optional("first_failure_date", "timestamp") + ` as first_failure, ` + optional("numbercall", "int") + ` as calls, ` + triggered + ` as triggered
from ir_cron as c order by c.active desc nulls last, c.id limit 1000`
}

// cronSessionsSQL finds the cron workers that run an action: they keep its row
// locked in a transaction that does nothing else.
const cronSessionsSQL = `
select a.pid, a.xact_start, false as hidden
from pg_locks as l join pg_stat_activity as a using (pid)
where l.relation = to_regclass('ir_cron') and l.database = (select oid from pg_database where datname = current_database())
  and l.mode = 'RowShareLock' and l.granted and a.state = 'idle in transaction' and a.query ~* '\mir_cron\M'
union all
select null, null, true from pg_stat_activity
where datname = current_database() and coalesce(backend_type, 'client backend') = 'client backend' and (query = '<insufficient privilege>' or coalesce(state, 'disabled') = 'disabled')
limit 100`

const progressSQL = `
select cron_id, coalesce(timed_out_counter, 0) as unended, coalesce(done, 0) as done, coalesce(deactivate, false) as deactivates, create_date, write_date
from ir_cron_progress order by id desc limit $1`

const modulesSQL = `
select count(*) as n from ir_module_module where state in ('to install', 'to upgrade', 'to remove')`

func readActionLook(now time.Time, rs pgsession.Results) actionLook {
	l := actionLook{now: now, actions: readActions(rs[0])}
	sessions := rs.Named("cron sessions")
	l.visible = sessions.Err == nil
	for _, row := range sessions.Rows {
		if hidden, _ := row.Bool("hidden"); hidden {
			l.visible = false
		} else if since := at(row, "xact_start"); !since.IsZero() {
			l.running = append(l.running, since)
		}
	}
	slices.SortFunc(l.running, time.Time.Compare)
	n, _ := rs.Named("ir_module_module").First().Int("n")
	l.waiting = n > 0
	reports := map[int64]*progress{}
	for _, row := range rs.Named("ir_cron_progress").Rows {
		id, _ := row.Int("cron_id")
		if reports[id] == nil {
			reports[id] = newestProgress(row)
		}
		reports[id].add(row, now)
	}
	for i := range l.actions {
		if p := reports[l.actions[i].id]; p != nil {
			l.actions[i].progress = *p
		}
	}
	return l
}

func newestProgress(row pgsession.Row) *progress {
	p := &progress{reported: true, began: at(row, "create_date")}
	p.unended, _ = row.Int("unended")
	p.done, _ = row.Int("done")
	p.deactivates, _ = row.Bool("deactivates")
	return p
}

// add takes one report in, the newest first.
func (p *progress) add(row pgsession.Row, now time.Time) {
	began, ended := at(row, "create_date"), at(row, "write_date")
	unended, _ := row.Int("unended")
	if done, _ := row.Int("done"); done > 0 && now.Sub(ended) < time.Hour {
		p.doneInTheHour = true
	}
	if !p.timed && unended == 0 && !began.IsZero() && !ended.Before(began) {
		p.timed, p.duration = true, ended.Sub(began)
	}
}

// readActions returns the actions under distinct names.
func readActions(r pgsession.Result) []scheduledAction {
	taken := map[string]bool{}
	var list []scheduledAction
	for _, row := range r.Rows {
		name := label(row.String("name"))
		a := scheduledAction{name: name, label: name}
		a.id, _ = row.Int("id")
		if name == "" || taken[name] {
			a.label = strings.TrimSpace(name + " #" + strconv.FormatInt(a.id, 10))
		}
		taken[a.label] = true
		a.active, _ = row.Bool("active")
		a.next, a.last = at(row, "nextcall"), at(row, "lastcall")
		a.triggered, a.firstFailure = at(row, "triggered"), at(row, "first_failure")
		n, _ := row.Int("interval_number")
		a.interval = time.Duration(float64(n) * unitSeconds(row.String("interval_type")) * float64(time.Second))
		a.priority, _ = row.Int("priority")
		a.failures, a.counted = row.Int("failures")
		calls, limited := row.Int("calls")
		a.once = limited && calls >= 0
		list = append(list, a)
	}
	return list
}

// unitSeconds is the length of an interval_type, 0 for one that is unknown.
func unitSeconds(unit string) float64 {
	const day = 24 * 60 * 60
	switch unit {
	case "minutes":
		return 60
	case "hours":
		return 60 * 60
	case "days":
		return day
	case "weeks":
		return 7 * day
	case "months":
		return 30.4375 * day
	}
	return 0
}

// due is when an action should have begun: its next call, or an earlier one
// that was asked for.
func (a *scheduledAction) due() time.Time { return earliest(a.next, a.triggered) }

// grace is how late an action may begin.
func (a *scheduledAction) grace() time.Duration {
	if a.interval == 0 {
		return mostGrace
	}
	return min(max(a.interval/10, leastGrace), mostGrace)
}

// judge finds out which actions run, which are late and what holds them up.
func (l *actionLook) judge() {
	unknown := l.findRunning()
	for i := range l.actions {
		a := &l.actions[i]
		late := l.now.Sub(a.due())
		if a.active && !a.running && !a.due().IsZero() && late > a.grace() {
			a.overdue = late
			l.overdue++
		}
		a.timeouts = a.unended
		if a.timeouts > 0 && (a.running || !l.visible || unknown) {
			a.timeouts-- // the present run may end yet
		}
	}
	l.holdUps(unknown)
	l.state = l.judgeState()
}

// findRunning marks the actions that run: one for each cron worker that has
// begun to. Odoo 18 has them report that they begin. Before it, the row that is
// locked cannot be seen, and only a single one that was due then is known.
func (l *actionLook) findRunning() (unknown bool) {
	for _, since := range l.running {
		var began, due []*scheduledAction
		for i := range l.actions {
			a := &l.actions[i]
			if a.running || !a.active {
				continue
			}
			if a.reported && a.unended > 0 && !a.began.Before(since.Truncate(time.Second)) {
				began = append(began, a)
			}
			if d := a.due(); !d.IsZero() && !d.After(since) {
				due = append(due, a)
			}
		}
		switch {
		case len(began) > 0:
			slices.MinFunc(began, func(a, b *scheduledAction) int { return a.began.Compare(b.began) }).running = true
		case len(due) == 1:
			due[0].running = true
		default:
			unknown = true
		}
	}
	return unknown
}

// holdUps says what the actions that are overdue wait for.
func (l *actionLook) holdUps(unknown bool) {
	long := len(l.running) > 0 && l.now.Sub(l.running[0]) > leastGrace
	for i := range l.actions {
		a := &l.actions[i]
		others := l.overdue
		if a.overdue > 0 {
			others--
		}
		if a.running && long || a.active && a.timeouts > 0 {
			a.holdsUp = others
		}
	}
	if unknown && long && !slices.ContainsFunc(l.actions, func(a scheduledAction) bool { return a.holdsUp > 0 }) {
		l.unknownHolds = max(0, l.overdue-1) // one of them is the one that runs
	}
}

func (l *actionLook) judgeState() string {
	ran := time.Time{}
	for _, a := range l.actions {
		ran = latest(ran, latest(a.last, a.began))
	}
	switch {
	case l.waiting:
		return actionsPaused
	case l.overdue == 0:
		return actionsOK
	case len(l.running) > 0 && l.now.Sub(l.running[0]) > leastGrace:
		return actionsHeldUp
	case l.visible && len(l.running) == 0 && l.now.Sub(ran) > leastGrace:
		return actionsStopped
	}
	return actionsBehind
}
