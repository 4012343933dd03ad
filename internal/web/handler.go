package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/yuin/goldmark"
)

// Settings is what New needs.
type Settings struct {
	Source   Source
	Now      func() time.Time // nil means time.Now
	Version  string           // shown in the footer
	BasePath string           // prefix behind a proxy: "/closewatch"; "" when there is none

	// StaleAfter is the age from which the last decision, or the data of a row,
	// no longer counts as current. 0 means DefaultStaleAfter.
	StaleAfter time.Duration
}

// DefaultStaleAfter is used by Settings that set no other.
const DefaultStaleAfter = 2 * time.Minute

// New returns the handler of the pages and of the JSON API:
//
//	GET /                       the estate
//	GET /incidents              every incident
//	GET /incidents/{id}         one incident
//	GET /status                 how every outcome is, in public words
//	GET /runbooks               every runbook
//	GET /runbooks/{name}        one runbook
//	GET /assets/…               style, scripts, icon
//	GET /api/v1/overview        the same values as JSON
//	GET /api/v1/incidents
//	GET /api/v1/incidents/{id}
//	GET /api/v1/status
//
// Anything else is a page that says so, or RFC 9457 problem JSON below /api/.
// Every answer carries the security headers of this package.
func New(s Settings) http.Handler {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.StaleAfter == 0 {
		s.StaleAfter = DefaultStaleAfter
	}
	s.BasePath = strings.TrimRight(s.BasePath, "/")
	h := &handler{Settings: s, pages: parsePages(), markdown: newMarkdown()}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.overviewPage)
	mux.HandleFunc("GET /incidents", h.incidentsPage)
	mux.HandleFunc("GET /incidents/{id}", h.incidentPage)
	mux.HandleFunc("GET /status", h.statusPage)
	mux.HandleFunc("GET /runbooks", h.runbooksPage)
	mux.HandleFunc("GET /runbooks/{name}", h.runbookPage)
	mux.HandleFunc("GET /assets/{name}", serveAsset)
	mux.HandleFunc("GET /api/v1/overview", h.overviewJSON)
	mux.HandleFunc("GET /api/v1/incidents", h.incidentsJSON)
	mux.HandleFunc("GET /api/v1/incidents/{id}", h.incidentJSON)
	mux.HandleFunc("GET /api/v1/status", h.statusJSON)
	mux.HandleFunc("/api/", h.apiElsewhere)
	mux.HandleFunc("/", h.elsewhere)
	return secure(http.StripPrefix(s.BasePath, mux))
}

type handler struct {
	Settings
	pages    pages
	markdown goldmark.Markdown
}

// readOnly reports whether the request only reads; everything here does.
func readOnly(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// secure adds the headers that keep a page to itself: it loads only its own
// assets, runs no inline script, is framed by nobody and tells nobody where
// its reader came from.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "+
			"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
