package postgres

import (
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// counts are the measures of statements, by their place in measures.
type counts [len(measures)]float64

func (c *counts) add(d counts) {
	for i := range c {
		c[i] += d[i]
	}
}

// minus is what came on top of before; what fell counts as nothing.
func (c counts) minus(before counts) counts {
	for i := range c {
		c[i] = max(c[i]-before[i], 0)
	}
	return c
}

// A gain is what was used between two readings, and what that weighs for a
// ranking.
type gain struct {
	counts counts
	weight float64
}

func (g gain) plus(h gain) gain {
	g.counts.add(h.counts)
	g.weight += h.weight
	return g
}

// A statement is named as it is published: where the server has several entries
// of one name, as after a role was dropped, they are one.
type statement struct{ user, database, query string }

// A reading is the server's counters at one moment, as it wrote them.
type reading struct {
	server  string
	at      time.Time         // the server's time, before the counters were read
	reset   time.Time         // when the server reset them all; zero before PostgreSQL 14
	cut     bool              // there were more entries than are read
	entries map[string]string // the counters of each user, database and query
}

// follows reports whether the counters go on from before: whether what was not
// there then is new, rather than of another server or never looked at.
func (r reading) follows(before reading) bool {
	return before.entries != nil && r.server == before.server &&
		(r.reset.Equal(before.reset) || r.reset.After(before.at))
}

// read takes the rows of the source's answer and returns the reading with what
// each statement gained since before; that of our own role apart.
//
// Counters start anew when they are reset, all (wiped) or one, when the entry
// was evicted meanwhile, and when the server crashed: what is there then was
// gained. What the counters had before they were first seen was not; it only
// ranks the statements, far behind whatever was gained.
func (r *reading) read(answer pgsession.Result, s source, before reading) (gains map[statement]gain, own gain) {
	r.entries = make(map[string]string, len(answer.Rows))
	r.cut = len(answer.Rows) >= maxEntries || answer.Truncated > 0
	follows, wiped := r.follows(before), !r.reset.Equal(before.reset)
	gains = make(map[statement]gain)
	names := s.names()
	for _, row := range answer.Rows {
		entry, counters := row.String("entry"), row.String("counters")
		r.entries[entry] = counters
		last, seen := before.entries[entry]
		fresh, _ := row.Bool("fresh")
		if follows && seen && counters == last && !fresh && !wiped {
			continue
		}
		now, was := parseCounts(counters, names), parseCounts(last, names)
		var g gain
		switch {
		case !follows || !seen && before.cut && !fresh && !wiped:
			g.weight = historic * now[secondsAt]
		case wiped || fresh || !seen || now[callsAt] < was[callsAt]:
			g = gain{now, now[secondsAt]}
		default:
			g.counts = now.minus(was)
			g.weight = g.counts[secondsAt]
		}
		if role := label(row, "rolname"); role == s.role {
			own = own.plus(g)
		} else if g.weight > 0 || g.counts[callsAt] > 0 {
			key := statement{roleName(role), label(row, "datname"), queryOf(entry)}
			gains[key] = gains[key].plus(g)
		}
	}
	return gains, own
}

// queryOf is the query's identifier in the name of an entry, its last part.
func queryOf(entry string) string { return entry[strings.LastIndexByte(entry, ' ')+1:] }

// historic is what a second of before the first reading weighs against one
// after it.
const historic = 1e-9

// parseCounts reads counters as entriesQuery writes them: those that the source
// has, in the order of measures.
func parseCounts(text string, names [len(measures)]string) counts {
	var c counts
	for i, name := range names {
		if name == "" {
			continue
		}
		var field string
		field, text, _ = strings.Cut(text, " ")
		v, _ := strconv.ParseFloat(field, 64)
		c[i] = v * measures[i].scale
	}
	return c
}

// label is a name out of a row as a label: servers without an encoding let
// through what is no text.
func label(row pgsession.Row, column string) string {
	return strings.ToValidUTF8(row.String(column), "�")
}
