package attribution

import "slices"

// A reader goes through a statement once and notes the known tables it reads
// and writes.
type reader struct {
	tokens []token
	at     int

	kind   Kind
	target string   // the first known table written to
	tables []string // known, each once
	// listing says, for each parenthesis open, whether a comma there goes on
	// with a list of tables.
	listing []bool
	// named are common table expressions called like a known table, whose own
	// text has not ended yet; hidden are those whose has. A table of that name
	// is meant within that text only.
	named  []expression
	hidden []string
}

type expression struct {
	name  string
	depth int
}

// read goes through the tokens. What introduces a table is followed by its
// name; all else is passed over.
func (r *reader) read() {
	r.listing = []bool{false}
	r.kind = kind(r.tokens)
	for r.at < len(r.tokens) {
		t := r.tokens[r.at]
		r.at++
		switch {
		case t.is("("):
			r.open(false)
		case t.is(")"):
			r.shut()
		case t.is(","):
			if r.top() {
				r.table(reads)
			}
		case t.kind == word:
			r.word(t.text)
		}
	}
}

// use is how a statement uses the table whose name follows.
type use int

const (
	reads use = iota
	writes
)

func (r *reader) word(text string) {
	switch text {
	case "from":
		r.setTop(true)
		if r.before("delete") {
			r.table(writes)
		} else {
			r.table(reads)
		}
	case "join", "using":
		r.table(reads)
	case "into":
		if r.before("insert", "merge") {
			r.table(writes)
		}
	case "update":
		if !r.before("for", "key", "do", "on", "then") {
			r.table(writes)
		}
	case "as":
		r.expression()
	case "select", "where", "group", "having", "order", "limit", "offset", "window", "union", "intersect", "except", "set", "returning", "values", "for", "fetch":
		r.setTop(false)
	}
}

// before reports whether the word just read follows one of others.
func (r *reader) before(others ...string) bool {
	return r.at >= 2 && r.tokens[r.at-2].kind == word && slices.Contains(others, r.tokens[r.at-2].text)
}

// table reads a name with its schema, if one follows. What is called with
// arguments is a function.
func (r *reader) table(u use) {
	for r.next("only") || r.next("lateral") {
		r.at++
	}
	for u == reads && r.next("(") {
		r.at++
		r.open(true)
	}
	if r.at >= len(r.tokens) || !r.tokens[r.at].name() || r.next("select") || r.next("with") || r.next("values") {
		return
	}
	name := r.tokens[r.at].text
	r.at++
	for r.next(".") && r.at+1 < len(r.tokens) && r.tokens[r.at+1].name() {
		name = r.tokens[r.at+1].text
		r.at += 2
	}
	if !known(name) || slices.Contains(r.hidden, name) || u == reads && r.next("(") {
		return
	}
	if u == writes && r.target == "" {
		r.target = name
	}
	if !slices.Contains(r.tables, name) {
		r.tables = append(r.tables, name)
	}
}

func (r *reader) next(text string) bool { return r.at < len(r.tokens) && r.tokens[r.at].is(text) }

// expression notes a common table expression called like a known table: name
// [(columns)] AS [[NOT] MATERIALIZED] (…).
func (r *reader) expression() {
	i := r.at
	for i < len(r.tokens) && (r.tokens[i].is("not") || r.tokens[i].is("materialized")) {
		i++
	}
	if i >= len(r.tokens) || !r.tokens[i].is("(") {
		return
	}
	i = r.at - 2
	if i >= 0 && r.tokens[i].is(")") {
		for i >= 0 && !r.tokens[i].is("(") {
			i--
		}
		i--
	}
	if i >= 0 && r.tokens[i].name() && known(r.tokens[i].text) {
		r.named = append(r.named, expression{r.tokens[i].text, len(r.listing)})
	}
}

func (r *reader) open(listing bool) { r.listing = append(r.listing, listing) }

func (r *reader) shut() {
	if len(r.listing) > 1 {
		r.listing = r.listing[:len(r.listing)-1]
	}
	if n := len(r.named); n > 0 && r.named[n-1].depth == len(r.listing) {
		r.hidden = append(r.hidden, r.named[n-1].name)
		r.named = r.named[:n-1]
	}
}

func (r *reader) top() bool { return r.listing[len(r.listing)-1] }

func (r *reader) setTop(listing bool) { r.listing[len(r.listing)-1] = listing }

// kind finds the verb: the first word, or after WITH the first verb outside of
// parentheses.
func kind(list []token) Kind {
	depth, with := 0, false
	for _, t := range list {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.kind != word:
		case !with && t.text == "with":
			with, depth = true, 0
		case with && depth != 0:
		default:
			if k, ok := verbs[t.text]; ok {
				return k
			}
			if !with {
				return Utility
			}
		}
	}
	return Utility
}

var verbs = map[string]Kind{
	"select": Select, "values": Select, "table": Select,
	"insert": Insert, "update": Update, "merge": Update, "delete": Delete,
}
