package odoorpc

import (
	"errors"
	"fmt"
	"maps"
	"reflect"

	"github.com/closewatch/closewatch/internal/fault"
)

// A call is a method of a model with its arguments, before a dialect puts it
// into its own words.
type call struct {
	model, method string
	args          []any
	kwargs        map[string]any
}

func (w call) op() string { return "call " + w.model + "/" + w.method }

// A signature is how a method takes its arguments: the records first when it
// works on records, then these parameters in order.
type signature struct {
	records bool
	params  []string
}

func onRecords(params ...string) signature { return signature{true, params} }
func onModel(params ...string) signature   { return signature{false, params} }

// signatures names the positional arguments of every method that is called, as
// Odoo 19 declares them: JSON-2 takes named arguments only. A method that is
// missing here is not called, because a guess could write something else than
// was meant.
var signatures = map[string]signature{
	// Every model.
	"create":               onModel("vals_list"),
	"read":                 onRecords("fields", "load"),
	"write":                onRecords("vals"),
	"unlink":               onRecords(),
	"search":               onModel("domain", "offset", "limit", "order"),
	"search_read":          onModel("domain", "fields", "offset", "limit", "order"),
	"search_count":         onModel("domain", "limit"),
	"name_search":          onModel("name", "domain", "operator", "limit"),
	"name_create":          onModel("name"),
	"default_get":          onModel("fields"),
	"fields_get":           onModel("allfields", "attributes"),
	"read_group":           onModel("domain", "fields", "groupby", "offset", "limit", "orderby", "lazy"),
	"formatted_read_group": onModel("domain", "groupby", "aggregates", "having", "offset", "limit", "order"),
	"has_access":           onRecords("operation"),
	"web_read":             onRecords("specification"),
	"web_save":             onRecords("vals", "specification", "next_id"),
	"web_search_read":      onModel("domain", "specification", "offset", "limit", "order", "count_limit"),
	"action_archive":       onRecords(),
	"action_unarchive":     onRecords(),

	// account.move
	"action_post":                   onRecords(), // account.payment has one as well
	"button_draft":                  onRecords(),
	"button_cancel":                 onRecords(),
	"button_hash":                   onRecords(),
	"js_assign_outstanding_line":    onRecords("line_id"),
	"js_remove_outstanding_partial": onRecords("partial_id"),

	// account.move.line and account.bank.statement.line
	"reconcile":                  onRecords(),
	"remove_move_reconcile":      onRecords(),
	"action_undo_reconciliation": onRecords(),

	// account.payment and account.payment.register
	"action_create_payments": onRecords(),
	"action_draft":           onRecords(),
	"action_cancel":          onRecords(),
	"action_validate":        onRecords(),

	// account.move.reversal
	"refund_moves":  onRecords(),
	"reverse_moves": onRecords("is_modify"),

	// What a synthetic company is set up with and looked at by.
	"check_object_reference": onModel("module", "xml_id", "raise_on_access_error"),
	"context_get":            onModel(),
	"get_param":              onModel("key", "default"),
	"has_group":              onRecords("group_ext_id"),
	"method_direct_trigger":  onRecords(),
	"requeue":                onRecords(), // queue.job of OCA
	"run":                    onRecords(), // ir.actions.server
	"set_param":              onModel("key", "value"),
	"try_loading":            onRecords("template_code", "company", "install_demo", "force_create"),
}

// errUnsent marks a call that was given up before anything was sent.
var errUnsent = errors.New("nothing was sent")

// named returns the arguments by name, the records under ids.
func (w call) named() (map[string]any, error) {
	sig, ok := signatures[w.method]
	if !ok {
		return nil, w.unsent("the method has no entry in the table of signatures")
	}
	body := make(map[string]any, len(w.args)+len(w.kwargs))
	maps.Copy(body, w.kwargs)
	args := w.args
	if sig.records {
		if len(args) == 0 {
			return nil, w.unsent("the ids are missing")
		}
		if err := w.put(body, "ids", args[0]); err != nil {
			return nil, err
		}
		args = args[1:]
	}
	if len(args) > len(sig.params) {
		return nil, w.unsent(fmt.Sprintf("%d arguments where at most %d are expected", len(args), len(sig.params)))
	}
	for i, arg := range args {
		if err := w.put(body, sig.params[i], arg); err != nil {
			return nil, err
		}
	}
	return body, nil
}

func (w call) put(body map[string]any, name string, value any) error {
	if _, twice := body[name]; twice {
		return w.unsent("the argument " + name + " is given twice")
	}
	body[name] = value
	return nil
}

func (w call) unsent(what string) error {
	return &fault.Error{Op: w.op(), Kind: fault.Internal, Err: fmt.Errorf("%s: %w", what, errUnsent)}
}

// createsOne reports whether the call creates one record from one set of
// values: every dialect but JSON-2 then answers with one id, not a list.
func (w call) createsOne(body map[string]any) bool {
	if w.method != "create" {
		return false
	}
	kind := reflect.ValueOf(body["vals_list"]).Kind()
	return kind == reflect.Map || kind == reflect.Struct || kind == reflect.Pointer
}
