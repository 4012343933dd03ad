package traefik

import (
	"bytes"
	"maps"
	"slices"

	"github.com/closewatch/closewatch/internal/process"
)

// Operations that are a shape of URL rather than a model and method, as Odoo
// 16 to 19 route them.
const (
	opRPC       = "rpc"       // /jsonrpc, /xmlrpc, /json without model: the model is in the body
	opButton    = "button"    // /web/dataset/call_button without a suffix, as Odoo 16 and 17 write it
	opReport    = "report"    // /report/pdf, html, text and download, /account_reports
	opExport    = "export"    // /web/export: a list as a file
	opLogin     = "login"     // /web/login, /web/session/authenticate and other ways in
	opWebsocket = "websocket" // /websocket, /longpolling, and whatever was upgraded
	opContent   = "content"   // /web/content, /web/image, uploads, barcodes
	opStatic    = "static"    // /web/assets, /<module>/static
	opHealth    = "health"    // /web/health
	opQueueJob  = "queue_job" // /queue_job/runjob: jobs that come in through the ingress
	opPortal    = "portal"    // /my: what customers and vendors see
	opPayment   = "payment"   // /payment: customers pay, and providers report that they did
	opWebhook   = "webhook"   // /web/hook, /…/webhook: other systems report
	opDatabase  = "database"  // /web/database: the database manager
	opWeb       = "web"       // every other page, Odoo's client (/web, /odoo) among them
	opOther     = "other"     // a model method that is not listed
)

// shapes come first in a classifier, in this order, so that their indexes are
// constants.
var shapes = []string{
	opRPC, opButton, opReport, opExport, opLogin, opWebsocket, opContent, opStatic, opHealth, opQueueJob,
	opPortal, opPayment, opWebhook, opDatabase, opWeb, opOther,
}

const (
	idxRPC = iota
	idxButton
	idxReport
	idxExport
	idxLogin
	idxWebsocket
	idxContent
	idxStatic
	idxHealth
	idxQueueJob
	idxPortal
	idxPayment
	idxWebhook
	idxDatabase
	idxWeb
	idxOther
)

// Paths whose rest is model/method.
const (
	dataset = "/web/dataset/"
	json2   = "/json/2/"
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
	"account.journal/create_document_from_attachment", "account.move/create_document_from_attachment",
	"account.invoice.send/send_and_print_action", "account.move.send.batch.wizard/action_send_and_print",
	"account.move/button_process_edi_web_services", "account.move/action_process_edi_web_services",
	"account.payment.order/draft2open", "account.payment.order/generated2uploaded",
}

// A classifier turns a request into one of a closed list of operations.
type classifier struct {
	names []string       // by index; the shapes come first, then the rules
	index map[string]int // model/method to index
	rules []matcher
	core  []int // operations that are a process's outcome, in order

	writes []bool // by index: what must not be done twice
}

// newClassifier knows the shapes, the operations of rules, those of the
// catalogue of processes, the listed ones and extra.
func newClassifier(extra []string, rules []Rule) *classifier {
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
	c := &classifier{names: slices.Clone(shapes), index: map[string]int{}}
	for _, r := range rules {
		op := slices.Index(c.names, r.Name) // two rules may share a name
		if op < 0 {
			op = len(c.names)
			c.names = append(c.names, r.Name)
		}
		c.rules = append(c.rules, r.matcher(op))
	}
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		c.index[name] = len(c.names)
		c.names = append(c.names, name)
	}
	for i, name := range c.names {
		c.writes = append(c.writes, writes(name))
		if core[name] {
			c.core = append(c.core, i)
		}
	}
	return c
}

// classify returns the operation of a request to a path without query, and
// whether Odoo answers it with HTTP 200 alone, so that any other status means
// it could not. It allocates nothing.
func (c *classifier) classify(method, path []byte) (op int, always200 bool) {
	switch {
	case has(path, dataset):
		return c.call(path[len(dataset):]), true
	case has(path, json2):
		return c.method(path[len(json2):]), false
	}
	for i := range c.rules {
		if c.rules[i].matches(method, path) {
			return c.rules[i].op, false
		}
	}
	return shape(path), false
}

// pair is what of a path is a model and method, nil of any other.
func pair(path []byte) []byte {
	for _, prefix := range [...]string{dataset + "call_kw/", dataset + "call_button/", json2} {
		if has(path, prefix) {
			return path[len(prefix):]
		}
	}
	return nil
}

// call classifies what follows /web/dataset/.
func (c *classifier) call(rest []byte) int {
	switch {
	case has(rest, "call_kw/"):
		return c.method(rest[len("call_kw/"):])
	case has(rest, "call_button/"):
		return c.method(rest[len("call_button/"):])
	case is(rest, "call_kw"):
		return idxRPC
	case is(rest, "call_button"):
		return idxButton
	}
	return idxWeb
}

// shape classifies a path by its form alone.
func shape(path []byte) int {
	switch {
	case has(path, "/web/"):
		return web(path[len("/web/"):])
	case is(path, "/jsonrpc"), has(path, "/xmlrpc/"), has(path, "/json/"):
		return idxRPC
	case has(path, "/report/"):
		return report(path[len("/report/"):])
	case is(path, "/account_reports"):
		return idxReport
	case is(path, "/websocket"), has(path, "/websocket/"), has(path, "/longpolling/"):
		return idxWebsocket
	case has(path, "/queue_job/"):
		return idxQueueJob
	case bytes.Contains(path, []byte("/static/")):
		return idxStatic
	case bytes.HasSuffix(path, []byte("/webhook")):
		return idxWebhook
	case has(path, "/payment/"):
		return idxPayment
	case is(path, "/my"), has(path, "/my/"):
		return idxPortal
	case has(path, "/auth_oauth/"), has(path, "/auth_saml/"):
		return idxLogin
	}
	return idxWeb
}

// web classifies what follows /web/.
func web(rest []byte) int {
	switch {
	case is(rest, "login"), has(rest, "login/"), is(rest, "session/authenticate"):
		return idxLogin
	case has(rest, "content"), has(rest, "image"), has(rest, "binary/"):
		return idxContent
	case has(rest, "assets/"), has(rest, "static/"):
		return idxStatic
	case is(rest, "health"):
		return idxHealth
	case has(rest, "export/"):
		return idxExport
	case has(rest, "hook/"):
		return idxWebhook
	case has(rest, "database/"):
		return idxDatabase
	case bytes.Contains(rest, []byte("/static/")):
		return idxStatic
	}
	return idxWeb
}

// report classifies what follows /report/.
func report(rest []byte) int {
	switch {
	case has(rest, "barcode"): // an image that a report or a label shows
		return idxContent
	case is(rest, "check_wkhtmltopdf"):
		return idxWeb
	}
	return idxReport
}

// method looks up model/method.
func (c *classifier) method(b []byte) int {
	if i, ok := c.index[string(b)]; ok {
		return i
	}
	return idxOther
}

func has(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}
func is(b []byte, s string) bool { return string(b) == s }
