package odoosim

import (
	"strings"
)

// A call is one invocation of a model's method.
type call struct {
	model, method string
	args          []any
	kwargs        map[string]any
}

// arg is positional argument i, or the keyword argument of that name.
func (c *call) arg(i int, name string) any {
	if i < len(c.args) {
		return c.args[i]
	}
	return c.kwargs[name]
}

func (c *call) list(i int, name string) []any {
	list, _ := c.arg(i, name).([]any)
	return list
}

// recordIDs is the first argument of a method on records.
func (c *call) recordIDs() ([]int64, error) {
	if len(c.args) == 0 {
		return nil, indexError()
	}
	return toIDs(c.args[0]), nil
}

// values is the dictionary of a write or of the creation of one record.
func (c *call) values(i int, name string) (map[string]any, error) {
	switch v := c.arg(i, name).(type) {
	case map[string]any:
		return v, nil
	case []any:
		if len(v) == 1 {
			if m, ok := v[0].(map[string]any); ok {
				return m, nil
			}
		}
	}
	return nil, raise("builtins.TypeError", "%s.%s() expects a dictionary of values", c.model, c.method)
}

func (c *call) fieldNames(i int) []string {
	names := []string{}
	for _, v := range c.list(i, "fields") {
		names = append(names, toString(v))
	}
	return names
}

// context is the RPC's context: the keyword argument every method takes.
func (c *call) context() map[string]any {
	ctx, _ := c.kwargs["context"].(map[string]any)
	if ctx == nil {
		ctx = map[string]any{}
	}
	return ctx
}

// dispatch runs the call: a method of the model, or one every model has.
func (e *env) dispatch(c *call) (any, error) {
	fn, err := e.s.method(c)
	if err != nil {
		return nil, err
	}
	return fn(e, c)
}

// method finds what the call names, or says in the version's words why not.
func (s *Server) method(c *call) (method, error) {
	m, ok := s.models[c.model]
	if !ok {
		return nil, userError("Object %s doesn't exist", c.model)
	}
	private, missing := c.method, "The method '"+c.method+"' does not exist on the model '"+c.model+"'"
	if s.opts.Version >= 19 {
		private = "'" + c.model + "." + c.method + "'"
		missing = "The method " + private + " does not exist"
	}
	if strings.HasPrefix(c.method, "_") {
		return nil, accessError("Private methods (such as %s) cannot be called remotely.", private)
	}
	if fn, ok := m.methods[c.method]; ok {
		return fn, nil
	}
	if fn, ok := commonMethods()[c.method]; ok {
		return fn, nil
	}
	if c.method == "formatted_read_group" && s.opts.Version >= 19 {
		return callFormattedReadGroup, nil
	}
	return nil, raise("builtins.AttributeError", "%s", missing)
}

func commonMethods() map[string]method {
	return map[string]method{
		"read":         callRead,
		"search":       callSearch,
		"search_read":  callSearchRead,
		"search_count": callSearchCount,
		"name_search":  callNameSearch,
		"read_group":   callReadGroup,
		"fields_get":   callFieldsGet,
		"has_access":   hasAccess,
		"exists":       callExists,

		"check_access_rights": checkAccessRights,
	}
}

func (e *env) model(c *call) *model { return e.s.models[c.model] }

func callRead(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	return e.read(e.model(c), ids, c.fieldNames(1))
}

func callSearch(e *env, c *call) (any, error) {
	return e.search(e.model(c), c.list(0, "domain"), page{
		offset: toInt(c.arg(1, "offset")), limit: toInt(c.arg(2, "limit")), order: toString(c.arg(3, "order")),
	})
}

func callSearchRead(e *env, c *call) (any, error) {
	fields, err := e.fieldsOf(e.model(c), c.fieldNames(1))
	if err != nil {
		return nil, err
	}
	ids, err := e.search(e.model(c), c.list(0, "domain"), page{
		offset: toInt(c.arg(2, "offset")), limit: toInt(c.arg(3, "limit")), order: toString(c.arg(4, "order")),
	})
	if err != nil {
		return nil, err
	}
	return e.fetch(e.model(c), ids, fields)
}

func callSearchCount(e *env, c *call) (any, error) {
	return e.count(e.model(c), c.list(0, "domain"))
}

func callNameSearch(e *env, c *call) (any, error) {
	m := e.model(c)
	domain := append([]any{[]any{"display_name", "ilike", toString(c.arg(0, "name"))}}, c.list(1, "args")...)
	limit := toInt(c.arg(3, "limit"))
	setDefault(&limit, 100)
	ids, err := e.search(m, domain, page{limit: limit})
	if err != nil {
		return nil, err
	}
	name, _ := m.field("display_name")
	records, err := e.fetch(m, ids, []field{name})
	pairs := make([]any, len(records))
	for i, r := range records {
		pairs[i] = []any{r[0].value, r[1].value}
	}
	return pairs, err
}

func callExists(e *env, c *call) (any, error) {
	ids, err := c.recordIDs()
	if err != nil {
		return nil, err
	}
	return e.existing(e.model(c), ids)
}

func callFieldsGet(e *env, c *call) (any, error) {
	m := e.model(c)
	if err := e.may(m, opRead); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, v := range c.list(0, "allfields") {
		wanted[toString(v)] = true
	}
	all := object{}
	for _, name := range m.fieldNames() {
		if len(wanted) > 0 && !wanted[name] {
			continue
		}
		f, _ := m.field(name)
		d := object{{"type", typeOf(f)}, {"readonly", f.column == ""}, {"store", f.column != ""}, {"string", label(name)}, {"name", name}}
		if f.rel != "" {
			d = append(d, member{"relation", f.rel})
		}
		all = append(all, member{name, d})
	}
	return all, nil
}

func typeOf(f field) string {
	switch f.kind {
	case kindInt:
		return "integer"
	case kindFloat:
		return "float"
	case kindBool:
		return "boolean"
	case kindDate:
		return "date"
	case kindDatetime:
		return "datetime"
	case kindMany2one:
		return "many2one"
	case kindMany:
		return "one2many"
	default:
		return "char"
	}
}

func label(name string) string {
	words := strings.Fields(strings.ReplaceAll(strings.TrimSuffix(name, "_id"), "_", " "))
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}
