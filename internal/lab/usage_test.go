package lab_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
)

// The time that a session's process used is told while it lives and after it has
// ended; a server that does not run has used none.
func TestUsageOfAServer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := cpuOf(t, p.Server)
	const work = 100 * time.Millisecond
	spin := "DO $$ DECLARE until timestamptz := clock_timestamp() + interval '100 ms'; BEGIN WHILE clock_timestamp() < until LOOP END LOOP; END $$"
	used := time.Duration(0)
	// A busy machine gives a session a part of its time only.
	for range 20 {
		if err := p.Exec(t.Context(), "postgres", "postgres", spin); err != nil {
			t.Fatal(err)
		}
		if used = cpuOf(t, p.Server) - before; used >= work {
			break
		}
	}
	if used < work {
		t.Errorf("twenty sessions used %v, want at least %v", used, work)
	}
	if memory, err := p.Memory(); err != nil || memory < 1<<20 {
		t.Errorf("%d bytes of memory, %v", memory, err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := cpuOf(t, p.Server); after != 0 {
		t.Errorf("a stopped server has used %v", after)
	}
	if memory, err := p.Memory(); err != nil || memory != 0 {
		t.Errorf("a stopped server has %d bytes, %v", memory, err)
	}
}

func cpuOf(t *testing.T, s *lab.Server) time.Duration {
	t.Helper()
	used, err := s.CPU()
	if err != nil {
		t.Fatal(err)
	}
	return used
}
