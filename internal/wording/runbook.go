package wording

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/process"
)

//go:embed runbooks/*.md
var runbooks embed.FS

// Sections lists the headings every runbook has, in their order.
func Sections() []string {
	return []string{"What it means", "First checks", "Do not", "Restore", "Workaround", "Verify recovery", "Who"}
}

// Runbooks lists the names of all runbooks, sorted: one for each process of the
// catalogue, for each alert that is about none, and for each kind of component
// that they lead to.
func Runbooks() []string {
	files, err := fs.Glob(runbooks, "runbooks/*.md")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(f, "runbooks/"), ".md")
	}
	slices.Sort(names)
	return names
}

// RunbookFor returns the name of an alert's runbook: that of the process for
// one about a process, else its own.
func RunbookFor(alert, process string) string {
	switch alert {
	case "FinanceLedgerIntegrity":
		return "finance-ledger-integrity"
	case "FinanceMonitoringBlind", "FinanceObjectivesUnmeasured", "FinanceSignalUnmeasured":
		return "finance-monitoring-blind"
	case "ClosewatchWatchdog":
		return "closewatch-watchdog"
	case "ClosewatchAlertmanagerSilent":
		return "closewatch-alertmanager-silent"
	default:
		return process
	}
}

// RunbookOfSignal returns the name of the runbook for what is measured of a kind of
// component: that of all measurements where the kind has none of its own.
func RunbookOfSignal(kind string) string {
	switch kind {
	case "postgres":
		return "database"
	case "traefik":
		return "ingress"
	case "redis", "odoo":
		return kind
	default:
		return "finance-signal"
	}
}

// Runbook returns a runbook as Markdown, a process's with what the catalogue
// says of it; false when there is none of that name.
func Runbook(name string) (string, bool) {
	for _, p := range process.Catalog() {
		if p.Name == name {
			return RunbookOf(p)
		}
	}
	text, err := runbooks.ReadFile("runbooks/" + name + ".md")
	return string(text), err == nil
}

// RunbookOf returns the runbook of a process as an estate has it: what must not
// be done, the workaround and the people are the process's own.
func RunbookOf(p process.Process) (string, bool) {
	text, err := runbooks.ReadFile("runbooks/" + p.Name + ".md")
	if err != nil {
		return "", false
	}
	written := sections(string(text))
	written["Do not"] = "- " + strings.Join(p.DoNot, "\n- ")
	written["Workaround"] = fmt.Sprintf("After %s: %s\n\nTell users: please %s.", Duration(p.WorkaroundAfter), p.Workaround, p.Meanwhile)
	written["Who"] = fmt.Sprintf("%s on call restores the outcome. Decides for the business: %s.", p.Team, p.Owner)
	if p.Vendor != "" {
		written["Who"] += " Vendor: " + p.Vendor + "."
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", p.Title, p.Stops)
	for _, name := range Sections() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", name, written[name])
	}
	return b.String(), true
}

// sections cuts Markdown at its second headings.
func sections(text string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq("\n"+text, "\n## ") {
		if head, body, ok := strings.Cut(part, "\n"); ok {
			out[head] = strings.TrimSpace(body)
		}
	}
	return out
}
