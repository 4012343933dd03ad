package app

import (
	"slices"
	"testing"

	"github.com/closewatch/closewatch/collectors"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A signal that is on no list speaks for no particular cause; one that is on a
// list and exists nowhere never does.
func TestEverySignalSpeaksForAFamilyOfTrouble(t *testing.T) {
	named := map[string][]string{}
	for _, k := range collectors.Catalog(nil) {
		for _, d := range k.Signals() {
			named[k.Name] = append(named[k.Name], d.Name)
			if k.Name != "prometheus" && tiering.FamilyOf(k.Name, d.Name).Kind == "" {
				t.Errorf("signal %s of kind %s is in no family of internal/tiering", d.Name, k.Name)
			}
		}
	}
	for _, d := range closingSignals() {
		named[process.Odoo] = append(named[process.Odoo], d.Name)
		if tiering.FamilyOf(process.Odoo, d.Name).Kind == "" {
			t.Errorf("signal %s of the close is in no family of internal/tiering", d.Name)
		}
	}
	for _, d := range slices.Concat(blindSignals(), bucketSignals()) { // what is not measured is no trouble, of whatever kind
		if f := tiering.FamilyOf(process.Odoo, d.Name); f.Name != "watching" {
			t.Errorf("signal %s is taken for %q", d.Name, f.Says)
		}
	}
	for _, f := range tiering.Families() {
		if f.Kind == "" {
			continue
		}
		for _, pattern := range f.Signals {
			if !slices.ContainsFunc(named[f.Kind], func(name string) bool { return tiering.Matches(pattern, name) }) {
				t.Errorf("family %s %s names %s, which no signal of the kind matches", f.Kind, f.Name, pattern)
			}
		}
	}
}
