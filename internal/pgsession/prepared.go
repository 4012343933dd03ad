package pgsession

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// maxPrepared bounds the statements that the server keeps for one connection of
// ours: plans of views over its catalogues take some ten to a hundred kB each.
const maxPrepared = 64

// prepared are the statements that a connection's server has parsed, by SQL.
type prepared struct {
	names map[string]*preparedName
	clock uint64
}

type preparedName struct {
	name string
	used uint64 // by prepared's clock
}

// name returns what sql is called on the connection, and whether it is prepared
// already, as far as we know.
func (p *prepared) name(sql string) (name string, known bool) {
	p.clock++
	if n := p.names[sql]; n != nil {
		n.used = p.clock
		return n.name, true
	}
	if p.names == nil {
		p.names = make(map[string]*preparedName)
	}
	n := &preparedName{nameOf(sql), p.clock}
	p.names[sql] = n
	return n.name, false
}

// nameOf names a statement by its text. Were we behind a pooler and another of
// its clients had the name, it would be of the same text: a wrong statement is
// never executed.
func nameOf(sql string) string {
	sum := sha256.Sum256([]byte(sql))
	return "closewatch_" + hex.EncodeToString(sum[:16])
}

// surplus forgets the statement not used for the longest time when there are
// more than the bound, and returns its name.
func (p *prepared) surplus() (name string, found bool) {
	if len(p.names) <= maxPrepared {
		return "", false
	}
	oldest := ""
	for sql, n := range p.names {
		if oldest == "" || n.used < p.names[oldest].used {
			oldest = sql
		}
	}
	name = p.names[oldest].name
	p.forget(oldest)
	return name, true
}

func (p *prepared) forget(sql string) { delete(p.names, sql) }

// A remedy is what helps when a statement cannot be executed as prepared.
type remedy int

const (
	none    remedy = iota
	again          // prepare it anew: what it reads has other columns now
	unnamed        // prepare no more: the server we talk to is not always the same
)

// remedyFor recognises, by what the server says in every language, that it is
// the preparation that failed and not the statement.
func remedyFor(err error) remedy {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return none
	}
	switch {
	case refused.Code == "0A000" && refused.Routine == "RevalidateCachedQuery": // cached plan must not change result type
		return again
	case refused.Code == "26000" || refused.Code == "42P05": // no such prepared statement, or one too many
		return unnamed
	}
	return none
}
