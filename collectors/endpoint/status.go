package endpoint

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/closewatch/closewatch/internal/fault"
)

// statuses maps the status of an answer that was not expected to the kind of
// failure it is; the first range that holds it counts. Meanings are those of
// RFC 9110, section 15, and RFC 6585 for 429.
var statuses = []struct {
	from, to int
	kind     fault.Kind
	hint     string
}{
	{200, 299, fault.Assertion, "check expect.status, or what the service answers of late"},
	{300, 399, fault.Schema, "write the URL it redirects to, or followRedirects: true; a redirect to a log-in page means credentials are missing"},
	{401, 401, fault.Auth, "check the credentials: they may have expired or been revoked"},
	{403, 403, fault.Denied, "check what these credentials may do: a consent, a contract or an address may be missing from a list"},
	{407, 407, fault.Auth, "check user and password of the proxy"},
	{408, 408, fault.Timeout, ""},
	{429, 429, fault.Limit, "ask less often, or have the quota raised"},
	{400, 499, fault.Rejected, "check the request: path, method, headers and body"},
	{500, 599, fault.Unavailable, "ask the provider, or see its status page"},
}

// refused is the failure that an unexpected status is.
func refused(status int) error {
	f := &fault.Error{Op: statusText(status), Kind: fault.Schema, Hint: "check that the address is that of the service"}
	for _, s := range statuses {
		if s.from <= status && status <= s.to {
			f.Kind, f.Hint = s.kind, s.hint
			break
		}
	}
	return f
}

func statusText(status int) string {
	text := "HTTP " + strconv.Itoa(status)
	if known := http.StatusText(status); known != "" {
		text += " " + known
	}
	return text
}

// passes reports whether a status is one of those that are expected.
func (e Expect) passes(status int) bool {
	if len(e.Status) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.Contains(e.Status, status)
}
