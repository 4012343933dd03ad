package serverlog

import (
	"bytes"
	"maps"
	"slices"

	"github.com/closewatch/closewatch/internal/process"
)

// A request is what the web server says of one: path, status and cost.
type request struct {
	model, method []byte // of a call, nil else
	shape         int    // operation when there is no model
	status        int
	measured      bool // the cost is known
	queries       int64
	sql, rest     float64 // seconds in SQL, and otherwise
	ours          bool    // a path that only monitoring asks for
}

// Operations that are a shape of URL rather than a model and method.
const (
	shapeRPC = iota
	shapeReport
	shapeLogin
	shapeWebsocket
	shapeJob
	shapeWeb
	shapeOther
	shapes
)

var shapeNames = [shapes]string{"rpc", "report", "login", "websocket", "queue_job", "web", "other"}

// parse reads what follows "werkzeug:":
//
//	10.0.0.7 - - [22/Nov/2026 02:10:19] "POST /web/dataset/call_kw/account.move/action_post HTTP/1.1" 200 - 53 0.047 0.065
//
// Behind the status are the size, the number of queries, the seconds in SQL
// and the other seconds. Odoo 19 adds #model.method to the path; with a
// replica a cursor mode follows the seconds.
func (q *request) parse(b []byte) bool {
	*q = request{}
	_, b, ok := bytes.Cut(b, []byte(`] "`))
	if !ok {
		return false
	}
	line, after, ok := bytes.Cut(b, []byte(`" `))
	if !ok {
		return false
	}
	_, target, ok := word(line)
	if !ok {
		return false
	}
	if i := bytes.LastIndexByte(target, ' '); i >= 0 {
		target = target[:i]
	}
	status, after, _ := word(after)
	n := digits(status)
	if n < 100 || n > 599 {
		return false
	}
	q.status = int(n)
	q.path(target)
	q.cost(after)
	return true
}

// path tells the operation.
func (q *request) path(target []byte) {
	target, named, _ := bytes.Cut(target, []byte("#"))
	target, _, _ = bytes.Cut(target, []byte("?"))
	if i := bytes.LastIndexByte(named, '.'); i > 0 {
		q.model, q.method, q.shape = named[:i], named[i+1:], shapeOther
		return
	}
	for _, prefix := range [...]string{"/web/dataset/call_kw/", "/web/dataset/call_button/", "/json/2/"} {
		if rest, ok := bytes.CutPrefix(target, []byte(prefix)); ok {
			q.model, q.method, _ = bytes.Cut(rest, []byte("/"))
			q.shape = shapeOther
			return
		}
	}
	switch {
	case has(target, "/jsonrpc"), has(target, "/xmlrpc/"), has(target, "/web/dataset/call_"):
		q.shape = shapeRPC
	case has(target, "/report/"):
		q.shape = shapeReport
	case has(target, "/web/login"), has(target, "/web/session/authenticate"):
		q.shape = shapeLogin
	case has(target, "/websocket"), has(target, "/longpolling/"), has(target, "/bus/"):
		q.shape = shapeWebsocket
	case has(target, "/queue_job/"):
		q.shape = shapeJob
	default:
		q.shape = shapeWeb
		q.ours = has(target, "/web/health")
	}
}

// cost reads "- 53 0.047 0.065".
func (q *request) cost(b []byte) {
	_, b, ok := word(b)
	if !ok {
		return
	}
	queries, b, ok := word(b)
	if !ok {
		return
	}
	sql, rest, ok := word(b)
	if !ok {
		return
	}
	if i := bytes.IndexByte(rest, ' '); i >= 0 {
		rest = rest[:i]
	}
	q.queries = digits(queries)
	var inSQL, elsewhere bool
	q.sql, inSQL = decimal(sql)
	q.rest, elsewhere = decimal(rest)
	q.measured = q.queries >= 0 && inSQL && elsewhere
}

// decimal reads 12.345. Odoo writes a small negative remainder when its clocks
// disagree: that is 0.
func decimal(b []byte) (float64, bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	whole, fraction, _ := bytes.Cut(b, []byte("."))
	n := digits(whole)
	if n < 0 {
		return 0, false
	}
	v := float64(n)
	if len(fraction) > 0 {
		part := digits(fraction)
		if part < 0 {
			return 0, false
		}
		scale := 1.0
		for range fraction {
			scale *= 10
		}
		v += float64(part) / scale
	}
	if negative {
		v = 0
	}
	return v, true
}

// operations is the closed list of what a request may be: the shapes, then the
// methods that are the outcome of a finance process.
type operations struct {
	names []string
	index map[string]int
}

func newOperations() operations {
	methods := map[string]bool{}
	for _, p := range process.Catalog() {
		for _, op := range p.Operations {
			methods[op] = true
		}
	}
	for _, shape := range shapeNames {
		delete(methods, shape)
	}
	o := operations{names: slices.Concat(shapeNames[:], slices.Sorted(maps.Keys(methods))), index: map[string]int{}}
	for i, name := range o.names {
		o.index[name] = i
	}
	return o
}

// of returns the operation of a request. It allocates nothing.
func (o operations) of(q *request) int {
	if q.model == nil {
		return q.shape
	}
	var key [128]byte
	if len(q.model)+len(q.method) >= len(key) {
		return shapeOther
	}
	name := append(append(append(key[:0], q.model...), '/'), q.method...)
	if i, ok := o.index[string(name)]; ok {
		return i
	}
	return shapeOther
}

func has(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}
