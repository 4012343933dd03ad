package traefik

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTenantsByHost(t *testing.T) {
	type visit struct {
		host     string
		answered bool
	}
	hosts := map[string]string{"erp.example.com": "prod", "ERP.example.ORG": "prod", "*.erp.example.com": "*", "*.test.erp.example.com": "trial"}
	tests := map[string]struct {
		before []visit // what came before
		host   string
		want   string
	}{
		"mapped":                              {nil, "erp.example.com", "prod"},
		"mapped, written otherwise":           {nil, "erp.example.org", "prod"},
		"unknown":                             {nil, "www.example.com", "rest"},
		"none, as in CLF":                     {nil, "", "rest"},
		"a domain of one tenant":              {nil, "a.test.erp.example.com", "trial"},
		"a label nobody has been answered at": {[]visit{{"acme.erp.example.com", false}}, "acme.erp.example.com", "rest"},
		"a label where a user was answered":   {[]visit{{"acme.erp.example.com", true}}, "acme.erp.example.com", "acme"},
		"another label":                       {[]visit{{"acme.erp.example.com", true}}, "umbrella.erp.example.com", "rest"},
		"two labels below":                    {[]visit{{"x.acme.erp.example.com", true}}, "x.acme.erp.example.com", "rest"},
		"no label":                            {[]visit{{".erp.example.com", true}}, ".erp.example.com", "rest"},
		"a label that is none":                {[]visit{{`a"b.erp.example.com`, true}}, `a"b.erp.example.com`, "rest"},
		"a label that is a tenant already":    {[]visit{{"prod.erp.example.com", true}}, "prod.erp.example.com", "prod"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			of := newTenants(hosts, "rest")
			for _, v := range tt.before {
				of.of([]byte(v.host), v.answered)
			}
			if i, _ := of.of([]byte(tt.host), false); of.names[i] != tt.want {
				t.Errorf("%s is %s, want %s", tt.host, of.names[i], tt.want)
			}
		})
	}
}

func TestTenantsAreBounded(t *testing.T) {
	of := newTenants(map[string]string{"*.erp.example.com": "*"}, "")
	for i := range 10 * maxTenants {
		of.of(fmt.Appendf(nil, "t%d.erp.example.com", i), true)
	}
	if len(of.names) != maxTenants || len(of.hosts) >= maxTenants {
		t.Errorf("%d tenants of %d hosts, want %d", len(of.names), len(of.hosts), maxTenants)
	}
	if i, _ := of.of([]byte("t999.erp.example.com"), true); of.names[i] != otherTenant {
		t.Errorf("one too many is %s, want %s", of.names[i], otherTenant)
	}
	if i, _ := of.of([]byte("t1.erp.example.com"), true); of.names[i] != "t1" {
		t.Errorf("an early one is %s, want t1", of.names[i])
	}
}

// lineAt is an answered or refused call of a user at a host.
func lineAt(host string, status int) []byte {
	return fmt.Appendf(nil, `{"DownstreamStatus":%d,"Duration":1000,"OriginDuration":900,"OriginStatus":%d,"RequestHost":%q,"RequestPath":"/web/dataset/call_kw/account.move/action_post","ServiceName":"s","StartUTC":%q}`, status, status, host, noon().Format(time.RFC3339))
}

// A tenant that became known is still so after a restart, with what was counted
// for it; and names that are tried out become none.
func TestATenantBecomesKnownWithTheFirstAnswer(t *testing.T) {
	start := func() *reader {
		return &reader{newParser(formatAuto), newTally(newClassifier(nil, nil), newTenants(map[string]string{"*.erp.example.com": "*"}, ""))}
	}
	posted := func(c counted) map[string]uint64 {
		out := map[string]uint64{}
		for _, cell := range c.Cells {
			if n := cell.Outcomes[served] + cell.Outcomes[upstream]; n > 0 {
				out[cell.Tenant] += n
			}
		}
		return out
	}
	r := start()
	r.Line(lineAt("guess.erp.example.com", 404)) // no such database
	r.Line(lineAt("Acme.erp.example.com", 504))
	r.Line(lineAt("Acme.erp.example.com", 200))
	r.Line(lineAt("acme.erp.example.com", 502))
	saved := r.Save()
	if diff := cmp.Diff(map[string]uint64{"other": 2, "acme": 2}, posted(saved)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	again := start()
	again.Restore(saved)
	again.Line(lineAt("acme.erp.example.com", 200))
	if diff := cmp.Diff(map[string]uint64{"other": 2, "acme": 3}, posted(again.Save())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestUnlistedMethodsAreBounded(t *testing.T) {
	var u unlisted
	for _, odd := range []string{"", "account.move", "a/b/c", "Account.Move/read", "account.move/", "/read", "res.partner/read?x", "9a/b"} {
		u.add([]byte(odd))
	}
	if len(u.seen) != 0 {
		t.Errorf("names that may not be shown: %v", u.most(1))
	}
	for i := range 3 * maxUnlisted {
		u.add(fmt.Appendf(nil, "x.model/method_%d", i))
	}
	for range 9 {
		u.add([]byte("x.model/method_7"))
	}
	if most := u.most(2); len(u.seen) != maxUnlisted || len(most) != 1 || most[0] != "x.model/method_7" {
		t.Errorf("%d methods, of which often: %v", len(u.seen), most)
	}
}
