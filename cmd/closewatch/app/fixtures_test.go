package app

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/tiering"
)

// noon is when most tests take place.
var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// acme is the subject's place in most tests.
func acme(p process.Process) subject {
	return subject{process: p, key: tiering.Key{Process: p.Name, Entity: "acme", Tenant: "prod", Environment: "production"}}
}

// catalogued is a process of the catalogue.
func catalogued(t *testing.T, name string) process.Process {
	t.Helper()
	for _, p := range process.Catalog() {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("the catalogue has no %s", name)
	return process.Process{}
}

type labels = map[string]string

// sample is one of production's tenant prod, collected at noon.
func sample(name string, value float64, more labels) signal.Sample {
	l := labels{"environment": "production", "component": "erp", "tenant": "prod"}
	maps.Copy(l, more)
	return signal.Sample{Name: name, Labels: l, Value: value, At: noon}
}

// indexSamples has all published.
func indexSamples(all []signal.Sample) signal.Published {
	byName := map[string][]signal.Sample{}
	for _, x := range all {
		byName[x.Name] = append(byName[x.Name], x)
	}
	return func(metric string) []signal.Sample { return byName[metric] }
}

// collected are the samples as they are when they are collected at an instant.
func collected(at time.Time, samples []signal.Sample) []signal.Sample {
	out := slices.Clone(samples)
	for i := range out {
		out[i].At = at
	}
	return out
}

// with returns labels and one more.
func with(labels map[string]string, name, value string) map[string]string {
	out := maps.Clone(labels)
	out[name] = value
	return out
}
