package estate

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/closewatch/closewatch/internal/secret"
)

const byReference = "write ${env:NAME} or ${file:/path}"

var (
	// oneReference is a value that is a reference and nothing else.
	oneReference = regexp.MustCompile(`^\$\{(env|file):[^}]+\}$`)
	// anyReference finds references inside a value.
	anyReference = regexp.MustCompile(`\$\{(env|file):[^}]+\}`)
	// keywordPassword finds a password in a key=value connection string or a
	// query string.
	keywordPassword = regexp.MustCompile(`(?i)(?:^|[\s?&;])(?:password|passwd|pwd|pass|sslpassword|secret|token|api_?key)\s*=\s*('[^']*'|[^\s&;]*)`)
	// portThenPath is what follows the colon of host:port/path@version.
	portThenPath = regexp.MustCompile(`^\d{1,5}[,/]`)
)

// reference stands for one while a value is looked at; no file can hold it.
const reference = "\x00"

// unresolved stands for a secret that nobody needs.
const unresolved = "not-resolved-because-nothing-is-connected-to"

// secret resolves a field that may hold a secret. A secret is one reference; a
// URL may be written out as long as its password is a reference. No message
// shows any part of the value.
func (d *decoder) secret(n node, path string, isURL bool) secret.Value {
	switch {
	case n.shape == null, n.shape == text && n.text == "":
		d.mistake(n.at, path, "has no value", byReference)
		return secret.Value{}
	case n.shape == mapping || n.shape == sequence:
		d.mistake(n.at, path, "is "+n.shape.String(), byReference)
		return secret.Value{}
	case isURL && holdsPassword(n.text):
		d.mistake(n.at, path, "holds a password in clear", "write the password as ${env:NAME} or ${file:/path}")
		return secret.Value{}
	case !isURL && !oneReference.MatchString(n.text):
		d.mistake(n.at, path, "is a secret written in the file", byReference)
		return secret.Value{}
	}
	if d.offline && anyReference.MatchString(n.text) {
		d.wrong[path] = true // whether it is right is not to be asked
		return secret.New(anyReference.ReplaceAllString(n.text, unresolved))
	}
	value, err := secret.Expand(n.text, d.lookup)
	if err != nil {
		remedy := "set it for the daemon, or name another one"
		if _, isFile := errors.AsType[*os.PathError](err); isFile {
			remedy = "create it, readable by the daemon's user, or name another one"
		}
		d.mistake(n.at, path, err.Error(), remedy)
		return secret.Value{}
	}
	if value.IsZero() {
		d.mistake(n.at, path, "refers to an empty value", "put the value there, or name another place")
	}
	d.remember(n.text, value)
	return value
}

// plain returns the text of a field that is shown to people. It must hold
// neither a reference, which would end up in a log, nor a password.
func (d *decoder) plain(n node, path string) string {
	switch {
	case anyReference.MatchString(n.text):
		d.mistake(n.at, path, "holds a reference to a secret, and this field is shown in logs and pages", "write the value itself; secrets go to the fields made for them")
		return ""
	case holdsPassword(n.text):
		d.mistake(n.at, path, "holds a password in clear, and this field is shown in logs and pages", "remove the password; secrets go to the fields made for them")
		return ""
	}
	return n.text
}

// holdsPassword reports whether s, a URL or a key=value connection string,
// holds a password that is not a reference.
func holdsPassword(s string) bool {
	s = anyReference.ReplaceAllString(s, reference)
	for _, m := range keywordPassword.FindAllStringSubmatch(s, -1) {
		if given := strings.Trim(m[1], "'"); given != "" && given != reference {
			return true
		}
	}
	_, rest, _ := strings.Cut(s, "://")
	user, _, hasUser := strings.Cut(rest, "@")
	_, password, hasPassword := strings.Cut(user, ":")
	return hasUser && hasPassword && password != "" && password != reference &&
		!portThenPath.MatchString(password)
}

// remember keeps what must be left out of every later message.
func (d *decoder) remember(written string, value secret.Value) {
	if !anyReference.MatchString(written) {
		return
	}
	revealed := value.Reveal()
	d.secrets = append(d.secrets, revealed)
	if u, err := url.Parse(revealed); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			d.secrets = append(d.secrets, password)
		}
	}
	for _, m := range keywordPassword.FindAllStringSubmatch(revealed, -1) {
		d.secrets = append(d.secrets, strings.Trim(m[1], "'"))
	}
}

// redact blanks every resolved secret in a message.
func (d *decoder) redact(s string) string {
	for _, v := range d.secrets {
		if len(v) > 3 { // shorter ones would blank ordinary words
			s = strings.ReplaceAll(s, v, secret.Redacted)
		}
	}
	return s
}

// checkURL returns what is wrong with an http or https URL, or "".
func checkURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil: // the error repeats the URL
		return "is not a URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return "is not an http or https URL"
	case u.Host == "":
		return "is a URL without a host"
	case u.Fragment != "" || u.RawQuery != "":
		return "is a URL with a query or a fragment"
	}
	return ""
}

// URLProblem returns the problem of a field that must be an http or https URL,
// or false. Its text holds no part of the value.
func URLProblem(field, value string) (Problem, bool) {
	what := checkURL(value)
	return Problem{field, what, "write a URL such as http://127.0.0.1:9093"}, what != ""
}

// Missing is the problem of a field that must be given.
func Missing(field, remedy string) Problem {
	return Problem{Field: field, What: "is missing", Remedy: remedy}
}

// OneOf returns the problem of a field that must be one of a few words, or
// false.
func OneOf[T ~string](field string, value T, words ...T) (Problem, bool) {
	known := make([]string, len(words))
	for i, w := range words {
		if w == value {
			return Problem{}, false
		}
		known[i] = string(w)
	}
	remedy := "write one of " + strings.Join(known, ", ")
	if value == "" {
		return Missing(field, remedy), true
	}
	if meant, ok := suggest(string(value), known); ok {
		remedy = "write " + meant
	}
	return Problem{field, fmt.Sprintf("is not known: %q", clip(string(value))), remedy}, true
}
