package traefik

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/process"
)

func TestClassify(t *testing.T) {
	tests := []struct {
		path, want string
		always200  bool
	}{
		{"/web/dataset/call_kw/account.move/action_post", "account.move/action_post", true},
		{"/web/dataset/call_button/account.move/action_post", "account.move/action_post", true},
		{"/json/2/account.move/action_post", "account.move/action_post", false},
		{"/web/dataset/call_kw/account.payment.register/action_create_payments", "account.payment.register/action_create_payments", true},
		{"/web/dataset/call_kw/res.partner/read", "other", true},
		{"/web/dataset/call_kw/account.move/no_such_method_1", "other", true},
		{"/web/dataset/call_kw/rpc", "other", true},
		{"/web/dataset/call_kw/", "other", true},
		{"/web/dataset/call_kw", "rpc", true},
		{"/web/dataset/call_button", "button", true},
		{"/jsonrpc", "rpc", false},
		{"/xmlrpc/2/object", "rpc", false},
		{"/report/pdf/account.report_invoice/1", "report", false},
		{"/report/download", "report", false},
		{"/web/login", "login", false},
		{"/web/session/authenticate", "login", false},
		{"/websocket", "websocket", false},
		{"/longpolling/poll", "websocket", false},
		{"/web/content/17", "content", false},
		{"/web/image/res.users/2/avatar", "content", false},
		{"/web/assets/1/x.min.js", "static", false},
		{"/account/static/src/x.js", "static", false},
		{"/web/health", "health", false},
		{"/queue_job/runjob", "queue_job", false},
		{"/jsonrpc/", "web", false},
		{"/json/1/account.move", "rpc", false},
		{"/xmlrpc/object", "rpc", false},
		{"/web/dataset/resequence", "web", true},
		{"/web/dataset/call_button/account.bank.statement.line/no_such", "other", true},
		{"/json/2/account.move/no_such_method_1", "other", false},
		{"/report/text/account.report_invoice/1", "report", false},
		{"/report/barcode/QR/x", "content", false},
		{"/report/barcode", "content", false},
		{"/report/check_wkhtmltopdf", "web", false},
		{"/account_reports", "report", false},
		{"/account_reports/elsewhere", "web", false},
		{"/web/export/xlsx", "export", false},
		{"/web/login/totp", "login", false},
		{"/auth_oauth/signin", "login", false},
		{"/web/session/get_session_info", "web", false},
		{"/web/session/logout", "web", false},
		{"/websocket/peek_notifications", "websocket", false},
		{"/web/binary/upload_attachment", "content", false},
		{"/web/hook/3a9d0c51-0f7e-4a50-9d7b-6a52a0d3c1aa", "webhook", false},
		{"/payment/stripe/webhook", "webhook", false},
		{"/peppol/webhook", "webhook", false},
		{"/payment/transaction/17", "payment", false},
		{"/web/database/manager", "database", false},
		{"/web/database/backup", "database", false},
		{"/odoo", "web", false},
		{"/odoo/accounting/42", "web", false},
		{"/web", "web", false},
		{"/my", "portal", false},
		{"/my/invoices/17", "portal", false},
		{"/mysterious", "web", false},
		{"/", "web", false},
		{"*", "web", false},
		{"/sale.order/custom", "web", false},
		{"/web/dataset/call_kw/sale.order/custom", "sale.order/custom", true},
	}
	c := newClassifier([]string{"sale.order/custom"}, nil)
	for _, tt := range tests {
		op, always200 := c.classify(nil, []byte(tt.path))
		if c.names[op] != tt.want || always200 != tt.always200 {
			t.Errorf("classify(%s) = %s, %v; want %s, %v", tt.path, c.names[op], always200, tt.want, tt.always200)
		}
	}
}

func TestRules(t *testing.T) {
	c := newClassifier(nil, []Rule{
		{Path: "/api/bank/statement", Name: "bank-statement", Method: "POST"},
		{Path: "/api/*/bank/*", Name: "bank-of-tenant"},
		{Path: "/api/bank/*", Name: "bank-api", Method: "POST"},
		{Path: "/ubl/*.xml", Name: "ubl"},
		{Path: "/a*b*b*c", Name: "twice"},
		{Path: "/xyx*yx", Name: "overlap"},
		{Path: "/*", Name: "rest", Method: "PUT"},
	})
	tests := map[string]struct{ method, path, want string }{
		"the first that matches wins":           {"POST", "/api/bank/statement", "bank-statement"},
		"another method goes on":                {"GET", "/api/bank/statement", "web"},
		"a star at the end":                     {"POST", "/api/bank/transfer/17", "bank-api"},
		"a star stands for nothing, too":        {"POST", "/api/bank/", "bank-api"},
		"a star in the middle":                  {"GET", "/api/eu/1/bank/x", "bank-of-tenant"},
		"a star before the end":                 {"GET", "/ubl/x/y.xml", "ubl"},
		"the end is not the beginning":          {"GET", "/ubl/.xm", "web"},
		"what two parts share is not enough":    {"GET", "/abc", "web"},
		"each part has its place":               {"GET", "/axbybzc", "twice"},
		"the beginning is not the end":          {"GET", "/xyx", "web"},
		"a rule goes before a shape":            {"PUT", "/report/pdf/x", "rest"},
		"Odoo's calls are out of reach":         {"PUT", "/web/dataset/call_kw/account.move/action_post", "account.move/action_post"},
		"and so is what is not listed of them":  {"PUT", "/json/2/res.partner/read", "other"},
		"a path without a rule keeps its shape": {"GET", "/report/pdf/x", "report"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if op, _ := c.classify([]byte(tt.method), []byte(tt.path)); c.names[op] != tt.want {
				t.Errorf("%s %s = %s, want %s", tt.method, tt.path, c.names[op], tt.want)
			}
		})
	}
}

func TestRuleMistakes(t *testing.T) {
	tests := map[string]struct {
		rule Rule
		want []string // fields with a problem
	}{
		"well written":               {Rule{Path: "/api/bank/*", Name: "bank-api", Method: "POST"}, nil},
		"without method":             {Rule{Path: "/api/bank", Name: "bank_api2"}, nil},
		"without anything":           {Rule{}, []string{"path", "name"}},
		"with a query":               {Rule{Path: "/api?token=*", Name: "a"}, []string{"path"}},
		"with a host":                {Rule{Path: "https://erp.example.com/api", Name: "a"}, []string{"path"}},
		"with too many stars":        {Rule{Path: "/*/*/*/*/*", Name: "a"}, []string{"path"}},
		"about a call of Odoo":       {Rule{Path: "/web/dataset/call_kw/*", Name: "a"}, []string{"path"}},
		"about a call of Odoo 19":    {Rule{Path: "/json/2/account.move/*", Name: "a"}, []string{"path"}},
		"with the name of a shape":   {Rule{Path: "/a", Name: "report"}, []string{"name"}},
		"named as a model method is": {Rule{Path: "/a", Name: "account.move/action_post"}, []string{"name"}},
		"with a method in small":     {Rule{Path: "/a", Name: "a", Method: "post"}, []string{"method"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range tt.rule.Validate() {
				got = append(got, p.Field)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// paths is one request of each sort, in bytes as a line has them.
func paths() [][]byte {
	var out [][]byte
	for _, p := range []string{
		"/web/dataset/call_kw/account.move/action_post", "/web/dataset/call_kw/res.partner/web_search_read", "/web/dataset/call_button",
		"/json/2/account.move/action_post", "/jsonrpc", "/report/pdf/account.report_invoice/1", "/web/image/res.users/2/avatar_128",
		"/account/static/src/js/x.js", "/websocket", "/my/invoices/17", "/odoo/accounting/42", "/api/eu/1/bank/x",
	} {
		out = append(out, []byte(p))
	}
	return out
}

func someRules() []Rule {
	return []Rule{{Path: "/api/*/bank/*", Name: "bank-api", Method: "POST"}, {Path: "/ubl/*.xml", Name: "ubl"}}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	c, method := newClassifier(nil, someRules()), []byte("POST")
	for _, path := range paths() {
		if n := testing.AllocsPerRun(100, func() { c.classify(method, path) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	all, method := paths(), []byte("POST")
	for name, rules := range map[string][]Rule{"without rules": nil, "with rules": someRules()} {
		b.Run(name, func(b *testing.B) {
			c := newClassifier(nil, rules)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				c.classify(method, all[i%len(all)])
				i++
			}
		})
	}
}

func TestEveryOperationOfAProcessIsAnOperation(t *testing.T) {
	c := newClassifier(nil, nil)
	for _, p := range process.Catalog() {
		for _, name := range p.Operations {
			found := false
			for _, known := range c.names {
				found = found || known == name
			}
			if !found {
				t.Errorf("%s of process %s has no label", name, p.Name)
			}
			if strings.Contains(name, "/") {
				if op, _ := c.classify(nil, []byte("/web/dataset/call_kw/"+name)); c.names[op] != name {
					t.Errorf("call_kw/%s counts as %s", name, c.names[op])
				}
			}
		}
	}
}

func TestJudgeRecordedLines(t *testing.T) {
	want := map[string]string{
		"/ok": "ok", "/301": "ok", "/tohttps": "ok", "/404": "client", "/500": "server", "/502": "upstream", "/dead": "upstream",
		"/unhealthy": "upstream", "/reset": "upstream", "/trunc": "upstream", "/slow/timeout": "upstream", "/slow/ok": "ok",
		"/slow/abort": "aborted", "/upload": "aborted", "/ws/chat": "ok", "/big/gz": "ok", "/retrydead": "upstream", "/web/login": "ok",
	}
	p, c := newParser(formatAuto), newClassifier(nil, nil)
	checked := map[string]bool{}
	for _, line := range sampleLines(t, "testdata/access.json.log") {
		p.parse(line)
		path := string(p.req.Path)
		if path == "/ok" && p.req.Status != 200 { // an unknown host on the TLS entrypoint
			continue
		}
		_, always200 := c.classify(p.req.Method, p.req.Path)
		if w, ok := want[path]; ok {
			checked[path] = true
			if got := outcomeNames[judge(&p.req, always200)]; got != w {
				t.Errorf("%s with status %d = %s, want %s", path, p.req.Status, got, w)
			}
		}
	}
	if len(checked) != len(want) {
		t.Errorf("checked %d of %d paths", len(checked), len(want))
	}
}

func TestJudge(t *testing.T) {
	r := func(status int64) request {
		return request{Status: status, OriginStatus: status, OriginDuration: 1, BodySize: absent, ContentLength: absent}
	}
	tests := map[string]struct {
		r         request
		always200 bool
		want      string
	}{
		"answered":                                 {r(200), true, "ok"},
		"call_kw of an Odoo without database":      {r(404), true, "upstream"},
		"call_kw redirected to database selector":  {r(303), true, "upstream"},
		"page not found":                           {r(404), false, "client"},
		"page redirected":                          {r(303), false, "ok"},
		"not modified":                             {r(304), false, "ok"},
		"rate limit":                               {r(429), true, "limited"},
		"client gone":                              {r(499), true, "aborted"},
		"CLF cannot tell an aborted upload":        {r(502), true, "upstream"},
		"forbidden":                                {r(403), true, "client"},
		"a method nobody supports":                 {r(501), false, "server"},
		"status beyond the standard":               {r(599), false, "server"},
		"switching protocols":                      {r(101), false, "ok"},
		"redirect by a middleware without service": {request{Status: 200, OriginStatus: 0}, false, "ok"},
	}
	for name, tt := range tests {
		if got := outcomeNames[judge(&tt.r, tt.always200)]; got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
