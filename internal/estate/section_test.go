package estate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// settings are an owner's, with one field of every sort.
type settings struct {
	DSN      secret.Value      `yaml:"dsn" secret:"url"`
	Password secret.Value      `yaml:"password"`
	Interval estate.Duration   `yaml:"interval"`
	Format   string            `yaml:"format"`
	Follow   *bool             `yaml:"follow"`
	Limit    int               `yaml:"limit"`
	Queues   []string          `yaml:"queues"`
	Labels   map[string]string `yaml:"labels"`
	Standbys []standby         `yaml:"standbys"`
	Sampling sampling          `yaml:"sampling"`
}

type standby struct {
	Name string       `yaml:"name"`
	DSN  secret.Value `yaml:"dsn" secret:"url"`
	Lag  int          `yaml:"lag"`
}

func (s *standby) SetDefaults() { s.Lag = 30 }

type sampling struct {
	Every estate.Duration `yaml:"every"`
}

func (s *sampling) SetDefaults() { s.Every = estate.Duration(time.Second) }

func (s *sampling) Validate() []estate.Problem {
	if s.Every.D() > time.Minute {
		return []estate.Problem{{Field: "every", What: "is longer than 1m", Remedy: "write 1s"}}
	}
	return nil
}

func (s *settings) SetDefaults() { s.Format, s.Interval = "json", estate.Duration(15*time.Second) }

func (s *settings) Validate() []estate.Problem {
	var ps []estate.Problem
	if s.DSN.IsZero() {
		ps = append(ps, estate.Missing("dsn", "write postgres://user@host:5432/database"))
	}
	if strings.Contains(s.DSN.Reveal(), "nowhere") { // a careless owner quotes what it was given
		ps = append(ps, estate.Problem{Field: "dsn", What: fmt.Sprintf("%s leads nowhere", s.DSN.Reveal()), Remedy: "write another"})
	}
	if p, bad := estate.OneOf("format", s.Format, "json", "common"); bad {
		ps = append(ps, p)
	}
	if s.Sampling.Every > s.Interval {
		ps = append(ps, estate.Problem{Field: "sampling.every", What: "is longer than the interval", Remedy: "make it shorter"})
	}
	return ps
}

// section makes a section of its YAML, which starts on line 6, column 5.
func section(t *testing.T, yaml string) estate.Section {
	t.Helper()
	file := "apiVersion: closewatch/v1\nkind: Estate\nmetadata: {name: acme}\ncomponents:\n db:\n  postgres:\n"
	for line := range strings.Lines(yaml) {
		file += "    " + line
	}
	env := map[string]string{"PW": "correct-horse", "DSN": "postgres://cw:correct-horse@nowhere:5432/p", "EMPTY": ""}
	e, err := estate.Parse("x.yaml", []byte(file), estate.Options{
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	if err != nil {
		t.Fatalf("Parse() = %v\n%s", err, file)
	}
	c, ok := e.Component("db")
	if !ok || c.Kind != "postgres" || c.Section.Path() != "components.db.postgres" {
		t.Fatalf("Component(db) = %+v, %v", c, ok)
	}
	return c.Section
}

func TestSectionIsDecoded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct-horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got settings
	if ms := section(t, `dsn: "postgres://cw:${env:PW}@db:5432/p"
password: ${file:`+file+`}
follow: false
limit: 7
queues: [root, root.mail]
labels: {site: vienna}
standbys: [{name: b, dsn: "host=b user=cw password=${env:PW}"}, {name: c, dsn: "postgres://c", lag: 0}]
`).Decode(&got); ms != nil {
		t.Fatalf("Decode() = %v", ms)
	}
	if got.DSN.Reveal() != "postgres://cw:correct-horse@db:5432/p" || got.Password.Reveal() != "correct-horse" ||
		got.Standbys[0].DSN.Reveal() != "host=b user=cw password=correct-horse" {
		t.Error("a reference was not resolved")
	}
	no := false
	want := settings{
		DSN: got.DSN, Password: got.Password, Interval: estate.Duration(15 * time.Second), Format: "json",
		Follow: &no, Limit: 7, Queues: []string{"root", "root.mail"}, Labels: map[string]string{"site": "vienna"},
		Standbys: []standby{{"b", got.Standbys[0].DSN, 30}, {"c", got.Standbys[1].DSN, 0}},
		Sampling: sampling{Every: estate.Duration(time.Second)},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b secret.Value) bool { return a == b })); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func TestSectionMistakes(t *testing.T) {
	tests := map[string]struct{ yaml, want string }{
		"missing_field_is_at_the_section": {
			"limit: 1\n", "6:3: components.db.postgres.dsn: is missing; write postgres://user@host:5432/database",
		},
		"empty_section_is_defaults": {
			"", "6:3: components.db.postgres.dsn: is missing; write postgres://user@host:5432/database",
		},
		"misspelt_field_is_not_missing_too": {
			"dns: postgres://db\n", "7:5: components.db.postgres.dns: is not a known key; write dsn",
		},
		"password_in_a_url": {
			"dsn: postgres://cw:hunter2@db\n", "7:10: components.db.postgres.dsn: holds a password in clear; write the password as ${env:NAME} or ${file:/path}",
		},
		"password_of_digits_in_a_url": {
			"dsn: redis://:12345@db\n", "7:10: components.db.postgres.dsn: holds a password in clear; write the password as ${env:NAME} or ${file:/path}",
		},
		"password_in_a_connection_string": {
			"dsn: \"host=db password='hunter 2' user=cw\"\n", "7:10: components.db.postgres.dsn: holds a password in clear; write the password as ${env:NAME} or ${file:/path}",
		},
		"password_in_a_query": {
			"dsn: postgres://db/p?user=cw&password=hunter2\n", "7:10: components.db.postgres.dsn: holds a password in clear; write the password as ${env:NAME} or ${file:/path}",
		},
		"half_a_password_by_reference": {
			"dsn: postgres://cw:hunter2${env:PW}@db\n", "7:10: components.db.postgres.dsn: holds a password in clear; write the password as ${env:NAME} or ${file:/path}",
		},
		"inline_secret": {
			"dsn: postgres://db\npassword: hunter2\n", "8:15: components.db.postgres.password: is a secret written in the file; write ${env:NAME} or ${file:/path}",
		},
		"inline_secret_of_digits": {
			"dsn: postgres://db\npassword: 1234\n", "8:15: components.db.postgres.password: is a secret written in the file; write ${env:NAME} or ${file:/path}",
		},
		"shell_style_reference": {
			"dsn: postgres://db\npassword: ${PW}\n", "8:15: components.db.postgres.password: is a secret written in the file; write ${env:NAME} or ${file:/path}",
		},
		"secret_in_a_mapping": {
			"dsn: postgres://db\npassword: {env: PW}\n", "8:16: components.db.postgres.password: is a mapping; write ${env:NAME} or ${file:/path}",
		},
		"unset_variable": {
			"dsn: ${env:NOT_SET}\n", "7:10: components.db.postgres.dsn: environment variable NOT_SET is not set; set it for the daemon, or name another one",
		},
		"empty_variable": {
			"dsn: postgres://db\npassword: ${env:EMPTY}\n", "8:15: components.db.postgres.password: refers to an empty value; put the value there, or name another place",
		},
		"owner_quotes_a_secret": {
			"dsn: ${env:DSN}\n", "7:10: components.db.postgres.dsn: <secret> leads nowhere; write another",
		},
		"password_in_a_shown_field": {
			"dsn: postgres://db\nformat: http://cw:hunter2@x\n", "8:13: components.db.postgres.format: holds a password in clear, and this field is shown in logs and pages; remove the password; secrets go to the fields made for them",
		},
		"problem_of_a_nested_struct": {
			"dsn: postgres://db\ninterval: 1h\nsampling:\n  every: 5m\n", "10:14: components.db.postgres.sampling.every: is longer than 1m; write 1s",
		},
		"problem_with_a_default_is_at_the_section": {
			"dsn: postgres://db\ninterval: 100ms\n", "6:3: components.db.postgres.sampling.every: is longer than the interval; make it shorter",
		},
		"wrong_type_is_not_validated_too": {
			"dsn: postgres://db\nformat: 7\n", "8:13: components.db.postgres.format: is a number; write text, in quotes",
		},
		"number_that_does_not_fit": {
			"dsn: postgres://db\nlimit: 1.5\n", "8:12: components.db.postgres.limit: is not a whole number that fits: 1.5; write a whole number in plain digits",
		},
		"mistake_deep_in_a_list": {
			"dsn: postgres://db\nstandbys:\n  - {name: b, dsn: \"postgres://cw:hunter2@b\"}\n", "9:24: components.db.postgres.standbys[0].dsn: holds a password in clear; write the password as ${env:NAME} or ${file:/path}",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := section(t, tt.yaml).Decode(&settings{}).Error()
			if diff := cmp.Diff("x.yaml:"+tt.want, got); diff != "" {
				t.Errorf("mistakes differ (-want +got):\n%s", diff)
			}
			if strings.Contains(got, "hunter") || strings.Contains(got, "horse") {
				t.Errorf("a mistake shows a secret: %s", got)
			}
		})
	}
}

func TestURLWithoutPasswordMayBeWrittenOut(t *testing.T) {
	for _, dsn := range []string{
		"postgres://cw@db:5432/p", "postgres://a:5432,b:5433/p?target_session_attrs=read-write", "host=db user=cw dbname=p",
		"redis://127.0.0.1:6379/0", "https://host:8443/path@v1", "postgres://cw:${env:PW}@db/p?sslmode=require", "${env:DSN2}",
	} {
		if ms := section(t, fmt.Sprintf("dsn: %q\n", dsn)).Decode(&settings{}); strings.Contains(ms.Error(), "in clear") {
			t.Errorf("%s: %v", dsn, ms)
		}
	}
}

// client is settings that others build theirs on.
type client struct {
	URL     string          `yaml:"url"`
	Timeout estate.Duration `yaml:"timeout"`
}

func (c *client) SetDefaults() { c.Timeout = estate.Duration(time.Minute) }

func (c *client) Validate() []estate.Problem {
	if c.URL == "" {
		return []estate.Problem{estate.Missing("url", "write an address")}
	}
	return nil
}

// Two owners may share a section: one is inlined in the other, defaults and
// checks included.
func TestSharedSection(t *testing.T) {
	type shared struct {
		Client client `yaml:",inline"`
		Limit  int    `yaml:"limit"`
	}
	var got shared
	if ms := section(t, "url: http://x\nlimit: 3\n").Decode(&got); ms != nil || got.Client.URL != "http://x" || got.Client.Timeout.D() != time.Minute || got.Limit != 3 {
		t.Errorf("Decode() = %v, %+v", ms, got)
	}
	want := "x.yaml:6:3: components.db.postgres.url: is missing; write an address"
	if ms := section(t, "limit: 3\n").Decode(&shared{}); ms.Error() != want {
		t.Errorf("Decode() = %v, want %s", ms, want)
	}
	type embedded struct {
		client
		Limit int `yaml:"limit"`
	}
	var also embedded
	if ms := section(t, "url: http://x\nlimit: 3\n").Decode(&also); ms != nil || also.URL != "http://x" || also.Timeout.D() != time.Minute {
		t.Errorf("Decode() = %v, %+v", ms, also)
	}
	if ms := section(t, "limit: 3\n").Decode(&embedded{}); ms.Error() != want {
		t.Errorf("Decode() = %v, want %s", ms, want)
	}
}

// The mistakes of sections can be told in one go with those of the rest.
func TestSectionsOfABadEstateCanStillBeDecoded(t *testing.T) {
	e, err := estate.Parse("x.yaml", []byte(`apiVersion: closewatch/v1
kind: Estate
components:
  cache: {reddis: {}}
  db: {postgres: {dsn: "postgres://cw:hunter2@db"}}
schedule: {flows: {invoice-posting: {component: cache}}}
`), known())
	if mistakes, _ := errors.AsType[estate.Mistakes](err); len(mistakes) != 2 { // name, reddis
		t.Errorf("Parse() = %v, want two mistakes", err)
	}
	if e == nil || len(e.Components) != 1 || e.Components[0].Kind != "postgres" {
		t.Fatalf("Parse() = %+v, want the component of a known kind", e)
	}
	if ms := e.Components[0].Section.Decode(&settings{}); len(ms) != 1 || ms[0].Line != 5 {
		t.Errorf("Decode() = %v, want one mistake on line 5", ms)
	}
}

func TestSectionTheFileDoesNotHave(t *testing.T) {
	var s sampling
	if ms := (estate.Section{}).Decode(&s); ms != nil || s.Every.D() != time.Second {
		t.Errorf("Decode() = %v, every %v, want the default of 1s", ms, s.Every.D())
	}
}

func TestOwnerThatCannotBeFilled(t *testing.T) {
	var s settings
	ms := section(t, "dsn: postgres://db\n").Decode(s)
	if len(ms) != 1 || ms[0].Line != 6 {
		t.Errorf("Decode(not a pointer) = %v, want one mistake at the section", ms)
	}
}
