package serverlog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/logtail"
)

var (
	eventsTotal = prometheus.NewDesc(
		"odoo_log_events_total", "What Odoo's log says has happened, by event.", []string{"tenant", "event"}, nil,
	)
	errorsTotal = prometheus.NewDesc(
		"odoo_log_errors_total",
		"Errors in Odoo's log, by the addon the innermost frame lies in and the exception; statements PostgreSQL refused and killed workers are counted elsewhere.",
		[]string{"tenant", "addon", "exception"}, nil,
	)
	conflictsTotal = prometheus.NewDesc(
		"odoo_serialization_failures_total",
		"Transactions that lost against another (40001, 40P01, 55P03), by whether they were tried again or given up.",
		[]string{"tenant", "outcome", "cause"}, nil,
	)
	pdfFailures = prometheus.NewDesc(
		"odoo_pdf_failures_total", "PDFs that wkhtmltopdf did not make, by reason (crashed, killed, missing, other).", []string{"tenant", "reason"}, nil,
	)
	actionFailures = prometheus.NewDesc(
		"odoo_log_scheduled_action_failures_total", "Runs of a scheduled action that raised or were killed, as the log tells.", []string{"tenant", "action"}, nil,
	)
	killsTotal = prometheus.NewDesc(
		"odoo_worker_kills_total",
		"Workers ended by a limit or a crash. Of those, cron_idle ran nothing, cron_unknown may have, and recycled had finished its request.",
		[]string{"reason"}, nil,
	)
	callDuration = prometheus.NewDesc(
		"odoo_rpc_duration_seconds", "Duration of requests as Odoo measured them, websockets and the health check excluded.", []string{"tenant", "operation"}, nil,
	)
	callSQL = prometheus.NewDesc(
		"odoo_rpc_sql_seconds_total", "The part of the duration spent in SQL.", []string{"tenant", "operation"}, nil,
	)
	callQueries = prometheus.NewDesc(
		"odoo_rpc_queries_total", "SQL statements of requests.", []string{"tenant", "operation"}, nil,
	)
	callsSlow = prometheus.NewDesc(
		"odoo_rpc_slow_total", "Requests that took at least as long as log.slow says.", []string{"tenant", "operation"}, nil,
	)

	recentEvents = prometheus.NewDesc(
		"odoo_log_recent_events", "Events of the last five minutes on the log's clock.", []string{"tenant", "event"}, nil,
	)
	recentErrors = prometheus.NewDesc(
		"odoo_log_recent_errors", "Errors of the last five minutes on the log's clock, by addon.", []string{"tenant", "addon"}, nil,
	)
	recentKills = prometheus.NewDesc(
		"odoo_worker_recent_kills", "Workers killed in the last five minutes while they worked, by reason.", []string{"reason"}, nil,
	)
	callErrors = prometheus.NewDesc(
		"odoo_rpc_error_ratio",
		"Share of the calls of the last five minutes that raised an exception, nearly all of them answered with HTTP 200; absent below 20 calls.",
		[]string{"tenant"}, nil,
	)

	logReadable = prometheus.NewDesc("odoo_log_readable", "Whether Odoo's log can be read: 1 or 0.", nil, nil)
	logLines    = prometheus.NewDesc("odoo_log_lines_total", "Lines of Odoo's log by what they are (record, continued, wrapping, unparsed, oversize).", []string{"result"}, nil)
	logBytes    = prometheus.NewDesc("odoo_log_bytes_total", "Bytes of Odoo's log that were read.", nil, nil)
	logLag      = prometheus.NewDesc("odoo_log_lag_bytes", "Bytes written to Odoo's log and not read yet.", nil, nil)
	logLast     = prometheus.NewDesc("odoo_log_last_line_timestamp_seconds", "Time of the newest record.", nil, nil)
	logRotated  = prometheus.NewDesc("odoo_log_rotations_total", "Rotations followed, by kind (rename, truncate).", []string{"kind"}, nil)
	logLost     = prometheus.NewDesc("odoo_log_rotations_unresolved_total", "Rotations after which the old file was not found again, so that its last lines may be missing.", nil, nil)
)

// Describe implements collector.Collector.
func (*Log) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		eventsTotal, errorsTotal, conflictsTotal, pdfFailures, actionFailures, killsTotal, callDuration, callSQL, callQueries, callsSlow,
		recentEvents, recentErrors, recentKills, callErrors, logReadable, logLines, logBytes, logLag, logLast, logRotated, logLost,
	} {
		ch <- d
	}
}

// Collect implements collector.Collector. It publishes what the follower
// counted and reads no file itself.
func (l *Log) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	s := l.follower.Snapshot()
	if s == nil || s.State == nil {
		return nil // the follower has not looked yet: nothing is known
	}
	publishLog(ch, s)
	current := s.Readable && s.State.Lines.Records > 0 // else nothing is known of the present
	for i, name := range killNames {
		counter(ch, killsTotal, float64(s.State.Kills[name]), name)
		if harmful(i) && current {
			gauge(ch, recentKills, float64(s.State.recent.kills[i]), name)
		}
	}
	for i, name := range l.tally.tenants {
		main := i == 0 && name != otherName && name != noneName
		publishTenant(ch, name, s.State.Tenants[name], main)
		if i < len(s.State.recent.tenants) && current {
			publishRecent(ch, name, &s.State.recent.tenants[i], main)
		}
	}
	if s.Err != nil {
		return s.Err
	}
	return l.watch.judge(l.now(), s.State.Lines)
}

func publishLog(ch chan<- prometheus.Metric, s *logtail.Snapshot[*state]) {
	lines := s.State.Lines
	readable := 0.0
	if s.Readable {
		readable = 1
		gauge(ch, logLag, float64(s.Lag))
	}
	gauge(ch, logReadable, readable)
	for _, l := range []struct {
		result string
		n      uint64
	}{
		{"record", lines.Records},
		{"continued", lines.Continued},
		{"wrapping", lines.Wrapping},
		{"unparsed", lines.Unparsed},
		{"oversize", s.Counts.Oversize},
	} {
		counter(ch, logLines, float64(l.n), l.result)
	}
	counter(ch, logBytes, float64(s.Counts.Bytes))
	counter(ch, logRotated, float64(s.Counts.Renamed), "rename")
	counter(ch, logRotated, float64(s.Counts.Truncated), "truncate")
	counter(ch, logLost, float64(s.Counts.Unresolved))
	if lines.Last > 0 {
		gauge(ch, logLast, float64(lines.Last)/1e9)
	}
}

// publishTenant publishes what was counted for one tenant; of the main one also
// what did not happen, so that the first time is seen as a rise.
func publishTenant(ch chan<- prometheus.Metric, tenant string, s *tenantState, main bool) {
	if s == nil {
		return
	}
	for _, name := range eventNames[nothing+1:] {
		if n := s.Events[name]; n > 0 || main {
			counter(ch, eventsTotal, float64(n), tenant, name)
		}
	}
	for _, outcome := range outcomeNames {
		for _, cause := range causeNames {
			if n := s.Conflicts[outcome][cause]; n > 0 || main && cause != causeNames[otherCause] {
				counter(ch, conflictsTotal, float64(n), tenant, outcome, cause)
			}
		}
	}
	for _, reason := range pdfNames {
		if n := s.PDFs[reason]; n > 0 || main {
			counter(ch, pdfFailures, float64(n), tenant, reason)
		}
	}
	for _, action := range slices.Sorted(maps.Keys(s.Actions)) {
		counter(ch, actionFailures, float64(s.Actions[action]), tenant, action)
	}
	for _, e := range s.Errors {
		counter(ch, errorsTotal, float64(e.Count), tenant, e.Addon, e.Exception)
	}
	for _, op := range slices.Sorted(maps.Keys(s.Operations)) {
		publishOperation(ch, tenant, op, s.Operations[op])
	}
}

func publishOperation(ch chan<- prometheus.Metric, tenant, op string, o operationCount) {
	below, all := o.cumulative()
	ch <- prometheus.MustNewConstHistogram(callDuration, all, o.Seconds, below, tenant, op)
	counter(ch, callSQL, o.SQL, tenant, op)
	counter(ch, callQueries, float64(o.Queries), tenant, op)
	counter(ch, callsSlow, float64(o.Slow), tenant, op)
}

func publishRecent(ch chan<- prometheus.Metric, tenant string, r *recentTenant, main bool) {
	for e := nothing + 1; e < events; e++ {
		if n := r.events[e]; n > 0 || main {
			gauge(ch, recentEvents, float64(n), tenant, eventNames[e])
		}
	}
	for _, addon := range slices.Sorted(maps.Keys(r.errors)) {
		gauge(ch, recentErrors, float64(r.errors[addon]), tenant, addon)
	}
	if ratio, enough := r.errorRatio(); enough {
		gauge(ch, callErrors, ratio, tenant)
	}
}

// A watch notices a file that is no log of Odoo's.
type watch struct {
	since time.Time
	lines lineCounts
}

// Bounds of the judgement.
const (
	judgeEvery = 5 * time.Minute
	fewLines   = 20
)

// judge compares with what was counted up to five minutes ago.
func (w *watch) judge(now time.Time, lines lineCounts) error {
	read := lines.Unparsed + lines.Wrapping - w.lines.Unparsed - w.lines.Wrapping
	records := lines.Records - w.lines.Records
	if now.Sub(w.since) > judgeEvery {
		w.since, w.lines = now, lines
	}
	if records > 0 || read < fewLines {
		return nil
	}
	return &fault.Error{
		Op: "parse Odoo's log", Kind: fault.Schema, Err: fmt.Errorf("none of the last %d lines begins a record of Odoo's", read),
		Hint: "check that log.file is the log of the Odoo server, and write log: {format: …} if it is kept in an envelope",
	}
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
