package traefik

import (
	"strings"
	"testing"

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
		{"/my/invoices/17", "web", false},
		{"/", "web", false},
		{"*", "web", false},
		{"/sale.order/custom", "web", false},
		{"/web/dataset/call_kw/sale.order/custom", "sale.order/custom", true},
	}
	c := newClassifier([]string{"sale.order/custom"})
	for _, tt := range tests {
		op, always200 := c.classify([]byte(tt.path))
		if c.names[op] != tt.want || always200 != tt.always200 {
			t.Errorf("classify(%s) = %s, %v; want %s, %v", tt.path, c.names[op], always200, tt.want, tt.always200)
		}
	}
}

func TestEveryOperationOfAProcessIsAnOperation(t *testing.T) {
	c := newClassifier(nil)
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
				if op, _ := c.classify([]byte("/web/dataset/call_kw/" + name)); c.names[op] != name {
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
	p, c := newParser(formatAuto), newClassifier(nil)
	checked := map[string]bool{}
	for _, line := range sampleLines(t, "testdata/access.json.log") {
		p.parse(line)
		path := string(p.req.Path)
		if path == "/ok" && p.req.Status != 200 { // an unknown host on the TLS entrypoint
			continue
		}
		_, always200 := c.classify(p.req.Path)
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
