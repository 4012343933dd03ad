package preview

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// maxAnswer bounds the answer to one query.
const maxAnswer = 16 << 20

// A Prometheus answers queries over its HTTP API.
type Prometheus struct {
	URL    string       // of the API's root, such as http://127.0.0.1:9977/prometheus
	Token  secret.Value // sent as bearer token; may be zero
	Client *http.Client
}

// A series is what one query answers for one set of labels. Its points are in
// the order of time.
type series struct {
	labels map[string]string
	points []point
}

type point struct {
	at    time.Time
	value float64
}

func (s series) last() float64 { return s.points[len(s.points)-1].value }

func (p Prometheus) instant(ctx context.Context, expr string, at time.Time) ([]series, error) {
	return p.ask(ctx, "query", url.Values{"query": {expr}, "time": {seconds(at)}})
}

func (p Prometheus) over(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]series, error) {
	return p.ask(ctx, "query_range", url.Values{
		"query": {expr}, "start": {seconds(from)}, "end": {seconds(to)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func (p Prometheus) ask(ctx context.Context, how string, form url.Values) ([]series, error) {
	const op = "ask for the data of a preview"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(p.URL, "/")+"/api/v1/"+how, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fault.Wrap(op, err, "")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !p.Token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+p.Token.Reveal())
	}
	resp, err := p.Client.Do(req)
	if err != nil {
		return nil, fault.Wrap(op, err, "start the daemon, or name with --source where a Prometheus API answers")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fault.Wrap(op, err, "")
	}
	var answer struct {
		Status, Error string
		Data          struct{ Result []wire }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, &fault.Error{Op: op, Kind: fault.Schema, Err: fmt.Errorf("%s answers %s and no JSON", req.URL, resp.Status), Hint: "write the address of a Prometheus API after --source"}
	}
	if answer.Status != "success" {
		return nil, &fault.Error{Op: op, Kind: fault.Rejected, Err: fmt.Errorf("%s: %s", form.Get("query"), answer.Error)}
	}
	out := make([]series, 0, len(answer.Data.Result))
	for _, w := range answer.Data.Result {
		if s := w.series(); len(s.points) > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// wire is a series as the API sends it.
type wire struct {
	Metric map[string]string
	Value  sample
	Values []sample
}

type sample struct {
	at   float64
	text string
}

func (s *sample) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &[]any{&s.at, &s.text}) }

// series leaves out what is no number.
func (w wire) series() series {
	all := w.Values
	if all == nil {
		all = []sample{w.Value}
	}
	s := series{labels: w.Metric}
	for _, p := range all {
		v, err := strconv.ParseFloat(p.text, 64)
		if err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			s.points = append(s.points, point{time.Unix(int64(p.at), 0), v})
		}
	}
	return s
}
