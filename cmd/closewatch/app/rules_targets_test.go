package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// A vmalert reads every expression of the examples, at full length of all of them, and
// finds none of what it refuses: two groups of one name, or two rules of a group with
// the same name, expression and labels. Its loader would bring half of VictoriaMetrics with it; its parser brings
// nothing.
func TestRulesForVMAlert(t *testing.T) {
	files := exampleEstates(t)
	if os.Getenv("CLOSEWATCH_RULES") != "full" {
		files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) != "acme.yaml" })
	}
	read := 0
	for _, file := range files {
		made, err := offline(t, file).Rules(RuleOptions{For: ForVMAlert}, "")
		if err != nil {
			t.Fatal(err)
		}
		parsed, errs := rulefmt.Parse(made.File, false, model.LegacyValidation)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", file, errs)
		}
		groups := map[string]bool{}
		for _, g := range parsed.Groups {
			if groups[g.Name] {
				t.Errorf("%s: the group %s is there twice", file, g.Name)
			}
			groups[g.Name] = true
			seen := map[string]bool{}
			for _, r := range g.Rules {
				read++
				if _, err := metricsql.Parse(r.Expr); err != nil {
					t.Errorf("%s: %s%s: %v", file, r.Alert, r.Record, err)
				}
				is := fmt.Sprint(r.Alert, r.Record, r.Expr, r.Labels) // maps print in order
				if seen[is] {
					t.Errorf("%s: %s%s is twice in %s", file, r.Alert, r.Record, g.Name)
				}
				seen[is] = true
			}
		}
	}
	if read < 500 {
		t.Errorf("only %d rules were read", read)
	}
}

// The head of a file for a Mimir says how many rules and groups its limits must allow,
// and nothing is in it that a ruler that reads files refuses.
func TestRulesForMimir(t *testing.T) {
	made, err := planOf(t, "components:\n  cache: {redis: {url: \"redis://127.0.0.1:6379/0\"}}\n").Rules(RuleOptions{For: ForMimir, Org: "finance"}, "")
	if err != nil {
		t.Fatal(err)
	}
	parsed, errs := rulefmt.Parse(made.File, false, model.UTF8Validation)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	most := 0
	for _, g := range parsed.Groups {
		most = max(most, len(g.Rules))
	}
	head, _, _ := strings.Cut(string(made.File), "\ngroups:")
	head = strings.ReplaceAll(head, "\n#", "")
	for _, want := range []string{
		"ruler_max_rules_per_rule_group of " + strconv.Itoa(most) + " or more", "ruler_max_rule_groups_per_tenant of " + strconv.Itoa(len(parsed.Groups)) + " or more", "(finance)",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("the head does not say %q:\n%s", want, head)
		}
	}
	if lines := strings.Split(string(made.File), "\n"); slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "namespace:") }) {
		t.Error("the namespace is in the file")
	}
}
