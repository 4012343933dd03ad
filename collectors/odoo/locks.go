package odoo

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	lockLabels = []string{"tenant", "entity", "lock"}

	lockDate = prometheus.NewDesc(
		"odoo_lock_date_timestamp_seconds", "Midnight UTC of the last locked day, by lock (fiscalyear, tax, sale, purchase, hard, period); absent when not set.", lockLabels, nil,
	)
	lockDatesSet = prometheus.NewDesc(
		"odoo_lock_dates_set", "How many of an entity's lock dates are set.", entityLabels, nil,
	)
	lockSetBack = prometheus.NewDesc(
		"odoo_lock_dates_set_back", "Lock dates that were set back or removed within the last seven days and are not where they were again.", lockLabels, nil,
	)
	exceptionLabels = []string{"tenant", "entity", "lock", "who", "ends"}
	lockExceptions  = prometheus.NewDesc(
		"odoo_lock_exceptions", "Exceptions to a lock date in force: for one user or for everyone, with an end or never. Revoked ones do not count; Odoo before 18 has none.", exceptionLabels, nil,
	)
	exceptionFrom = prometheus.NewDesc(
		"odoo_lock_exceptions_from_timestamp_seconds", "The day up to which entries stay locked despite the exceptions; absent when one opens all.", exceptionLabels, nil,
	)
	exceptionUntil = prometheus.NewDesc(
		"odoo_lock_exceptions_until_timestamp_seconds", "When the last of the exceptions ends.", exceptionLabels, nil,
	)
)

// lockKinds are the lock dates of res_company by column; a version has some.
var lockKinds = []string{"fiscalyear", "tax", "sale", "purchase", "hard", "period"}

// setBackFor is how long a lock date that was set back is told: then it is how
// things are.
const setBackFor = 7 * 24 * time.Hour

// locks reports the lock dates and what opens them.
type locks struct {
	db       *database
	keep     keeper
	reached  map[string]reached // by entity/lock
	restored bool
	kept     error // why that could not be kept last time
}

// reached is how far a lock was seen closed.
type reached struct {
	Until   time.Time `json:"until"`   // the last locked day
	SetBack time.Time `json:"setBack"` // since when it is less; zero when it is not
}

func newLocks(db *database, keep keeper) *locks {
	return &locks{db: db, keep: keep, reached: map[string]reached{}}
}

func (*locks) describe() []*prometheus.Desc {
	return []*prometheus.Desc{lockDate, lockDatesSet, lockSetBack, lockExceptions, exceptionFrom, exceptionUntil}
}

const (
	locksDates      = "res_company"
	locksExceptions = "account_lock_exception"
)

func (l *locks) ask(t *tables) ([]pgsession.Query, error) {
	if err := t.require("res_company", "id"); err != nil {
		return nil, err
	}
	queries := []pgsession.Query{{Name: locksDates, SQL: lockDatesSQL(t)}}
	ok, err := t.may("account_lock_exception", "company_id", "user_id", "lock_date_field", "lock_date", "active", "end_datetime")
	if ok {
		queries = append(queries, pgsession.Query{Name: locksExceptions, SQL: exceptionsSQL})
	}
	return queries, only([]error{err, l.kept})
}

// lockDatesSQL names only the columns that exist and may be read.
func lockDatesSQL(t *tables) string {
	columns := []string{"id"}
	for _, lock := range lockKinds {
		if col := lock + "_lock_date"; t.readable("res_company", col) {
			columns = append(columns, col)
		}
	}
	return "select " + strings.Join(columns, ", ") + " from res_company order by id limit 500"
}

// exceptionsSQL reads a table of which a company has a few rows.
const exceptionsSQL = `
select company_id, lock_date_field as lock, user_id is null as everyone, end_datetime is null as endless,
       count(*) as n, bool_or(lock_date is null) as whole, min(lock_date) as first, max(end_datetime) as until
from (
    select company_id, user_id, lock_date_field, lock_date, end_datetime from account_lock_exception
    where active and (end_datetime is null or end_datetime > (now() at time zone 'utc')) limit 2000
) as x
group by 1, 2, 3, 4`

func (l *locks) publish(ch chan<- prometheus.Metric, rs pgsession.Results, _ journals) {
	l.publishDates(ch, rs.Named(locksDates))
	l.publishExceptions(ch, rs.Named(locksExceptions))
}

// publishDates sends each entity's dates. Of companies that share an entity the
// earliest counts, and one without a date means none: only what all have locked
// is locked.
func (l *locks) publishDates(ch chan<- prometheus.Metric, answer pgsession.Result) {
	if answer.Err != nil {
		return
	}
	set := map[string]float64{}
	standing := map[string]map[string]time.Time{} // by lock and entity, zero when open
	for _, lock := range lockKinds {
		col := lock + "_lock_date"
		if !slices.Contains(answer.Columns, col) {
			continue
		}
		dates, open := map[string]time.Time{}, map[string]bool{}
		for _, row := range answer.Rows {
			entity := l.db.entities.name(row.Int("id"))
			date, locked := row.Time(col)
			open[entity] = open[entity] || !locked
			dates[entity] = earliest(dates[entity], date)
		}
		for _, entity := range slices.Sorted(maps.Keys(dates)) {
			set[entity] += 0
			if open[entity] {
				dates[entity] = time.Time{}
				continue
			}
			set[entity]++
			instant(ch, lockDate, dates[entity], l.db.tenant, entity, lock)
		}
		standing[lock] = dates
	}
	entityCounts(ch, lockDatesSet, l.db.tenant, set)
	l.compare(ch, standing)
}

// compare holds the dates against the farthest seen.
func (l *locks) compare(ch chan<- prometheus.Metric, standing map[string]map[string]time.Time) {
	if !l.restored {
		l.kept, l.restored = l.keep.restore(&l.reached), true
	}
	before := maps.Clone(l.reached)
	now := l.db.now()
	for _, lock := range slices.Sorted(maps.Keys(standing)) {
		for _, entity := range slices.Sorted(maps.Keys(standing[lock])) {
			key := entity + "/" + lock
			r := l.reached[key].follow(standing[lock][entity], now)
			if r.Until.IsZero() {
				continue // it was never set
			}
			l.reached[key] = r
			gauge(ch, lockSetBack, truth(!r.SetBack.IsZero()), l.db.tenant, entity, lock)
		}
	}
	if !maps.Equal(before, l.reached) {
		l.kept = l.keep.save(l.reached)
	}
}

// follow takes in where a lock stands now.
func (r reached) follow(date, now time.Time) reached {
	switch {
	case !date.Before(r.Until):
		return reached{Until: date}
	case r.SetBack.IsZero():
		r.SetBack = now.UTC()
	case now.Sub(r.SetBack) > setBackFor:
		return reached{Until: date}
	}
	return r
}

// exceptionKey is what exceptions are told apart by.
type exceptionKey struct{ entity, lock, who, ends string }

func (l *locks) publishExceptions(ch chan<- prometheus.Metric, answer pgsession.Result) {
	if answer.Err != nil {
		return
	}
	number, whole := map[exceptionKey]int64{}, map[exceptionKey]bool{}
	from, until := map[exceptionKey]time.Time{}, map[exceptionKey]time.Time{}
	for _, row := range answer.Rows {
		lock := strings.TrimSuffix(row.String("lock"), "_lock_date")
		if !slices.Contains(lockKinds, lock) {
			lock = otherChannel
		}
		k := exceptionKey{l.db.entities.name(row.Int("company_id")), lock, "one", "later"}
		if everyone, _ := row.Bool("everyone"); everyone {
			k.who = "everyone"
		}
		if endless, _ := row.Bool("endless"); endless {
			k.ends = "never"
		}
		n, _ := row.Int("n")
		opensAll, _ := row.Bool("whole")
		number[k] += n
		whole[k] = whole[k] || opensAll
		from[k], until[k] = earliest(from[k], at(row, "first")), latest(until[k], at(row, "until"))
	}
	for k, n := range number {
		labels := []string{l.db.tenant, k.entity, k.lock, k.who, k.ends}
		gauge(ch, lockExceptions, float64(n), labels...)
		if !whole[k] {
			instant(ch, exceptionFrom, from[k], labels...)
		}
		instant(ch, exceptionUntil, until[k], labels...)
	}
}

// lockSignals say whether what is closed stays closed.
func lockSignals() []signal.Definition {
	const patience = 20 * time.Minute
	return []signal.Definition{
		{
			Name: "odoo_lock_exception_endless", Title: "Every exception to a lock date ends", Metric: "odoo_lock_exceptions",
			Match: map[string]string{"ends": "never"}, By: []string{"entity", "lock"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 5 * time.Minute, Fresh: patience, Optional: true, Role: signal.Context,
			Says: "{value} exceptions to the {lock} lock date of {entity} have no end: revoke them, or have the controller confirm them",
		},
		{
			Name: "odoo_lock_exception_for_everyone", Title: "No exception to a lock date is for everyone", Metric: "odoo_lock_exceptions",
			Match: map[string]string{"who": "everyone"}, By: []string{"entity", "lock"}, Aggregate: signal.Sum, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			For: 5 * time.Minute, Fresh: patience, Optional: true, Role: signal.Context,
			Says: "{value} exceptions to the {lock} lock date of {entity} are for everyone: anybody may post in the closed period",
		},
		{
			Name: "odoo_lock_date_set_back", Title: "No lock date is set back", Metric: "odoo_lock_dates_set_back",
			By: []string{"entity", "lock"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: signal.Never(),
			Fresh: patience, Optional: true, Role: signal.Context,
			Says: "The {lock} lock date of {entity} was set back: a closed period is open again, ask who opened it and why",
		},
	}
}
