package arch

import (
	"slices"
	"strings"
	"testing"
)

// floors lists every package from the bottom up. "..." stands for a subtree;
// "*" for each folder of a wing with its subtree, a tree of its own. A package
// may import lower floors and its own tree, never a neighbour. Never move an
// entry to make a build pass: ARCHITECTURE.md says why it is there.
var floors = []string{
	// Vocabulary: imports nothing of ours.
	"internal/fault internal/secret internal/durable... internal/delta internal/signal internal/process internal/calendar... internal/arch deploy/sql",
	// Contracts and pure computations on the vocabulary.
	"internal/collector... internal/estate internal/flow internal/slo internal/baseline",
	"internal/wording internal/telemetry internal/tiering internal/pgsession internal/odoorpc internal/starttls internal/logtail",
	// What should have happened by now: a computation that speaks and gives tiering its evidence.
	"internal/expected internal/scenario internal/openslo",
	// Engines: keep something, decide something.
	"internal/auth internal/datadir internal/evidence... internal/incident internal/ledger internal/store internal/tickrecord",
	"internal/report internal/web",
	"internal/lab...",
	// The wings: never one another, never an engine.
	"collectors/* synthetic/* alerts/* dashboards...",
	// The shelves: the one explicit list of each wing.
	"collectors synthetic alerts",
	// The roof: the only place that knows all.
	"cmd...",
	"tools...",
}

// contracts is all a wing may import of the ground floor.
var contracts = strings.Fields(`
	internal/calendar internal/collector internal/durable internal/estate internal/fault internal/flow internal/logtail internal/odoorpc
	internal/pgsession internal/process internal/secret internal/signal internal/slo internal/starttls internal/telemetry internal/wording`)

var wings = []string{"collectors", "synthetic", "alerts", "dashboards"}

func TestImportsGoDown(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		level, tree := place(s.pkg)
		if level < 0 {
			t.Errorf("%s: package %s is on no floor; add it to floors", s.name, s.pkg)
			continue
		}
		for i, to := range s.imports() {
			toLevel, toTree := place(to)
			if !ours(to) || toLevel >= 0 && (toLevel < level || toTree == tree) {
				continue
			}
			t.Errorf("%s:%d: %s must not import %s", s.name, s.line(s.file.Imports[i].Pos()), s.pkg, to)
		}
	}
}

func TestWingsImportOnlyContracts(t *testing.T) {
	for _, s := range sources(t) {
		wing, _, _ := strings.Cut(s.pkg, "/")
		if s.test || !slices.Contains(wings, wing) {
			continue
		}
		for i, to := range s.imports() {
			if strings.HasPrefix(to, "internal/") && !slices.Contains(contracts, to) {
				t.Errorf("%s:%d: a wing must not import %s, only a contract", s.name, s.line(s.file.Imports[i].Pos()), to)
			}
		}
	}
}

// The domain decides; it reads no file, asks no network and knows no library's
// types, so that what it decides can be replayed.
func TestDomainIsPure(t *testing.T) {
	domain := []string{"internal/baseline", "internal/calendar", "internal/expected", "internal/process", "internal/signal", "internal/slo", "internal/tiering"}
	for _, s := range sources(t) {
		if s.test || !slices.Contains(domain, s.pkg) {
			continue
		}
		for i, to := range s.imports() {
			standard := !strings.Contains(strings.Split(to, "/")[0], ".")
			if standard && !slices.Contains([]string{"os", "net", "net/http", "io/fs", "database/sql", "os/exec", "syscall"}, to) {
				continue
			}
			t.Errorf("%s:%d: the domain must not import %s", s.name, s.line(s.file.Imports[i].Pos()), to)
		}
	}
}

// The daemon starts no process: only the lab does, which starts servers, and
// the demo, which breaks them.
func TestProcessesAreStartedByTheLabOnly(t *testing.T) {
	for _, s := range sources(t) {
		allowed := s.test || strings.HasPrefix(s.pkg, "internal/lab") ||
			strings.HasPrefix(s.name, "cmd/closewatch/demo") || strings.HasPrefix(s.name, "cmd/closewatch/demo/")
		if !allowed && slices.Contains(s.imports(), "os/exec") {
			t.Errorf("%s: must not import os/exec", s.name)
		}
	}
}

// ours reports whether an import is of this module: its path was cut short.
func ours(to string) bool {
	first, _, _ := strings.Cut(to, "/")
	return slices.Contains([]string{"internal", "cmd", "tools", "deploy"}, first) || slices.Contains(wings, first)
}

// place returns the floor of pkg, or -1, and the tree it belongs to there.
func place(pkg string) (level int, tree string) {
	for level, line := range floors {
		for entry := range strings.FieldsSeq(line) {
			if tree, ok := match(entry, pkg); ok {
				return level, tree
			}
		}
	}
	return -1, ""
}

func match(entry, pkg string) (tree string, ok bool) {
	if wing, each := strings.CutSuffix(entry, "/*"); each {
		rest, inside := strings.CutPrefix(pkg, wing+"/")
		folder, _, _ := strings.Cut(rest, "/")
		return wing + "/" + folder, inside
	}
	dir, subtree := strings.CutSuffix(entry, "...")
	return entry, pkg == dir || subtree && strings.HasPrefix(pkg, dir+"/")
}

func TestPlaces(t *testing.T) {
	tests := map[string]struct {
		from, to string
		may      bool
	}{
		"an engine imports the vocabulary":       {"internal/incident", "internal/fault", true},
		"the ground imports no wing":             {"internal/web", "collectors/redis", false},
		"a collector imports no other":           {"collectors/redis", "collectors/odoo", false},
		"a collector imports its own parts":      {"collectors/postgres", "collectors/postgres/lsnclock", true},
		"the shelf imports its collectors":       {"collectors", "collectors/redis", true},
		"a collector does not import its shelf":  {"collectors/redis", "collectors", false},
		"a wing imports no other wing":           {"alerts/delivery", "synthetic/odoo", false},
		"the roof imports all":                   {"cmd/closewatch/app", "synthetic", true},
		"nothing imports the roof":               {"internal/web", "cmd/closewatch/app", false},
		"engines on one floor stay apart":        {"internal/store", "internal/incident", false},
		"an unplaced package may not be used":    {"internal/web", "internal/helpers", false},
		"a contract is not extended by a prefix": {"internal/web", "internal/estatecheck", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			level, tree := place(tt.from)
			toLevel, toTree := place(tt.to)
			if got := toLevel >= 0 && (toLevel < level || toTree == tree); got != tt.may {
				t.Errorf("%s imports %s: allowed %v, want %v", tt.from, tt.to, got, tt.may)
			}
		})
	}
}
