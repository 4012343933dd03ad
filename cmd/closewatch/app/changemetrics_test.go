package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func TestTheNewestChangeOfEachKindIsPublished(t *testing.T) {
	got := map[[3]string]float64{}
	changeMetrics(func(_ *prometheus.Desc, v float64, labels ...string) { got[[3]string(labels)] = v }, []Change{
		{At: time.Unix(300, 0), Kind: "deploy", Environment: "production", Component: "erp"},
		{At: time.Unix(200, 0), Kind: "deploy", Environment: "production", Component: "erp"},
		{At: time.Unix(100, 0), Kind: "schema", Environment: "production", Component: "erp"},
		{At: time.Unix(400, 0), Kind: "deploy", Environment: "production"},
	})
	want := map[[3]string]float64{
		{"production", "erp", "deploy"}: 300,
		{"production", "erp", "schema"}: 100,
		{"production", "", "deploy"}:    400,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}
