package wording

import (
	"slices"
	"strings"
)

// A firstStep is what to do first about a component of a kind in one sort of
// trouble; the one without a sort is for all others.
type firstStep struct {
	Kind, Family string
	Says         string // {} is the component
}

// firstSteps lists them. They are safe to do before anything is certain.
var firstSteps = []firstStep{
	{"postgres", "", "Look at the database {}: is it up, is its disk full, does one session hold up the others? End that one; bring the server back or fail over. Do not restart Odoo before that."},
	{"postgres", "down", "Look at the database server of {}: is it up, is its disk full? Bring it back or fail over. Do not restart Odoo before that."},
	{"postgres", "read-only", "Find out which server of {} is the primary now and send Odoo there. Do not promote a second one."},
	{"postgres", "split-brain", "Have Odoo write to one server of {} only, at once, and keep the other as it is: what was written there must be compared."},
	{"postgres", "locks", "Find the session of {} that holds up the others and ask who runs it; end that one, not those that wait. Do not restart Odoo before that."},
	{"postgres", "connections", "See who holds the connections of {} and stop what does not give them back. Do not raise the limit before that."},
	{"postgres", "storage", "Make room on the disk of {} or enlarge it. Never delete files of the database by hand."},
	{"postgres", "replication", "See why the standby of {} does not follow: is its replay paused, its disk full, its connection cut? Do not restart the primary."},
	{"postgres", "copies", "See why the standby of {} does not follow: is its replay paused, its disk full, its connection cut? Do not restart the primary."},
	{"postgres", "archiving", "See why {} cannot archive its log: is the archive's disk full, were its rights changed? Do not delete log files."},
	{"redis", "", "Look at {}: does it answer, is its memory or its disk full? Bring it back. Restarting it may log everybody out, but loses nothing posted."},
	{"traefik", "", "Bring the ingress {} back; what stands behind it may be fine: check it directly."},
	{"traefik", "unreached", "Find out how far requests to {} get from outside: its name, its address, what stands before it."},
	{"traefik", "certificate", "Renew the certificate that {} shows, and have it loaded."},
	{"traefik", "routing", "Look at what {} says about its configuration, and take the last change of it back."},
	{"certificate", "", "Renew the certificate {} and have the server load it."},
	{"endpoint", "", "Ask whoever runs {} whether it works for others; nothing of ours may be broken."},
	{"backup", "", "See which files the archive of {} lacks, and whether they are still on the database server. Delete nothing there."},
	{"odoo", "", "Look at Odoo's workers on {}: are all of them busy, were some killed at their time limit?"},
	{"odoo", "application", "Open the incident: the step that failed shows what {} answered. Ask who changed a setting, a right or a module there today, and have it taken back."},
	{"odoo", "addons", "See what was deployed on {} last, and take it back if it fails since then."},
	{"odoo", "job-runner", "Restart the job runner of {} alone; expect the first job within a minute. Set no started job back before you know what it did."},
	{"odoo", "scheduled-actions", "Open the scheduled actions of {}: switch on the one that is off, or end the one that holds up the others."},
	{"odoo", "auto-post", "Find the draft at which the action of {} stops, and post or move that one by hand."},
	{"odoo", "conflicts", "Find what posts in bulk on {} and pause it; do not start a second one."},
	{"odoo", "documents", "Try one short document and one long one on {}: does the PDF engine fail with both?"},
	{"odoo", "mail", "Look at the outgoing mail of {}: does its mail server refuse it? Send nothing again before that."},
	{"odoo", "lock-dates", "Ask the close manager whether the period is to be closed. Do not move a lock date by yourself."},
}

// FirstFor is the first thing to do about an unhealthy component of a kind in a
// sort of trouble, or "" when nothing can be said in general.
func FirstFor(kind, family, component string) string {
	says := ""
	for _, s := range firstSteps {
		if s.Kind == kind && (s.Family == family || s.Family == "" && says == "") {
			says = s.Says
		}
	}
	return strings.ReplaceAll(says, "{}", component)
}

// A duplicateRisk is what must not be repeated while a component of a kind is in
// one sort of trouble: what was under way may have gone through. The one without
// a sort is for all others.
type duplicateRisk struct {
	Kind, Family string
	About        string // a line that speaks of it already says it
	Says         string
}

// duplicateRisks lists them. They are of operations of Odoo and its community
// modules that do not notice that they are done twice: payment files,
// e-invoices, imports of statements, jobs.
var duplicateRisks = []duplicateRisk{
	{"postgres", "down", "under way", "Do not repeat a payment file, e-invoice or import that was under way: look first whether it went through."},
	{"postgres", "read-only", "requeue", "Do not requeue jobs in state started after the failover before knowing what they did: they may run twice."},
	{"postgres", "connections", "under way", "Do not repeat a payment file, e-invoice or import that was under way: look first whether it went through."},
	{"postgres", "locks", "again", "Do not have people click again while they wait: what waits is done when the lock is gone, then twice."},
	{"odoo", "", "under way", "Do not repeat a payment file, e-invoice or import that was under way: look first whether it went through."},
	{"odoo", "job-runner", "requeue", "Do not requeue jobs in state started before knowing what they did: they may run twice."},
	{"odoo", "scheduled-actions", "by hand", "Do not run a scheduled action by hand while another run may be active: its work is done twice."},
	{"odoo", "auto-post", "by hand", "Do not run automatic posting by hand while another run may be active: entries that repeat are made twice."},
	{"odoo", "mail", "send", "Do not send again what waits before knowing what went out: customers get it twice."},
	{"odoo", "lock-dates", "lock date", "Do not move a lock date to make room: ask the close manager."},
	{"traefik", "", "under way", "Do not repeat a payment file, e-invoice or import that was under way: look first whether it went through."},
	{"endpoint", "", "again", "Do not send a file or a filing again after a timeout: the other side may have it."},
}

// NotFor adds to what must not be done about a process what must not be
// repeated because of an unhealthy component. It comes second: the process's own
// first line is of what is worst.
func NotFor(lines []string, kind, family string) []string {
	var risk duplicateRisk
	for _, r := range duplicateRisks {
		if r.Kind == kind && (r.Family == family || r.Family == "" && risk.Says == "") {
			risk = r
		}
	}
	said := func(line string) bool { return strings.Contains(line, risk.About) }
	if risk.Says == "" || slices.ContainsFunc(lines, said) {
		return lines
	}
	return slices.Insert(slices.Clone(lines), min(1, len(lines)), risk.Says)
}

// FirstFamilies lists the sorts of trouble of a kind that have a first step of
// their own.
func FirstFamilies(kind string) []string {
	var out []string
	for _, s := range firstSteps {
		if s.Kind == kind {
			out = append(out, s.Family)
		}
	}
	return out
}
