package estate_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
)

// shipped is what the shipped examples are checked against.
func shipped() estate.Options {
	opts := known()
	opts.Kinds = append(opts.Kinds, "backup", "certificate", "endpoint", "prometheus")
	opts.ReadFile = func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join("..", "..", "deploy", "examples", "cal", filepath.Base(name)))
	}
	opts.Processes, opts.Objectives = nil, map[string][]process.Objective{}
	for _, p := range process.Catalog() {
		opts.Processes = append(opts.Processes, p.Name)
		opts.Objectives[p.Name] = p.Objectives
	}
	opts.WebFile = func(file string) (estate.WebFile, error) {
		f, err := auth.ReadFile(filepath.Join("..", "..", "deploy", "examples", filepath.Base(file)))
		return f.Facts(), err
	}
	opts.LookupEnv = func(name string) (string, bool) {
		switch {
		case strings.HasSuffix(name, "_DSN"):
			return "postgres://closewatch@127.0.0.1:5432/postgres", true
		case strings.HasSuffix(name, "_URL"):
			return "https://hooks.example.com/closewatch", true
		case strings.HasSuffix(name, "_TOKEN"):
			return "correct-horse-battery-staple-" + name, true
		case strings.HasPrefix(name, "CLOSEWATCH_"):
			return "correct-horse", true
		}
		return "", false
	}
	return opts
}

func example(t *testing.T, name string) *estate.Estate {
	t.Helper()
	e, err := estate.Load(filepath.Join("..", "..", "deploy", "examples", name), shipped())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEveryExampleLoads(t *testing.T) {
	files, err := filepath.Glob("../../deploy/examples/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %d examples (%v), want minimal.yaml and acme.yaml at least", len(files), err)
	}
	for _, file := range files {
		if e := example(t, filepath.Base(file)); e.Metadata.Name == "" || len(e.Hash) != 64 {
			t.Errorf("%s: name %q, hash %q", file, e.Metadata.Name, e.Hash)
		}
	}
}

func TestDefaultsOfTheMinimalEstate(t *testing.T) {
	e := example(t, "minimal.yaml")
	if e.Environment != "production" || e.Data != "data" || e.Timezone.Location() != time.UTC {
		t.Errorf("environment %q, data %q, timezone %v", e.Environment, e.Data, e.Timezone.Location())
	}
	wantTiming := estate.Timing{Tick: estate.Duration(30 * time.Second), Scale: 1, Resend: estate.Duration(time.Minute)}
	if diff := cmp.Diff(wantTiming, e.Timing); diff != "" {
		t.Errorf("timing differs (-want +got):\n%s", diff)
	}
	if e.Store.Retention.D() != 15*24*time.Hour || e.Web.Listen != "127.0.0.1:9977" || e.Web.URL() != "http://127.0.0.1:9977" || e.Telemetry.OTLP != nil {
		t.Errorf("store %+v, web %+v, telemetry %+v", e.Store, e.Web, e.Telemetry)
	}
	var got []string
	for _, c := range e.Components {
		got = append(got, strings.Join([]string{c.Name, c.Kind, c.Environment, string(c.Responsibility)}, " "))
	}
	want := []string{
		"db postgres production provider", "cache redis production provider",
		"ingress traefik production provider", "erp odoo production provider",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components differ (-want +got):\n%s", diff)
	}
}

func TestAcmeSaysWhatItDoesDifferently(t *testing.T) {
	e := example(t, "acme.yaml")
	if got := e.Timezone.Location().String(); got != "Europe/London" {
		t.Errorf("timezone = %s", got)
	}
	if got := e.Alertmanagers[1].Reveal(); got != "https://closewatch:correct-horse@am-2.example.com:9093" {
		t.Errorf("second Alertmanager = %s", got)
	}
	if c, _ := e.Component("cache"); c.Responsibility != process.Vendor {
		t.Errorf("cache is the responsibility of %q, want the vendor", c.Responsibility)
	}
	if f := e.Schedule.Flows["invoice-posting"]; f.Level != "L3" || f.Interval.D() != 5*time.Minute || f.Approval.On.String() != "2026-11-02" {
		t.Errorf("invoice-posting is scheduled %+v", f)
	}
	if e.Schedule.Flows["bank-reconciliation"].IsEnabled() {
		t.Error("bank-reconciliation is enabled, want it disabled")
	}
	if c := e.Calendar.Cutoffs[0]; c.At.String() != "17:00" || c.InternalMargin.D() != time.Hour || e.Calendar.Deadlines[0].Rule.String() != "quarter_end + 1 month + 7 days" ||
		e.Calendar.Default != "acme" || len(e.DayCalendars()) != 5 {
		t.Errorf("calendar = %+v", e.Calendar)
	}
	if e.Web.Tokens[1].Name != "deploy" || e.Web.Tokens[1].Token.IsZero() || e.Web.Unauthenticated != estate.Loopback ||
		!slices.Equal(e.Web.Users["alice"], []estate.Scope{estate.ScopeRead, estate.ScopeOperate}) {
		t.Errorf("web %+v", e.Web)
	}
	if e.Web.URL() != "https://closewatch.example.com" || e.Telemetry.OTLP.Endpoint.IsZero() {
		t.Errorf("web %+v, telemetry %+v", e.Web, e.Telemetry)
	}
}
