package auth

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A refusal is a no, and what is said about it.
type refusal struct {
	status  int
	kind    string // a label value
	outcome Outcome
	detail  string
	code    string // of RFC 6750, section 3.1
	scope   Scope  // that is missing
	retry   time.Duration
}

// Kinds of refusals, as closewatch_auth_failures_total names them.
const (
	noCredentials    = "missing"
	wrongCredentials = "credentials"
	badCredentials   = "malformed"
	missingScope     = "scope"
	foreignOrigin    = "origin"
	foreignHost      = "host"
	tooMany          = "limited"
)

func refusalKinds() []string {
	return []string{noCredentials, wrongCredentials, badCredentials, missingScope, foreignOrigin, foreignHost, tooMany}
}

// unauthenticated is said to who presented nothing.
func (g *Guard) unauthenticated(wanted Scope) *refusal {
	detail := "this needs a token, a password or a certificate with the scope " + string(wanted)
	if changes(wanted) {
		detail += ", also from this machine"
	}
	if !g.protected {
		detail += "; the estate has none: add one under web.tokens"
	}
	return &refusal{status: http.StatusUnauthorized, kind: noCredentials, outcome: Denied, detail: detail}
}

func (g *Guard) wrong(code, detail string) *refusal {
	return &refusal{status: http.StatusUnauthorized, kind: wrongCredentials, outcome: Denied, detail: detail, code: code}
}

func malformed(detail string) *refusal {
	return &refusal{status: http.StatusBadRequest, kind: badCredentials, outcome: Denied, detail: detail, code: "invalid_request"}
}

func insufficient(who identity, wanted Scope) *refusal {
	return &refusal{
		status: http.StatusForbidden, kind: missingScope, outcome: Denied,
		detail: fmt.Sprintf("%s lacks the scope %s", who, wanted), code: "insufficient_scope", scope: wanted,
	}
}

func foreign() *refusal {
	return &refusal{
		status: http.StatusForbidden, kind: foreignOrigin, outcome: Denied,
		detail: "a page of another origin asked for this; behind a proxy, set web.externalURL to the address people use",
	}
}

func misdirected() *refusal {
	return &refusal{
		status: http.StatusMisdirectedRequest, kind: foreignHost, outcome: Denied,
		detail: "this is not the name of the daemon; behind a proxy, set web.externalURL to the address people use",
	}
}

func limited(detail string, wait time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, kind: tooMany, outcome: Limited, detail: detail, retry: wait}
}

// refuse answers with a refusal.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, no *refusal) {
	h := w.Header()
	switch no.status {
	case http.StatusUnauthorized, http.StatusBadRequest:
		g.challenge(h, no.code)
	case http.StatusForbidden:
		if no.scope != "" {
			h.Set("WWW-Authenticate", "Bearer "+realm+`, error="`+no.code+`", scope="`+string(no.scope)+`"`)
		}
	case http.StatusTooManyRequests:
		h.Set("Retry-After", strconv.Itoa(max(int(math.Ceil(no.retry.Seconds())), 1)))
	}
	answer(w, r, no.status, no.detail)
}

// answer is RFC 9457 problem JSON below /api/ and plain text elsewhere. It
// repeats nothing of the request but its path.
func answer(w http.ResponseWriter, r *http.Request, status int, detail string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusMethodNotAllowed {
		h.Set("Allow", "GET, HEAD")
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		http.Error(w, detail, status)
		return
	}
	body, err := json.MarshalIndent(struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Detail   string `json:"detail"`
		Instance string `json:"instance"`
	}{"about:blank", http.StatusText(status), status, detail, r.URL.Path}, "", "  ")
	if err != nil { // strings and a number always marshal
		http.Error(w, http.StatusText(status), status)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a reader that left is not an error
}
