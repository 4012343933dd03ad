package collector_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/closewatch/closewatch/internal/collector"
)

// Exposition text in, the series Prometheus would store out.
func TestFlatten(t *testing.T) {
	const text = `# TYPE a counter
a{x="1"} 5
# TYPE b gauge
b -0.5 1767225600000
# TYPE c untyped
c NaN
# TYPE d summary
d{quantile="0.5"} 2
d_sum 7
d_count 3
# TYPE e histogram
e_bucket{le="0.1"} 1
e_bucket{le="1e+06"} 2
e_bucket{le="+Inf"} 3
e_sum 9
e_count 3
`
	want := `a{x="1"} 5
b -0.5 @2026-01-01
c NaN
d{quantile="0.5"} 2
d_sum 7
d_count 3
e_bucket{le="0.1"} 1
e_bucket{le="1e+06"} 2
e_bucket{le="+Inf"} 3
e_sum 9
e_count 3
`
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		collector.Flatten(families[name], func(s collector.Series) {
			var labels []string
			for _, l := range s.Labels {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if s.Extra != "" {
				labels = append(labels, fmt.Sprintf("%s=%q", s.Extra, s.ExtraValue))
			}
			got.WriteString(s.Name)
			if len(labels) > 0 {
				got.WriteString("{" + strings.Join(labels, ",") + "}")
			}
			fmt.Fprintf(&got, " %v", s.Value)
			if !s.At.IsZero() {
				got.WriteString(" @" + s.At.UTC().Format(time.DateOnly))
			}
			got.WriteByte('\n')
		})
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}
