package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/closewatch/closewatch/alerts/rules"
	"github.com/closewatch/closewatch/internal/wording"
)

// exampleEstates are the estates that are shipped.
func exampleEstates(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.yaml", "scenarios/estate*.yaml"} {
		found, err := filepath.Glob("../../../deploy/examples/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 9 {
		t.Fatalf("found %d examples", len(files))
	}
	return files
}

// blank is what a template fills in.
var blank = regexp.MustCompile(`\{\{[^}]*\}\}`)

// Every alert of every example says in plain words what is wrong, and links to a
// runbook that there is.
func TestEveryGeneratedAlertHasItsRunbook(t *testing.T) {
	const url = "https://closewatch.example.com"
	seen := map[string]int{}
	for _, file := range exampleEstates(t) {
		made, err := offline(t, file).Rules(RuleOptions{URL: url}, "")
		if err != nil {
			t.Fatal(err)
		}
		parsed, errs := rulefmt.Parse(made.File, false, model.LegacyValidation)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", file, errs)
		}
		for _, g := range parsed.Groups {
			for _, r := range g.Rules {
				if r.Alert == "" {
					continue
				}
				seen[r.Alert]++
				what := file + ": " + r.Alert + " " + r.Labels["signal"] + r.Labels["objective"]
				name, ours := strings.CutPrefix(r.Annotations["runbook_url"], url+"/runbooks/")
				if _, is := wording.Runbook(name); !ours || !is {
					t.Errorf("%s links to %q", what, r.Annotations["runbook_url"])
				}
				for _, text := range []string{"summary", "description"} {
					said := r.Annotations[text]
					if len(strings.Fields(said)) < 3 || strings.Contains(said, "..") || strings.Contains(said, "%!") {
						t.Errorf("%s: its %s is %q", what, text, said)
					}
					if n := len(blank.ReplaceAllString(said, "12345678")); text == "summary" && n > 150 || n > 600 {
						t.Errorf("%s: its %s has %d characters: %s", what, text, n, said)
					}
				}
			}
		}
	}
	for _, name := range []string{rules.BurnFast, rules.BurnSlow, rules.Unmeasured, rules.SignalCritical, rules.SignalWarning, rules.SignalUnmeasured} {
		if seen[name] == 0 {
			t.Errorf("no example has %s", name)
		}
	}
}

// Where people reach the daemon is what the estate says, unless something else is.
func TestRulesLinkWhereTheEstateSays(t *testing.T) {
	const minimal = "components:\n  db: {postgres: {dsn: \"postgres://db.example.com/postgres\"}}\n"
	for name, tt := range map[string]struct{ estate, url, want string }{
		"nowhere":                {minimal, "", ""},
		"where the estate says":  {minimal + "web: {externalURL: \"https://cw.example.com/\"}\n", "", "https://cw.example.com/runbooks/database"},
		"where the command says": {minimal + "web: {externalURL: \"https://cw.example.com\"}\n", "https://other.example.com", "https://other.example.com/runbooks/database"},
	} {
		made, err := planOf(t, tt.estate).Rules(RuleOptions{URL: tt.url}, "")
		if err != nil {
			t.Fatal(err)
		}
		if linked := strings.Contains(string(made.File), "runbook_url"); linked != (tt.want != "") || !strings.Contains(string(made.File), tt.want) {
			t.Errorf("%s: linked %v, want %s", name, linked, tt.want)
		}
	}
}

// A real promtool takes the rules of an estate, and sees alerts of each group fire and
// end. Usually it is a small estate, of signals alone; at full length it is every
// example.
func TestRulesPassPromtool(t *testing.T) {
	plans := map[string]*Plan{}
	if os.Getenv("CLOSEWATCH_RULES") == "full" {
		for _, file := range exampleEstates(t) {
			plans[file] = offline(t, file)
		}
	} else {
		plans["a cache"] = planOf(t, "components:\n  cache: {redis: {url: \"redis://127.0.0.1:6379/0\"}}\n")
	}
	for name, plan := range plans {
		dir := t.TempDir()
		made, err := plan.Rules(RuleOptions{URL: "https://closewatch.example.com"}, "rules.yml")
		if err != nil {
			t.Fatal(err)
		}
		for file, content := range map[string][]byte{"rules.yml": made.File, "test.yml": made.Test} {
			if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"check", "rules", "--lint-fatal", "rules.yml"}, {"test", "rules", "test.yml"}} {
			cmd := exec.CommandContext(t.Context(), "promtool", args...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: promtool %s: %v (make setup installs it)\n%.4000s", name, strings.Join(args, " "), err, out)
			}
		}
	}
}
