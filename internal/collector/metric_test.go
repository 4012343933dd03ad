package collector

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/testing/protocmp"
)

// A metric of ours is what client_golang's is.
func TestMetricIsWrittenAsAConstOne(t *testing.T) {
	tests := map[string]struct {
		desc   *prometheus.Desc
		kind   prometheus.ValueType
		labels []string
	}{
		"a counter":             {sizeDesc, prometheus.CounterValue, []string{"account_move", "odoo"}},
		"a gauge":               {sizeDesc, prometheus.GaugeValue, []string{"account_move", "odoo"}},
		"a gauge without label": {upDesc, prometheus.GaugeValue, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got, want dto.Metric
			if err := prometheus.MustNewConstMetric(tt.desc, tt.kind, 7, tt.labels...).Write(&want); err != nil {
				t.Fatal(err)
			}
			m := NewMetric(tt.desc, tt.kind, 7, prometheus.MakeLabelPairs(tt.desc, tt.labels))
			if err := m.Write(&got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, &got, protocmp.Transform()); diff != "" || m.Desc() != tt.desc {
				t.Errorf("not what client_golang writes (-want +got):\n%s", diff)
			}
		})
	}
	if err := NewMetric(upDesc, prometheus.UntypedValue, 7, nil).Write(new(dto.Metric)); err == nil {
		t.Error("an untyped metric is written")
	}
}
