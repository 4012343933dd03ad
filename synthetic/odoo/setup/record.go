package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// module is the module of our external ids. No addon has that name, so Odoo
// never takes them away when addons are updated.
const module = "closewatch"

// A record is something of ours in Odoo.
type record struct {
	mark  string // its name among our external ids, after the slug
	model string
	// likely finds what a run made and did not get to mark.
	likely []any
	// content says what is in it. It is asked only when that is needed.
	content func(context.Context) (content, error)
}

// A content is what a record holds. Only fields that the database has count.
type content struct {
	values map[string]any // set when it is made
	keep   map[string]any // compared on every run, and put right
}

// fixed is a content for which Odoo need not be asked.
func fixed(values, keep map[string]any) func(context.Context) (content, error) {
	return func(context.Context) (content, error) { return content{values, keep}, nil }
}

// nothingYet is what a record lacks that is still to be made.
const nothingYet = "there is none yet"

// archivable lists the models of which Odoo archives what it does not delete.
var archivable = []string{"res.company", "account.journal", "res.partner", "product.product", "res.users", "ir.model.access", "ir.rule"}

func (s *Setup) call(ctx context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	wide := map[string]any{}
	maps.Copy(wide, kwargs)
	context := map[string]any{"active_test": false}
	if given, ok := wide["context"].(map[string]any); ok {
		maps.Copy(context, given)
	}
	if s.inside {
		context["allowed_company_ids"] = []int64{s.found.company}
	}
	wide["context"] = context
	return s.Client.Call(ctx, model, method, args, wide, out)
}

func (s *Setup) search(ctx context.Context, model string, domain []any, limit int) ([]int64, error) {
	var ids []int64
	err := s.call(ctx, model, "search", []any{domain}, map[string]any{"limit": limit, "order": "id"}, &ids)
	return ids, err
}

// read returns the fields of one record; nil when it does not exist.
func (s *Setup) read(ctx context.Context, model string, id int64, fields []string) (map[string]any, error) {
	var rows []map[string]any
	domain := []any{[]any{"id", "=", id}}
	if err := s.call(ctx, model, "search_read", []any{domain}, map[string]any{"fields": fields, "limit": 1}, &rows); err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// has reports whether the database's model has a field.
func (s *Setup) has(ctx context.Context, model, field string) (bool, error) {
	if s.fields[model] == nil {
		var known map[string]any
		if err := s.call(ctx, model, "fields_get", []any{}, map[string]any{"attributes": []string{"type"}}, &known); err != nil {
			return false, err
		}
		s.fields[model] = map[string]bool{}
		for f := range known {
			s.fields[model][f] = true
		}
	}
	return s.fields[model][field], nil
}

// known leaves out of values what the model has no field for.
func (s *Setup) known(ctx context.Context, model string, values map[string]any) (map[string]any, error) {
	out := map[string]any{}
	for f, v := range values {
		ok, err := s.has(ctx, model, f)
		if err != nil {
			return nil, err
		}
		if ok {
			out[f] = v
		}
	}
	return out, nil
}

// external finds a record by an external id; 0 when there is none.
func (s *Setup) external(ctx context.Context, module, name, model string) (int64, error) {
	var rows []struct {
		ID int64 `json:"res_id"`
	}
	domain := []any{[]any{"module", "=", module}, []any{"name", "=", name}, []any{"model", "=", model}}
	err := s.call(ctx, "ir.model.data", "search_read", []any{domain}, map[string]any{"fields": []string{"res_id"}, "limit": 1}, &rows)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0].ID, nil
}

// given is external for what addons bring along, which is asked once.
func (s *Setup) given(ctx context.Context, full, model string) (int64, error) {
	if id := s.givens[full]; id != 0 {
		return id, nil
	}
	module, name, _ := strings.Cut(full, ".")
	id, err := s.external(ctx, module, name, model)
	s.givens[full] = id
	return id, err
}

func (s *Setup) markName(mark string) string { return s.slug() + "_" + mark }

// find looks for a record of ours. marked is false when it was recognised by
// what it is only.
func (s *Setup) find(ctx context.Context, r record) (id int64, marked bool, err error) {
	if id, err = s.external(ctx, module, s.markName(r.mark), r.model); err != nil {
		return 0, false, err
	}
	if id != 0 {
		row, err := s.read(ctx, r.model, id, []string{"id"})
		if err != nil || row != nil {
			return id, err == nil, err
		}
	}
	ids, err := s.search(ctx, r.model, r.likely, 2)
	switch {
	case err != nil || len(ids) == 0:
		return 0, false, err
	case len(ids) > 1:
		return 0, false, &fault.Error{Op: "look for the " + r.mark, Kind: fault.Rejected, Err: errors.New("there are several that could be ours"), Hint: "remove those that are not needed, or use another --name"}
	}
	return ids[0], false, nil
}

// lacking says what of a record is missing or not as it should be.
func (s *Setup) lacking(ctx context.Context, r record) (id int64, lacks string, err error) {
	id, marked, err := s.find(ctx, r)
	switch {
	case err != nil:
		return 0, "", err
	case id == 0:
		return 0, nothingYet, nil
	}
	wrong, err := s.differing(ctx, r, id)
	switch {
	case err != nil:
		return 0, "", err
	case len(wrong) > 0:
		return id, "it is there, but not as it should be: " + fmt.Sprint(slices.Sorted(maps.Keys(wrong))), nil
	case !marked:
		return id, "it is there, but not marked as ours", nil
	}
	return id, "", nil
}

// differing returns the values of r.keep that a record does not have.
func (s *Setup) differing(ctx context.Context, r record, id int64) (map[string]any, error) {
	c, err := r.content(ctx)
	if err != nil {
		return nil, err
	}
	keep, err := s.known(ctx, r.model, c.keep)
	if err != nil || len(keep) == 0 {
		return nil, err
	}
	row, err := s.read(ctx, r.model, id, slices.Sorted(maps.Keys(keep)))
	if err != nil {
		return nil, err
	}
	wrong := map[string]any{}
	for f, want := range keep {
		if !same(row[f], want) {
			wrong[f] = want
		}
	}
	return wrong, nil
}

// ensure makes a record, or puts right what is not as it should be, and marks
// it as ours.
func (s *Setup) ensure(ctx context.Context, r record) (int64, error) {
	id, marked, err := s.find(ctx, r)
	if err != nil {
		return 0, err
	}
	if id == 0 {
		if id, err = s.create(ctx, r); err != nil {
			return 0, err
		}
	}
	if !marked {
		if err := s.mark(ctx, r, id); err != nil {
			return 0, err
		}
	}
	wrong, err := s.differing(ctx, r, id)
	if err != nil || len(wrong) == 0 {
		return id, err
	}
	return id, s.write(ctx, r.model, id, wrong)
}

func (s *Setup) create(ctx context.Context, r record) (int64, error) {
	c, err := r.content(ctx)
	if err != nil {
		return 0, err
	}
	values, err := s.known(ctx, r.model, c.values)
	if err != nil {
		return 0, err
	}
	var id int64
	quiet := map[string]any{"context": map[string]any{"no_reset_password": true, "tracking_disable": true}}
	return id, s.call(ctx, r.model, "create", []any{values}, quiet, &id)
}

func (s *Setup) write(ctx context.Context, model string, id int64, values map[string]any) error {
	out := map[string]any{}
	for f, v := range values {
		if ids, ok := v.([]int64); ok {
			v = []any{[]any{6, 0, ids}}
		}
		out[f] = v
	}
	quiet := map[string]any{"context": map[string]any{"no_reset_password": true, "tracking_disable": true}}
	return s.call(ctx, model, "write", []any{[]int64{id}, out}, quiet, nil)
}

// mark gives a record its external id, in place of one that points nowhere.
func (s *Setup) mark(ctx context.Context, r record, id int64) error {
	name := s.markName(r.mark)
	stale, err := s.search(ctx, "ir.model.data", []any{[]any{"module", "=", module}, []any{"name", "=", name}}, 1)
	if err != nil {
		return err
	}
	values := map[string]any{"module": module, "name": name, "model": r.model, "res_id": id, "noupdate": true}
	if len(stale) > 0 {
		return s.call(ctx, "ir.model.data", "write", []any{stale, values}, nil, nil)
	}
	return s.call(ctx, "ir.model.data", "create", []any{values}, nil, nil)
}

// discard deletes a record, or archives it when Odoo does not let it be
// deleted.
func (s *Setup) discard(ctx context.Context, model string, id int64) (State, string, error) {
	if id == 0 {
		return Absent, "", nil
	}
	refused := s.call(ctx, model, "unlink", []any{[]int64{id}}, nil, nil)
	if refused == nil {
		return Removed, "", nil
	}
	if kind := fault.KindOf(refused); !slices.Contains(archivable, model) || kind != fault.Rejected && kind != fault.Locked {
		return Failed, "", refused
	}
	if err := s.write(ctx, model, id, map[string]any{"active": false}); err != nil {
		return Failed, "", err
	}
	return Kept, "archived: Odoo does not delete it, because other records refer to it", nil
}

// recordStep is the step that makes one record. at is where its id is kept.
func (s *Setup) recordStep(name, what, menu string, at *int64, describe func(context.Context) (record, error)) step {
	return step{
		name: name, what: what, menu: menu,
		check: func(ctx context.Context) (string, error) {
			r, err := describe(ctx)
			if err != nil {
				return "", err
			}
			id, lacks, err := s.lacking(ctx, r)
			*at = id
			return lacks, err
		},
		do: func(ctx context.Context) error {
			r, err := describe(ctx)
			if err != nil {
				return err
			}
			*at, err = s.ensure(ctx, r)
			return err
		},
		locate: func(ctx context.Context) error {
			r, err := describe(ctx)
			if err != nil {
				return err
			}
			*at, _, err = s.find(ctx, r)
			return err
		},
		undo: func(ctx context.Context) (State, string, error) {
			r, err := describe(ctx)
			if err != nil {
				return Failed, "", err
			}
			return s.discard(ctx, r.model, *at)
		},
	}
}

// same compares a value as Odoo reads it with one as it is written: a many2one
// reads as [id, name], a list of ids in any order, and nothing as false.
func same(have, want any) bool {
	switch want := want.(type) {
	case int64:
		return idOf(have) == want
	case []int64:
		ids := idsOf(have)
		slices.Sort(ids)
		return slices.Equal(ids, slices.Sorted(slices.Values(want)))
	case bool:
		b, ok := have.(bool)
		return ok && b == want
	}
	return have == want
}

// idOf reads a many2one; 0 when it is empty.
func idOf(v any) int64 {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case []any:
		if len(v) > 0 {
			return idOf(v[0])
		}
	}
	return 0
}

func idsOf(v any) []int64 {
	list, _ := v.([]any)
	ids := make([]int64, 0, len(list))
	for _, e := range list {
		ids = append(ids, idOf(e))
	}
	return ids
}
