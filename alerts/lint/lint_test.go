package lint_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/lint"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/process"
)

// outcome is one of a tier-A process that may fail for a tenth of the time, and
// that has half an hour to recover.
func outcome(name, entity, environment string, change ...func(*process.Process)) lint.Outcome {
	p := process.Catalog()[0]
	p.Name, p.Tier, p.CloseTier = name, process.Critical, process.Critical
	p.Recovery, p.CriticalRecovery = process.Recovery{RTO: 30 * time.Minute}, process.Recovery{}
	p.Objectives = []process.Objective{{Name: "availability", Kind: process.Availability, Target: 90 * process.Percent}}
	for _, c := range change {
		c(&p)
	}
	return lint.Outcome{Process: p, Entity: entity, Environment: environment}
}

func TestPagesOfAShift(t *testing.T) {
	often := outcome("a", "uk", "production")
	often.Flows = []lint.Flow{{Name: "a", Every: time.Minute}} // 720 runs, of which 7.2 fail after one that failed
	tests := map[string]struct {
		outcomes []lint.Outcome
		want     float64
	}{
		"nothing pages":                            {nil, 0},
		"72 minutes are 2.4 outages":               {[]lint.Outcome{outcome("a", "uk", "production")}, 2.4},
		"runs that fail by chance are more":        {[]lint.Outcome{often}, 7.2},
		"entities do not page by themselves":       {[]lint.Outcome{outcome("a", "uk", "production"), outcome("a", "ie", "production")}, 2.4},
		"environments do":                          {[]lint.Outcome{outcome("a", "uk", "production"), outcome("a", "uk", "dr")}, 4.8},
		"two processes":                            {[]lint.Outcome{outcome("a", "uk", "production"), outcome("b", "uk", "production")}, 4.8},
		"less important ones do not":               {[]lint.Outcome{outcome("a", "uk", "production", func(p *process.Process) { p.Tier, p.CloseTier = process.Important, process.Important })}, 0},
		"none may be missed, and none is reckoned": {[]lint.Outcome{outcome("a", "uk", "production", func(p *process.Process) { p.Objectives[0].Every = true })}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := lint.Pages(tt.outcomes); math.Abs(got-tt.want) > 1e-9 {
				t.Errorf("Pages = %v, want %v", got, tt.want)
			}
		})
	}
}

// What is measured decides whether somebody may be woken for it.
func TestResources(t *testing.T) {
	tests := map[string]bool{
		"node_cpu_seconds_total":                        true,
		"avg(rate(container_memory_rss[5m]))":           true,
		"node_filesystem_avail_bytes":                   true,
		"instance:node_load5:max":                       true,
		"odoo_journal_entries_posted_total":             false,
		"odoo_queue_jobs_failed_total":                  false,
		"traefik_finance_operation_duration_seconds":    false,
		"sum(payments_waiting_for_approval)":            false,
		"odoo_bank_statement_lines_unreconciled":        false,
		"odoo_payload_memos_total":                      false,
		`sum(rate(http_requests_total{code="500"}[5m])`: false,
	}
	for metric, resource := range tests {
		for tier, refused := range map[process.ServiceTier]bool{process.Critical: resource, process.Standard: false} {
			o := outcome("invoice-posting", "uk", "production", func(p *process.Process) {
				p.Tier, p.CloseTier = tier, tier
				p.Objectives = append(p.Objectives, process.Objective{Name: "x", Indicator: &process.Indicator{Value: &process.Series{Metric: metric}}})
			})
			found := lint.Check(lint.Input{Estate: &estate.Estate{}, Outcomes: []lint.Outcome{o}}).Findings
			got := slices.ContainsFunc(found, func(f lint.Finding) bool { return f.Rule == lint.Resource && f.Refused })
			if got != refused {
				t.Errorf("%s at tier %s: refused %v, want %v", metric, tier, got, refused)
			}
		}
	}
}
