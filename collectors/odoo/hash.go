package odoo

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	hashFaults = prometheus.NewDesc(
		"odoo_hash_chain_faults",
		"Entries with an inalterability hash found not to be as they must, first seen within the last 35 days: changed or gone (against a sample that is remembered), erased, unposted, or broken (the posted entry before it has no hash, before Odoo 18 the one before it is missing).",
		[]string{"tenant", "entity", "fault"}, nil,
	)
	hashChecked = prometheus.NewDesc(
		"odoo_hash_entries_checked_total", "Entries with an inalterability hash that were looked at since this process began watching.", []string{"tenant"}, nil,
	)
	hashPassed = prometheus.NewDesc(
		"odoo_hash_last_full_pass_timestamp_seconds", "When all entries had been looked at once more.", []string{"tenant"}, nil,
	)
)

const (
	maxSlice   = 5000 // entries read at a time
	maxSampled = 5000 // hashes remembered, spread over all entries
	maxVerify  = 500  // of these, looked at again at a time
	maxFaults  = 1000 // remembered
)

// Faults of a hashed entry.
const (
	hashChanged  = "changed"
	hashGone     = "gone"
	hashErased   = "erased"
	hashUnposted = "unposted"
	hashBroken   = "broken"
)

// hashes watches over the entries that Odoo has made inalterable. It may read
// neither amounts nor texts, so it does not compute a hash again: an amount that
// was changed under an unchanged hash is found by Odoo's own report on data
// integrity, not here. What is seen is what happens to the hashes: a sample of
// them is remembered, and the chain must have no entry without one.
type hashes struct {
	db       *database
	keep     keeper
	restored bool
	known    hashMemory
	checked  float64
	verified int64 // the last remembered id that was looked at again
}

// hashMemory is what must outlive the process.
type hashMemory struct {
	Database int64                 `json:"database"` // oid: another database has other entries
	Stride   int64                 `json:"stride"`   // every so manieth id is remembered
	Cursor   int64                 `json:"cursor"`   // entries up to it are done in this pass
	Passed   time.Time             `json:"passed"`   // end of the last pass
	Sample   map[int64]hashed      `json:"sample"`   // by id
	Faults   map[int64]brokenEntry `json:"faults"`   // by id
}

// hashed is one remembered hash.
type hashed struct {
	Digest  string `json:"d"` // of the hash
	Company int64  `json:"c"`
}

type brokenEntry struct {
	Fault   string    `json:"fault"`
	Company int64     `json:"company"`
	Since   time.Time `json:"since"`
}

func newHashes(db *database, keep keeper) *hashes {
	return &hashes{db: db, keep: keep, known: newHashMemory(0)}
}

func newHashMemory(oid int64) hashMemory {
	return hashMemory{Database: oid, Stride: 1, Sample: map[int64]hashed{}, Faults: map[int64]brokenEntry{}}
}

// Describe implements collector.Collector.
func (*hashes) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{hashFaults, hashChecked, hashPassed} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (h *hashes) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := h.db.look(ctx)
	if err != nil {
		return err
	}
	if err := t.require("account_move", "id", "company_id", "journal_id", "state", "move_type", "inalterable_hash", "secure_sequence_number", "sequence_prefix", "sequence_number"); err != nil {
		return err
	}
	var forgotten error
	if !h.restored {
		forgotten, h.restored = h.keep.restore(&h.known), true
	}
	rs := h.db.ask(ctx, pgsession.Query{Name: "account_move hashes", SQL: hashUseSQL(t)})
	if err := h.db.judge(rs); err != nil {
		return err
	}
	oid, _ := rs[0].First().Int("oid")
	used, _ := rs[0].First().Bool("used")
	if oid != h.known.Database {
		h.known = newHashMemory(oid)
	}
	if !used && len(h.known.Sample) == 0 {
		return forgotten // no journal is hashed here
	}
	again := h.next()
	rs = h.db.ask(ctx,
		pgsession.Query{Name: "account_move slice", SQL: hashSliceSQL(t), Args: []any{h.known.Cursor, maxSlice}},
		pgsession.Query{Name: "account_move sample", SQL: hashSampleSQL, Args: []any{again}},
	)
	if err := h.db.judge(rs); err != nil {
		return err
	}
	h.verify(again, rs[1].Rows)
	h.take(rs[0].Rows)
	h.publish(ch)
	return cmp.Or(forgotten, h.keep.save(h.known))
}

// hashUseSQL asks whether anything is hashed, as an index can tell it.
func hashUseSQL(t *tables) string {
	condition := t.partial["account_move.inalterable_hash"]
	if condition == "" {
		condition = "secure_sequence_number > 0"
	}
	return `
select (select oid::bigint from pg_database where datname = current_database()) as oid,
       exists (select from account_move where ` + condition + `) as used`
}

// hashSampleSQL is answered by the primary key.
const hashSampleSQL = `
select id, left(md5(inalterable_hash), 16) as digest from account_move where id = any($1::int[])`

// hashSliceSQL reads entries in the order of their ids, and how far that went.
// Of each hashed one it looks the entry before it up. From Odoo 18 on a chain
// follows the numbers of a series; one that is cancelled is not in it. Before,
// it has numbers of its own without gaps.
func hashSliceSQL(t *tables) string {
	broken := `m.secure_sequence_number > 1 and (
    select p.id from account_move p where p.secure_sequence_number = m.secure_sequence_number - 1 and p.journal_id = m.journal_id limit 1) is null`
	if t.partial["account_move.inalterable_hash"] != "" {
		broken = `(select p.inalterable_hash is null from account_move p
     where p.journal_id = m.journal_id and p.sequence_prefix = m.sequence_prefix and p.sequence_number < m.sequence_number and p.state = 'posted' and p.move_type = m.move_type
     order by p.sequence_number desc limit 1)
   and (select p.id from account_move p
     where p.journal_id = m.journal_id and p.sequence_prefix = m.sequence_prefix and p.sequence_number < m.sequence_number and p.inalterable_hash is not null limit 1) is not null`
	}
	return `
with slice as (
    select id, company_id, journal_id, state, move_type, inalterable_hash, secure_sequence_number, sequence_prefix, sequence_number
    from account_move where id > $1 order by id limit $2
)
select max(id) as id, count(*) as n, null as company_id, null as digest, null as unposted, null as erased, null as broken from slice
union all
select m.id, 0, m.company_id, left(md5(m.inalterable_hash), 16), m.inalterable_hash is not null and m.state <> 'posted', m.inalterable_hash is null,
       coalesce(m.inalterable_hash is not null and ` + broken + `, false)
from slice as m
where m.inalterable_hash is not null or m.secure_sequence_number > 0`
}

// next returns the remembered ids that are to be looked at again.
func (h *hashes) next() []int64 {
	ids := slices.Sorted(maps.Keys(h.known.Sample))
	from, _ := slices.BinarySearch(ids, h.verified+1)
	if from == len(ids) {
		from = 0
	}
	return ids[from:min(len(ids), from+maxVerify)]
}

// verify compares what was asked for with what is remembered.
func (h *hashes) verify(asked []int64, rows []pgsession.Row) {
	found := map[int64]string{}
	for _, row := range rows {
		id, _ := row.Int("id")
		found[id] = row.String("digest")
	}
	for _, id := range asked {
		h.verified = id
		digest, there := found[id]
		was := h.known.Sample[id]
		fault := ""
		switch {
		case !there:
			fault = hashGone
		case digest == "":
			fault = hashErased
		case digest != was.Digest:
			fault = hashChanged
		}
		h.checked++
		h.settle(id, was.Company, fault, digest)
	}
}

// settle notes whether a remembered hash is as it was. What has been told for
// long is how things are.
func (h *hashes) settle(id, company int64, fault, digest string) {
	told, known := h.known.Faults[id]
	switch {
	case fault == "" && known && (told.Fault == hashGone || told.Fault == hashErased || told.Fault == hashChanged):
		delete(h.known.Faults, id)
	case fault == "":
	case known && h.old(told):
		delete(h.known.Faults, id)
		delete(h.known.Sample, id)
		if digest != "" {
			h.known.Sample[id] = hashed{digest, company}
		}
	default:
		h.note(id, company, fault)
	}
}

// note remembers a fault; one that is known keeps its time.
func (h *hashes) note(id, company int64, fault string) {
	told, known := h.known.Faults[id]
	if known && told.Fault == fault || !known && len(h.known.Faults) >= maxFaults {
		return
	}
	since := h.db.now().UTC()
	if known {
		since = told.Since
	}
	h.known.Faults[id] = brokenEntry{fault, company, since}
}

func (h *hashes) old(b brokenEntry) bool { return h.db.now().Sub(b.Since) > gapDays*24*time.Hour }

// take takes a slice in: the faults of its entries, and hashes not seen before.
func (h *hashes) take(rows []pgsession.Row) {
	from, to, n := h.known.Cursor, h.known.Cursor, int64(0)
	standing := map[int64]bool{}
	for _, row := range rows {
		id, _ := row.Int("id")
		company, known := row.Int("company_id")
		if !known {
			if to, _ = row.Int("id"); to == 0 {
				to = from
			}
			n, _ = row.Int("n")
			continue
		}
		h.checked++
		fault := ""
		for _, f := range []string{hashBroken, hashErased, hashUnposted} {
			if is, _ := row.Bool(f); is {
				fault = f
			}
		}
		if fault != "" {
			standing[id] = true
			h.note(id, company, fault)
		}
		if digest := row.String("digest"); digest != "" {
			h.remember(id, hashed{digest, company})
		}
	}
	maps.DeleteFunc(h.known.Faults, func(id int64, b brokenEntry) bool {
		structural := b.Fault == hashBroken || b.Fault == hashUnposted || b.Fault == hashErased && h.known.Sample[id].Digest == ""
		return structural && id > from && id <= to && !standing[id]
	})
	h.known.Cursor = to
	if n < maxSlice {
		h.known.Cursor, h.known.Passed = 0, h.db.now().UTC()
	}
}

// remember adds a hash to the sample, unless it is in it. When there are too
// many every other one is forgotten.
func (h *hashes) remember(id int64, x hashed) {
	if _, known := h.known.Sample[id]; known || id%h.known.Stride != 0 {
		return
	}
	h.known.Sample[id] = x
	for len(h.known.Sample) > maxSampled {
		h.known.Stride *= 2
		maps.DeleteFunc(h.known.Sample, func(id int64, _ hashed) bool { return id%h.known.Stride != 0 })
	}
}

func (h *hashes) publish(ch chan<- prometheus.Metric) {
	type key struct{ entity, fault string }
	totals := map[key]float64{}
	for entity := range h.db.entities.zeros() {
		for _, fault := range []string{hashChanged, hashGone, hashErased, hashUnposted, hashBroken} {
			totals[key{entity, fault}] = 0
		}
	}
	for _, b := range h.known.Faults {
		if !h.old(b) {
			totals[key{h.db.entities.name(b.Company, true), b.Fault}]++
		}
	}
	for k, n := range totals {
		gauge(ch, hashFaults, n, h.db.tenant, k.entity, k.fault)
	}
	counter(ch, hashChecked, h.checked, h.db.tenant)
	instant(ch, hashPassed, h.known.Passed, h.db.tenant)
}

func hashSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_hash_chain_broken", Title: "Secured entries are as they were", Metric: "odoo_hash_chain_faults",
			By: []string{"entity"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: signal.Never(), Critical: 0,
			Fresh: freshControls, Optional: true, Role: signal.Context,
			Says: "{value} secured entries of {entity} were changed, deleted or left out of the hash chain: change nothing, keep the last backup, and call the controller",
		},
	}
}
