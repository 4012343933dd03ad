package collector

import (
	"errors"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxLogged bounds an error text in the log: it may quote a monitored system.
const maxLogged = 1000

// failureLog writes a failure when it begins and when it becomes another one,
// not on every run, and once when it is over.
type failureLog struct {
	log  *slog.Logger
	what string // "collector"
	last string // kind and message of the failure that lasts, "" when none does
	runs int    // runs it has lasted
}

// record notes the outcome of one run.
func (l *failureLog) record(err error, more ...any) {
	if err == nil {
		if l.last != "" {
			l.log.Info(l.what+" recovered", "failed_runs", l.runs)
		}
		l.last, l.runs = "", 0
		return
	}
	kind := fault.KindOf(err)
	same := string(kind) + withoutNumbers(err.Error())
	l.runs++
	if same == l.last {
		return
	}
	l.last = same
	args := append([]any{"kind", string(kind), "err", bounded(err.Error())}, more...)
	if hint := fault.HintOf(err); hint != "" {
		args = append(args, "hint", hint)
	}
	if p, ok := errors.AsType[*panicked](err); ok {
		args = append(args, "stack", string(p.stack))
	}
	l.log.Warn(l.what+" failed", args...)
}

// withoutNumbers makes messages that differ in ports, ids or times the same.
func withoutNumbers(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}

func bounded(s string) string {
	if len(s) <= maxLogged {
		return s
	}
	s = s[:maxLogged]
	for !utf8.ValidString(s) && s != "" {
		s = s[:len(s)-1]
	}
	return s + "…"
}
