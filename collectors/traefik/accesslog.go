package traefik

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/logtail"
)

var (
	operationLabels = []string{"tenant", "operation", "client"}

	operationsTotal = prometheus.NewDesc(
		"traefik_finance_operations_total",
		"Requests in the access log by finance operation and outcome (ok, client, limited, aborted, upstream, server).",
		[]string{"tenant", "operation", "client", "outcome"}, nil,
	)
	operationDuration = prometheus.NewDesc(
		"traefik_finance_operation_duration_seconds",
		"Duration of requests that were answered or given up on, websockets excluded.",
		operationLabels, nil,
	)
	originDuration = prometheus.NewDesc(
		"traefik_finance_operation_origin_duration_seconds",
		"The part of the duration Traefik waited for the server behind it.",
		operationLabels, nil,
	)
	requestBytes = prometheus.NewDesc(
		"traefik_finance_operation_request_bytes_total",
		"Bytes of the requests' bodies; absent while no line tells them, as in the common format.",
		operationLabels, nil,
	)
	responseBytes = prometheus.NewDesc(
		"traefik_finance_operation_response_bytes_total",
		"Bytes of the answers' bodies, as they were sent to the client.",
		operationLabels, nil,
	)
	operationRetries = prometheus.NewDesc(
		"traefik_finance_operation_retries_total",
		"Attempts beyond the first; absent while no line reports any, as with Traefik 3.",
		operationLabels, nil,
	)
	upstreamErrors = prometheus.NewDesc(
		"traefik_finance_upstream_error_ratio",
		"Share of users' requests that ended in the last five minutes, by the log's clock, in upstream or server; absent below 20 requests.",
		[]string{"tenant"}, nil,
	)

	interruptedTotal = prometheus.NewDesc(
		"traefik_finance_interrupted_writes_total",
		"Users' requests that change the books and whose answer never arrived: a timeout (504), a client that gave up after a second or more (499), or an answer cut short. Odoo may have done the work.",
		[]string{"tenant", "operation"}, nil,
	)
	interruptedRecent = prometheus.NewDesc(
		"traefik_finance_recent_interrupted_writes",
		"Of the interrupted writes, those that ended in the last half hour.",
		[]string{"tenant", "operation"}, nil,
	)
	unlistedOperations = prometheus.NewDesc(
		"traefik_finance_unlisted_operations",
		"Model methods seen since the start that have no label of their own and count as other; 200 stands for that many or more. check --live names the most frequent that change something.",
		[]string{"tenant"}, nil,
	)

	logReadable = prometheus.NewDesc("traefik_accesslog_readable", "Whether the access log can be read: 1 or 0.", nil, nil)
	logLines    = prometheus.NewDesc("traefik_accesslog_lines_total", "Lines of the access log by what became of them (parsed; plain: counted without duration and router; statusless; unparsed; oversize).", []string{"result"}, nil)
	logBytes    = prometheus.NewDesc("traefik_accesslog_bytes_total", "Bytes of the access log that were counted.", nil, nil)
	logPadding  = prometheus.NewDesc("traefik_accesslog_padding_bytes_total", "NUL bytes skipped, as left by a truncation under a writer that does not append.", nil, nil)
	logLastLine = prometheus.NewDesc("traefik_accesslog_last_line_timestamp_seconds", "When the newest logged request ended.", nil, nil)
	logLag      = prometheus.NewDesc("traefik_accesslog_lag_bytes", "Bytes written to the access log and not read yet.", nil, nil)
	logRotated  = prometheus.NewDesc("traefik_accesslog_rotations_total", "Rotations followed, by kind (rename, truncate).", []string{"kind"}, nil)
	logGap      = prometheus.NewDesc("traefik_accesslog_gap_seconds_total", "Time in which lines were written that a truncation may have destroyed: an upper bound.", nil, nil)
	logLostSize = prometheus.NewDesc("traefik_accesslog_lost_bytes_total", "Bytes that were seen in the access log and found nowhere again after a rotation: a lower bound of what was lost.", nil, nil)
	logLost     = prometheus.NewDesc("traefik_accesslog_rotations_unresolved_total", "Rotations after which the old file was not found again, so that its last lines may be missing.", nil, nil)
	logRetries  = prometheus.NewDesc("traefik_accesslog_retries_total", "Sum of RetryAttempts, which Traefik 3 logs as 0.", nil, nil)
	logNumbered = prometheus.NewDesc("traefik_accesslog_requests_numbered_total", "Requests Traefik numbered for the access log, by the highest RequestCount seen.", nil, nil)
	logSeen     = prometheus.NewDesc("traefik_accesslog_requests_seen_total", "Of the numbered requests, those whose line was read; the rest were filtered out or are still open.", nil, nil)
	logCoverage = prometheus.NewDesc("traefik_accesslog_coverage_ratio", "Share of the requests of the last five minutes whose line was read, by what tells the requests (numbering: RequestCount in the lines; entrypoints: Traefik's metrics); absent below 100 requests.", []string{"by"}, nil)
)

// accessLog publishes what the follower counted. It reads no file itself.
type accessLog struct {
	follower *logtail.Follower[counted]
	sighting *sighting // nil without metrics
	now      func() time.Time
	recent   recent
}

// Describe implements collector.Collector.
func (*accessLog) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		operationsTotal, operationDuration, originDuration, requestBytes, responseBytes, operationRetries, upstreamErrors, interruptedTotal, interruptedRecent, unlistedOperations,
		logReadable, logLines, logBytes, logPadding, logLastLine, logLag, logRotated, logGap, logLostSize, logLost, logRetries, logNumbered, logSeen, logCoverage,
	} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (a *accessLog) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	s := a.follower.Snapshot()
	if s == nil {
		return nil // the follower has not looked yet: nothing is known
	}
	publishLog(ch, s)
	for _, c := range s.State.Cells {
		publishCell(ch, c, s.State.Lines)
	}
	for _, i := range s.State.Interrupted {
		counter(ch, interruptedTotal, float64(i.Total), i.Tenant, i.Operation)
		gauge(ch, interruptedRecent, float64(i.recent(a.now().UnixNano())), i.Tenant, i.Operation)
	}
	for tenant, n := range s.State.Unlisted {
		gauge(ch, unlistedOperations, float64(n), tenant)
	}
	a.recent.add(point(a.now(), s))
	for i, tenant := range s.State.tenants {
		if ratio, enough := s.State.recent.errorRatio(i, a.now().UnixNano()); enough {
			gauge(ch, upstreamErrors, ratio, tenant)
		}
	}
	if ratio, enough := a.recent.coverage(); enough {
		gauge(ch, logCoverage, ratio, "numbering")
	}
	if ratio, enough := a.sighting.coverage(a.now()); enough {
		gauge(ch, logCoverage, ratio, "entrypoints")
	}
	if s.Err != nil {
		return s.Err
	}
	return a.recent.uncounted()
}

func publishLog(ch chan<- prometheus.Metric, s *logtail.Snapshot[counted]) {
	readable := 0.0
	if s.Readable {
		readable = 1
	}
	l, log := s.State.Lines, s.Counts
	gauge(ch, logReadable, readable)
	counter(ch, logLines, float64(l.Parsed-l.Plain), "parsed")
	counter(ch, logLines, float64(l.Plain), "plain")
	counter(ch, logLines, float64(l.NoStatus), "statusless")
	counter(ch, logLines, float64(l.Unparsed), "unparsed")
	counter(ch, logLines, float64(log.Oversize), "oversize")
	counter(ch, logBytes, float64(log.Bytes))
	counter(ch, logPadding, float64(log.Padding))
	counter(ch, logRotated, float64(log.Renamed), "rename")
	counter(ch, logRotated, float64(log.Truncated), "truncate")
	counter(ch, logGap, log.Gap)
	counter(ch, logLostSize, float64(log.LostBytes))
	counter(ch, logLost, float64(log.Unresolved))
	counter(ch, logRetries, float64(l.Retries))
	counter(ch, logNumbered, float64(l.Numbering.Numbered))
	counter(ch, logSeen, float64(l.Numbering.Seen))
	if s.Readable {
		gauge(ch, logLag, float64(s.Lag))
	}
	if l.LastLine > 0 {
		gauge(ch, logLastLine, float64(l.LastLine)/1e9)
	}
}

// publishCell leaves out what the log does not tell: Traefik 3 logs no retries,
// the common format no size of requests.
func publishCell(ch chan<- prometheus.Metric, c savedCell, l lineCounts) {
	if l.Retries > 0 {
		counter(ch, operationRetries, float64(c.Retries), c.Tenant, c.Operation, c.Client)
	}
	if l.Sized > 0 {
		counter(ch, requestBytes, float64(c.Received), c.Tenant, c.Operation, c.Client)
	}
	counter(ch, responseBytes, float64(c.Sent), c.Tenant, c.Operation, c.Client)
	for i, n := range c.Outcomes {
		counter(ch, operationsTotal, float64(n), c.Tenant, c.Operation, c.Client, outcomeNames[i])
	}
	histogramOf(ch, operationDuration, &c.Duration, c)
	histogramOf(ch, originDuration, &c.Origin, c)
}

func histogramOf(ch chan<- prometheus.Metric, d *prometheus.Desc, h *histogram, c savedCell) {
	if h.count() > 0 {
		ch <- durations{d, prometheus.MakeLabelPairs(d, []string{c.Tenant, c.Operation, c.Client}), h}
	}
}

// durations is a histogram with classic and native buckets.
type durations struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	*histogram
}

// Desc implements prometheus.Metric.
func (d durations) Desc() *prometheus.Desc { return d.desc }

// Write implements prometheus.Metric.
func (d durations) Write(out *dto.Metric) error {
	out.Label, out.Histogram = d.labels, &dto.Histogram{}
	d.write(out.Histogram)
	return nil
}

// errUnparsed is a log that is mostly not understood.
func errUnparsed(unparsed, all uint64) error {
	return &fault.Error{
		Op: "parse access log", Kind: fault.Schema,
		Err:  fmt.Errorf("%d of the last %d lines are neither Traefik's JSON nor its common format with router and duration", unparsed, all),
		Hint: "set accessLog.format: json in Traefik, keeping Duration, DownstreamStatus and RequestPath",
	}
}

// errOversize is a log with lines nobody can have meant to write.
func errOversize(n uint64) error {
	return &fault.Error{
		Op: "read access log", Kind: fault.Limit,
		Err:  fmt.Errorf("%d of the lines of the last five minutes exceed %d KiB and were skipped", n, logtail.MaxLine>>10),
		Hint: "find out which request header Traefik logs at such length, and drop it with accessLog.fields.headers",
	}
}

// errTorn is a log in which a line now and then is not one.
func errTorn(torn, all uint64) error {
	return &fault.Error{
		Op: "parse access log", Kind: fault.Schema,
		Err:  fmt.Errorf("%d of the %d lines of the last five minutes cannot be understood: torn, or not Traefik's", torn, all),
		Hint: "rotate the log by renaming it and signalling Traefik (USR1): truncating it under the writer tears lines",
	}
}

// errPlain is a log in a format that tells too little.
func errPlain(plain, all uint64) error {
	return &fault.Error{
		Op: "parse access log", Kind: fault.Schema,
		Err:  fmt.Errorf("%d of the %d lines of the last five minutes are in genericCLF, which tells neither duration nor server: requests are counted, their latency is not known", plain, all),
		Hint: "set accessLog.format: json in Traefik",
	}
}

// errStatusless is Traefik 2's common format.
func errStatusless(n uint64) error {
	return &fault.Error{
		Op: "parse access log", Kind: fault.Schema,
		Err:  fmt.Errorf("%d lines of the last five minutes have no status: Traefik answered them itself, and in its version 2 the common format does not say how", n),
		Hint: "set accessLog.format: json in Traefik",
	}
}
