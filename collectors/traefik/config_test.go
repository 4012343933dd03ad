package traefik

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
)

// decoded reads a section as an estate has it, on line 6 and after.
func decoded(t *testing.T, section string) (c Config, mistakes []string) {
	t.Helper()
	file := "apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\ncomponents:\n  ingress:\n    traefik:\n"
	for line := range strings.Lines(section) {
		file += "      " + line
	}
	e, err := estate.Parse("x.yaml", []byte(file), estate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	component, _ := e.Component("ingress")
	for _, m := range component.Section.Decode(&c) {
		mistakes = append(mistakes, m.String())
	}
	return c, mistakes
}

func TestConfigIsDecoded(t *testing.T) {
	c, mistakes := decoded(t, `accessLog: /var/log/traefik/access.log
ping: http://erp.example.com/web/health
tenants: {"*.erp.example.com": "*"}
rules:
  - {path: /api/bank/*, name: bank-api, method: POST}
`)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	if diff := cmp.Diff(estate.Texts{"http://erp.example.com/web/health"}, c.Ping); diff != "" {
		t.Errorf("one URL: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]Rule{{"/api/bank/*", "bank-api", "POST"}}, c.Rules); diff != "" {
		t.Errorf("rules: -want +got:\n%s", diff)
	}
	c, mistakes = decoded(t, "ping: [http://erp.example.com, https://erp.example.com]\n")
	if len(c.Ping) != 2 || mistakes != nil {
		t.Errorf("two URLs = %v, %v", c.Ping, mistakes)
	}
}

func TestMistakesAreToldWhereTheyStand(t *testing.T) {
	_, got := decoded(t, `accessLog: /var/log/traefik/access.log
ping:
  - http://erp.example.com
  - {url: http://b}
rules:
  - {path: /api/bank/*, name: bank-api}
  - {path: api/bank, name: Bank API}
`)
	want := []string{
		"x.yaml:10:12: components.ingress.traefik.ping[1]: is a mapping; write text, in quotes",
		"x.yaml:13:18: components.ingress.traefik.rules[1].path: is not the path of a request; write one such as /api/bank/*, without host and query",
		"x.yaml:13:34: components.ingress.traefik.rules[1].name: is not a short name; use small letters, digits, dashes and underscores, at most 40",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
