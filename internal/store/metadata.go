package store

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	dto "github.com/prometheus/client_model/go"
)

// maxMetadata bounds the families whose type and help are remembered.
const maxMetadata = 20_000

// metadata is what the API tells about a family.
type metadata struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// metadataStore remembers the type and help of the families seen since the
// start.
type metadataStore struct {
	mu       sync.Mutex
	families map[string]metadata
}

func (m *metadataStore) note(families []*dto.MetricFamily) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.families == nil {
		m.families = map[string]metadata{}
	}
	for _, mf := range families {
		if _, known := m.families[mf.GetName()]; known || len(m.families) < maxMetadata {
			m.families[mf.GetName()] = metadata{Type: typeName(mf.GetType()), Help: mf.GetHelp(), Unit: mf.GetUnit()}
		}
	}
}

func typeName(t dto.MetricType) string {
	switch t {
	case dto.MetricType_UNTYPED:
		return "unknown"
	case dto.MetricType_GAUGE_HISTOGRAM:
		return "gaugehistogram"
	default:
		return strings.ToLower(t.String())
	}
}

// metricMetadata serves /api/v1/metadata.
func (a *api) metricMetadata(r *http.Request) answer {
	limit, err := number(r, "limit", -1)
	if err != nil {
		return failed(badData, err)
	}
	perMetric, err := number(r, "limit_per_metric", -1)
	if err != nil {
		return failed(badData, err)
	}
	m := &a.store.metadata
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]metadata{}
	wanted := r.FormValue("metric")
	for _, name := range slices.SortedFunc(maps.Keys(m.families), cmp.Compare) {
		if limit >= 0 && len(out) >= limit {
			break
		}
		if wanted == "" || wanted == name {
			out[name] = []metadata{m.families[name]}
		}
		if perMetric == 0 && out[name] != nil {
			out[name] = []metadata{}
		}
	}
	return answer{data: out}
}
