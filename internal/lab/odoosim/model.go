package odoosim

import (
	"strconv"
	"strings"
)

// A fieldKind is how a field's value travels.
type fieldKind int

const (
	kindChar fieldKind = iota
	kindInt
	kindFloat
	kindBool
	kindDate
	kindDatetime
	kindMany2one
	kindMany // one2many and many2many: a list of ids
)

// A field is one readable attribute of a model. Its expression is SQL in which
// {t} stands for the alias of the model's table and {company} for the id of
// the current company.
type field struct {
	name   string
	kind   fieldKind
	expr   string
	rel    string // target model of a relation
	column string // the column a generic write sets; empty when computed
}

// A model is what clients know as an Odoo model.
type model struct {
	name    string // "account.move"
	table   string
	title   string // "Journal Entry", as access errors call it
	order   string
	display string // SQL of display_name; empty: "model,id"
	rule    string // SQL that holds for records of the allowed companies ({companies}); empty: all
	fields  []field
	rights  map[operation]rule
	methods map[string]method
}

// An operation is what access rights are granted for.
type operation string

const (
	opRead   operation = "access"
	opCreate operation = "create"
	opWrite  operation = "modify"
	opUnlink operation = "delete"
)

// A rule names the groups that hold a right, and how an access error lists them.
type rule struct {
	groups []int64
	listed string // "Administration/Settings"
}

// A method answers one RPC.
type method func(e *env, c *call) (any, error)

func (m *model) field(name string) (field, bool) {
	for _, f := range m.fields {
		if f.name == name {
			return f, true
		}
	}
	switch name {
	case "id":
		return field{name: "id", kind: kindInt, expr: "{t}.id"}, true
	case "display_name":
		return field{name: name, kind: kindChar, expr: m.displayExpr()}, true
	}
	return field{}, false
}

func (m *model) displayExpr() string {
	if m.display != "" {
		return m.display
	}
	return "'" + m.name + ",' || {t}.id"
}

// fieldNames lists every field, for a read that names none.
func (m *model) fieldNames() []string {
	names := []string{"id"}
	for _, f := range m.fields {
		names = append(names, f.name)
	}
	return append(names, "display_name")
}

// expand fills the placeholders of a model's SQL.
func (e *env) expand(expr, alias string) string {
	return strings.NewReplacer(
		"{t}", alias,
		"{company}", strconv.FormatInt(e.company(), 10),
		"{companies}", joinIDs(e.companies),
	).Replace(expr)
}

func joinIDs(ids []int64) string {
	if len(ids) == 0 {
		return "0"
	}
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(parts, ", ")
}

// Shorthands for fields that are plain columns.

func char(name string) field     { return column(name, kindChar) }
func integer(name string) field  { return column(name, kindInt) }
func float(name string) field    { return column(name, kindFloat) }
func boolean(name string) field  { return column(name, kindBool) }
func date(name string) field     { return column(name, kindDate) }
func datetime(name string) field { return column(name, kindDatetime) }

func column(name string, kind fieldKind) field {
	return field{name: name, kind: kind, expr: "{t}." + name, column: name}
}

// translated is a jsonb column of translations, read in English.
func translated(name string) field {
	return field{name: name, kind: kindChar, expr: "{t}." + name + "->>'en_US'"}
}

func many2one(name, rel string) field {
	return field{name: name, kind: kindMany2one, expr: "{t}." + name, rel: rel, column: name}
}

// one2many lists the records of rel whose inverse column points here.
func one2many(name, rel, table, inverse, condition string) field {
	where := "x." + inverse + " = {t}.id"
	if condition != "" {
		where += " AND " + condition
	}
	return field{name: name, kind: kindMany, rel: rel, expr: "ARRAY(SELECT x.id FROM " + table + " x WHERE " + where + " ORDER BY x.id)"}
}

// many2many lists the records of rel joined through a relation table.
func many2many(name, rel, table, here, there string) field {
	return field{name: name, kind: kindMany, rel: rel, expr: "ARRAY(SELECT x." + there + " FROM " + table + " x WHERE x." + here + " = {t}.id ORDER BY 1)"}
}

func computed(name string, kind fieldKind, expr string) field {
	return field{name: name, kind: kind, expr: expr}
}

// stamps are the four columns every Odoo table has.
func stamps() []field {
	return []field{
		datetime("create_date"), datetime("write_date"),
		many2one("create_uid", "res.users"), many2one("write_uid", "res.users"),
	}
}
