package odoosim

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

// read returns the named fields of the given records, in their order. Missing
// records are left out: that is not an error.
func (e *env) read(m *model, ids []int64, names []string) ([]object, error) {
	if err := e.may(m, opRead); err != nil {
		return nil, err
	}
	fields, err := e.fieldsOf(m, names)
	if err != nil {
		return nil, err
	}
	if err := e.ruled(m, ids, "read"); err != nil {
		return nil, err
	}
	return e.fetch(m, ids, fields)
}

func (e *env) fieldsOf(m *model, names []string) ([]field, error) {
	if len(names) == 0 {
		names = m.fieldNames()
	}
	fields := make([]field, 0, len(names))
	for _, name := range names {
		f, ok := m.field(name)
		if !ok {
			return nil, valueError("Invalid field '%s' on model '%s'", name, m.name)
		}
		if name != "id" {
			fields = append(fields, f)
		}
	}
	return fields, nil
}

func (e *env) fetch(m *model, ids []int64, fields []field) ([]object, error) {
	columns := []string{"t.id::int8"}
	for _, f := range fields {
		columns = append(columns, e.selectExprs(f)...)
	}
	rows, err := e.tx.Query(e.ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+m.table+
		" t WHERE t.id = ANY($1) ORDER BY array_position($1::int[], t.id)", ids)
	if err != nil {
		return nil, err
	}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (object, error) {
		values, err := row.Values()
		if err != nil {
			return nil, err
		}
		return toRecord(values, fields), nil
	})
	if records == nil {
		records = []object{}
	}
	return records, err
}

// selectExprs is the SQL that fetches a field in a type of the wire. A many2one
// takes two columns: the id and its display name.
func (e *env) selectExprs(f field) []string {
	expr := e.expand(f.expr, "t")
	switch f.kind {
	case kindInt:
		return []string{"coalesce(" + expr + ", 0)::int8"}
	case kindFloat:
		return []string{"coalesce(" + expr + ", 0)::float8"}
	case kindBool:
		return []string{"coalesce(" + expr + ", false)"}
	case kindDate:
		return []string{"to_char(" + expr + ", 'YYYY-MM-DD')"}
	case kindDatetime:
		return []string{"to_char(" + expr + ", 'YYYY-MM-DD HH24:MI:SS')"}
	case kindMany:
		return []string{expr + "::int8[]"}
	case kindMany2one:
		rel := e.s.models[f.rel]
		if rel == nil {
			return []string{expr + "::int8", "NULL::text"}
		}
		return []string{expr + "::int8", "(SELECT " + e.expand(rel.displayExpr(), "r") + " FROM " + rel.table + " r WHERE r.id = " + expr + ")::text"}
	default:
		return []string{expr + "::text"}
	}
}

func toRecord(values []any, fields []field) object {
	record := object{{"id", values[0]}}
	i := 1
	for _, f := range fields {
		v := values[i]
		i++
		switch {
		case f.kind == kindMany2one:
			name := values[i]
			i++
			if v != nil {
				v = []any{v, orEmpty(name)}
			}
		case f.kind == kindMany && v == nil:
			v = []any{}
		}
		if v == nil {
			v = false
		}
		record = append(record, member{f.name, v})
	}
	return record
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

// A page is which part of a search's result is wanted.
type page struct {
	offset, limit int64
	order         string
}

// search returns the ids of the records in domain that the user may see.
func (e *env) search(m *model, domain []any, p page) ([]int64, error) {
	if err := e.may(m, opRead); err != nil {
		return nil, err
	}
	q := &query{e: e}
	where, err := e.searchWhere(q, m, domain)
	if err != nil {
		return nil, err
	}
	order, err := e.orderBy(m, p.order)
	if err != nil {
		return nil, err
	}
	sql := "SELECT t.id FROM " + m.table + " t WHERE " + where + " ORDER BY " + order
	if p.limit > 0 {
		sql += " LIMIT " + q.arg(p.limit)
	}
	if p.offset > 0 {
		sql += " OFFSET " + q.arg(p.offset)
	}
	ids, err := e.ids(sql, q.args...)
	if ids == nil {
		ids = []int64{}
	}
	return ids, err
}

func (e *env) count(m *model, domain []any) (int64, error) {
	if err := e.may(m, opRead); err != nil {
		return 0, err
	}
	q := &query{e: e}
	where, err := e.searchWhere(q, m, domain)
	if err != nil {
		return 0, err
	}
	var n int64
	err = e.row("SELECT count(*) FROM "+m.table+" t WHERE "+where, q.args...).Scan(&n)
	return n, err
}

// searchWhere joins the domain, the record rule and the "active" convention.
func (e *env) searchWhere(q *query, m *model, domain []any) (string, error) {
	where, err := q.where(m, "t", domain)
	if err != nil {
		return "", err
	}
	if m.rule != "" && !e.su {
		where = "(" + where + ") AND " + e.expand(m.rule, "t")
	}
	if _, ok := m.field("active"); ok && !mentions(domain, "active") && e.activeTest() {
		where = "(" + where + ") AND t.active"
	}
	return where, nil
}

func (e *env) activeTest() bool {
	v, ok := e.context["active_test"]
	return !ok || toBool(v)
}

func mentions(domain []any, name string) bool {
	for _, term := range domain {
		if leaf, ok := term.([]any); ok && len(leaf) == 3 && leaf[0] == name {
			return true
		}
	}
	return false
}

// orderBy translates "date desc, id" after checking that the names are fields.
func (e *env) orderBy(m *model, order string) (string, error) {
	if order == "" {
		return e.expand(m.order, "t"), nil
	}
	terms := []string{}
	for part := range strings.SplitSeq(order, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 {
			return "", valueError("Invalid \"order\" specified (%s)", order)
		}
		f, ok := m.field(words[0])
		if !ok {
			return "", valueError("Invalid field '%s' on model '%s'", words[0], m.name)
		}
		term := e.expand(f.expr, "t")
		if len(words) == 2 {
			switch strings.ToLower(words[1]) {
			case "asc":
			case "desc":
				term += " DESC"
			default:
				return "", valueError("Invalid \"order\" specified (%s)", order)
			}
		}
		terms = append(terms, term)
	}
	return strings.Join(terms, ", "), nil
}
