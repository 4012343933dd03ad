package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Options is what dashboards depend on besides this code.
type Options struct {
	// URL is where people reach Closewatch, without a slash at the end; the
	// dashboards link to it. Empty means DefaultURL.
	URL string
}

// DefaultURL is where the daemon listens unless told otherwise.
const DefaultURL = "http://127.0.0.1:9977"

// A Dashboard is one generated dashboard.
type Dashboard struct {
	File  string // name of its file: "on-call-triage.json"
	Model dashboard.Dashboard
}

// All builds every dashboard, in the order people meet them.
func All(o Options) ([]Dashboard, error) {
	if o.URL == "" {
		o.URL = DefaultURL
	}
	var out []Dashboard
	for _, d := range []struct {
		file  string
		build func(Options) *dashboard.DashboardBuilder
	}{
		{"close-cockpit.json", CloseCockpit},
		{"process-detail.json", ProcessDetail},
		{"on-call-triage.json", OnCallTriage},
		{"objectives-and-budgets.json", ObjectivesAndBudgets},
		{"synthetic-flows.json", SyntheticFlows},
		{"postgresql.json", PostgreSQL},
		{"redis.json", Redis},
		{"traefik.json", Traefik},
		{"odoo-jobs.json", OdooJobs},
		{"recovery.json", Recovery},
		{"fleet-by-tier.json", FleetByTier},
		{"closewatch-itself.json", ClosewatchItself},
	} {
		model, err := d.build(o).Build()
		if err != nil {
			return nil, fmt.Errorf("build dashboard %s: %w", d.file, err)
		}
		out = append(out, Dashboard{d.file, model})
	}
	return out, nil
}

// JSON renders the dashboard as Grafana imports it.
func (d Dashboard) JSON() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // PromQL compares with < and >
	enc.SetIndent("", "  ")
	if err := enc.Encode(d.Model); err != nil {
		return nil, fmt.Errorf("write dashboard %s: %w", d.File, err)
	}
	return buf.Bytes(), nil
}

// Write writes every dashboard into dir, which it makes when missing, and
// returns the paths. A file that is current already is left alone.
func Write(dir string, o Options) ([]string, error) {
	all, err := All(o)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("write dashboards: %w", err)
	}
	paths := make([]string, 0, len(all))
	for _, d := range all {
		path := filepath.Join(dir, d.File)
		content, err := d.JSON()
		if err != nil {
			return nil, err
		}
		if err := replace(path, content); err != nil {
			return nil, fmt.Errorf("write dashboards: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// replace writes content to path by rename, so that Grafana's provisioning
// never reads half a file.
func replace(path string, content []byte) error {
	if was, err := os.ReadFile(path); err == nil && bytes.Equal(was, content) {
		return nil
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, content, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
