package serverlog

import (
	"bytes"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Names that stand for more than one, or for none.
const (
	otherName = "other" // beyond a bound, or not like a name
	noneName  = "none"  // a record without a database; an error without a traceback
	coreName  = "core"  // Odoo itself and its libraries
)

// Bounds of what becomes a label.
const (
	maxAddons     = 60
	maxExceptions = 40
	maxActions    = 50
)

// Bounds of what is remembered of workers.
const (
	maxWorkers = 256
	// repeatFor is how long the master may repeat that a worker is killed.
	repeatFor = 2 * time.Minute
)

// A tally counts what the lines of a log say. Its memory is bounded by the
// tenants and operations it was made for. It is not safe for concurrent use.
type tally struct {
	envelope *envelope
	slow     float64 // seconds
	now      func() time.Time
	ops      operations
	tenants  []string
	byName   map[string]int // database to tenant
	other    int
	none     int

	lines   lineCounts
	kills   [kills]uint64
	counts  []tenantCounts // by tenant
	errors  map[errorKey]uint64
	addons  map[string]bool
	classes map[string]bool
	recent  recent
	pending pending
	open    bool // pending may go on
	paused  bool // all was read since pending was opened

	running map[int]running // by cron worker: the action it runs
	killed  map[int]int64   // by worker: when it was last said to be killed
	told    bool            // the log says when actions begin
	readAt  time.Time       // when the last lines were read, on our clock
	fresh   bool            // lines were read since
	request request
}

type tenantCounts struct {
	events     [events]uint64
	conflicts  [2][causes]uint64 // retried, exhausted
	pdfs       [pdfReasons]uint64
	actions    map[string]uint64
	operations []*operationCount
}

type errorKey struct {
	tenant           int
	addon, exception string
}

// redirectWarning is the one business error that Odoo logs like a failure: it
// tells the user what to set up first and leads there.
const redirectWarning = "RedirectWarning"

// A pending record may have more lines.
type pending struct {
	Tenant    string    `json:"tenant"`
	Error     bool      `json:"error,omitempty"`   // it counts as an error when it ends
	Request   bool      `json:"request,omitempty"` // it is a request that raised
	Query     bool      `json:"query,omitempty"`   // it is a statement that PostgreSQL refused
	Lost      bool      `json:"lost,omitempty"`    // and that was a conflict between transactions
	Logger    string    `json:"logger,omitempty"`  // addon its logger is named after
	Traceback traceback `json:"traceback"`
	Said      uint32    `json:"said,omitempty"` // events its lines have said already
}

type running struct {
	tenant int
	action string
	at     int64
}

// newTally counts for the tenants given, "other" for further databases and
// "none" for records that name none.
func newTally(format string, slow time.Duration, tenants []string, now func() time.Time) *tally {
	t := &tally{
		envelope: newEnvelope(format), slow: slow.Seconds(), now: now, ops: newOperations(), byName: map[string]int{},
		errors: map[errorKey]uint64{}, addons: map[string]bool{}, classes: map[string]bool{}, running: map[int]running{}, killed: map[int]int64{},
	}
	for _, name := range tenants {
		if _, twice := t.byName[name]; !twice && name != "" {
			t.byName[name] = len(t.tenants)
			t.tenants = append(t.tenants, name)
		}
	}
	t.other, t.none = t.residual(otherName), t.residual(noneName)
	t.counts = make([]tenantCounts, len(t.tenants))
	for i := range t.counts {
		t.counts[i].operations = make([]*operationCount, len(t.ops.names))
		t.counts[i].actions = map[string]uint64{}
	}
	return t
}

// residual returns the tenant that stands for several, or for none.
func (t *tally) residual(name string) int {
	if i := slices.Index(t.tenants, name); i >= 0 {
		return i
	}
	t.tenants = append(t.tenants, name)
	return len(t.tenants) - 1
}

func (t *tally) tenant(database []byte) int {
	if database == nil {
		return t.none
	}
	if i, ok := t.byName[string(database)]; ok {
		return i
	}
	return t.other
}

// Line implements logtail.Consumer.
func (t *tally) Line(b []byte) {
	t.fresh = true
	b, ok := t.envelope.open(b)
	if !ok {
		t.lines.Wrapping++
		return
	}
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		t.text(plain(bytes.TrimSuffix(line, []byte("\r"))))
		b = rest
	}
}

// text takes one line of Odoo's.
func (t *tally) text(b []byte) {
	var r record
	switch {
	case r.parse(b):
		t.finish()
		t.lines.Records++
		t.lines.Last = r.at
		t.record(&r)
	case t.lines.Records == 0:
		t.lines.Unparsed++
	default:
		t.lines.Continued++
		if t.open {
			t.further(b)
		}
	}
}

// Pause implements logtail.Consumer. A record that nothing was added to
// between two pauses has ended.
func (t *tally) Pause() {
	if t.fresh {
		t.fresh, t.readAt = false, t.now()
		t.paused = true
		return
	}
	if t.open && t.paused {
		t.finish()
	}
	t.paused = t.open
}

// count counts an event, now and in the recent past.
func (t *tally) count(tenant int, e event) {
	t.counts[tenant].events[e]++
	t.recent.at(t.lines.Last).tenant(tenant, len(t.tenants)).events[e]++
}

func (t *tally) kill(reason int) {
	t.kills[reason]++
	t.recent.at(t.lines.Last).kills[reason]++
}

// record takes the first line of a record.
func (t *tally) record(r *record) {
	tenant := t.tenant(r.database)
	if r.level == info && string(r.logger) == logWeb {
		t.serve(tenant, r.message)
		return
	}
	if r.level == other {
		return
	}
	counted := t.bySource(tenant, r)
	if r.level >= warning && !counted {
		t.pend(tenant, r)
	}
}

// bySource counts what a logger's record says. It reports true for one that is
// counted as what it is and is no further error.
func (t *tally) bySource(tenant int, r *record) bool {
	switch string(r.logger) {
	case logServer:
		return t.server(r)
	case logRetry:
		if e, cause := conflict(r.message); e != nothing {
			t.counts[tenant].conflicts[e-conflictRetried][cause]++
			t.count(tenant, e)
			return true
		}
	case logHTTP:
		return t.http(tenant, r)
	case logCron:
		return t.scheduler(tenant, r)
	case logSQL:
		if has(r.message, "Connection to the database failed") {
			t.count(tenant, databaseUnreachable)
			return true
		}
	case logReport:
		if reason, failed := pdf(r.message); failed && r.level == warning {
			t.noPDF(tenant, reason)
		}
	case logAttachment:
		if has(r.message, "_read_file reading") {
			t.count(tenant, attachmentUnreadable)
		}
	case logUsers:
		if has(r.message, "Login failed for ") {
			t.count(tenant, loginFailed)
		}
	case logRegistry, logRegistry19:
		if r.level == failure && has(r.message, "Failed to load registry") {
			t.count(tenant, registryFailed)
		}
	case logMail:
		if r.level == failure {
			t.count(tenant, mailFailed)
		}
	default:
		if r.level == failure && has(r.logger, logJobrunner) {
			t.count(tenant, jobrunnerFailed)
		}
	}
	return false
}

func (t *tally) http(tenant int, r *record) bool {
	if r.level != warning || !refusal(r.message) {
		return false
	}
	t.count(tenant, requestRefused)
	if has(r.message, "Unable to find Wkhtmltopdf") {
		t.noPDF(tenant, pdfMissing)
	}
	return true
}

func (t *tally) noPDF(tenant, reason int) {
	t.counts[tenant].pdfs[reason]++
	t.count(tenant, pdfFailed)
}

// server takes what the server says of its workers.
func (t *tally) server(r *record) bool {
	message := r.message
	if class, pid, ok := timedOut(message); ok && r.level == failure {
		t.workerKilled(class, pid, r.at)
		return true
	}
	switch {
	case has(message, "Worker WorkerCron (") && bytes.HasSuffix(message, []byte(") alive")):
		delete(t.running, r.pid)
	case has(message, "Worker (") && bytes.Contains(message, []byte(" CPU time limit (")):
		t.kill(killCPU)
	case has(message, "Worker (") && bytes.Contains(message, []byte(" virtual memory limit (")),
		has(message, "Server memory limit ("), has(message, "Gevent virtual memory limit reached"):
		if !t.repeated(r.pid, r.at) {
			t.kill(killRecycled)
		}
		return true
	case has(message, "Thread ") && bytes.Contains(message, []byte(" virtual real time limit (")):
		if !t.repeated(r.pid, r.at) {
			t.threadKilled(r, bytes.Contains(message, []byte("odoo.service.cron.")))
		}
		return true
	case r.level == failure && has(message, "Worker ") && bytes.Contains(message, []byte("Exception occurred, exiting")):
		t.kill(killCrash)
	case r.level == failure && has(message, "Failed to initialize database"):
		t.count(t.tenant(r.database), registryFailed)
	}
	return false
}

// workerKilled counts a worker that its master kills.
func (t *tally) workerKilled(class []byte, pid int, at int64) {
	if t.repeated(pid, at) {
		return
	}
	ran, busy := t.running[pid]
	delete(t.running, pid)
	switch {
	case string(class) != "WorkerCron":
		t.kill(killTime)
	case busy:
		t.overran(ran)
	case t.told:
		t.kill(killCronIdle)
	default:
		t.kill(killCron)
	}
}

// threadKilled counts a thread of a server without workers.
func (t *tally) threadKilled(r *record, cron bool) {
	if !cron {
		t.kill(killTime)
		return
	}
	ran, busy := t.running[r.pid]
	if !busy {
		ran = running{tenant: t.tenant(r.database)}
	}
	t.overran(ran)
}

// overran counts an action that was killed with its worker.
func (t *tally) overran(ran running) {
	t.kill(killAction)
	t.count(ran.tenant, actionTimeout)
	t.action(ran.tenant, ran.action)
}

// repeated reports whether the same was said of a worker a moment ago.
func (t *tally) repeated(pid int, at int64) bool {
	last, known := t.killed[pid]
	if len(t.killed) >= maxWorkers {
		for pid, when := range t.killed {
			if at-when > int64(repeatFor) {
				delete(t.killed, pid)
			}
		}
	}
	if len(t.killed) < maxWorkers || known {
		t.killed[pid] = at
	}
	return known && at-last <= int64(repeatFor)
}

// scheduler follows which action runs in which worker.
func (t *tally) scheduler(tenant int, r *record) bool {
	name, s := schedulerStep(r.level, r.message)
	switch s {
	case begun:
		t.told = true
		t.begin(r, running{tenant: tenant, action: actionName(name), at: r.at})
	case done:
		delete(t.running, r.pid)
	case raised, overran:
		delete(t.running, r.pid)
		t.count(tenant, actionFailed)
		t.action(tenant, actionName(name))
	case skipped:
		t.count(tenant, actionsSkipped)
	case noStep:
	}
	return s == skipped
}

// begin notes what a worker runs; the one that began longest ago is forgotten
// when there are too many.
func (t *tally) begin(r *record, what running) {
	if _, known := t.running[r.pid]; !known && len(t.running) >= maxWorkers {
		oldest := r.pid
		for pid, other := range t.running {
			if o, ok := t.running[oldest]; !ok || other.at < o.at {
				oldest = pid
			}
		}
		delete(t.running, oldest)
	}
	t.running[r.pid] = what
}

// action counts a scheduled action that failed, by name.
func (t *tally) action(tenant int, name string) {
	names := t.counts[tenant].actions
	if _, known := names[name]; !known && len(names) >= maxActions || name == "" {
		name = otherName
	}
	names[name]++
}

// actionName makes a scheduled action's name fit to be a label: valid, on one
// line, short, as the task that reads the table of scheduled actions does.
func actionName(b []byte) string {
	const most = 100
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(b), "\uFFFD")), " ")
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// serve counts a request of the web server.
func (t *tally) serve(tenant int, message []byte) {
	q := &t.request
	if !q.parse(message) || !q.measured || q.ours {
		return
	}
	op := t.ops.of(q)
	if op == shapeWebsocket {
		return
	}
	c := &t.counts[tenant]
	if c.operations[op] == nil {
		c.operations[op] = &operationCount{}
	}
	o, seconds := c.operations[op], q.sql+q.rest
	o.observe(seconds)
	o.SQL += q.sql
	o.Queries += uint64(q.queries)
	if seconds >= t.slow {
		o.Slow++
	}
	if op != shapeWeb {
		t.recent.at(t.lines.Last).tenant(tenant, len(t.tenants)).calls++
	}
}

// pend opens a record whose further lines matter.
func (t *tally) pend(tenant int, r *record) {
	t.open, t.paused = true, false
	t.pending = pending{Tenant: t.tenants[tenant], Error: r.level == failure, Logger: loggerAddon(r.logger)}
	switch string(r.logger) {
	case logSQL:
		if has(r.message, "bad query:") {
			t.pending.Error, t.pending.Query = false, true
		}
	case logHTTP:
		t.pending.Request = r.level == failure && has(r.message, "Exception during request handling")
	}
}

// further takes a line that follows a record's first.
func (t *tally) further(b []byte) {
	p := &t.pending
	if p.Query && has(b, "ERROR: ") {
		p.Lost = lostToAnother(b)
	}
	text, ended := p.Traceback.line(b)
	if !ended {
		return
	}
	if e := refusedConnection(p.Traceback.Exception, text); e != nothing {
		t.say(e)
	}
	switch {
	case p.Traceback.Exception == "RuntimeError" && bytes.Contains(text, []byte("bind the websocket")):
		t.say(websocketMisrouted)
	case p.Traceback.Exception == "MemoryError" && p.Error && p.Said&1 == 0:
		p.Said |= 1
		t.kill(killMemory)
	}
}

// lostToAnother reports whether a statement was refused because another
// transaction was in its way: what follows says whether that cost anything.
func lostToAnother(b []byte) bool {
	for _, text := range [...]string{"could not serialize access", "deadlock detected", "could not obtain lock", "lock timeout"} {
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

// say counts an event once for the pending record.
func (t *tally) say(e event) {
	if bit := uint32(1) << e; t.pending.Said&bit == 0 {
		t.pending.Said |= bit
		t.count(t.index(t.pending.Tenant), e)
	}
}

// index is where a tenant of a pending record is; it may be of a former
// configuration.
func (t *tally) index(name string) int {
	if i := slices.Index(t.tenants, name); i >= 0 {
		return i
	}
	return t.other
}

// finish counts the pending record, all of whose lines are known.
func (t *tally) finish() {
	if !t.open {
		return
	}
	t.open = false
	p := &t.pending
	tenant := t.index(p.Tenant)
	switch {
	case p.Query && !p.Lost:
		t.count(tenant, badQuery)
	case p.Request && p.Traceback.Exception == redirectWarning:
		t.count(tenant, requestRefused)
	case p.Request:
		t.count(tenant, requestFailed)
		t.failed(tenant, p)
	case p.Error:
		t.failed(tenant, p)
	}
}

// failed counts an error of an addon.
func (t *tally) failed(tenant int, p *pending) {
	addon, exception := p.Logger, noneName
	if p.Traceback.Seen {
		addon, exception = p.Traceback.Addon, p.Traceback.Exception
	}
	if addon == "" {
		addon = coreName
	}
	if exception == "" {
		exception = otherName
	}
	addon, exception = bounded(t.addons, addon, maxAddons), bounded(t.classes, exception, maxExceptions)
	t.errors[errorKey{tenant, addon, exception}]++
	t.recent.at(t.lines.Last).tenant(tenant, len(t.tenants)).failed(addon)
}

// bounded returns name as long as there are not too many names.
func bounded(names map[string]bool, name string, most int) string {
	if !names[name] && len(names) >= most {
		return otherName
	}
	names[name] = true
	return name
}
