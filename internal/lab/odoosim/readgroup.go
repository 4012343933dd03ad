package odoosim

import (
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
	groups := c.list(2, "groupby")
	if name, ok := c.arg(2, "groupby").(string); ok {
		groups = []any{name}
	}
	if len(groups) == 0 {
		return nil, valueError("read_group needs one field to group by")
	}
	by, err := e.fieldsOf(m, []string{toString(groups[0])})
	if err != nil {
		return nil, err
	}
	sums, err := e.sumsOf(m, c.list(1, "fields"), by[0].name)
	if err != nil {
		return nil, err
	}
	return e.group(m, c.list(0, "domain"), by[0], sums)
}

func (e *env) sumsOf(m *model, names []any, by string) ([]field, error) {
	sums := []field{}
	for _, v := range names {
		name, _, _ := strings.Cut(toString(v), ":")
		if name == by {
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

func (e *env) group(m *model, domain []any, by field, sums []field) ([]object, error) {
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
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (object, error) {
		values, err := row.Values()
		if err != nil {
			return nil, err
		}
		return toGroup(values, by, sums, domain), nil
	})
}

func toGroup(values []any, by field, sums []field, domain []any) object {
	var key, plain any = values[0], values[0]
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
	g := object{{by.name, key}, {by.name + "_count", values[i]}}
	for n, f := range sums {
		g = append(g, member{f.name, values[i+1+n]})
	}
	inside := append([]any{[]any{by.name, "=", plain}}, domain...)
	return append(g, member{"__domain", inside})
}
