package lab_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab"
)

// A server sees the clock it was given, and each time that is set.
func TestClock(t *testing.T) {
	l := newLab(t)
	at := time.Date(2026, 10, 25, 0, 59, 30, 0, time.UTC)
	clock, err := l.NewClock(at)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := clock.Set(at); err != nil {
			t.Fatal(err)
		}
		got, err := p.Value(t.Context(), "postgres", "postgres", "SELECT to_char(now(), 'YYYY-MM-DD HH24:MI:SS') || ' ' || current_date")
		if err != nil {
			t.Fatal(err)
		}
		if want := at.Format(time.DateTime) + " " + at.Format(time.DateOnly); got != want {
			t.Errorf("the server says %s, want %s", got, want)
		}
		at = at.AddDate(0, 1, 6)
	}
}
