package store

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// errorKind is an error type of Prometheus' API and the status it comes with.
type errorKind struct {
	name   string
	status int
}

var (
	badData   = errorKind{"bad_data", http.StatusBadRequest}
	execution = errorKind{"execution", http.StatusUnprocessableEntity}
	canceled  = errorKind{"canceled", 499}
	timeout   = errorKind{"timeout", http.StatusServiceUnavailable}
	internal  = errorKind{"internal", http.StatusInternalServerError}
)

// kindOf classifies an error of the engine or the database.
func kindOf(err error) errorKind {
	var wasCanceled promql.ErrQueryCanceled
	var timedOut promql.ErrQueryTimeout
	var fromStorage promql.ErrStorage
	switch {
	case errors.As(err, &wasCanceled):
		return canceled
	case errors.As(err, &timedOut), errors.Is(err, context.DeadlineExceeded):
		return timeout
	case errors.As(err, &fromStorage):
		return internal
	case errors.Is(err, context.Canceled):
		return canceled
	default:
		return execution
	}
}

// write sends the answer in Prometheus' envelope.
func (a *answer) write(w http.ResponseWriter) error {
	status := http.StatusOK
	var body []byte
	if a.err != nil {
		status = a.kind.status
		body = append(body, `{"status":"error","errorType":"`+a.kind.name+`","error":`...)
		body = appendString(body, a.err.Error())
	} else {
		body = append(body, `{"status":"success","data":`...)
		var err error
		if body, err = appendData(body, a.data); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return err
		}
		warnings, infos := a.warnings.AsStrings(a.query, 10, 10)
		body = appendStrings(body, "warnings", warnings)
		body = appendStrings(body, "infos", infos)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err := w.Write(append(body, '}'))
	return err
}

func appendData(b []byte, data any) ([]byte, error) {
	switch d := data.(type) {
	case queryData:
		return appendQuery(b, d)
	case []labels.Labels:
		b = append(b, '[')
		for i, l := range d {
			b = appendLabels(comma(b, i), l)
		}
		return append(b, ']'), nil
	default:
		return appendJSON(b, data)
	}
}

func appendJSON(b []byte, v any) ([]byte, error) {
	j, err := json.Marshal(v)
	return append(b, j...), err
}

func appendQuery(b []byte, q queryData) ([]byte, error) {
	b = append(b, `{"resultType":"`+string(q.kind)+`","result":`...)
	switch v := q.result.(type) {
	case promql.Vector:
		b = append(b, '[')
		for i, s := range v {
			b = appendSample(comma(b, i), s)
		}
		b = append(b, ']')
	case promql.Matrix:
		b = append(b, '[')
		for i, s := range v {
			b = appendSeries(comma(b, i), s)
		}
		b = append(b, ']')
	default: // scalars and strings, whose numbers are written in a form of their own
		var err error
		if b, err = appendJSON(b, v); err != nil {
			return b, err
		}
	}
	if q.stats != nil {
		var err error
		if b, err = appendJSON(append(b, `,"stats":`...), q.stats); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendSample(b []byte, s promql.Sample) []byte {
	b = append(appendLabels(append(b, `{"metric":`...), s.Metric), `,"value":`...)
	return append(appendPoint(b, s.T, s.F), '}')
}

func appendSeries(b []byte, s promql.Series) []byte {
	b = append(appendLabels(append(b, `{"metric":`...), s.Metric), `,"values":[`...)
	for i, p := range s.Floats {
		b = appendPoint(comma(b, i), p.T, p.F)
	}
	return append(b, ']', '}')
}

func appendLabels(b []byte, l labels.Labels) []byte {
	b = append(b, '{')
	i := 0
	l.Range(func(l labels.Label) {
		b = append(appendString(comma(b, i), l.Name), ':')
		b = appendString(b, l.Value)
		i++
	})
	return append(b, '}')
}

// appendPoint writes [seconds,"value"].
func appendPoint(b []byte, ms int64, v float64) []byte {
	b = append(appendTimestamp(append(b, '['), ms), ',', '"')
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return append(strconv.AppendFloat(b, v, format, -1, 64), '"', ']')
}

// appendTimestamp writes milliseconds as seconds, with all three digits of a
// fraction or none, as Prometheus does: 1.500 and 2.
func appendTimestamp(b []byte, ms int64) []byte {
	if ms < 0 {
		b, ms = append(b, '-'), -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if fraction := ms % 1000; fraction != 0 {
		b = append(b, '.', byte('0'+fraction/100), byte('0'+fraction/10%10), byte('0'+fraction%10))
	}
	return b
}

func appendString(b []byte, s string) []byte {
	j, _ := json.Marshal(s) // a string always marshals
	return append(b, j...)
}

// appendStrings writes a further member of the envelope, unless it is empty.
func appendStrings(b []byte, member string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	b = append(b, `,"`+member+`":[`...)
	for i, v := range values {
		b = appendString(comma(b, i), v)
	}
	return append(b, ']')
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}
