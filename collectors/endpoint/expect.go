package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// An expectation is what a body must be, ready to be asked.
type expectation struct {
	Expect
	matches *regexp.Regexp // nil when nothing is to be matched
}

// newExpectation prepares what was validated.
func newExpectation(e Expect) expectation {
	out := expectation{Expect: e}
	if e.BodyMatches != "" {
		out.matches, _ = regexp.Compile(e.BodyMatches)
	}
	return out
}

// A body is the beginning of an answer.
type body struct {
	text []byte
	cut  bool // there was more
}

// readBody reads at most limit bytes.
func readBody(r io.Reader, limit int) (body, error) {
	text, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(text) > limit {
		return body{text[:limit], true}, nil
	}
	return body{text, false}, err
}

// judge returns what is wrong with a body, or nil. It repeats nothing of it.
func (e expectation) judge(b body) error {
	within := ""
	if b.cut {
		within = fmt.Sprintf(" in its first %d bytes", e.MaxBytes)
	}
	switch {
	case e.BodyContains != "" && !bytes.Contains(b.text, []byte(e.BodyContains)):
		return wrong(fault.Assertion, "the body does not contain the text of expect.bodyContains"+within)
	case e.matches != nil && !e.matches.Match(b.text):
		return wrong(fault.Assertion, "the body does not match expect.bodyMatches"+within)
	case len(e.JSON) == 0:
		return nil
	case b.cut:
		return &fault.Error{
			Op: fmt.Sprintf("the JSON body is longer than %d bytes", e.MaxBytes), Kind: fault.Schema,
			Hint: "raise expect.maxBytes, or ask for less",
		}
	}
	return e.judgeJSON(b.text)
}

func wrong(kind fault.Kind, what string) error {
	return &fault.Error{Op: what, Kind: kind, Hint: "see what the service answers to the same request now"}
}

// judgeJSON compares the fields that are expected: one that is missing is a
// change of shape, one of another value is a wrong answer.
func (e expectation) judgeJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var document any
	if err := d.Decode(&document); err != nil {
		return wrong(fault.Schema, "the body is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return wrong(fault.Schema, "the body is more than one JSON document")
	}
	for _, pointer := range slices.Sorted(maps.Keys(e.JSON)) {
		got, ok := scalar(document, pointer)
		switch {
		case !ok:
			return wrong(fault.Schema, "the JSON body has no value at "+pointer)
		case got != e.JSON[pointer]:
			return wrong(fault.Assertion, "the JSON body has another value at "+pointer+" than expected")
		}
	}
	return nil
}

// scalar finds a value by its JSON Pointer (RFC 6901) and writes it as text;
// false when there is none or it is an object or a list.
func scalar(document any, pointer string) (string, bool) {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch at := document.(type) {
		case map[string]any:
			document = at[token]
			if _, ok := at[token]; !ok {
				return "", false
			}
		case []any:
			n, err := strconv.ParseUint(token, 10, 31)
			if err != nil || n >= uint64(len(at)) {
				return "", false
			}
			document = at[n]
		default:
			return "", false
		}
	}
	switch v := document.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case nil:
		return "null", true
	}
	return "", false
}
