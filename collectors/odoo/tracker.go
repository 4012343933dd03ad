package odoo

import (
	"context"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// A sweep divides a table by id, so that what no index tells can be read within
// bounds: at each look the newest ids and one part of the older ones, until all
// have had their turn; then it begins again.
type sweep struct {
	size int64 // ids in a part
	next int64 // highest id of the next older part; 0 begins again
}

// A span is the ids above low, up to high.
type span struct{ low, high int64 }

// turn returns the newest part and the older one whose turn it is.
func (s *sweep) turn(high int64) (newest, older span) {
	newest = span{max(0, high-s.size), high}
	if s.next <= 0 || s.next > newest.low {
		s.next = newest.low
	}
	older = span{max(0, s.next-s.size), s.next}
	s.next = older.low
	return newest, older
}

const (
	maxOpen   = 2000 // rows of one table that are followed
	maxPart   = 5000 // rows read of one part of it
	sweptRows = 5000 // ids in one part
)

// A tracker reads the rows of a table that are not done with, of which there are
// few, where no index tells them: those among the newest and in the part whose
// turn it is, and by their ids those that were open before. What is open among
// the newest is known at once, what is open further back within one sweep, and
// each row is followed until it is done.
type tracker struct {
	table string
	// sql selects from the table as r, with its state as f.state; absent where the
	// row is of no concern. {rows} stands for the condition.
	sql   string
	open  []string // states of rows that are not done with
	sweep sweep
	begun bool
	base  int64 // highest id at the last look
}

func newTracker(table, sql string, open []string) *tracker {
	return &tracker{table: table, sql: sql, open: open, sweep: sweep{size: sweptRows}}
}

const (
	// partCondition takes what is open, and what is new whatever became of it.
	partCondition     = `r.id > $1 and r.id <= $2 and (f.state = any($3::text[]) or r.id > $4 and f.state is not null) limit $5`
	followedCondition = `r.id = any($1::int[]) and f.state is not null`
)

// A trackerLook is what a tracker has read.
type trackerLook struct {
	now      time.Time       // the server's
	found    []pgsession.Row // open ones in two parts, and all that are new since the last look
	followed []pgsession.Row // what became of those that were open
}

// look reads the table, and of the rows with these ids what became of them.
func (k *tracker) look(ctx context.Context, db *database, ids []int64) (trackerLook, error) {
	rs := db.ask(ctx, pgsession.Query{
		Name: k.table + " ids", SQL: "select coalesce((select max(id) from " + k.table + "), 0) as high, clock_timestamp() as now",
	})
	if err := db.judge(rs); err != nil {
		return trackerLook{}, err
	}
	high, _ := rs[0].First().Int("high")
	now, _ := rs[0].First().Time("now")
	base := k.base
	if !k.begun || base > high {
		base = high
	}
	turn := k.sweep
	newest, older := turn.turn(high)
	part := func(name string, ids span) pgsession.Query {
		return pgsession.Query{Name: name, SQL: strings.ReplaceAll(k.sql, "{rows}", partCondition), Args: []any{ids.low, ids.high, k.open, base, maxPart}}
	}
	rs = db.ask(ctx, part(k.table, newest), part(k.table+" before", older), pgsession.Query{
		Name: k.table + " followed", SQL: strings.ReplaceAll(k.sql, "{rows}", followedCondition), Args: []any{ids},
	})
	if err := db.judge(rs); err != nil {
		return trackerLook{}, err
	}
	k.sweep, k.base, k.begun = turn, high, true
	return trackerLook{now: now, found: append(rs[0].Rows, rs[1].Rows...), followed: rs[2].Rows}, nil
}
