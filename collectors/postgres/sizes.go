package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	databaseSize = prometheus.NewDesc("pg_database_size_bytes",
		"Disk space used by the database.", []string{"datname"}, nil)
	databaseGrowth = prometheus.NewDesc("pg_database_growth_bytes_per_day",
		"By how much the database grows in a day, judged by up to 14 days; absent before 6 hours are known.", []string{"datname"}, nil)
	tempSize = prometheus.NewDesc("pg_temp_files_size_bytes",
		"Disk space used by temporary files of running statements, in the default tablespace.", nil, nil)
	storageUsed = prometheus.NewDesc("pg_storage_used_bytes",
		"Disk space used by all databases, the write-ahead log and temporary files.", nil, nil)
	storageGrowth = prometheus.NewDesc("pg_storage_growth_bytes_per_day",
		"By how much the databases together grow in a day: the sum of what is known of each.", nil, nil)
	storageCapacity = prometheus.NewDesc("pg_storage_capacity_bytes",
		"Size of the volume, as the estate declares it.", nil, nil)
	storageFull = prometheus.NewDesc("pg_storage_full_timestamp_seconds",
		"When the volume is full if growth goes on; absent without a declared capacity or growth, and beyond five years.", nil, nil)
	storageLeft = prometheus.NewDesc("pg_storage_left_seconds",
		"Time until then, by the server's clock; 0 when it is full.", nil, nil)
)

// maxSized databases, the largest, have series of their own; the others are
// added up.
const maxSized = 40

// sizeRounds is how many runs read every size once. One statement reads one
// size: of 20 databases with 200 tables each, 5 ms.
const sizeRounds = 4

// farthest is how far ahead growth is believed.
const farthest = 5 * 365 * 24 * time.Hour

// Sizes publishes the room that databases take, and when there is none left.
// Reading a size means asking for every file of the database: each run asks
// for those of new databases and for a quarter of the others in turn, each with
// a statement of its own. What one database denies costs only itself.
type Sizes struct {
	// Ask puts the queries to the server.
	Ask func(ctx context.Context, queries ...pgsession.Query) pgsession.Results
	// Interval is how often each size is to be read; one that could not be for
	// twice as long is not known any more.
	Interval time.Duration
	// Capacity is the size of the volume in bytes; 0 when it is not known.
	Capacity float64
	// Keep writes what is known of growth for the next start; nil forgets it.
	Keep func(*growth) error

	growth growth
	unkept bool
	sizes  map[string]size // by oid
}

// A size is one database's.
type size struct {
	bytes     float64
	at, tried time.Time // when it was read, and was last to be, by the server's clock
}

// A sized is a database with what is known of its size.
type sized struct {
	oid, name string
	size
	known bool
}

// Describe implements collector.Collector.
func (*Sizes) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{databaseSize, databaseGrowth, tempSize, storageUsed, storageGrowth, storageCapacity, storageFull, storageLeft} {
		ch <- d
	}
}

var sizeList = []pgsession.Query{
	{Name: "list of databases", SQL: `
SELECT oid, datname, now() AS now,
       has_database_privilege(oid, 'CONNECT') OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS readable
  FROM pg_database ORDER BY oid LIMIT 5000`},
	{Name: "WAL and temporary files", SQL: `
SELECT (SELECT sum(size) FROM pg_ls_waldir()) AS wal, (SELECT coalesce(sum(size), 0) FROM pg_ls_tmpdir()) AS temporary`},
}

// Collect implements collector.Collector.
func (s *Sizes) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	if s.Capacity > 0 {
		gauge(ch, storageCapacity, s.Capacity)
	}
	first := s.Ask(ctx, sizeList...)
	list, now, whole := s.list(first[0])
	// That a role may not list files is a finding of the task statistics.
	errs := []error{failures(first, first[0].Err == nil && fault.KindOf(first[1].Err) == fault.Denied), s.read(ctx, list, now)}
	for i, d := range list {
		list[i].size = s.sizes[d.oid]
		list[i].known = now.Sub(list[i].at) <= 2*s.Interval
		whole = whole && list[i].known
	}
	shown := s.shown(list)
	temporary, okTemporary := first[1].First().Float("temporary")
	known(ch, tempSize, temporary, okTemporary)
	wal, okWAL := first[1].First().Float("wal")
	sample := sizeSample{At: now, Bytes: make(map[string]float64, len(shown))}
	total := wal + temporary
	for _, d := range shown {
		gauge(ch, databaseSize, d.bytes, d.name)
		sample.Bytes[d.oid] = d.bytes
		total += d.bytes
	}
	known(ch, storageUsed, total, whole && okWAL && okTemporary)
	if whole {
		perSecond := s.publishGrowth(ch, shown, sample)
		if okWAL && okTemporary {
			s.publishLeft(ch, now, total, perSecond)
		}
		errs = append(errs, s.keep(sample))
	}
	return errors.Join(errs...)
}

// list returns the databases that there are. whole is whether all of them can
// be read, as far as rights go.
func (s *Sizes) list(r pgsession.Result) (list []sized, now time.Time, whole bool) {
	whole = r.Err == nil && len(r.Rows) > 0 && r.Truncated == 0
	there := make(map[string]bool)
	for _, row := range r.Rows {
		if at, ok := row.Time("now"); ok {
			now = at
		}
		oid := row.String("oid")
		if readable, _ := row.Bool("readable"); !readable {
			whole = false
			continue
		}
		there[oid] = true
		list = append(list, sized{oid: oid, name: row.String("datname")})
	}
	if r.Err == nil {
		for oid := range s.sizes {
			if !there[oid] {
				delete(s.sizes, oid)
			}
		}
	}
	return list, now, whole
}

// read asks for the sizes that are due. A database that was dropped meanwhile
// is no failure.
func (s *Sizes) read(ctx context.Context, list []sized, now time.Time) error {
	if s.sizes == nil {
		s.sizes = make(map[string]size)
	}
	due := s.due(list)
	if len(due) == 0 {
		return nil
	}
	queries := make([]pgsession.Query, len(due))
	for i, oid := range due {
		id, _ := strconv.ParseInt(oid, 10, 64)
		queries[i] = pgsession.Query{Name: "size of a database", SQL: "SELECT pg_database_size(oid) AS bytes FROM pg_database WHERE oid = $1", Args: []any{id}}
	}
	var failed pgsession.Results
	for i, r := range s.Ask(ctx, queries...) {
		of := s.sizes[due[i]]
		of.tried = now
		if v, ok := r.First().Float("bytes"); ok {
			of.bytes, of.at = v, now
		}
		s.sizes[due[i]] = of
		if fault.KindOf(r.Err) != fault.Schema {
			failed = append(failed, r)
		}
	}
	return failed.Err()
}

// due are the oids of the databases that are new and of those whose turn it is:
// the ones that were asked for longest ago, whether or not they answered.
func (s *Sizes) due(list []sized) []string {
	var created, old []string
	for _, d := range list {
		if _, ok := s.sizes[d.oid]; ok {
			old = append(old, d.oid)
		} else {
			created = append(created, d.oid)
		}
	}
	slices.SortStableFunc(old, func(a, b string) int { return s.sizes[a].tried.Compare(s.sizes[b].tried) })
	return append(created, old[:(len(old)+sizeRounds-1)/sizeRounds]...)
}

// shown folds the databases with a known size: the largest, of which those
// shown before count twice so that they stay, and the rest as one.
func (s *Sizes) shown(list []sized) []sized {
	before := map[string]float64{}
	if n := len(s.growth.Samples); n > 0 {
		before = s.growth.Samples[n-1].Bytes
	}
	weight := func(d sized) float64 {
		if _, ok := before[d.oid]; ok {
			return 2 * d.bytes
		}
		return d.bytes
	}
	list = slices.DeleteFunc(list, func(d sized) bool { return !d.known })
	slices.SortStableFunc(list, func(a, b sized) int { return cmp.Compare(weight(b), weight(a)) })
	rest := sized{oid: "0", name: other}
	var shown []sized
	for _, d := range list {
		if len(shown) < maxSized && d.name != other {
			shown = append(shown, d)
			continue
		}
		rest.bytes += d.bytes
		rest.known = true
	}
	if rest.known {
		shown = append(shown, rest)
	}
	return shown
}

// publishGrowth returns how much all databases grow by in a second, as far as
// it is known.
func (s *Sizes) publishGrowth(ch chan<- prometheus.Metric, shown []sized, now sizeSample) (perSecond float64) {
	const day = 24 * 60 * 60
	ok := false
	for _, d := range shown {
		if v, known := s.growth.rate(d.oid, now); known {
			gauge(ch, databaseGrowth, v*day, d.name)
			perSecond += v
			ok = true
		}
	}
	known(ch, storageGrowth, perSecond*day, ok)
	return perSecond
}

// publishLeft says when the volume is full: also before growth is known, when
// it is already.
func (s *Sizes) publishLeft(ch chan<- prometheus.Metric, now time.Time, used, perSecond float64) {
	if s.Capacity <= 0 {
		return
	}
	left := max(s.Capacity-used, 0)
	if left > 0 {
		if perSecond <= 0 || left/perSecond > farthest.Seconds() {
			return
		}
		left /= perSecond
	}
	gauge(ch, storageLeft, left)
	gauge(ch, storageFull, unix(now)+left)
}

// keep adds a sample, and has it kept on disk. What could not be is tried again
// with the next run.
func (s *Sizes) keep(sample sizeSample) error {
	if s.growth.add(sample) {
		s.unkept = true
	}
	if !s.unkept || s.Keep == nil {
		return nil
	}
	err := s.Keep(&s.growth)
	s.unkept = err != nil
	return err
}
