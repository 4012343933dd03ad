// Package attribution tells which finance process a statement serves, by the
// tables it names.
//
// It reads the text of statements as pg_stat_statements keeps it, and tolerates
// what it does not understand: a text cut short, another dialect, no SQL at
// all. Of a text only names out of a closed list ever come out, never a
// literal, an alias or the name of a table it does not know.
package attribution

import "slices"

// A Statement is what the text of a statement tells.
type Statement struct {
	Kind    Kind
	Process string // of internal/process; "" when it serves none that is known
	// Tables are those named that are known, at most MaxTables, each once: the
	// one that decided first, the others in the order they are named.
	Tables []string
}

// A Kind is what a statement does.
type Kind string

// Kinds.
const (
	Select  Kind = "select"
	Insert  Kind = "insert"
	Update  Kind = "update" // MERGE is one
	Delete  Kind = "delete"
	Utility Kind = "utility" // all else: COMMIT, COPY, VACUUM
)

// MaxTables bounds the tables told of a statement.
const MaxTables = 3

// Of reads a statement. What a statement writes to decides; where that says
// nothing, the most particular process of the tables named does. A utility
// statement serves no process: a dump reads every table.
func Of(sql string) Statement {
	r := reader{tokens: tokens(sql)}
	r.read()
	s := Statement{Kind: r.kind}
	decides := ""
	if s.Kind != Utility {
		decides = r.decides()
		s.Process = processOf(decides)
	}
	for _, table := range append([]string{decides}, r.tables...) {
		if table != "" && len(s.Tables) < MaxTables && !slices.Contains(s.Tables, table) {
			s.Tables = append(s.Tables, table)
		}
	}
	return s
}

// decides picks the table by which a statement is attributed; "" for none.
func (r *reader) decides() string {
	if processOf(r.target) != "" {
		return r.target
	}
	best := ""
	for _, table := range r.tables {
		if places[table].process != "" && (best == "" || places[table].rank < places[best].rank) {
			best = table
		}
	}
	return best
}
