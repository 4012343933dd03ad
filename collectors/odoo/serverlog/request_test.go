package serverlog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequests(t *testing.T) {
	type cost struct {
		Operation string
		Status    int
		Measured  bool
		Queries   int64
		SQL, Rest float64
	}
	line := func(request, rest string) string {
		return `10.0.0.7 - - [22/Nov/2026 12:00:01] "` + request + ` HTTP/1.1" ` + rest
	}
	tests := map[string]struct {
		message string
		want    cost // without an operation: it is no request
	}{
		"a finance operation":            {line("POST /web/dataset/call_kw/account.move/action_post", "200 - 53 0.047 0.065"), cost{"account.move/action_post", 200, true, 53, 0.047, 0.065}},
		"as 19 writes it":                {line("POST /web/dataset/call_kw/account.move/action_post#account.move.action_post", "200 - 53 0.047 0.065"), cost{"account.move/action_post", 200, true, 53, 0.047, 0.065}},
		"through /jsonrpc, as 19":        {line("POST /jsonrpc#account.move.action_post", "200 - 53 0.047 0.065"), cost{"account.move/action_post", 200, true, 53, 0.047, 0.065}},
		"with a replica":                 {line("POST /web/dataset/call_kw/account.move/action_post", "200 - 53 0.047 0.065 ro->rw"), cost{"account.move/action_post", 200, true, 53, 0.047, 0.065}},
		"a button, 18":                   {line("POST /web/dataset/call_button/account.payment.register/action_create_payments", "200 - 9 12.5 0.1"), cost{"account.payment.register/action_create_payments", 200, true, 9, 12.5, 0.1}},
		"a button, 17":                   {line("POST /web/dataset/call_button", "200 - 9 12.5 0.1"), cost{"rpc", 200, true, 9, 12.5, 0.1}},
		"JSON-2":                         {line("POST /json/2/account.move/action_post", "422 - 9 0.5 0.1"), cost{"account.move/action_post", 422, true, 9, 0.5, 0.1}},
		"a method that is not listed":    {line("POST /web/dataset/call_kw/x.miller/secret_12", "200 - 9 0.5 0.1"), cost{"other", 200, true, 9, 0.5, 0.1}},
		"one that is longer than any":    {line("POST /web/dataset/call_kw/"+string(make([]byte, 200))+"/x", "200 - 9 0.5 0.1"), cost{"other", 200, true, 9, 0.5, 0.1}},
		"a report":                       {line("GET /report/pdf/account.report_invoice/7?x=1", "200 - 9 0.5 0.1"), cost{"report", 200, true, 9, 0.5, 0.1}},
		"login":                          {line("POST /web/login?db=prod", "303 - 9 0.5 0.1"), cost{"login", 303, true, 9, 0.5, 0.1}},
		"a websocket":                    {line("GET /websocket?version=18.0-5", "101 - 1 0.001 0.003"), cost{"websocket", 101, true, 1, 0.001, 0.003}},
		"a job":                          {line("GET /queue_job/runjob?db=prod&job_uuid=6ad8", "200 - 40 0.5 0.1"), cost{"queue_job", 200, true, 40, 0.5, 0.1}},
		"a page":                         {line("GET /web/image/res.partner/369/Miller", "304 - 16 0.031 0.015"), cost{"web", 304, true, 16, 0.031, 0.015}},
		"clocks that disagree":           {line("GET /odoo", "200 - 16 0.031 -0.001"), cost{"web", 200, true, 16, 0.031, 0}},
		"nothing measured":               {line("GET /web/static/x.css", "200 - - - -"), cost{"web", 200, false, -1, 0, 0}},
		"nothing measured, with replica": {line("GET /web/static/x.css", "200 - - - - -"), cost{"web", 200, false, -1, 0, 0}},
		"an address with spaces":         {line("GET /x y z", "404 - 1 0.1 0.1"), cost{"web", 404, true, 1, 0.1, 0.1}},
		"torn":                           {`10.0.0.7 - - [22/Nov/2026 12:00:01] "POST /web/dataset/call_kw/acc`, cost{}},
		"another text":                   {" * Running on http://127.0.0.1:8069/", cost{}},
		"no status":                      {line("GET /x", "x"), cost{}},
	}
	ops := newOperations()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var q request
			var got cost
			if q.parse([]byte(tt.message)) {
				got = cost{ops.names[ops.of(&q)], q.status, q.measured, q.queries, q.sql, q.rest}
				if !q.measured {
					got.SQL, got.Rest = 0, 0
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.message, diff)
			}
		})
	}
}
