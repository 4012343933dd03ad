package pgsession

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/fault"
)

// Results are the answers to one batch, in the order of its queries.
type Results []Result

// Err joins what went wrong, each failure once: a server that could not be
// asked is one failure, however many questions it left unanswered. It includes
// values that could not be read so far.
func (rs Results) Err() error {
	var all []error
	seen := make(map[error]bool)
	for i := range rs {
		for _, err := range []error{rs[i].Err, rs[i].Malformed()} {
			if err != nil && !seen[err] {
				seen[err] = true
				all = append(all, err)
			}
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// Down returns why no query was answered at all, or nil when one was.
func (rs Results) Down() error {
	if len(rs) == 0 || rs.answered() {
		return nil
	}
	return rs[0].Err
}

// answered reports whether the server spoke to any query, if only to refuse.
func (rs Results) answered() bool {
	for i := range rs {
		if rs[i].answered {
			return true
		}
	}
	return false
}

// Named returns the answer to the first query of that name.
func (rs Results) Named(name string) Result {
	for _, r := range rs {
		if r.Name == name {
			return r
		}
	}
	return Result{Name: name, Err: &fault.Error{Op: "read " + name, Kind: fault.Internal, Err: errors.New("no such query in the batch")}}
}

// A Result is the answer to one query. Rows that arrived before Err are kept.
type Result struct {
	Name      string
	Columns   []string
	Rows      []Row
	Truncated int // rows left out because of MaxRows or MaxBytes
	Err       error

	answered bool
	shape    *shape
}

// First returns the first row; of an empty answer, a row in which everything
// is absent.
func (r Result) First() Row {
	if len(r.Rows) == 0 {
		return Row{}
	}
	return r.Rows[0]
}

// Malformed returns the first value that a getter could not read as the type
// it was asked for, or a column that does not exist.
func (r Result) Malformed() error {
	if r.shape == nil || r.shape.malformed == nil {
		return nil
	}
	return r.shape.malformed
}

func (r *Result) fail(err error) { r.Err, r.answered = err, true }

// read keeps the rows within the bounds and consumes the rest.
func (r *Result) read(from *pgconn.ResultReader, maxRows, maxBytes int) error {
	size := 0
	for from.NextRow() {
		if r.shape == nil {
			r.describe(from.FieldDescriptions())
		}
		values := from.Values()
		for _, v := range values {
			size += len(v)
		}
		if len(r.Rows) >= maxRows || size > maxBytes {
			r.Truncated++
			continue
		}
		r.Rows = append(r.Rows, Row{shape: r.shape, values: keep(values)})
	}
	if r.shape == nil {
		r.describe(from.FieldDescriptions())
	}
	_, err := from.Close()
	return err
}

func (r *Result) describe(fields []pgconn.FieldDescription) {
	r.shape = &shape{name: r.Name, index: make(map[string]int, len(fields))}
	r.Columns = make([]string, len(fields))
	for i, f := range fields {
		r.Columns[i] = f.Name
		r.shape.index[f.Name] = i
	}
}

// keep copies one row, whose memory the driver reuses: its short values in one
// piece, which is a tenth of the allocations. Long ones are apart, so that
// whoever keeps a name does not keep a text.
func keep(values [][]byte) []value {
	size := 0
	for _, v := range values {
		if len(v) <= shortValue {
			size += len(v)
		}
	}
	var joined strings.Builder
	joined.Grow(size)
	out := make([]value, len(values))
	for i, v := range values {
		switch {
		case v == nil:
		case len(v) > shortValue:
			out[i] = value{string(v), true}
		default:
			from := joined.Len()
			joined.Write(v)
			out[i] = value{joined.String()[from:], true}
		}
	}
	return out
}

// shortValue is the length of an identifier of PostgreSQL.
const shortValue = 63

// A value is the text of one column; the zero value is NULL.
type value struct {
	text  string
	known bool
}

// A shape is what all rows of one answer share.
type shape struct {
	name      string
	index     map[string]int
	malformed error
}

func (s *shape) note(column, what string) {
	if s.malformed == nil {
		s.malformed = &fault.Error{Op: "read " + s.name, Kind: fault.Schema, Err: fmt.Errorf("column %s %s", column, what)}
	}
}

// A Row is one row. The second result of every getter is false when the value
// is NULL; also when it cannot be read or the column does not exist, and then
// Result.Malformed says so. Getters must not be called concurrently on rows of
// one result.
type Row struct {
	shape  *shape
	values []value
}

// NewRow makes a row of literals, in which a nil pointer is NULL, for those
// who test what they make of an answer.
func NewRow(columns []string, values ...*string) Row {
	r := Result{shape: &shape{name: "literal", index: make(map[string]int)}}
	for i, c := range columns {
		r.shape.index[c] = i
	}
	row := Row{shape: r.shape, values: make([]value, len(values))}
	for i, v := range values {
		if v != nil {
			row.values[i] = value{*v, true}
		}
	}
	return row
}

// Text returns a value as PostgreSQL wrote it.
func (r Row) Text(column string) (string, bool) {
	if r.shape == nil {
		return "", false
	}
	i, ok := r.shape.index[column]
	if !ok || i >= len(r.values) {
		r.shape.note(column, "is missing")
		return "", false
	}
	return r.values[i].text, r.values[i].known
}

// String returns a text value, or "" when it is absent: for labels.
func (r Row) String(column string) string {
	s, _ := r.Text(column)
	return s
}

// Float returns a number. NaN and the infinities count as absent.
func (r Row) Float(column string) (float64, bool) {
	v, ok := parsed(r, column, "number", func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	return v, ok && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// Int returns a whole number.
func (r Row) Int(column string) (int64, bool) {
	return parsed(r, column, "whole number", func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
}

// Bool returns a boolean.
func (r Row) Bool(column string) (value, ok bool) {
	return parsed(r, column, "boolean", strconv.ParseBool)
}

// Time returns an instant in UTC. A timestamp without time zone, as Odoo
// keeps them, is taken as UTC, a date as its midnight; infinity is absent.
func (r Row) Time(column string) (time.Time, bool) {
	if s, ok := r.Text(column); !ok || s == "infinity" || s == "-infinity" {
		return time.Time{}, false
	}
	return parsed(r, column, "time", parseTime)
}

// LSN returns a position in the write-ahead log as the number of bytes before
// it.
func (r Row) LSN(column string) (uint64, bool) {
	return parsed(r, column, "WAL position", ParseLSN)
}

func parsed[T any](r Row, column, what string, parse func(string) (T, error)) (T, bool) {
	var zero T
	s, ok := r.Text(column)
	if !ok {
		return zero, false
	}
	v, err := parse(s)
	if err != nil {
		r.shape.note(column, "is not a "+what)
		return zero, false
	}
	return v, true
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999Z07", "2006-01-02 15:04:05.999999Z07:00", "2006-01-02 15:04:05.999999", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("unknown layout")
}

// ParseLSN reads a WAL position as PostgreSQL writes it: "16/B374D848".
func ParseLSN(s string) (uint64, error) {
	for i := range len(s) {
		if s[i] != '/' {
			continue
		}
		high, err := strconv.ParseUint(s[:i], 16, 32)
		if err != nil {
			return 0, err
		}
		low, err := strconv.ParseUint(s[i+1:], 16, 32)
		if err != nil {
			return 0, err
		}
		return high<<32 | low, nil
	}
	return 0, errors.New("no slash in a WAL position")
}

// FormatLSN writes a WAL position as PostgreSQL does.
func FormatLSN(lsn uint64) string { return fmt.Sprintf("%X/%X", uint32(lsn>>32), uint32(lsn)) }
