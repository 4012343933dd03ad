package odoosim

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// callReadGroup answers read_group for one level of grouping with sums: what a
// trial balance or a dashboard asks for.
func callReadGroup(e *env, c *call) (any, error) {
	m := e.model(c)
	if err := e.may(m, opRead); err != nil {
		return nil, err
	}
	groupby := c.list(2, "groupby")
	if name, ok := c.arg(2, "groupby").(string); ok {
		groupby = []any{name}
	}
	if len(groupby) == 0 {
		return nil, valueError("read_group needs one field to group by")
	}
	by, err := e.fieldsOf(m, []string{toString(groupby[0])})
	if err != nil {
		return nil, err
	}
	sums, err := e.sumsOf(m, c.list(1, "fields"), by[0].name)
	if err != nil {
		return nil, err
	}
	count := by[0].name + "_count"
	if lazy, given := c.kwargs["lazy"]; given && isFalse(lazy) {
		count = "__count"
	}
	groups, err := e.group(m, c.list(0, "domain"), by[0], sums)
	return asObjects(groups, func(g grouped) object {
		o := object{{by[0].name, g.key}, {count, g.count}}
		for i, f := range sums {
			o = append(o, member{f.name, g.sums[i]})
		}
		return append(o, member{"__domain", g.inside})
	}), err
}

// callFormattedReadGroup answers Odoo 19's successor of read_group.
func callFormattedReadGroup(e *env, c *call) (any, error) {
	m := e.model(c)
	if err := e.may(m, opRead); err != nil {
		return nil, err
	}
	groupby := c.list(1, "groupby")
	if len(groupby) != 1 {
		return nil, valueError("formatted_read_group of the stand-in groups by one field")
	}
	by, err := e.fieldsOf(m, []string{toString(groupby[0])})
	if err != nil {
		return nil, err
	}
	aggregates := c.list(2, "aggregates")
	sums, err := e.sumsOf(m, aggregates, by[0].name)
	if err != nil {
		return nil, err
	}
	groups, err := e.group(m, c.list(0, "domain"), by[0], sums)
	return asObjects(groups, func(g grouped) object {
		o := object{{by[0].name, g.key}}
		if slices.Contains(aggregates, any("__count")) {
			o = append(o, member{"__count", g.count})
		}
		for i, f := range sums {
			o = append(o, member{f.name + ":sum", g.sums[i]})
		}
		return append(o, member{"__extra_domain", g.inside[:1]})
	}), err
}

// A grouped row is one group with its sums.
type grouped struct {
	key, count any
	sums       []any
	inside     []any // the domain of its records
}

func asObjects(groups []grouped, render func(grouped) object) []object {
	rows := make([]object, len(groups))
	for i, g := range groups {
		rows[i] = render(g)
	}
	return rows
}

func (e *env) sumsOf(m *model, names []any, by string) ([]field, error) {
	sums := []field{}
	for _, v := range names {
		name, _, _ := strings.Cut(toString(v), ":")
		if name == by || name == "__count" {
			continue
		}
		f, ok := m.field(name)
		if !ok {
			return nil, valueError("Invalid field '%s' on model '%s'", name, m.name)
		}
		if f.kind == kindFloat || f.kind == kindInt {
			sums = append(sums, f)
		}
	}
	return sums, nil
}

func (e *env) group(m *model, domain []any, by field, sums []field) ([]grouped, error) {
	q := &query{e: e}
	where, err := e.searchWhere(q, m, domain)
	if err != nil {
		return nil, err
	}
	columns := append(e.selectExprs(by), "count(*)")
	for _, f := range sums {
		columns = append(columns, "coalesce(sum("+e.expand(f.expr, "t")+"), 0)::float8")
	}
	key := e.expand(by.expr, "t")
	rows, err := e.tx.Query(e.ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+m.table+" t WHERE "+where+
		" GROUP BY "+key+" ORDER BY "+key, q.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (grouped, error) {
		values, err := row.Values()
		if err != nil {
			return grouped{}, err
		}
		return toGroup(values, by, domain), nil
	})
}

func toGroup(values []any, by field, domain []any) grouped {
	key, plain := values[0], values[0]
	i := 1
	if by.kind == kindMany2one {
		if key != nil {
			key = []any{key, orEmpty(values[i])}
		}
		i++
	}
	if key == nil {
		key, plain = false, false
	}
	return grouped{
		key: key, count: values[i], sums: values[i+1:],
		inside: append([]any{[]any{by.name, "=", plain}}, domain...),
	}
}
