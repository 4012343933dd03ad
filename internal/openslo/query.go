package openslo

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/process"
)

// Queries are read as far as an estate can say them: the sum of the series of a
// metric with given labels, how fast it grows, and how old the smallest of a
// metric of timestamps is. Whatever else PromQL can say is left to a
// Prometheus.

var (
	metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)
	operatorOf = regexp.MustCompile(`^(=~|!~|!=|=)`)
	rangeOf    = regexp.MustCompile(`\[[^\]]*\]$`)
)

// readSelector reads metric{label="value",other=~"a|b"}: all series whose labels
// have the values.
func readSelector(q string) (process.Series, bool) {
	q = strings.TrimSpace(q)
	out := process.Series{Metric: metricName.FindString(q)}
	rest := strings.TrimSpace(q[len(out.Metric):])
	if out.Metric == "" {
		return out, false
	}
	if rest == "" {
		return out, true
	}
	if rest[0] != '{' || rest[len(rest)-1] != '}' {
		return out, false
	}
	rest = strings.TrimSpace(rest[1 : len(rest)-1])
	for rest != "" {
		name := labelName.FindString(rest)
		rest = strings.TrimSpace(rest[len(name):])
		op := operatorOf.FindString(rest)
		value, after, ok := readText(strings.TrimSpace(rest[len(op):]))
		if _, twice := out.Labels[name]; name == "" || op == "" || !ok || twice {
			return out, false
		}
		rest = strings.TrimSpace(after)
		if wanted, ok := labelValue(op, value); ok {
			if out.Labels == nil {
				out.Labels = map[string]string{}
			}
			out.Labels[name] = wanted
		} else if name != notOurs.label || op != "!=" || value != notOurs.value {
			return out, false
		}
		if rest != "" {
			if rest[0] != ',' {
				return out, false
			}
			rest = strings.TrimSpace(rest[1:])
		}
	}
	return out, true
}

// readText reads the quoted text at the beginning of a query.
func readText(q string) (text, rest string, ok bool) {
	if q == "" {
		return "", "", false
	}
	end := strings.IndexByte(masked(q)[1:], q[0]) + 1
	if end < 1 || !strings.ContainsRune("\"'`", rune(q[0])) {
		return "", "", false
	}
	inner := q[1:end]
	if q[0] == '\'' {
		inner = strings.NewReplacer(`\'`, `'`, `\\`, `\\`, `"`, `\"`).Replace(inner)
	}
	if q[0] != '`' {
		var err error
		if inner, err = strconv.Unquote(`"` + inner + `"`); err != nil {
			return "", "", false
		}
	}
	return inner, q[end+1:], true
}

// labelValue is a condition as an estate writes it: one value, or several with |
// between them.
func labelValue(op, value string) (string, bool) {
	switch {
	case value == "":
		return "", false
	case op == "=":
		return value, !strings.Contains(value, "|")
	case op == "=~":
		return alternatives(value)
	default:
		return "", false
	}
}

// alternatives reads a regular expression that stands for itself, or for one of
// several texts.
func alternatives(pattern string) (string, bool) {
	var out []string
	var now strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '|':
			out = append(out, now.String())
			now.Reset()
		case c == '\\' && i+1 < len(pattern) && strings.IndexByte(`\.+*?()[]{}^$-`, pattern[i+1]) >= 0:
			i++
			now.WriteByte(pattern[i])
		case strings.IndexByte(`\.+*?()[]{}^$`, c) >= 0:
			return "", false
		default:
			now.WriteByte(c)
		}
	}
	out = append(out, now.String())
	return strings.Join(out, "|"), !slices.Contains(out, "")
}

// masked is a query with all that is quoted struck out, so that what it is made
// of can be looked for.
func masked(q string) string {
	out := []byte(q)
	quote := byte(0)
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case quote == 0 && (c == '"' || c == '\'' || c == '`'):
			quote = c
		case quote == 0:
		case c == quote:
			quote = 0
		default:
			out[i] = '_'
			if c == '\\' && quote != '`' && i+1 < len(out) {
				i++
				out[i] = '_'
			}
		}
	}
	return string(out)
}

// call takes the argument out of name(argument).
func call(q, name string) (string, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(q), name)
	rest = strings.TrimSpace(rest)
	if !ok || len(rest) < 2 || rest[0] != '(' || rest[len(rest)-1] != ')' {
		return "", false
	}
	inner := rest[1 : len(rest)-1]
	depth := 0
	for _, c := range masked(inner) {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			return "", false
		}
	}
	return inner, depth == 0
}

// readSum reads the sum of series.
func readSum(q string) (process.Series, bool) {
	if inner, ok := call(q, "sum"); ok {
		q = inner
	}
	return readSelector(q)
}

// readCounter reads a counter, or how fast it grows: by how much it grew is what
// events are counted by in either case.
func readCounter(q string) (process.Series, bool) {
	if inner, ok := call(q, "sum"); ok {
		q = inner
	}
	for _, f := range []string{"rate", "increase"} {
		if inner, ok := call(q, f); ok {
			at := rangeOf.FindStringIndex(masked(strings.TrimSpace(inner)))
			if at == nil {
				return process.Series{}, false
			}
			return readSelector(strings.TrimSpace(inner)[:at[0]])
		}
	}
	return readSelector(q)
}

// readAge reads how long ago the smallest of a metric of timestamps is, and what
// says that there is none.
func readAge(q string) (oldest process.Series, idle *process.Series, ok bool) {
	age, without, other := q, "", false
	if i := strings.Index(masked(q), " or "); i >= 0 {
		age, without, other = q[:i], q[i+len(" or "):], true
	}
	if inner, wrapped := call(age, ""); wrapped {
		age = inner
	}
	since, ok := strings.CutPrefix(strings.TrimSpace(age), "time() - ")
	if !ok {
		return oldest, nil, false
	}
	inner, ok := call(since, "min")
	if !ok {
		return oldest, nil, false
	}
	if oldest, ok = readSelector(strings.TrimSuffix(strings.TrimSpace(inner), "> 0")); !ok || !other {
		return oldest, nil, ok
	}
	zero, ok := strings.CutPrefix(strings.TrimSpace(without), "0 * ")
	if !ok {
		return oldest, nil, false
	}
	inner, ok = call(zero, "count")
	if !ok {
		return oldest, nil, false
	}
	nothing, ok := readSelector(inner)
	return oldest, &nothing, ok
}

// notOurs leaves out what flows do in a company of their own.
var notOurs = struct{ label, value string }{"entity", "synthetic"}

// A scope is whose series are meant. Series that are named by their component or
// query need not know a tenant.
type scope struct{ environment, tenant string }

// selector writes series of a tenant as PromQL.
func (s scope) selector(series process.Series, more ...string) string {
	var conditions []string
	if _, said := series.Labels["environment"]; !said {
		conditions = append(conditions, "environment="+strconv.Quote(s.environment))
	}
	_, component := series.Labels["component"]
	_, query := series.Labels["query"]
	if _, said := series.Labels["tenant"]; !said && !component && !query {
		conditions = append(conditions, "tenant="+strconv.Quote(s.tenant))
	}
	for _, name := range slices.Sorted(maps.Keys(series.Labels)) {
		values := strings.Split(series.Labels[name], "|")
		if len(values) == 1 {
			conditions = append(conditions, name+"="+strconv.Quote(values[0]))
			continue
		}
		for i := range values {
			values[i] = regexp.QuoteMeta(values[i])
		}
		conditions = append(conditions, name+"=~"+strconv.Quote(strings.Join(values, "|")))
	}
	if _, said := series.Labels[notOurs.label]; !said {
		conditions = append(conditions, notOurs.label+"!="+strconv.Quote(notOurs.value))
	}
	return series.Metric + "{" + strings.Join(append(conditions, more...), ",") + "}"
}

// bare takes the scope out of series that were written with it.
func (s scope) bare(series process.Series) process.Series {
	if s == (scope{}) {
		return series
	}
	for name, value := range map[string]string{"environment": s.environment, "tenant": s.tenant} {
		if series.Labels[name] == value {
			delete(series.Labels, name)
		}
	}
	if len(series.Labels) == 0 {
		series.Labels = nil
	}
	return series
}

// bound writes the bound of a bucket both ways: Prometheus 3 makes 3 a 3.0.
func bound(seconds float64) string {
	s := strconv.FormatFloat(seconds, 'g', -1, 64)
	if seconds == float64(int64(seconds)) {
		return "le=~" + strconv.Quote(s+"|"+s+`\.0`)
	}
	return "le=" + strconv.Quote(s)
}

// readHistogram tells whether good are the events of total that a bucket holds,
// and up to what.
func readHistogram(good, total process.Series) (histogram process.Series, threshold time.Duration, ok bool) {
	name, isTotal := strings.CutSuffix(total.Metric, "_count")
	bucket, isGood := strings.CutSuffix(good.Metric, "_bucket")
	if !isTotal || !isGood || name != bucket {
		return histogram, 0, false
	}
	for i, text := range strings.Split(good.Labels["le"], "|") {
		v, err := strconv.ParseFloat(text, 64)
		bound, fits := inSeconds(v)
		if err != nil || !fits || i > 0 && bound != threshold {
			return histogram, 0, false
		}
		threshold = bound
	}
	labels := maps.Clone(good.Labels)
	delete(labels, "le")
	if !maps.Equal(labels, total.Labels) {
		return histogram, 0, false
	}
	return process.Series{Metric: name, Labels: total.Labels}, threshold, true
}

// inSeconds is a time of so many seconds, to the millisecond; false when it is
// none, or longer than anybody waits.
func inSeconds(v float64) (time.Duration, bool) {
	const most = 10 * 365 * 24 * 60 * 60
	if !(v > 0 && v <= most) {
		return 0, false
	}
	return time.Duration(math.Round(v*1000)) * time.Millisecond, true
}

// kindOf is what an SLI measures, as far as its queries tell.
func kindOf(i *process.Indicator) process.ObjectiveKind {
	switch {
	case i.Histogram != nil:
		return process.Latency
	case i.Oldest != nil:
		return process.Freshness
	case i.Value != nil:
		return process.Completeness
	default:
		return process.Availability
	}
}
