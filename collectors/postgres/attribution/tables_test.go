package attribution

import (
	"slices"
	"testing"

	"github.com/closewatch/closewatch/internal/process"
)

// Every finance process has tables, each of one process only.
func TestProcessesHaveTables(t *testing.T) {
	var want, got []string
	for _, p := range process.Catalog() {
		want = append(want, p.Name)
	}
	seen := map[string]bool{}
	for _, p := range processes {
		got = append(got, p.name)
		for _, table := range p.tables {
			if seen[table] || slices.Contains(others, table) {
				t.Errorf("%s is listed twice", table)
			}
			seen[table] = true
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("tables of %v, want %v", got, want)
	}
}
