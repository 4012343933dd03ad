package wording_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/wording"
)

// Alerts and what they are about; a process's runbook is its own.
var alerts = []string{"FinanceProcessImpaired", "FinanceLedgerIntegrity", "FinanceMonitoringBlind", "ClosewatchWatchdog", "FinanceObjectivesUnmeasured", "FinanceSignalUnmeasured", "ClosewatchAlertmanagerSilent"}

var link = regexp.MustCompile(`\]\(([^)]*)\)`)

func TestEveryAlertOfEveryProcessHasItsRunbook(t *testing.T) {
	for _, p := range process.Catalog() {
		for _, alert := range alerts {
			if _, ok := wording.Runbook(wording.RunbookFor(alert, p.Name)); !ok {
				t.Errorf("%s of %s has no runbook", alert, p.Name)
			}
		}
		if got := wording.RunbookFor("FinanceProcessImpaired", p.Name); got != p.Name {
			t.Errorf("the runbook of %s is %s", p.Name, got)
		}
	}
	if _, ok := wording.Runbook("../page"); ok {
		t.Error("a name leads out of the runbooks")
	}
	if _, ok := wording.RunbookOf(process.Process{Name: "astrology"}); ok {
		t.Error("an unknown process has a runbook")
	}
}

// A runbook is reached from an alert, or from one that is.
func TestNoRunbookIsAnOrphanAndLinksLeadSomewhere(t *testing.T) {
	reached := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if reached[name] {
			return
		}
		reached[name] = true
		text, _ := wording.Runbook(name)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, ok := strings.CutSuffix(m[1], ".md")
			if !ok || !slices.Contains(wording.Runbooks(), to) {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
				continue
			}
			visit(to)
		}
	}
	for _, alert := range alerts[1:] {
		visit(wording.RunbookFor(alert, ""))
	}
	for _, kind := range []string{"postgres", "redis", "traefik", "odoo", "certificate"} {
		visit(wording.RunbookOfSignal(kind))
	}
	for _, p := range process.Catalog() {
		visit(p.Name)
	}
	for _, name := range wording.Runbooks() {
		if !reached[name] {
			t.Errorf("nothing leads to %s", name)
		}
	}
}

func TestRunbooksAreComplete(t *testing.T) {
	shared := []string{"database", "ingress", "odoo", "redis"} // parts of others: the workaround is the process's
	for _, name := range wording.Runbooks() {
		text, _ := wording.Runbook(name)
		if !strings.HasPrefix(text, "# ") || !strings.HasSuffix(text, "\n") || strings.Contains(text, "\n\n\n") {
			t.Errorf("%s does not begin with a title, or is not tidy", name)
		}
		rest := text
		for _, section := range wording.Sections() {
			if section == "Workaround" && slices.Contains(shared, name) {
				continue
			}
			_, after, ok := strings.Cut(rest, "\n## "+section+"\n\n")
			if !ok {
				t.Errorf("%s has no section %s, or not in its place", name, section)
				continue
			}
			body, _, _ := strings.Cut(after, "\n## ")
			if len(strings.Fields(body)) < 4 {
				t.Errorf("%s says nothing under %s", name, section)
			}
			rest = after
		}
		if n := strings.Count(text, "\n## "); n > len(wording.Sections()) {
			t.Errorf("%s has %d sections", name, n)
		}
	}
}

// Do-not lines, the workaround and the people are the catalogue's, or an
// estate's own.
func TestRunbooksAgreeWithTheCatalogue(t *testing.T) {
	for _, p := range process.Catalog() {
		text, _ := wording.Runbook(p.Name)
		for _, want := range slices.Concat(p.DoNot, []string{p.Title, p.Stops, p.Workaround, p.Owner, p.Team, p.Vendor, p.Meanwhile}) {
			if !strings.Contains(text, want) {
				t.Errorf("the runbook of %s does not say %q", p.Name, want)
			}
		}
	}
	p := process.Catalog()[0]
	p.DoNot, p.Owner = []string{"Do not whistle."}, "Head of accounting"
	if text, _ := wording.RunbookOf(p); !strings.Contains(text, "- Do not whistle.\n") || !strings.Contains(text, "Head of accounting") {
		t.Error("the runbook does not speak for the estate's own process")
	}
}

// First checks only read: statements that query, and commands that ask.
func TestFirstChecksOnlyRead(t *testing.T) {
	statements := regexp.MustCompile("(?s)```(sql|sh)\n(.*?)```")
	reads := map[string]*regexp.Regexp{
		"sql": regexp.MustCompile(`(?s)^\s*SELECT [^;]*;\s*$`),
		"sh":  regexp.MustCompile(`(?m)^\s*(curl -sS -m 5 |redis-cli (PING|INFO))`),
	}
	writes := regexp.MustCompile(`(?i)\b(insert|update|delete|drop|alter|truncate|create|grant|pg_terminate_backend|pg_cancel_backend|flushdb|flushall|config set|for update)\b`)
	checked := 0
	for _, name := range wording.Runbooks() {
		text, _ := wording.Runbook(name)
		_, checks, _ := strings.Cut(text, "\n## First checks\n")
		checks, _, _ = strings.Cut(checks, "\n## ")
		if !strings.Contains(checks, "All of these only read.") {
			t.Errorf("%s does not say that its first checks only read", name)
		}
		for _, m := range statements.FindAllStringSubmatch(checks, -1) {
			checked++
			if !reads[m[1]].MatchString(m[2]) || writes.MatchString(m[2]) {
				t.Errorf("%s: does more than read:\n%s", name, m[2])
			}
		}
		if strings.Count(checks, "```")%2 != 0 {
			t.Errorf("%s: a block is not closed", name)
		}
	}
	if checked < 20 {
		t.Errorf("only %d statements were looked at", checked)
	}
}
