package odoosim

import (
	"strconv"
	"strings"
)

// A query collects the arguments of one SQL statement and names its aliases.
type query struct {
	e       *env
	args    []any
	aliases int
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) alias() string {
	q.aliases++
	return "t" + strconv.Itoa(q.aliases)
}

// where renders a search domain in prefix notation, as Odoo writes them:
// terms are joined by and unless an operator says otherwise.
func (q *query) where(m *model, alias string, domain []any) (string, error) {
	terms := []string{}
	for rest := domain; len(rest) > 0; {
		term, tail, err := q.term(m, alias, rest)
		if err != nil {
			return "", err
		}
		terms, rest = append(terms, term), tail
	}
	if len(terms) == 0 {
		return "true", nil
	}
	return strings.Join(terms, " AND "), nil
}

// term renders the first term of domain and returns what follows it.
func (q *query) term(m *model, alias string, domain []any) (string, []any, error) {
	if len(domain) == 0 {
		return "", nil, valueError("Domain is syntactically not correct")
	}
	if op, ok := domain[0].(string); ok {
		return q.operator(m, alias, op, domain[1:])
	}
	leaf, ok := domain[0].([]any)
	if !ok || len(leaf) != 3 {
		return "", nil, valueError("Invalid leaf %s", pyRepr(domain[0]))
	}
	sql, err := q.leaf(m, alias, leaf)
	return sql, domain[1:], err
}

func (q *query) operator(m *model, alias, op string, rest []any) (string, []any, error) {
	left, rest, err := q.term(m, alias, rest)
	if err != nil {
		return "", nil, err
	}
	if op == "!" {
		return "NOT coalesce(" + left + ", false)", rest, nil
	}
	right, rest, err := q.term(m, alias, rest)
	if err != nil {
		return "", nil, err
	}
	switch op {
	case "&":
		return "(" + left + " AND " + right + ")", rest, nil
	case "|":
		return "(" + left + " OR " + right + ")", rest, nil
	}
	return "", nil, valueError("Invalid operator %s in domain", pyRepr(op))
}

func (q *query) leaf(m *model, alias string, leaf []any) (string, error) {
	op, _ := leaf[1].(string)
	path, ok := leaf[0].(string)
	if !ok { // (1, '=', 1) is true, (0, '=', 1) is false
		return strconv.FormatBool(pyRepr(leaf[0]) == pyRepr(leaf[2])), nil
	}
	name, tail, nested := strings.Cut(path, ".")
	f, ok := m.field(name)
	if !ok {
		return "", valueError("Invalid field %s.%s in leaf (%s, %s, %s)", m.name, name, pyRepr(path), pyRepr(leaf[1]), pyRepr(leaf[2]))
	}
	expr := q.e.expand(f.expr, alias)
	if nested {
		return q.path(f, expr, tail, leaf)
	}
	switch f.kind {
	case kindMany:
		return q.compareMany(expr, op, leaf[2])
	case kindMany2one:
		return q.compareMany2one(f, expr, op, leaf[2])
	default:
		return q.compare(f, expr, op, leaf[2])
	}
}

// path follows a relation: account_id.account_type.
func (q *query) path(f field, expr, tail string, leaf []any) (string, error) {
	rel, ok := q.e.s.models[f.rel]
	if !ok {
		return "", valueError("Invalid leaf %s", pyRepr(leaf))
	}
	alias := q.alias()
	inner, err := q.leaf(rel, alias, []any{tail, leaf[1], leaf[2]})
	if err != nil {
		return "", err
	}
	ids := "(SELECT " + alias + ".id FROM " + rel.table + " " + alias + " WHERE " + inner + ")"
	if f.kind == kindMany {
		return expr + " && ARRAY" + ids, nil
	}
	return expr + " IN " + ids, nil
}

func (q *query) compareMany(expr, op string, value any) (string, error) {
	if isFalse(value) {
		empty := "cardinality(" + expr + ") = 0"
		if op == "!=" || op == "not in" {
			return "NOT " + empty, nil
		}
		return empty, nil
	}
	has := expr + " && " + q.arg(toIDs(value)) + "::int[]"
	if op == "!=" || op == "not in" {
		return "NOT " + has, nil
	}
	return has, nil
}

// compareMany2one compares by id, or by display name when given a text.
func (q *query) compareMany2one(f field, expr, op string, value any) (string, error) {
	if text, ok := value.(string); ok {
		if op == "=" {
			op = "=like"
		}
		return q.path(f, expr, "display_name", []any{nil, op, text})
	}
	if op == "child_of" || op == "parent_of" {
		op = "in"
	}
	return q.compare(f, expr, op, value)
}

func (q *query) compare(f field, expr, op string, value any) (string, error) {
	if list, ok := value.([]any); ok && (op == "=" || op == "!=" || op == "in" || op == "not in") {
		return q.compareList(f, expr, op, list)
	}
	if f.kind == kindBool && (op == "=" || op == "!=") {
		same := "coalesce(" + expr + ", false) = " + strconv.FormatBool(!isFalse(value))
		if op == "!=" {
			return "NOT " + same, nil
		}
		return same, nil
	}
	if isFalse(value) && (op == "=" || op == "!=") {
		return nullTest(f, expr, op), nil
	}
	switch op {
	case "=", "<", ">", "<=", ">=":
		return expr + " " + op + " " + q.value(f, value), nil
	case "!=", "<>":
		return "(" + expr + " <> " + q.value(f, value) + " OR " + expr + " IS NULL)", nil
	case "like":
		return expr + "::text LIKE " + q.arg("%"+toString(value)+"%"), nil
	case "ilike":
		return expr + "::text ILIKE " + q.arg("%"+toString(value)+"%"), nil
	case "not like":
		return "(" + expr + "::text NOT LIKE " + q.arg("%"+toString(value)+"%") + " OR " + expr + " IS NULL)", nil
	case "not ilike":
		return "(" + expr + "::text NOT ILIKE " + q.arg("%"+toString(value)+"%") + " OR " + expr + " IS NULL)", nil
	case "=like":
		return expr + "::text LIKE " + q.arg(toString(value)), nil
	case "=ilike":
		return expr + "::text ILIKE " + q.arg(toString(value)), nil
	case "child_of":
		return expr + " = " + q.value(f, value), nil
	}
	return "", valueError("Invalid operator %s in domain", pyRepr(op))
}

func (q *query) compareList(f field, expr, op string, list []any) (string, error) {
	negative := op == "not in" || op == "!="
	withFalse, texts := false, []string{}
	for _, v := range list {
		if isFalse(v) {
			withFalse = true
			continue
		}
		texts = append(texts, toString(v))
	}
	var in string
	if f.kind == kindInt || f.kind == kindMany2one {
		in = expr + " = ANY(" + q.arg(toIDs(list)) + "::int[])"
	} else {
		in = expr + "::text = ANY(" + q.arg(texts) + "::text[])"
	}
	switch {
	case negative && withFalse:
		return "(NOT " + in + " AND " + expr + " IS NOT NULL)", nil
	case negative:
		return "(NOT " + in + " OR " + expr + " IS NULL)", nil
	case withFalse:
		return "(" + in + " OR " + expr + " IS NULL)", nil
	}
	return in, nil
}

func nullTest(f field, expr, op string) string {
	zero := ""
	switch f.kind {
	case kindInt, kindFloat:
		zero = " OR " + expr + " = 0"
	case kindChar:
		zero = " OR " + expr + " = ''"
	default: // other kinds have no value that stands for none
	}
	if op == "!=" {
		return "NOT (" + expr + " IS NULL" + zero + ")"
	}
	return "(" + expr + " IS NULL" + zero + ")"
}

// value passes v as an argument of the field's type.
func (q *query) value(f field, v any) string {
	switch f.kind {
	case kindInt, kindMany2one:
		return q.arg(toInt(v)) + "::int"
	case kindFloat:
		return q.arg(toFloat(v)) + "::float8"
	case kindDate:
		return q.arg(toString(v)) + "::text::date"
	case kindDatetime:
		return q.arg(toString(v)) + "::text::timestamp"
	default:
		return q.arg(toString(v))
	}
}
