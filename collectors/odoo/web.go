package odoo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	serverInfo = prometheus.NewDesc(
		"odoo_server_info", "The series of Odoo that answers, such as 18.0: that of its code, while odoo_info tells for which one a database was made.", []string{"tenant", "series"}, nil,
	)
	databaseServer = prometheus.NewDesc(
		"odoo_database_server_reachable", "Whether Odoo itself reaches its database server: 1 or 0; absent before Odoo 17, which does not tell.", []string{"tenant"}, nil,
	)
	loginPage = prometheus.NewDesc(
		"odoo_login_page", "Whether /web/login shows a login form: 1 or 0; absent where it leads somewhere else, such as to an identity provider.", []string{"tenant"}, nil,
	)
	databaseFound = prometheus.NewDesc(
		"odoo_database_found", "Whether a visitor reaches the tenant's database: 1, or 0 when the database selector is shown instead.", []string{"tenant"}, nil,
	)
	websocketUp = prometheus.NewDesc(
		"odoo_websocket_up", "Whether /websocket upgrades a connection: 1 or 0; absent before Odoo 16, and while the login page does not answer.", []string{"tenant"}, nil,
	)
)

// web asks the pages that need no login as a browser would.
type web struct {
	base      string // URL without a path
	websocket string // URL, "" to leave it out
	tenant    string
	timeout   time.Duration // of each page
	pages     pages
	session   *http.Cookie // of a visitor: each page without it would make one
}

// Describe implements collector.Collector.
func (*web) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{serverInfo, databaseServer, loginPage, databaseFound, websocketUp} {
		ch <- d
	}
}

// Collect implements collector.Collector. A page that does not answer is
// absent; whether Odoo answers at all is told by its health page.
func (w *web) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	series, err := w.version(ctx)
	if errors.Is(err, errPage) {
		return nil // whatever stands before Odoo is told by its health page
	}
	if err != nil {
		return err
	}
	gauge(ch, serverInfo, 1, w.tenant, series)
	var dbErr error
	if major(series) >= 17 { // an older one does not know the question, and writes a warning for each
		var reaches, known bool
		if reaches, known, dbErr = w.reachesDatabase(ctx); known {
			gauge(ch, databaseServer, truth(reaches), w.tenant)
		}
	}
	visit, loginErr := w.login(ctx)
	if visit.form.known {
		gauge(ch, loginPage, truth(visit.form.yes), w.tenant)
	}
	if visit.database.known {
		gauge(ch, databaseFound, truth(visit.database.yes), w.tenant)
	}
	var wsErr error
	if w.websocket != "" && visit.database.yes && major(series) >= 16 {
		var upgraded bool
		if upgraded, wsErr = w.upgrade(ctx); wsErr == nil {
			gauge(ch, websocketUp, truth(upgraded), w.tenant)
		}
	}
	return errors.Join(dbErr, loginErr, wsErr)
}

// within bounds one page.
func (w *web) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, w.timeout)
}

// otherSeries stands for what is not written like one.
const otherSeries = "other"

// errPage is a page for people where Odoo would answer a program: one of
// maintenance, or of a login before it.
var errPage = errors.New("a page instead of an answer")

// version asks which Odoo this is: neither login nor database is needed.
func (w *web) version(ctx context.Context) (string, error) {
	const op = "ask Odoo for its version"
	ctx, cancel := w.within(ctx)
	defer cancel()
	a, err := w.pages.call(ctx, w.base+"/web/webclient/version_info")
	if err != nil {
		return "", unanswered(op, err)
	}
	var info struct {
		Result struct {
			Series string `json:"server_serie"`
		} `json:"result"`
	}
	if a.status == http.StatusOK && strings.Contains(a.header.Get("Content-Type"), "html") {
		return "", errPage
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &info) != nil || info.Result.Series == "" {
		hint := "check that url leads to an Odoo and that nothing before it keeps this host from /web/webclient/version_info"
		if a.status >= 300 && a.status < 400 {
			hint = "write url as it is after the redirect, such as with https"
		}
		return "", &fault.Error{Op: op, Kind: unexpected(a.status), Err: fmt.Errorf("HTTP %d, and not what Odoo answers", a.status), Hint: hint}
	}
	if answered := info.Result.Series; series(answered) != answered {
		return otherSeries, nil
	}
	return info.Result.Series, nil
}

// unexpected is the kind of failure an HTTP status stands for.
func unexpected(status int) fault.Kind {
	switch {
	case status >= 500:
		return fault.Unavailable
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fault.Denied
	case status == http.StatusTooManyRequests:
		return fault.Limit
	}
	return fault.Schema
}

// major is the number of a series, 16 of 16.0 and of saas~16.3; 0 when it tells none.
func major(series string) int {
	number, _, _ := strings.Cut(strings.TrimLeft(series, "sa~-"), ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}

// reachesDatabase asks whether Odoo reaches its database server. It is the
// server that is tried, not the tenant's database.
func (w *web) reachesDatabase(ctx context.Context) (reaches, known bool, err error) {
	ctx, cancel := w.within(ctx)
	defer cancel()
	a, err := w.pages.get(ctx, w.base+"/web/health?db_server_status=1")
	if err != nil {
		return false, false, unanswered("ask Odoo for its database server", err)
	}
	var health struct {
		Server *bool `json:"db_server_status"`
	}
	if json.Unmarshal(a.body, &health) != nil || health.Server == nil {
		return false, false, nil
	}
	return *health.Server, true, nil
}

// A finding is a yes or a no, or neither.
type finding struct{ yes, known bool }

// A visit is what a visitor without a login comes to see.
type visit struct{ form, database finding }

// login visits the login page of the tenant's database. Where Odoo has several
// it first gives the visitor a session that remembers which, and sends him back.
func (w *web) login(ctx context.Context) (visit, error) {
	const op = "ask Odoo for its login page"
	ctx, cancel := w.within(ctx)
	defer cancel()
	page := w.base + "/web/login"
	if w.tenant != "" {
		page += "?db=" + url.QueryEscape(w.tenant)
	}
	for range 3 { // with the session kept, without it, with the one given
		a, err := w.pages.get(ctx, page, w.cookies()...)
		if err != nil {
			return visit{}, unanswered(op, err)
		}
		given := sessionCookie(a.header)
		again := w.session != nil || given != nil
		switch {
		case a.status == http.StatusOK:
			w.keep(given)
			return visit{form: finding{true, hasForm(a.body)}, database: finding{true, true}}, nil
		case toSelector(a):
			if w.session == nil {
				return visit{database: finding{false, true}}, nil
			}
			w.session = nil // it may have been of a database that has gone: look again as a stranger
		case sendsBack(a) && again:
			w.session = nil
			w.keep(given)
		case a.status >= 300 && a.status < 400:
			return visit{database: finding{true, true}}, nil
		case a.status >= 500, a.status == http.StatusNotFound:
			w.session = nil
			return visit{form: finding{false, true}}, nil
		default:
			return visit{}, &fault.Error{Op: op, Kind: unexpected(a.status), Err: fmt.Errorf("HTTP %d", a.status), Hint: "let this host through to /web/login"}
		}
	}
	return visit{}, nil
}

func (w *web) cookies() []*http.Cookie {
	if w.session == nil {
		return nil
	}
	return []*http.Cookie{w.session}
}

// keep remembers a session that was given.
func (w *web) keep(given *http.Cookie) {
	if given != nil {
		w.session = &http.Cookie{Name: given.Name, Value: given.Value}
	}
}

func sessionCookie(h http.Header) *http.Cookie {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == "session_id" && c.Value != "" {
			return c
		}
	}
	return nil
}

// toSelector reports whether an answer leads to where a database is chosen.
func toSelector(a answer) bool {
	return a.status >= 300 && a.status < 400 && strings.HasPrefix(target(a).Path, "/web/database/")
}

// sendsBack reports whether an answer leads to the login page again.
func sendsBack(a answer) bool {
	return a.status >= 300 && a.status < 400 && target(a).Path == "/web/login"
}

func target(a answer) *url.URL {
	u, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		return &url.URL{}
	}
	return u
}

// hasForm reports whether a page asks for a password: in whichever language,
// under whichever brand.
func hasForm(body []byte) bool {
	body = bytes.ToLower(body)
	return bytes.Contains(body, []byte(`name="password"`)) || bytes.Contains(body, []byte(`type="password"`))
}
