package prometheus

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/closewatch/closewatch/internal/fault"
)

func TestDecode(t *testing.T) {
	at := func(v float64) *sample { return &sample{march31, v} }
	one := []series{{Metric: map[string]string{"job": "erp"}, Value: at(1)}}
	const result = `{"metric":{"job":"erp"},"value":[NOW,"1"]}`
	tests := map[string]struct {
		body string
		want answer
		kind fault.Kind
		says string
	}{
		"a vector":                         {body: vector(result, ""), want: answer{series: one}},
		"a vector at a fraction":           {body: vector(`{"metric":{},"value":[1774980000.25,"-1.5e-3"]}`, ""), want: answer{series: []series{{Metric: map[string]string{}, Value: &sample{march31.Add(250 * time.Millisecond), -0.0015}}}}},
		"an empty vector":                  {body: vector("", ""), want: answer{}},
		"an empty vector as null":          {body: `{"status":"success","data":{"resultType":"vector","result":null}}`, want: answer{}},
		"a scalar":                         {body: `{"status":"success","data":{"resultType":"scalar","result":[1774980000,"2"]}}`, want: answer{series: []series{{Value: at(2)}}}},
		"Thanos lacks a store":             {body: vector(result, `,"warnings":["No StoreAPIs matched for this query"]`), want: answer{series: one, lacks: "No StoreAPIs matched for this query"}},
		"two stores are missing":           {body: vector(result, `,"warnings":["first","second"]`), want: answer{series: one, lacks: "first"}},
		"a warning without words":          {body: vector(result, `,"warnings":[""]`), want: answer{series: one, lacks: "the server warns"}},
		"VictoriaMetrics lacks a node":     {body: vector(result, `,"isPartial":true`), want: answer{series: one, lacks: "the server marks it so"}},
		"VictoriaMetrics lacks none":       {body: vector(result, `,"isPartial":false`), want: answer{series: one}},
		"remarks on the query":             {body: vector(result, `,"infos":["PromQL info: metric might not be a counter"]`), want: answer{series: one, remarks: 1}},
		"remarks among the warnings":       {body: vector(result, `,"warnings":["PromQL info: metric might not be a counter"]`), want: answer{series: one, remarks: 1}},
		"the engine left samples out":      {body: vector(result, `,"warnings":["PromQL warning: a mix of histograms and floats"]`), want: answer{series: one, lacks: "PromQL warning: a mix of histograms and floats"}},
		"an error with status 200":         {body: `{"status":"error","errorType":"execution","error":"too many samples"}`, kind: fault.Rejected, says: "too many samples"},
		"an error of no known type":        {body: `{"status":"error","errorType":"moon","error":"full"}`, kind: fault.Unavailable, says: "full"},
		"a native histogram":               {body: vector(result+`,{"metric":{},"histogram":[NOW,{"count":"1","sum":"2"}]}`, ""), kind: fault.Schema, says: "native histograms"},
		"a range":                          {body: `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]}}`, kind: fault.Schema, says: "range"},
		"a string":                         {body: `{"status":"success","data":{"resultType":"string","result":[1774980000,"` + hushed + `"]}}`, kind: fault.Schema, says: "string"},
		"streams of logs":                  {body: `{"status":"success","data":{"resultType":"streams","result":[]}}`, kind: fault.Schema, says: "type"},
		"no data":                          {body: `{"status":"success"}`, kind: fault.Schema},
		"a vector without a result":        {body: `{"status":"success","data":{"resultType":"vector"}}`, kind: fault.Schema},
		"a scalar that is null":            {body: `{"status":"success","data":{"resultType":"scalar","result":null}}`, kind: fault.Schema},
		"a series without a value":         {body: vector(`{"metric":{}}`, ""), kind: fault.Schema},
		"a value that is a number":         {body: vector(`{"metric":{},"value":[NOW,1]}`, ""), kind: fault.Schema},
		"a value that is a word":           {body: vector(`{"metric":{},"value":[NOW,"`+hushed+`"]}`, ""), kind: fault.Schema},
		"a value out of range":             {body: vector(`{"metric":{},"value":[NOW,"1e999"]}`, ""), kind: fault.Schema},
		"a time in milliseconds":           {body: vector(`{"metric":{},"value":[NOW000,"1"]}`, ""), kind: fault.Schema},
		"a sample of three parts":          {body: vector(`{"metric":{},"value":[NOW,"1","2"]}`, ""), kind: fault.Schema},
		"a label that is a number":         {body: vector(`{"metric":{"a":1},"value":[NOW,"1"]}`, ""), kind: fault.Schema},
		"another status":                   {body: `{"status":"UP"}`, kind: fault.Schema},
		"HTML":                             {body: "<html>" + hushed, kind: fault.Schema},
		"cut off":                          {body: vector(result, "")[:60], kind: fault.Schema},
		"two documents":                    {body: vector(result, "") + "{}", kind: fault.Schema},
		"nothing":                          {kind: fault.Schema},
		"a list that is nested for ever":   {body: strings.Repeat("[", 100_000), kind: fault.Schema},
		"a result that is nested for ever": {body: vector(strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000), ""), kind: fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := decode([]byte(tt.body))
			if kind := fault.KindOf(err); kind != tt.kind {
				t.Fatalf("decode() = %v of kind %q, want %q", err, kind, tt.kind)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), hushed)) {
				t.Errorf("decode() = %q, want it with %q, without what was answered", err, tt.says)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(answer{}, sample{}), cmpopts.EquateEmpty(), cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("decode() differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever is answered, what is made of it is bounded and complete, or it is a
// failure that says so.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(vector(`{"metric":{"job":"erp"},"value":[NOW,"1"]},{"metric":{"job":"erp"},"value":[NOW,"+Inf"]},{"metric":{"job":"web"},"value":[NOW,"NaN"]}`, "")), uint8(0))
	f.Add([]byte(vector(`{"metric":{"job":"other"},"value":[NOW,"-Inf"]},{"metric":{},"value":[1,"+Inf"]}`, `,"warnings":["w"],"infos":["i"],"isPartial":true`)), uint8(3))
	f.Add([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1774980000,"2"]}}`), uint8(1))
	f.Add([]byte(`{"status":"error","errorType":"bad_data","error":"{a=\"b\"}"}`), uint8(2))
	f.Add([]byte(vector(`{"metric":{"job":"`+strings.Repeat("x", 2*maxLabelValue)+`"},"value":[NOW,"1"]}`, "")), uint8(4))
	f.Fuzz(func(t *testing.T, body []byte, rule uint8) {
		a, err := decode(body)
		if err != nil {
			if _, ok := errors.AsType[*fault.Error](err); !ok || len(a.series) > 0 {
				t.Fatalf("decode() = %v, %v: want a fault and nothing else", a, err)
			}
			return
		}
		q := query("", func(q *Query) {
			q.By = []string{"job"}
			q.Aggregate = []Aggregate{"", Max, Min, Sum, Count}[rule%5]
		})
		values, counts := q.values(a.series, march31, time.Minute)
		told := 0
		for _, n := range counts {
			told += n
		}
		if told != len(a.series) || len(values) > maxValues {
			t.Errorf("%d values, %d series told of %d", len(values), told, len(a.series))
		}
		for _, v := range values {
			if v.value != v.value || len(v.labels) != 1 || len(v.labels[0]) > maxLabelValue {
				t.Errorf("value %v", v)
			}
		}
	})
}
