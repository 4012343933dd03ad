package setup_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/odoorpc"
)

// A fake is as much of Odoo's object model as setting up needs: records that
// are searched, read and changed, defaults, access by company, and the refusal
// to delete what others refer to.
type fake struct {
	version int
	rows    map[string]map[int64]row
	next    int64
	used    map[string]bool // "model,id" that journal entries refer to

	changes []request // that were asked for
	failAt  int       // this change, from 1, fails
	after   bool      // after it was carried out: its answer is lost
}

// A row holds nil, bool, float64, string or []float64.
type row map[string]any

// A request is a call that changes something.
type request struct {
	Model  string         `json:"model"`
	Method string         `json:"method"`
	Args   []any          `json:"args"`
	Kwargs map[string]any `json:"kwargs"`
}

const admin = 2

func newFake(version int, queue bool) *fake {
	f := &fake{version: version, rows: map[string]map[int64]row{}, next: 100, used: map[string]bool{}}
	f.put("res.company", 1, row{"name": "Main", "active": true, "currency_id": 1.0})
	f.put("res.users", admin, row{"login": "admin", "active": true, "company_id": 1.0, "company_ids": []float64{1}})
	f.put("ir.module.module", 1, row{"name": "account", "state": "installed"})
	external := func(id int64, module, name, model string) {
		f.put("ir.model.data", id, row{"module": module, "name": name, "model": model, "res_id": float64(id)})
	}
	for i, g := range []string{"base.group_user", "base.group_erp_manager", "base.group_system", "account.group_account_invoice", "account.group_account_user", "account.group_account_manager"} {
		module, name, _ := strings.Cut(g, ".")
		id := int64(i + 11)
		f.put("res.groups", id, row{"name": g})
		external(id, module, name, "res.groups")
	}
	if version == 16 {
		external(1, "l10n_generic_coa", "configurable_chart_template", "account.chart.template")
	}
	if queue {
		f.put("ir.module.module", 2, row{"name": "queue_job", "state": "installed"})
		f.put("queue.job.channel", 31, row{"name": "root", "complete_name": "root"})
		external(31, "queue_job", "channel_root", "queue.job.channel")
		external(32, "queue_job", "model_queue_job", "ir.model")
	}
	return f
}

func (f *fake) put(model string, id int64, r row) {
	if f.rows[model] == nil {
		f.rows[model] = map[int64]row{}
	}
	r["id"] = float64(id)
	f.rows[model][id] = r
}

// fields lists those whose presence setup looks for.
func (f *fake) fields(model string) []string {
	since := func(version int, names ...string) []string {
		if f.version < version {
			return nil
		}
		return names
	}
	until := func(version int, names ...string) []string {
		if f.version > version {
			return nil
		}
		return names
	}
	switch model {
	case "res.company":
		fields := []string{"name", "currency_id", "active", "email", "parent_id"}
		if f.version == 18 {
			fields = append(fields, "check_account_audit_trail")
		}
		return append(fields, since(19, "restrictive_audit_trail")...)
	case "res.users":
		return append(append([]string{"name", "login", "tz", "company_id", "company_ids", "active"}, until(18, "groups_id")...), since(19, "group_ids")...)
	case "res.partner":
		return append([]string{"name", "company_id", "email", "active"}, since(18, "invoice_sending_method", "invoice_edi_format")...)
	case "product.product":
		return append([]string{"name", "company_id", "type", "list_price", "purchase_ok", "taxes_id", "supplier_taxes_id", "active"}, until(17, "detailed_type")...)
	case "account.journal":
		return []string{"name", "code", "type", "company_id", "default_account_id", "suspense_account_id", "restrict_mode_hash_table", "edi_format_ids", "active", "alias_id"}
	case "queue.job.channel":
		return []string{"name", "parent_id", "complete_name"}
	case "res.groups":
		return []string{"name"}
	case "ir.model.access":
		return []string{"name", "active", "model_id", "group_id", "perm_read", "perm_write", "perm_create", "perm_unlink"}
	case "ir.rule":
		return []string{"name", "active", "model_id", "groups", "domain_force"}
	}
	return nil
}

func (f *fake) UserID(context.Context) (int64, error) { return admin, nil }

func (f *fake) Version(context.Context) (odoorpc.Version, error) {
	return odoorpc.Version{Major: f.version, Text: strconv.Itoa(f.version) + ".0"}, nil
}

var errCut = errors.New("cut by the test")

func refusal(class, text string) error {
	kind := fault.Rejected
	if strings.HasSuffix(class, "AccessError") {
		kind = fault.Denied
	}
	return &fault.Error{Op: "call", Kind: kind, Err: &odoorpc.Error{Class: class, Text: text, Status: 200}}
}

func (f *fake) Call(_ context.Context, model, method string, args []any, kwargs map[string]any, out any) error {
	r := request{Model: model, Method: method}
	if err := errors.Join(plain(args, &r.Args), plain(kwargs, &r.Kwargs)); err != nil {
		return err
	}
	if err := f.allowed(r); err != nil {
		return err
	}
	read := slices.Contains([]string{"search", "search_read", "fields_get"}, method)
	if !read {
		f.changes = append(f.changes, r)
		if len(f.changes) == f.failAt && !f.after {
			return errCut
		}
	}
	result, err := f.perform(r)
	if err != nil {
		return err
	}
	if !read && len(f.changes) == f.failAt {
		return errCut
	}
	if out == nil {
		return nil
	}
	return plain(result, out)
}

// plain takes a value over the wire.
func plain(from, to any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

func (f *fake) allowed(r request) error {
	context, _ := r.Kwargs["context"].(map[string]any)
	asked, _ := context["allowed_company_ids"].([]any)
	for _, id := range asked {
		company := f.rows["res.company"][int64(id.(float64))]
		if company["active"] != true || !slices.Contains(list(f.rows["res.users"][admin]["company_ids"]), id.(float64)) {
			return refusal("odoo.exceptions.AccessError", "Access to unauthorized or invalid companies.")
		}
	}
	return nil
}

func (f *fake) perform(r request) (any, error) {
	switch r.Method {
	case "fields_get":
		known := map[string]any{}
		for _, name := range f.fields(r.Model) {
			known[name] = map[string]any{"type": "char"}
		}
		return known, nil
	case "search", "search_read":
		return f.search(r)
	case "create":
		return f.create(r.Model, r.Args[0].(map[string]any))
	case "write":
		for _, id := range list(r.Args[0]) {
			f.set(f.rows[r.Model][int64(id)], r.Args[1].(map[string]any))
		}
		return true, nil
	case "unlink":
		return true, f.unlink(r.Model, list(r.Args[0]))
	case "try_loading":
		return nil, f.loadChart(r)
	case "run":
		return nil, f.run(int64(list(r.Args[0])[0]))
	}
	return nil, refusal("builtins.AttributeError", r.Model+"."+r.Method)
}

func list(v any) []float64 {
	switch v := v.(type) {
	case []float64:
		return v
	case []any:
		out := make([]float64, 0, len(v))
		for _, e := range v {
			out = append(out, e.(float64))
		}
		return out
	}
	return nil
}

func (f *fake) search(r request) (any, error) {
	var ids []int64
	var rows []map[string]any
	sorted := slices.Sorted(maps.Keys(f.rows[r.Model]))
	if order, _ := r.Kwargs["order"].(string); strings.HasSuffix(order, "desc") {
		slices.Reverse(sorted)
	}
	context, _ := r.Kwargs["context"].(map[string]any)
	for _, id := range sorted {
		stored := f.rows[r.Model][id]
		if context["active_test"] != false && stored["active"] == false || !matches(stored, r.Args[0].([]any)) {
			continue
		}
		if limit, _ := r.Kwargs["limit"].(float64); limit > 0 && len(ids) == int(limit) {
			break
		}
		ids = append(ids, id)
		shown := map[string]any{"id": id}
		wanted, _ := r.Kwargs["fields"].([]any)
		for _, name := range wanted {
			shown[name.(string)] = show(name.(string), stored[name.(string)])
		}
		rows = append(rows, shown)
	}
	if r.Method == "search" {
		return ids, nil
	}
	return rows, nil
}

// show is a stored value as a read gives it.
func show(name string, v any) any {
	number, single := v.(float64)
	switch {
	case v == nil:
		return false
	case single && name != "id" && strings.HasSuffix(name, "_id") && name != "res_id":
		return []any{number, "its name"}
	}
	return v
}

func matches(r row, domain []any) bool {
	for _, d := range domain {
		term := d.([]any)
		have, op, want := r[term[0].(string)], term[1].(string), term[2]
		equal := have == want || have == nil && want == false
		var ok bool
		switch op {
		case "=":
			ok = equal
		case "!=":
			ok = !equal
		case "in":
			ok = slices.Contains(want.([]any), have)
		case ">":
			number, _ := have.(float64)
			ok = number > want.(float64)
		default:
			panic("domain " + op)
		}
		if !ok {
			return false
		}
	}
	return true
}

// set applies values, with their commands on lists.
func (f *fake) set(r row, values map[string]any) {
	for name, v := range values {
		commands, ok := v.([]any)
		if !ok {
			if v == false && name != "active" && !strings.HasPrefix(name, "perm_") && name != "restrict_mode_hash_table" {
				v = nil
			}
			r[name] = v
			continue
		}
		has := list(r[name])
		for _, c := range commands {
			command := c.([]any)
			switch command[0].(float64) {
			case 6:
				has = list(command[2])
			case 4:
				if id := command[1].(float64); !slices.Contains(has, id) {
					has = append(slices.Clone(has), id)
				}
			case 3:
				has = slices.DeleteFunc(slices.Clone(has), func(id float64) bool { return id == command[1] })
			}
		}
		if has == nil {
			has = []float64{}
		}
		r[name] = has
	}
}

func (f *fake) create(model string, values map[string]any) (any, error) {
	if model == "queue.job" {
		return nil, refusal("odoo.exceptions.AccessError", "Queue jobs must be created by calling 'with_delay()'.")
	}
	f.next++
	id := f.next
	r := row{"active": true}
	switch model {
	case "res.company":
		r["check_account_audit_trail"], r["restrictive_audit_trail"] = false, false
		user := f.rows["res.users"][admin]
		user["company_ids"] = append(list(user["company_ids"]), float64(id))
	case "account.journal":
		r["restrict_mode_hash_table"], r["edi_format_ids"] = false, []float64{7}
		if values["type"] == "sale" {
			f.put("mail.alias", id+1, row{"alias_name": "sales"})
			r["alias_id"] = float64(id + 1)
			f.next++
		}
		if values["type"] == "bank" {
			r["suspense_account_id"] = f.rows["res.company"][int64(values["company_id"].(float64))]["account_journal_suspense_account_id"]
		}
	case "ir.model.access":
		r["perm_create"], r["perm_unlink"] = false, false
	case "ir.model.data":
		for _, other := range f.rows[model] {
			if other["module"] == values["module"] && other["name"] == values["name"] {
				return nil, refusal("psycopg2.errors.UniqueViolation", "external id")
			}
		}
	case "res.users":
		for _, other := range f.rows[model] {
			if other["login"] == values["login"] {
				return nil, refusal("odoo.exceptions.ValidationError", "You can not have two users with the same login!")
			}
		}
		partner, _ := f.create("res.partner", map[string]any{"name": values["name"]})
		r["partner_id"] = float64(partner.(int64))
	}
	f.set(r, values)
	if parent, ok := r["parent_id"].(float64); ok && model == "queue.job.channel" {
		r["complete_name"] = fmt.Sprint(f.rows[model][int64(parent)]["complete_name"], ".", r["name"])
	}
	f.put(model, id, r)
	return id, nil
}

func (f *fake) unlink(model string, ids []float64) error {
	for _, id := range ids {
		if model == "res.company" || f.used[fmt.Sprintf("%s,%d", model, int64(id))] {
			return refusal("odoo.exceptions.UserError", "The operation cannot be completed: another model requires the record being deleted.")
		}
	}
	for _, id := range ids {
		if alias, ok := f.rows[model][int64(id)]["alias_id"].(float64); ok {
			delete(f.rows["mail.alias"], int64(alias))
		}
		delete(f.rows[model], int64(id))
		maps.DeleteFunc(f.rows["ir.model.data"], func(_ int64, r row) bool { return r["model"] == model && r["res_id"] == id })
	}
	return nil
}

// loadChart takes the company as each version wants it told.
func (f *fake) loadChart(r request) error {
	context := r.Kwargs["context"].(map[string]any)
	company := context["allowed_company_ids"].([]any)[0].(float64)
	c := f.rows["res.company"][int64(company)]
	if f.version == 16 {
		if len(r.Args) != 1 || len(list(r.Args[0])) != 1 {
			return refusal("builtins.AttributeError", "'int' object has no attribute 'chart_template_id'")
		}
		c["chart_template_id"] = 1.0
	} else {
		if len(r.Args) != 4 || r.Args[1] != "generic_coa" || r.Args[2] != company {
			return nil // does nothing, as Odoo does
		}
		c["chart_template"] = "generic_coa"
	}
	f.next += 10
	f.put("account.journal", f.next, row{"code": "INV", "type": "sale", "company_id": company, "default_account_id": 400.0, "active": true})
	c["account_journal_suspense_account_id"] = 402.0
	for i, t := range []row{
		{"type_tax_use": "purchase", "amount": 15.0},
		{"type_tax_use": "sale", "amount": 15.0, "price_include": true},
		{"type_tax_use": "sale", "amount": 0.0},
		{"type_tax_use": "sale", "amount": 15.0},
	} {
		t["company_id"], t["amount_type"], t["active"] = company, "percent", true
		t["price_include"] = t["price_include"] == true
		f.put("account.tax", f.next+int64(i)+1, t)
	}
	f.next += 10
	return nil
}

var testJob = regexp.MustCompile(`^env\['queue\.job'\]\.with_company\((\d+)\)\.with_user\((\d+)\)\.with_delay\(channel='([a-z0-9_.]+)', description='[a-z0-9_ ]+'\)\._test_job\(\)$`)

// run performs a server action: the one kind that setup makes.
func (f *fake) run(action int64) error {
	m := testJob.FindStringSubmatch(fmt.Sprint(f.rows["ir.actions.server"][action]["code"]))
	if m == nil {
		return refusal("builtins.ValueError", "bad code")
	}
	company, _ := strconv.ParseFloat(m[1], 64)
	user, _ := strconv.ParseFloat(m[2], 64)
	f.next++
	f.put("queue.job", f.next, row{"company_id": company, "user_id": user, "channel": m[3], "method_name": "_test_job", "state": "pending"})
	return nil
}

// find returns the records of a model that match, oldest first.
func (f *fake) find(model string, where row) []row {
	var out []row
	for _, r := range f.rows[model] {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(where)), func(k string) bool { return r[k] != where[k] }) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b row) int { return cmp.Compare(a["id"].(float64), b["id"].(float64)) })
	return out
}

// count says how many records of each model there are.
func (f *fake) count() map[string]int {
	out := map[string]int{}
	for model, rows := range f.rows {
		if len(rows) > 0 {
			out[model] = len(rows)
		}
	}
	return out
}
