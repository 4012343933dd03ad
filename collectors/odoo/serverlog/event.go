package serverlog

import "bytes"

// An event is what a record says has happened, one of a closed list.
type event uint8

const (
	nothing event = iota
	requestRefused
	requestFailed
	conflictRetried
	conflictExhausted
	actionFailed
	actionTimeout
	actionsSkipped
	pdfFailed
	poolFull
	tooManyConnections
	databaseUnreachable
	registryFailed
	badQuery
	mailFailed
	websocketMisrouted
	jobrunnerFailed
	attachmentUnreadable
	loginFailed
	events
)

var eventNames = [events]string{
	requestRefused:       "request_refused",           // a business error, answered with HTTP 200
	requestFailed:        "request_failed",            // an exception, answered with HTTP 200 to a call
	conflictRetried:      "conflict_retried",          // a transaction lost and is tried again
	conflictExhausted:    "conflict_exhausted",        // it lost five times: the user sees an error
	actionFailed:         "scheduled_action_failed",   // a scheduled action raised
	actionTimeout:        "scheduled_action_timeout",  // its worker was killed while it ran
	actionsSkipped:       "scheduled_actions_skipped", // no action of the database runs: modules wait for an upgrade, or the version differs
	pdfFailed:            "pdf_failed",                // wkhtmltopdf made no PDF
	poolFull:             "connection_pool_full",      // no free connection below db_maxconn
	tooManyConnections:   "too_many_connections",      // PostgreSQL has no free connection
	databaseUnreachable:  "database_unreachable",      // any other failure to connect
	registryFailed:       "registry_failed",           // a database's modules cannot be loaded
	badQuery:             "bad_query",                 // PostgreSQL refused a statement; conflicts are not among them
	mailFailed:           "mail_failed",               // a mail could not be sent
	websocketMisrouted:   "websocket_misrouted",       // a websocket reached a worker instead of the gevent port
	jobrunnerFailed:      "jobrunner_failed",          // queue_job's runner raised
	attachmentUnreadable: "attachment_unreadable",     // a file of the filestore is missing
	loginFailed:          "login_failed",              // a wrong password
}

// Causes of a conflict between transactions.
const (
	serialization = iota
	deadlock
	lock
	otherCause
	causes
)

var causeNames = [causes]string{"serialization", "deadlock", "lock", "other"}

// Reasons why a PDF failed.
const (
	pdfCrashed = iota // ended by a signal other than SIGKILL: -11 out of memory or of files
	pdfKilled         // SIGKILL, as the kernel sends it when memory ends
	pdfMissing        // wkhtmltopdf is not installed
	pdfOther
	pdfReasons
)

var pdfNames = [pdfReasons]string{"crashed", "killed", "missing", "other"}

// Reasons why a worker was killed.
const (
	killTime     = iota // limit_time_real, in a request
	killCPU             // limit_time_cpu
	killMemory          // limit_memory_hard
	killAction          // limit_time_real_cron, while a scheduled action ran
	killCrash           // an exception ended it
	killCronIdle        // limit_time_real_cron, while nothing ran
	killCron            // limit_time_real_cron, and the log does not tell what ran
	killRecycled        // limit_memory_soft, after its request
	kills
)

var killNames = [kills]string{"time", "cpu", "memory", "scheduled_action_time", "crash", "cron_idle", "cron_unknown", "recycled"}

// harmful are the kills that cost somebody something.
func harmful(kill int) bool { return kill < killCronIdle }

// Loggers of Odoo that say more than their level.
const (
	logWeb        = "werkzeug"
	logHTTP       = "odoo.http"
	logServer     = "odoo.service.server"
	logRetry      = "odoo.service.model"
	logSQL        = "odoo.sql_db"
	logRegistry   = "odoo.modules.registry"
	logRegistry19 = "odoo.registry"
	logCron       = "odoo.addons.base.models.ir_cron"
	logReport     = "odoo.addons.base.models.ir_actions_report"
	logAttachment = "odoo.addons.base.models.ir_attachment"
	logUsers      = "odoo.addons.base.models.res_users"
	logMail       = "odoo.addons.mail.models.mail_mail"
	logJobrunner  = "odoo.addons.queue_job.jobrunner"
)

// notBusiness are warnings of odoo.http that no user's business error is.
var notBusiness = [...]string{
	"CSRF validation failed", "No CSRF validation token", "Logged into database", "Profiling expiration", "The endpoint",
	"Database or registry unusable", "Invalid value for", "Cannot load GeoIP",
}

// notRefused are parts of further ones.
var notRefused = [...]string{
	" called ignoring args ", " returns an HTTPException instead of raising it.", " is a controller endpoint without any route",
	", retrying with a read/write cursor", " defined with invalid routing parameter",
}

// refusal reports whether a warning of odoo.http is an exception's text: what
// Odoo answers to the user and logs as nothing else.
func refusal(message []byte) bool {
	for _, text := range notBusiness {
		if has(message, text) {
			return false
		}
	}
	for _, text := range notRefused {
		if bytes.Contains(message, []byte(text)) {
			return false
		}
	}
	return true
}

// conflict reads what Odoo says when a transaction lost against another:
//
//	SERIALIZATION_FAILURE, 4 tries left, try again in 0.3170 sec...
//	SERIALIZATION_FAILURE, maximum number of tries reached!
func conflict(message []byte) (e event, cause int) {
	switch {
	case bytes.Contains(message, []byte(", maximum number of tries reached!")):
		e = conflictExhausted
	case bytes.Contains(message, []byte(" tries left, try again in ")):
		e = conflictRetried
	default:
		return nothing, 0
	}
	switch {
	case has(message, "SERIALIZATION_FAILURE"):
		return e, serialization
	case has(message, "DEADLOCK_DETECTED"):
		return e, deadlock
	case has(message, "LOCK_NOT_AVAILABLE"):
		return e, lock
	}
	return e, otherCause
}

// pdf reads a warning about wkhtmltopdf, whose text may be in any language: it
// begins with its name and has the exit code as its first number. What it says
// of a PDF that it made begins in lower case.
func pdf(message []byte) (reason int, failed bool) {
	if !has(message, "Wkhtmltopdf") && !bytes.Contains(message[:min(len(message), 64)], []byte("Wkhtmltopdf")) {
		return 0, false
	}
	code, found := firstNumber(message)
	switch {
	case !found:
		return 0, false
	case code == -9:
		return pdfKilled, true
	case code < 0:
		return pdfCrashed, true
	}
	return pdfOther, true
}

// firstNumber finds the first integer of a text.
func firstNumber(b []byte) (int, bool) {
	for i, c := range b {
		if c < '0' || c > '9' {
			continue
		}
		end := i
		for end < len(b) && end < i+9 && b[end] >= '0' && b[end] <= '9' {
			end++
		}
		n := int(digits(b[i:end]))
		if i > 0 && b[i-1] == '-' {
			n = -n
		}
		return n, true
	}
	return 0, false
}

// timedOut reads "WorkerHTTP (28) timeout after 120s".
func timedOut(message []byte) (class []byte, pid int, ok bool) {
	class, rest, ok := bytes.Cut(message, []byte(" ("))
	if !ok {
		return nil, 0, false
	}
	number, rest, ok := bytes.Cut(rest, []byte(") timeout after "))
	n := digits(number)
	return class, int(n), ok && n >= 0 && len(rest) > 0
}

// A step is what a line of the scheduler says of one action.
type step uint8

const (
	noStep step = iota
	begun
	done
	raised
	overran
	skipped
)

// schedulerStep reads the scheduler's lines of versions 16 to 19:
//
//	Starting job `NAME`.                                             16, 17
//	Job `NAME` done.                                                 16
//	Job done: `NAME` (0.103s).                                       17
//	Call from cron NAME for server action #12 failed in Job #7       16, 17
//	Job 'NAME' (7) starting                                          18, 19
//	Job 'NAME' (7) done in 0.103s                                    18
//	Job 'NAME' (7) fully done (#loop 1; done 0; remaining 0; …)      19
//	Job 'NAME' (7) server action #12 failed                          18, 19
//	Job 'NAME' (7) timed out                                         18, 19
//	Forbidden server action 'NAME' executed while the user … is archived.   19
//	Skipping database prod because of modules to install/upgrade/remove.
func schedulerStep(l level, message []byte) (name []byte, s step) {
	switch {
	case has(message, "Starting job `"):
		return between(message, "`", "`"), begun
	case has(message, "Job `"), has(message, "Job done: `"):
		return between(message, "`", "`"), done
	case has(message, "Call from cron ") && l == failure:
		return between(message, "Call from cron ", " for server action #"), raised
	case has(message, "Skipping database ") && l == warning:
		return nil, skipped
	case has(message, "Forbidden server action ") && l == warning:
		return between(message, "Forbidden server action '", "' executed while"), raised
	case !has(message, "Job "):
		return nil, noStep
	}
	quoted := message[len("Job "):]
	if len(quoted) < 2 || quoted[0] != '\'' && quoted[0] != '"' {
		return nil, noStep
	}
	end := bytes.LastIndex(quoted, []byte{quoted[0], ' ', '('})
	if end < 1 {
		return nil, noStep
	}
	name, rest := quoted[1:end], quoted[end+1:]
	switch {
	case bytes.HasSuffix(rest, []byte(") starting")):
		return name, begun
	case bytes.Contains(rest, []byte(") done in ")), bytes.HasSuffix(rest, []byte(") completed")), bytes.Contains(rest, []byte(" (#loop ")):
		return name, done
	case bytes.HasSuffix(rest, []byte(" failed")) && l == failure:
		return name, raised
	case bytes.HasSuffix(rest, []byte(") timed out")) && l == failure:
		return name, overran
	}
	return nil, noStep
}

// between returns what lies between two marks, nil when one is missing.
func between(b []byte, from, to string) []byte {
	_, b, ok := bytes.Cut(b, []byte(from))
	if !ok {
		return nil
	}
	b, _, ok = bytes.Cut(b, []byte(to))
	if !ok {
		return nil
	}
	return b
}

// refusedConnection tells why a connection to PostgreSQL failed, from the text
// of its exception.
func refusedConnection(exception string, text []byte) event {
	switch {
	case exception == "PoolError" && bytes.Contains(text, []byte("Pool Is Full")):
		return poolFull
	case exception != "OperationalError":
		return nothing
	case bytes.Contains(text, []byte("too many clients")), bytes.Contains(text, []byte("remaining connection slots")), bytes.Contains(text, []byte("too many connections for")):
		return tooManyConnections
	}
	return nothing
}
