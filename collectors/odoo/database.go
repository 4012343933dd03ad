package odoo

import (
	"context"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// An asker asks one database in one round trip, as pgsession.Session.Batch does.
type asker func(context.Context, ...pgsession.Query) pgsession.Results

// A database is one tenant and what is known of its tables. Its tasks share it.
type database struct {
	tenant   string
	ask      asker
	now      func() time.Time
	entities entities

	mu     sync.Mutex
	tables *tables
	seen   time.Time // when tables was read
}

// relook is how often the tables are looked at again: an upgrade of Odoo or a
// grant changes them.
const relook = 5 * time.Minute

// look returns the tables, read again when that was long ago.
func (d *database) look(ctx context.Context) (*tables, error) {
	d.mu.Lock()
	known, seen := d.tables, d.seen
	d.mu.Unlock()
	if known != nil && d.now().Sub(seen) < relook {
		return known, nil
	}
	t, err := readTables(ctx, d.ask)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.tables, d.seen = t, d.now()
	d.mu.Unlock()
	return t, nil
}

// judge returns what went wrong with a batch. When an answer suggests that the
// tables have changed they are looked at again next time.
func (d *database) judge(rs pgsession.Results) error {
	for _, r := range rs {
		if k := fault.KindOf(r.Err); k == fault.Schema || k == fault.Denied {
			d.mu.Lock()
			d.tables = nil
			d.mu.Unlock()
		}
	}
	return rs.Err()
}
