package odoo

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// A book is one subject of the ledger. Books of one task share a round trip.
type book interface {
	describe() []*prometheus.Desc
	// ask returns the book's questions, as far as the tables allow them, and
	// findings about what may not be read. What this database does not have is
	// not asked for and no finding.
	ask(t *tables) ([]pgsession.Query, error)
	// publish takes the answers in. A question that was not asked or failed has
	// an answer with an error and without rows: what it would tell is absent.
	publish(ch chan<- prometheus.Metric, rs pgsession.Results, js journals)
}

// books is the collector of some of them.
type books struct {
	db    *database
	books []book
}

// newLedger reports what is read at the slow interval.
func newLedger(db *database, k keeper) *books {
	return &books{db, []book{&bank{db: db}, &drafts{db: db}, newLocks(db, k)}}
}

// newControls reports what is looked for less often.
func newControls(db *database) *books {
	return &books{db, []book{sequences{db}, statements{db}, payments{db}, balances{db}, voided{db}}}
}

// Describe implements collector.Collector.
func (b *books) Describe(ch chan<- *prometheus.Desc) {
	for _, book := range b.books {
		for _, d := range book.describe() {
			ch <- d
		}
	}
}

// Collect implements collector.Collector.
func (b *books) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := b.db.look(ctx)
	if err != nil {
		return err
	}
	var findings []error
	var queries []pgsession.Query
	if err := t.require("account_journal", "id", "code", "type", "company_id", "active"); err != nil {
		findings = append(findings, err)
	} else {
		queries = append(queries, pgsession.Query{Name: "account_journal", SQL: journalsSQL})
	}
	for _, book := range b.books {
		asked, err := book.ask(t)
		queries, findings = append(queries, asked...), append(findings, err)
	}
	rs := b.db.ask(ctx, queries...)
	js := readJournals(rs.Named("account_journal"), b.db.entities)
	for _, book := range b.books {
		book.publish(ch, rs, js)
	}
	return only(append(findings, b.db.judge(rs)))
}

// only joins errors; a single one stays itself.
func only(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

const journalsSQL = `
select id, code, type, company_id, coalesce(active, true) as active from account_journal order by id limit 2000`

// maxJournals bounds the journals published of one metric; further ones are
// added up under the code "other".
const maxJournals = 300

// A journal is a row of account_journal.
type journal struct {
	entity, code string
	active       bool
	money        bool // holds statement lines; the numbers of others are those of documents
}

// A place is what a number is counted for: a journal of an entity.
type place struct{ entity, code string }

type journals struct {
	byID     map[int64]journal
	entities entities
}

func readJournals(r pgsession.Result, names entities) journals {
	js := journals{map[int64]journal{}, names}
	for _, row := range r.Rows {
		id, _ := row.Int("id")
		active, _ := row.Bool("active")
		kind := row.String("type")
		money := kind == "bank" || kind == "cash" || kind == "credit"
		js.byID[id] = journal{
			entity: names.name(row.Int("company_id")), code: label(row.String("code")),
			active: active, money: money,
		}
	}
	return js
}

// place names the journal of a row; one that is not known is "other".
func (js journals) place(row pgsession.Row) place {
	id, _ := row.Int("journal_id")
	if j, known := js.byID[id]; known {
		return place{j.entity, j.code}
	}
	return place{js.entities.name(0, false), otherChannel}
}

// zeros starts a count for the journals in use that hold money, or for the
// others.
func (js journals) zeros(money bool) map[place]float64 {
	out := map[place]float64{}
	for _, j := range js.byID {
		if j.active && j.money == money {
			out[place{j.entity, j.code}] = 0
		}
	}
	return out
}

// numbered reports whether a row's journal numbers documents.
func (js journals) numbered(row pgsession.Row) bool {
	id, _ := row.Int("journal_id")
	j, known := js.byID[id]
	return known && !j.money
}

// today is the day in UTC: Odoo's timestamps have no zone, and the session's may
// be another.
const today = "(now() at time zone 'utc')::date"

// gapDays is how long a finding about a dated document is news: an old one must
// not alarm for ever.
const gapDays = 35

// controlsEach is how many slow intervals pass between two looks of controls.
const controlsEach = 5

// freshControls is how long a reading of controls counts, at the longest slow
// interval.
const freshControls = 3 * time.Hour

// number is a column's whole number, 0 when it is null.
func number(row pgsession.Row, col string) float64 {
	n, _ := row.Int(col)
	return float64(n)
}

// counts publishes a number by journal: the highest maxJournals, and what is
// beyond them in one sum, so that all add up.
func counts(ch chan<- prometheus.Metric, d *prometheus.Desc, kind prometheus.ValueType, tenant string, totals map[place]float64, more ...string) {
	places := slices.SortedFunc(maps.Keys(totals), func(a, b place) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a.entity, b.entity), cmp.Compare(a.code, b.code))
	})
	most := min(len(places), maxJournals)
	rest := place{otherChannel, otherChannel}
	beyond := 0.0
	for _, p := range places[most:] {
		beyond += totals[p]
	}
	for _, p := range places[:most] {
		ch <- prometheus.MustNewConstMetric(d, kind, totals[p], append([]string{tenant, p.entity, p.code}, more...)...)
	}
	if most < len(places) {
		ch <- prometheus.MustNewConstMetric(d, kind, beyond, append([]string{tenant, rest.entity, rest.code}, more...)...)
	}
}

// instants publishes a time by journal, for the first maxJournals.
func instants(ch chan<- prometheus.Metric, d *prometheus.Desc, tenant string, times map[place]time.Time) {
	places := slices.SortedFunc(maps.Keys(times), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.code, b.code))
	})
	for _, p := range places[:min(len(places), maxJournals)] {
		instant(ch, d, times[p], tenant, p.entity, p.code)
	}
}

// entityCounts publishes a number by entity.
func entityCounts(ch chan<- prometheus.Metric, d *prometheus.Desc, tenant string, totals map[string]float64) {
	for _, entity := range slices.Sorted(maps.Keys(totals)) {
		gauge(ch, d, totals[entity], tenant, entity)
	}
}
