package traefik

import (
	"bytes"
	"maps"
	"slices"

	"github.com/closewatch/closewatch/internal/process"
)

// Operations that are a shape of URL rather than a model and method.
const (
	opRPC       = "rpc"       // /jsonrpc, /xmlrpc: the model is in the body
	opButton    = "button"    // /web/dataset/call_button without a suffix, as Odoo 16 and 17 write it
	opReport    = "report"    // /report/…
	opLogin     = "login"     // /web/login, /web/session/authenticate
	opWebsocket = "websocket" // /websocket, /longpolling, and whatever was upgraded
	opContent   = "content"   // /web/content, /web/image
	opStatic    = "static"    // /web/assets, /<module>/static
	opHealth    = "health"    // /web/health
	opQueueJob  = "queue_job" // /queue_job/runjob: jobs that come in through the ingress
	opWeb       = "web"       // every other page
	opOther     = "other"     // a model method that is not listed
)

// shapes come first in a classifier, in this order, so that their indexes are
// constants.
var shapes = []string{
	opRPC, opButton, opReport, opLogin, opWebsocket, opContent, opStatic, opHealth, opQueueJob, opWeb, opOther,
}

const (
	idxRPC = iota
	idxButton
	idxReport
	idxLogin
	idxWebsocket
	idxContent
	idxStatic
	idxHealth
	idxQueueJob
	idxWeb
	idxOther
)

// listed are the model methods with a label of their own besides those the
// catalogue of processes names.
var listed = []string{
	"account.move/button_draft", "account.move/button_cancel", "account.move/write", "account.move/unlink",
	"account.move/web_save", "account.move/onchange", "account.move/read", "account.move/web_read",
	"account.move/web_search_read", "account.move/search_read", "account.move/web_read_group",
	"account.move/js_assign_outstanding_line", "account.move/action_register_payment",
	"account.move.line/write", "account.move.line/web_search_read", "account.move.line/web_read_group",
	"account.move.reversal/reverse_moves", "account.move.reversal/refund_moves",
	"account.move.send.wizard/action_send_and_print", "account.move.send/action_send_and_print",
	"account.payment/action_draft", "account.payment/create", "account.payment/web_save",
	"account.payment.register/create",
	"account.bank.statement.line/action_undo_reconciliation", "account.bank.statement.line/web_search_read",
	"account.bank.statement.line/web_save", "account.bank.statement.line/unlink",
	"account.report/get_report_information",
	"account.change.lock.date/change_lock_date",
	"validate.account.move/validate_move",
	"sale.advance.payment.inv/create_invoices", "sale.order/action_confirm",
	"purchase.order/action_create_invoice",
	"hr.payslip/compute_sheet", "hr.payslip.run/compute_sheet",
	"account.statement.import/import_file_button", "base_import.import/execute_import",
}

// A classifier turns a URL path into one of a closed list of operations.
type classifier struct {
	names []string       // by index; the shapes come first
	index map[string]int // model/method to index
	core  []int          // operations that are a process's outcome, in order
}

// newClassifier knows the shapes, the catalogue's operations, the listed ones
// and extra.
func newClassifier(extra []string) *classifier {
	core := map[string]bool{}
	for _, p := range process.Catalog() {
		for _, op := range p.Operations {
			core[op] = true
		}
	}
	methods := maps.Clone(core)
	for _, op := range slices.Concat(listed, extra) {
		methods[op] = true
	}
	for _, shape := range shapes {
		delete(methods, shape)
	}
	c := &classifier{names: slices.Concat(shapes, slices.Sorted(maps.Keys(methods))), index: map[string]int{}}
	for i, name := range c.names {
		c.index[name] = i
		if core[name] {
			c.core = append(c.core, i)
		}
	}
	return c
}

// classify returns the operation of a path without query and whether Odoo
// answers it with HTTP 200 alone, so that any other status means it could not.
// It allocates nothing.
func (c *classifier) classify(path []byte) (op int, always200 bool) {
	switch {
	case has(path, "/web/"):
		return c.web(path[len("/web/"):])
	case is(path, "/jsonrpc"), has(path, "/xmlrpc/"):
		return idxRPC, false
	case has(path, "/json/2/"):
		return c.method(path[len("/json/2/"):]), false
	case has(path, "/report/"):
		return idxReport, false
	case is(path, "/websocket"), has(path, "/websocket/"), has(path, "/longpolling/"):
		return idxWebsocket, false
	case has(path, "/queue_job/"):
		return idxQueueJob, false
	case bytes.Contains(path, []byte("/static/")):
		return idxStatic, false
	}
	return idxWeb, false
}

// web classifies what follows /web/.
func (c *classifier) web(rest []byte) (op int, always200 bool) {
	switch {
	case has(rest, "dataset/call_kw/"):
		return c.method(rest[len("dataset/call_kw/"):]), true
	case is(rest, "dataset/call_kw"):
		return idxRPC, true
	case has(rest, "dataset/call_button/"):
		return c.method(rest[len("dataset/call_button/"):]), true
	case is(rest, "dataset/call_button"):
		return idxButton, true
	case is(rest, "login"), is(rest, "session/authenticate"):
		return idxLogin, false
	case has(rest, "content"), has(rest, "image"):
		return idxContent, false
	case has(rest, "assets/"), has(rest, "static/"):
		return idxStatic, false
	case is(rest, "health"):
		return idxHealth, false
	}
	return idxWeb, false
}

// method looks up model/method.
func (c *classifier) method(b []byte) int {
	if i, ok := c.index[string(b)]; ok && i >= len(shapes) {
		return i
	}
	return idxOther
}

func has(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}
func is(b []byte, s string) bool { return string(b) == s }
