package odoorpc

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// An exchange is a request and what came back, kept until it is known to be
// good.
type exchange struct {
	message message
	page    page // zero when there was no answer
}

// failed adds the shape of the exchange to a failure.
func (x exchange) failed(err error) error {
	e, ok := err.(*fault.Error) //nolint:errorlint // the failure was made here, unwrapped
	if !ok {
		return err
	}
	for { // below the last operation: those above render their hints themselves
		inner, ok := e.Err.(*fault.Error) //nolint:errorlint // walks the chain itself
		if !ok {
			break
		}
		e = inner
	}
	e.Err = &exchanged{cause: e.Err, shape: x.String()}
	return err
}

// resultInto decodes a result of the exchange.
func (x exchange) resultInto(result []byte, out any) error {
	if err := decodeResult(result, out); err != nil {
		return x.failed(&fault.Error{Op: x.message.op, Kind: fault.Schema, Err: err, Hint: version})
	}
	return nil
}

// An exchanged is a cause that remembers the exchange it comes from.
type exchanged struct {
	cause error
	shape string
}

// Error implements error.
func (e *exchanged) Error() string { return e.cause.Error() }

// Unwrap returns the cause.
func (e *exchanged) Unwrap() error { return e.cause }

// Exchange returns the shape of the request and its answer.
func (e *exchanged) Exchange() string { return e.shape }

// Exchange returns the shape of the request that failed with err and of its
// answer: method, path, status, and the structure of both bodies. Names of
// fields, models and methods are those of the request; of every other value
// only the type and size is told. It is at most a little over 4 KB long.
func Exchange(err error) (string, bool) {
	if e, ok := errors.AsType[*exchanged](err); ok {
		return e.shape, true
	}
	return "", false
}

// maxShape bounds the shape of one body, in bytes.
const maxShape = 2 << 10

// String renders the exchange in two lines.
func (x exchange) String() string {
	method := x.message.method
	if method == "" {
		method = http.MethodPost
	}
	words := set(strings.Join(x.message.call.words(), " "))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", method, pathShape(x.message.path, words))
	if len(x.message.sent) > 0 {
		b.WriteString(" " + bodyShape(x.message.sent, asked(words)))
	}
	if x.page.status == 0 {
		b.WriteString("\nno answer")
		return b.String()
	}
	fmt.Fprintf(&b, "\n%d %s", x.page.status, bodyShape(x.page.body, answered(words)))
	return b.String()
}

// words lists the technical names in a call which its answer may repeat: the
// model, the method, the arguments and the fields asked for. They come from
// this program, not from anybody's records.
func (w call) words() []string {
	words := []string{w.model, w.method}
	named, err := w.named()
	if err != nil {
		named = w.kwargs
	}
	for name, value := range named {
		words = append(words, name)
		switch name {
		case "fields", "allfields", "attributes", "groupby", "aggregates":
			words = append(words, names(value)...)
		case "domain":
			words = append(words, subjects(value)...)
		case "vals", "vals_list", "context":
			words = append(words, keys(value)...)
		}
	}
	words = slices.DeleteFunc(words, func(word string) bool { return !technicalName(word) })
	slices.Sort(words)
	return slices.Compact(words)
}

func names(value any) []string {
	switch list := value.(type) {
	case []string:
		return list
	case []any:
		var out []string
		for _, v := range list {
			if s, ok := v.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// subjects lists the fields that a domain compares.
func subjects(domain any) []string {
	var out []string
	terms, _ := domain.([]any)
	for _, term := range terms {
		if triple, ok := term.([]any); ok && len(triple) == 3 {
			if field, ok := triple[0].(string); ok {
				out = append(out, field)
			}
		}
	}
	return out
}

// keys lists the fields that values are given for, those of lines included.
func keys(value any) []string {
	var out []string
	switch v := value.(type) {
	case map[string]any:
		for k, inner := range v {
			out = append(out, k)
			out = append(out, keys(inner)...)
		}
	case []any:
		for _, inner := range v {
			out = append(out, keys(inner)...)
		}
	}
	return out
}

// technicalName reports whether word looks like the name of a model, field,
// aggregate or method.
func technicalName(word string) bool {
	if word == "" || len(word) > 64 {
		return false
	}
	for _, r := range word {
		if r != '_' && r != '.' && r != ':' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return word[0] < '0' || word[0] > '9'
}
