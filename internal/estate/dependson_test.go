package estate_test

import (
	"slices"
	"testing"

	"github.com/closewatch/closewatch/internal/process"
)

// resting is an estate whose ERP says what it rests on, and whose database runs
// on a machine that is watched.
const resting = `components:
  ingress: {traefik: {metrics: "http://127.0.0.1:8080/metrics"}}
  erp:
    odoo: {url: "https://erp.example.com", database: prod, login: closewatch, password: "${env:PW}"}
    dependsOn: [db]
  db:
    postgres: {dsn: "${env:PW}"}
    dependsOn: [machine]
  machine: {redis: {url: "redis://127.0.0.1:6379/0"}}
`

func TestWhatAProcessNeedsRestsOnMore(t *testing.T) {
	e := parse(t, resting)
	p := process.Process{Name: "invoice-posting", Needs: []process.Dependency{{Kind: process.Odoo, Role: process.Hard}}}
	watched, _ := e.Dependencies("production", p)
	var got []string
	for _, d := range watched {
		got = append(got, d.Component.Name+" "+string(d.Role)+" "+d.Use)
	}
	if want := []string{"erp hard ", "db hard what erp rests on", "machine hard what db rests on"}; !slices.Equal(got, want) {
		t.Errorf("Dependencies() = %q, want %q", got, want)
	}
}

func TestAComponentRestsOnWhatItsKindDoesUnlessItSaysOtherwise(t *testing.T) {
	e := parse(t, resting)
	for name, want := range map[string][]string{"erp": {"db"}, "ingress": nil, "db": {"machine"}} {
		c, _ := e.Component(name)
		var got []string
		for _, on := range e.RestsOn(c) {
			got = append(got, on.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s rests on %q, want %q", name, got, want)
		}
	}
	silent, _ := e.Component("erp")
	silent.DependsOn = nil
	if got := len(e.RestsOn(silent)); got != 3 {
		t.Errorf("an ERP that says nothing rests on %d components, want database, ingress and store", got)
	}
}
