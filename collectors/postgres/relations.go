package postgres

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// relations knows the names of relations of all databases. A lock names its
// relation by a number that only a session of the same database can look up:
// names not known yet are looked up in the background, one database at a time,
// and are known to the next collection.
type relations struct {
	// lookup reads names from one database, as far as it can be read.
	lookup func(ctx context.Context, database string, oids []int64) map[int64]string
	now    func() time.Time

	mu     sync.Mutex
	known  map[relationKey]relationName
	wanted map[relationKey]bool
	wake   chan struct{}
}

type relationKey struct {
	database string
	oid      int64
}

type relationName struct {
	text  string // "" when it could not be looked up
	until time.Time
}

const (
	// maxRelations bounds the names kept; beyond, all are forgotten.
	maxRelations = 1000
	// maxLookups bounds the names asked for at a time.
	maxLookups = 100
	// relationKept is how long a name is trusted, and a failure to read it not
	// repeated.
	relationKept = 10 * time.Minute
	// lookupTimeout bounds the lookup in one database, connecting included.
	lookupTimeout = 5 * time.Second
)

func newRelations(now func() time.Time, lookup func(ctx context.Context, database string, oids []int64) map[int64]string) *relations {
	return &relations{
		lookup: lookup, now: now,
		known: map[relationKey]relationName{}, wanted: map[relationKey]bool{}, wake: make(chan struct{}, 1),
	}
}

// name is a relation's name, with its schema unless that is public; "" when it
// is not known. It never waits for a server.
func (r *relations) name(database string, oid int64) string {
	if database == "" {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k := relationKey{database, oid}
	n := r.known[k]
	if !r.now().Before(n.until) && len(r.wanted) < maxLookups {
		r.wanted[k] = true
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
	return n.text
}

// run looks names up until ctx ends.
func (r *relations) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			r.resolve(ctx)
		}
	}
}

// resolve looks up what is wanted. What a database does not tell is not asked
// again before relationKept has passed.
func (r *relations) resolve(ctx context.Context) {
	r.mu.Lock()
	byDatabase := map[string][]int64{}
	for k := range r.wanted {
		byDatabase[k.database] = append(byDatabase[k.database], k.oid)
	}
	clear(r.wanted)
	r.mu.Unlock()
	for _, database := range slices.Sorted(maps.Keys(byDatabase)) {
		asked, cancel := context.WithTimeout(ctx, lookupTimeout)
		names := r.lookup(asked, database, byDatabase[database])
		cancel()
		r.keep(database, byDatabase[database], names)
	}
}

func (r *relations) keep(database string, oids []int64, names map[int64]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known)+len(oids) > maxRelations {
		clear(r.known)
	}
	for _, oid := range oids {
		r.known[relationKey{database, oid}] = relationName{names[oid], r.now().Add(relationKept)}
	}
}

// relationNames reads names from one database on a connection that ends with it;
// none when the database cannot be asked.
func (i *instance) relationNames(ctx context.Context, database string, oids []int64) map[int64]string {
	settings := i.session(i.settings.Config.DSN, i.cluster.faceName(i.settings.Now()))
	settings.Database = database
	session := pgsession.Open(settings)
	defer session.Close() //nolint:contextcheck // closes within a time of its own
	result := session.Batch(ctx, pgsession.Query{Name: "names of relations", SQL: `
SELECT c.oid, CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = ANY($1::oid[]) LIMIT 100`, Args: []any{oids}})[0]
	names := make(map[int64]string, len(result.Rows))
	for _, row := range result.Rows {
		if oid, ok := row.Int("oid"); ok {
			names[oid] = row.String("name")
		}
	}
	return names
}
