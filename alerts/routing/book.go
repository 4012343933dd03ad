package routing

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// A Book is the receivers that people have written, as Alertmanager's own
// documentation has them: what it does not know stands for nobody.
type Book struct {
	entries []yaml.MapSlice
}

// secretFields are those of Alertmanager's receivers that would hold a secret. Each
// has a sister that names a file instead, or is not to be used.
var secretFields = []string{
	"api_key", "api_secret", "api_url", "auth_password", "auth_secret", "bearer_token", "bot_token", "client_secret", "credentials", "password",
	"routing_key", "secret", "secret_key", "service_key", "token", "user_key", "webhook_url",
}

// publicURL are kinds of receivers whose api_url is no secret.
var publicURL = []string{"opsgenie_configs", "victorops_configs", "telegram_configs", "webex_configs", "wechat_configs", "sns_configs", "jira_configs", "rocketchat_configs"}

// ReadBook reads a file with a list under receivers. Secrets are refused: they
// belong in files of their own, that Alertmanager reads.
func ReadBook(name string, file []byte) (Book, error) {
	var doc struct {
		Receivers []yaml.MapSlice `yaml:"receivers"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(file), yaml.Strict(), yaml.UseOrderedMap()).Decode(&doc); err != nil {
		return Book{}, fmt.Errorf("%s: cannot be read as a list under receivers: %s", name, strings.SplitN(err.Error(), "\n", 2)[0])
	}
	var errs []error
	var seen []string
	for i, r := range doc.Receivers {
		at := fmt.Sprintf("%s: receivers[%d]", name, i)
		is := nameOf(r)
		switch {
		case is == "":
			errs = append(errs, fmt.Errorf("%s: has no name; write one that the routes lead to, such as %s", at, ToPage))
		case slices.Contains(seen, is):
			errs = append(errs, fmt.Errorf("%s: %s is there twice; keep one of the two", at, is))
		}
		seen = append(seen, is)
		for _, kind := range r {
			errs = append(errs, secretsIn(at, fmt.Sprint(kind.Key), fmt.Sprint(kind.Key), kind.Value)...)
		}
	}
	return Book{doc.Receivers}, errors.Join(errs...)
}

// secretsIn are the mistakes of one field and all below it.
func secretsIn(at, kind, field string, value any) []error {
	var errs []error
	switch v := value.(type) {
	case yaml.MapSlice:
		for _, x := range v {
			errs = append(errs, secretsIn(at+"."+field, kind, fmt.Sprint(x.Key), x.Value)...)
		}
	case []any:
		for i, x := range v {
			errs = append(errs, secretsIn(at, kind, fmt.Sprintf("%s[%d]", field, i), x)...)
		}
	case string:
		u, err := url.Parse(v)
		carries := err == nil && u.User != nil && u.Host != ""
		if carries || slices.Contains(secretFields, field) && (field != "api_url" || !slices.Contains(publicURL, kind)) {
			errs = append(errs, fmt.Errorf("%s.%s: holds a secret; write it to a file that Alertmanager reads and name that under %s_file", at, field, field))
		}
	}
	return errs
}

func nameOf(r yaml.MapSlice) string {
	for _, x := range r {
		if s, is := x.Value.(string); is && x.Key == "name" {
			return s
		}
	}
	return ""
}

func (b Book) entry(name string) yaml.MapSlice {
	for _, r := range b.entries {
		if nameOf(r) == name {
			return r
		}
	}
	return nil
}

// Nobody lists the receivers of a configuration that reach nobody.
func (b Book) Nobody(c *Config) []string {
	return slices.DeleteFunc(slices.Clone(c.Receivers), func(name string) bool { return b.entry(name) != nil || b.entry(Generic(name)) != nil })
}

// Unused lists the receivers of the book that no route leads to.
func (b Book) Unused(c *Config) []string {
	var out []string
	for _, r := range b.entries {
		if name := nameOf(r); !slices.Contains(c.Receivers, name) {
			out = append(out, name)
		}
	}
	return out
}

// receiver writes one receiver: as the book has it, a team's as that of all teams
// where it has none of its own, and else a name that reaches nobody.
func (b Book) receiver(name string) []byte {
	found := b.entry(name)
	if found == nil {
		found = b.entry(Generic(name))
	}
	if found == nil {
		return []byte("  # Reaches nobody: write what it is in the file that --receivers names.\n  - name: " + quote(name) + "\n")
	}
	is := yaml.MapSlice{{Key: "name", Value: name}}
	for _, x := range found {
		if x.Key != "name" {
			is = append(is, x)
		}
	}
	text, err := yaml.MarshalWithOptions([]yaml.MapSlice{is}, yaml.Indent(2), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return []byte("  - name: " + quote(name) + "\n") // it was read from YAML
	}
	return []byte("  " + strings.ReplaceAll(strings.TrimRight(string(text), "\n"), "\n", "\n  ") + "\n")
}
