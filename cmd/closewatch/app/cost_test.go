package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/flow"
)

// A counted database has written so many rows of each kind.
type countedDatabase struct {
	rows   int64
	asked  int
	open   int
	broken error
}

func (d *countedDatabase) Count(context.Context) (flow.Rows, error) {
	d.asked++
	return flow.Rows{Inserted: d.rows, Updated: d.rows, Deleted: d.rows, Commits: d.rows}, d.broken
}

func (d *countedDatabase) Close() { d.open-- }

func (d *countedDatabase) sampler() *rowSampler {
	return newRowSampler(func() rowCounter { d.open++; return d }, time.Now, slog.New(slog.DiscardHandler))
}

// run is one run that writes so many rows of each kind.
func (d *countedDatabase) run(s *rowSampler, name string, rows int64) {
	end := s.begin(context.Background(), name)
	d.rows += rows
	end()
	time.Sleep(time.Minute)
	synctest.Wait()
}

func TestRowsAreSampledNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &countedDatabase{}
		s := d.sampler()
		defer s.close()
		if s.least("login") != nil {
			t.Error("rows are told before any sample")
		}
		d.run(s, "invoice-posting", 70)
		for range 2 * sampleEvery {
			d.run(s, "invoice-posting", 50)
		}
		if d.asked != 6 || d.open != 0 {
			t.Errorf("asked %d times and %d left open, want 3 samples of two questions in %d runs", d.asked, d.open, 2*sampleEvery+1)
		}
		if got := s.least("invoice-posting"); got == nil || got.Inserted != 50 || got.Written() != 150 {
			t.Errorf("least of the samples: %+v, want 50 of each", got)
		}
		d.run(s, "login", 1)
		if got := s.least("login"); got == nil || got.Written() != 3 {
			t.Errorf("another flow: %+v, want its own", got)
		}
	})
}

func TestRowsThatCannotBeSampledAreNotKnown(t *testing.T) {
	tests := map[string]func(d *countedDatabase, s *rowSampler){
		"the database does not answer": func(d *countedDatabase, s *rowSampler) {
			d.broken = errors.New("refused")
			d.run(s, "login", 5)
		},
		"it stops answering": func(d *countedDatabase, s *rowSampler) {
			end := s.begin(context.Background(), "login")
			d.broken = errors.New("refused")
			end()
			time.Sleep(time.Minute)
		},
		"the statistics were reset": func(d *countedDatabase, s *rowSampler) {
			d.rows = 100
			d.run(s, "login", -90)
		},
		"the daemon stops": func(_ *countedDatabase, s *rowSampler) {
			end := s.begin(context.Background(), "login")
			end()
			s.close()
		},
	}
	for name, happens := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &countedDatabase{}
				s := d.sampler()
				defer s.close()
				happens(d, s)
				synctest.Wait()
				if got := s.least("login"); got != nil || d.open != 0 {
					t.Errorf("%+v and %d left open, want not known and none", got, d.open)
				}
			})
		})
	}
	var none *rowSampler
	none.begin(t.Context(), "login")()
	if none.least("login") != nil {
		t.Error("rows without a database")
	}
	none.close()
}

// A database that does not answer is asked as rarely as one that does.
func TestABrokenDatabaseIsAskedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &countedDatabase{broken: errors.New("refused")}
		s := d.sampler()
		defer s.close()
		for range 2 * sampleEvery {
			d.run(s, "login", 1)
		}
		if d.asked > 3 {
			t.Errorf("asked %d times in %d runs", d.asked, 2*sampleEvery)
		}
		d.broken = nil
		for range sampleEvery {
			d.run(s, "login", 1)
		}
		if diff := cmp.Diff(int64(3), s.least("login").Written()); diff != "" {
			t.Errorf("once it answers (-want +got):\n%s", diff)
		}
	})
}
