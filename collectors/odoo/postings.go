package odoo

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	entityLabels = []string{"tenant", "entity"}

	entriesPosted = prometheus.NewDesc(
		"odoo_journal_entries_posted_total", "Journal entries seen to become posted since this process began watching; the synthetic company under its own entity.", entityLabels, nil,
	)
	entryLastPosted = prometheus.NewDesc(
		"odoo_journal_entry_last_posted_timestamp_seconds", "When a journal entry was last seen to become posted, by the time it was written.", entityLabels, nil,
	)
)

const (
	maxNew            = 5000 // new entries read at a time
	maxDrafts         = 2000 // drafts followed
	maxJournalDrafts  = 200  // of these, in one journal
	refreshDraftsEach = 4    // looks between two readings of the drafts
	firstEntries      = 500  // newest entries looked at to begin with, for the time of the last posting
)

// postings counts journal entries as they become posted. No index says when
// that happened, so it follows drafts until they are posted, and looks at every
// new id.
type postings struct {
	db     *database
	begun  bool
	looks  int
	base   int64 // every entry at or below it is counted, or a draft that is followed, or old
	mark   watermark
	above  map[int64]bool     // posted entries above base that are counted
	drafts map[int64]bool     // followed; true when the last reading of drafts lacked it
	total  map[string]float64 // by entity
	last   map[string]time.Time
}

func newPostings(db *database) *postings {
	p := &postings{
		db: db, mark: watermark{lag: lateCommit}, above: map[int64]bool{}, drafts: map[int64]bool{},
		total: map[string]float64{}, last: map[string]time.Time{},
	}
	return p
}

// Describe implements collector.Collector.
func (*postings) Describe(ch chan<- *prometheus.Desc) {
	ch <- entriesPosted
	ch <- entryLastPosted
}

// Collect implements collector.Collector.
func (p *postings) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := p.db.look(ctx)
	if err != nil {
		return err
	}
	if err := t.require("account_move", "id", "state", "company_id", "journal_id", "write_date"); err != nil {
		return err
	}
	if err := t.require("account_journal", "id"); err != nil {
		return err
	}
	if err := p.look(ctx); err != nil {
		return err
	}
	for _, entity := range p.db.entities.all() {
		p.total[entity] += 0 // a company that has posted nothing has posted zero
	}
	for _, entity := range slices.Sorted(maps.Keys(p.total)) {
		counter(ch, entriesPosted, p.total[entity], p.db.tenant, entity)
		instant(ch, entryLastPosted, p.last[entity], p.db.tenant, entity)
	}
	return nil
}

const (
	entriesHighSQL = `
select coalesce((select max(id) from account_move), 0) as high, clock_timestamp() as now`

	newEntriesSQL = `
select id, company_id, state, write_date from account_move where id > $1 order by id limit $2`

	// followedSQL is answered by the primary key: as many look-ups as ids.
	followedSQL = `
select id, company_id, state, write_date from account_move where id = any($1::int[]) and state <> 'draft'`

	// draftsSQL goes through (journal_id, state, …) once per journal.
	draftsSQL = `
select d.id from account_journal j
cross join lateral (select m.id from account_move m where m.journal_id = j.id and m.state = 'draft' limit $1) as d
limit $2`
)

// look reads what became of the drafts, then what is new, in this order: an
// entry posted in between is seen once, by the second.
func (p *postings) look(ctx context.Context) error {
	queries := []pgsession.Query{{Name: "account_move ids", SQL: entriesHighSQL}}
	refresh := p.looks%refreshDraftsEach == 0
	if p.begun {
		queries = append(queries,
			pgsession.Query{Name: "account_move drafts", SQL: followedSQL, Args: []any{slices.Sorted(maps.Keys(p.drafts))}},
			pgsession.Query{Name: "account_move", SQL: newEntriesSQL, Args: []any{p.base, maxNew}},
		)
	}
	if refresh {
		queries = append(queries, pgsession.Query{Name: "account_move by journal", SQL: draftsSQL, Args: []any{maxJournalDrafts, maxDrafts}})
	}
	rs := p.db.ask(ctx, queries...)
	if err := p.db.judge(rs); err != nil {
		return err
	}
	if !p.begun {
		return p.begin(ctx, rs)
	}
	p.looks++
	first := rs[0].First()
	high, _ := first.Int("high")
	now, _ := first.Time("now")
	p.takeFollowed(rs[1].Rows)
	p.takeNew(rs[2].Rows)
	p.advance(p.mark.advance(now, high), rs[2].Rows)
	if refresh {
		p.follow(rs[3].Rows)
	}
	return nil
}

// begin sets the base: nothing posted before is counted, but it tells when the
// last posting was.
func (p *postings) begin(ctx context.Context, rs pgsession.Results) error {
	high, _ := rs[0].First().Int("high")
	now, _ := rs[0].First().Time("now")
	p.base = p.mark.advance(now, high)
	recent := p.db.ask(ctx, pgsession.Query{Name: "account_move", SQL: newEntriesSQL, Args: []any{max(0, high-firstEntries), maxNew}})
	if err := p.db.judge(recent); err != nil {
		return err
	}
	for _, row := range recent[0].Rows {
		id, _ := row.Int("id")
		switch row.String("state") {
		case "posted":
			entity := p.entity(row)
			p.last[entity] = latest(p.last[entity], at(row, "write_date"))
			if id > p.base {
				p.above[id] = true
			}
		case "draft":
			p.drafts[id] = false
		}
	}
	p.follow(rs[1].Rows)
	p.begun, p.looks = true, 1
	return nil
}

func (p *postings) entity(row pgsession.Row) string { return p.db.entities.name(row.Int("company_id")) }

// count counts one entry that has become posted.
func (p *postings) count(row pgsession.Row) {
	entity := p.entity(row)
	p.total[entity]++
	p.last[entity] = latest(p.last[entity], at(row, "write_date"))
}

// takeFollowed counts drafts that are posted now.
func (p *postings) takeFollowed(rows []pgsession.Row) {
	for _, row := range rows {
		id, _ := row.Int("id")
		delete(p.drafts, id)
		if row.String("state") == "posted" {
			p.count(row)
			if id > p.base {
				p.above[id] = true
			}
		}
	}
}

// takeNew counts entries above base that were posted when first seen.
func (p *postings) takeNew(rows []pgsession.Row) {
	for _, row := range rows {
		id, _ := row.Int("id")
		switch state := row.String("state"); {
		case state == "posted" && !p.above[id]:
			p.count(row)
			p.above[id] = true
			delete(p.drafts, id)
		case state == "draft":
			delete(p.above, id) // reset to draft: it counts again when posted again
			if _, followed := p.drafts[id]; !followed && len(p.drafts) < maxDrafts {
				p.drafts[id] = false
			}
		}
	}
}

// advance moves base up to the mark, or over what was read when there was more
// new than is read at a time.
func (p *postings) advance(mark int64, rows []pgsession.Row) {
	if len(rows) >= maxNew {
		read, _ := rows[len(rows)-1].Int("id")
		mark = min(max(mark, read), read)
	}
	if mark <= p.base {
		return
	}
	p.base = mark
	maps.DeleteFunc(p.above, func(id int64, _ bool) bool { return id <= p.base })
}

// follow takes a fresh reading of the drafts. One that is no longer among them
// is followed until the next reading, in case it was posted since the statement
// that asks; then it was deleted, or lies beyond the bounds.
func (p *postings) follow(rows []pgsession.Row) {
	present := map[int64]bool{}
	for _, row := range rows {
		id, _ := row.Int("id")
		present[id] = true
	}
	for id, absent := range p.drafts {
		switch {
		case present[id]:
			p.drafts[id] = false
		case absent:
			delete(p.drafts, id)
		default:
			p.drafts[id] = true
		}
	}
	for id := range present {
		if len(p.drafts) >= maxDrafts {
			return
		}
		p.drafts[id] = false
	}
}
