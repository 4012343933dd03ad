package prometheus

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// An answer is what a server says an expression gives.
type answer struct {
	series  []series
	lacks   string // why some of the data is missing, in the server's words; "" when none is
	remarks int    // of the server on the expression itself
}

// A series is one value of an answer. A scalar is a series without labels.
type series struct {
	Metric    map[string]string `json:"metric"`
	Value     *sample           `json:"value"`
	Histogram json.RawMessage   `json:"histogram"` // a native one, instead of a value
}

// A sample is a value at an instant, as the API writes it: [seconds, "value"].
type sample struct {
	at    time.Time
	value float64
}

// envelope is what every answer of the API is wrapped in. isPartial is of
// VictoriaMetrics' cluster; Thanos and Mimir tell the same as warnings.
type envelope struct {
	Status    string   `json:"status"`
	ErrorType string   `json:"errorType"`
	Error     string   `json:"error"`
	Warnings  []string `json:"warnings"`
	Infos     []string `json:"infos"`
	IsPartial bool     `json:"isPartial"`
	Data      struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

// aboutQuery begins a remark on the expression. Engines of some versions send
// them as warnings, beside those about missing data.
const aboutQuery = "PromQL info"

// decode reads a body. Its error is a *fault.Error and repeats nothing of it
// but the server's own error.
func decode(body []byte) (answer, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return answer{}, shapeless("the answer is not that of a Prometheus API")
	}
	switch e.Status {
	case "success":
	case "error":
		return answer{}, e.refusal(&fault.Error{Op: "the server reports an error", Kind: fault.Unavailable, Hint: "see the server's own state and log"})
	default:
		return answer{}, shapeless("the answer is not that of a Prometheus API")
	}
	found, err := e.result()
	if err != nil {
		return answer{}, err
	}
	out := answer{series: found, remarks: len(e.Infos)}
	if e.IsPartial {
		out.lacks = "the server marks it so"
	}
	for _, w := range e.Warnings {
		switch {
		case strings.HasPrefix(w, aboutQuery):
			out.remarks++
		case out.lacks == "":
			out.lacks = w
			if w == "" {
				out.lacks = "the server warns"
			}
		}
	}
	return out, nil
}

func shapeless(what string) *fault.Error {
	return &fault.Error{Op: what, Kind: fault.Schema, Hint: "check that url is that of a Prometheus API"}
}

// result reads the two types that are values.
func (e envelope) result() ([]series, error) {
	const numbers = "write an expression that gives numbers at one instant"
	switch e.Data.ResultType {
	case "vector":
		var out []series
		if json.Unmarshal(e.Data.Result, &out) != nil {
			return nil, shapeless("the vector in the answer cannot be read")
		}
		for _, s := range out {
			switch {
			case s.Value == nil && len(s.Histogram) > 0:
				return nil, &fault.Error{Op: "the query gives native histograms, which are no numbers", Kind: fault.Schema, Hint: "take a number of them, by histogram_quantile, histogram_count or histogram_sum"}
			case s.Value == nil:
				return nil, shapeless("a series in the answer has no value")
			}
		}
		return out, nil
	case "scalar":
		var v *sample
		if json.Unmarshal(e.Data.Result, &v) != nil || v == nil {
			return nil, shapeless("the scalar in the answer cannot be read")
		}
		return []series{{Value: v}}, nil
	case "matrix":
		return nil, &fault.Error{Op: "the query gives a range of values for each series", Kind: fault.Schema, Hint: numbers + ": apply a function such as rate or max_over_time to the range"}
	case "string":
		return nil, &fault.Error{Op: "the query gives a string", Kind: fault.Schema, Hint: numbers}
	}
	return nil, shapeless("the answer is of a type this version does not know")
}

var errSample = errors.New("not a sample")

// UnmarshalJSON implements json.Unmarshaler.
func (s *sample) UnmarshalJSON(text []byte) error {
	var parts []json.RawMessage
	var at float64
	var value string
	if json.Unmarshal(text, &parts) != nil || len(parts) != 2 || json.Unmarshal(parts[0], &at) != nil || json.Unmarshal(parts[1], &value) != nil {
		return errSample
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || math.Abs(at) > maxInstant {
		return errSample
	}
	*s = sample{time.UnixMilli(int64(math.Round(at * 1000))), v}
	return nil
}

// maxInstant is the year 5138 in seconds: beyond it somebody sent milliseconds.
const maxInstant = 1e11
