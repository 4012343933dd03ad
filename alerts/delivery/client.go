package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/go-openapi/runtime"
	openapi "github.com/go-openapi/runtime/client"
	"github.com/go-openapi/strfmt"
	amclient "github.com/prometheus/alertmanager/api/v2/client"
	"github.com/prometheus/alertmanager/api/v2/client/alert"
	"github.com/prometheus/alertmanager/api/v2/models"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxAnswer bounds what is read of an Alertmanager's answer.
const maxAnswer = 64 << 10

// client posts alerts to one Alertmanager.
type client struct {
	name    string // the URL without credentials
	alerts  alert.ClientService
	timeout time.Duration
	close   func() // ends idle connections
}

func newClient(address string, s Settings) (*client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &fault.Error{
			Op: "use an Alertmanager", Kind: fault.Schema, Err: errors.New("its address is not an HTTP URL"),
			Hint: "write the base URL of each Alertmanager, such as http://127.0.0.1:9093",
		}
	}
	transport := s.Transport
	if transport == nil {
		if transport, err = (Access{}).Transport(); err != nil {
			return nil, err
		}
	}
	hc := &http.Client{Transport: observer{transport}}
	rt := openapi.NewWithClient(u.Host, path.Join("/", u.Path, amclient.DefaultBasePath), []string{u.Scheme}, hc)
	if password, ok := u.User.Password(); ok {
		rt.DefaultAuthentication = openapi.BasicAuth(u.User.Username(), password)
	}
	u.User = nil
	return &client{
		name: u.String(), timeout: s.Timeout, close: hc.CloseIdleConnections,
		alerts: amclient.New(rt, strfmt.Default).Alert,
	}, nil
}

// post sends a batch. date is what the answer says the time is; zero when it
// says nothing.
func (c *client) post(ctx context.Context, alerts models.PostableAlerts) (date time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	x := &exchange{}
	_, err = c.alerts.PostAlerts(alert.NewPostAlertsParamsWithTimeout(c.timeout).
		WithContext(context.WithValue(ctx, exchangeKey{}, x)).WithAlerts(alerts))
	return x.date, c.judge(x, err)
}

func postable(r *record, starts, ends time.Time) *models.PostableAlert {
	return &models.PostableAlert{
		Alert:       models.Alert{Labels: r.Labels, GeneratorURL: strfmt.URI(r.GeneratorURL)},
		Annotations: r.Annotations,
		StartsAt:    strfmt.DateTime(starts),
		EndsAt:      strfmt.DateTime(ends),
	}
}

// exchange is what the transport saw of one request.
type exchange struct {
	status     int // 0 when there was no answer
	kind       string
	date       time.Time
	retryAfter time.Duration
}

type exchangeKey struct{}

// observer notes the status of answers, which the generated client does not
// always pass on, and bounds their bodies.
type observer struct{ http.RoundTripper }

// CloseIdleConnections is what http.Client looks for.
func (o observer) CloseIdleConnections() {
	if c, ok := o.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (o observer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := o.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if x, ok := req.Context().Value(exchangeKey{}).(*exchange); ok {
		x.status, x.kind = resp.StatusCode, resp.Header.Get("Content-Type")
		x.date, _ = http.ParseTime(resp.Header.Get("Date")) // zero when there is none
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
			x.retryAfter = time.Duration(s) * time.Second
		}
	}
	body := resp.Body
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, maxAnswer), body}
	return resp, nil
}

// judge says what a request's outcome means.
func (c *client) judge(x *exchange, err error) error {
	f := &fault.Error{Op: "send alerts to " + c.name, Err: err}
	switch {
	case x.status == 0:
		return unreached(f.Op, err, "notifications.alertmanager")
	case x.status/100 == 2 && strings.HasPrefix(x.kind, "text/html"):
		f.Kind, f.Err, f.Hint = fault.Schema, errors.New("it answered with a web page"), "check that the address is an Alertmanager's and not a proxy's"
	case x.status/100 == 2 && err == nil:
		return nil
	default:
		f.Kind, f.Hint = kindOf(x.status)
		f.Err = &answered{status: x.status, retryAfter: x.retryAfter, says: says(err)}
	}
	return f
}

// kindOf classifies an HTTP status.
func kindOf(status int) (kind fault.Kind, hint string) {
	switch {
	case status == http.StatusUnauthorized:
		return fault.Auth, "check the user and password, or the token, that Alertmanager is to see"
	case status == http.StatusProxyAuthRequired:
		return fault.Auth, unknownToProxy
	case status == http.StatusForbidden:
		return fault.Denied, "let this program post alerts"
	case status == http.StatusRequestTimeout:
		return fault.Timeout, ""
	case status == http.StatusTooManyRequests:
		return fault.Limit, "raise the limit of what answers for Alertmanager"
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		return fault.Rejected, ""
	case status/100 == 5:
		return fault.Unavailable, "look at Alertmanager's log"
	default:
		return fault.Schema, "check that the address is that of an Alertmanager with API v2, path prefix included"
	}
}

// answered is an answer other than success.
type answered struct {
	status     int
	retryAfter time.Duration
	says       string
}

func (a *answered) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("HTTP status %d: %s", a.status, a.says), ": ")
}

// says is what Alertmanager itself says is wrong, bounded.
func says(err error) string {
	if bad, ok := errors.AsType[*alert.PostAlertsBadRequest](err); ok {
		return cut(bad.Payload)
	}
	if failed, ok := errors.AsType[*alert.PostAlertsInternalServerError](err); ok {
		return cut(failed.Payload)
	}
	if _, ok := errors.AsType[*runtime.APIError](err); ok || err == nil {
		return ""
	}
	return cut(err.Error())
}

// refused reports whether trying again cannot help: the client errors, but for
// those that are about time.
func refused(err error) bool {
	a, ok := errors.AsType[*answered](err)
	return ok && a.status/100 == 4 && a.status != http.StatusRequestTimeout && a.status != http.StatusTooManyRequests
}

// retryAfter is how long the answer asked to wait.
func retryAfter(err error) time.Duration {
	if a, ok := errors.AsType[*answered](err); ok {
		return a.retryAfter
	}
	return 0
}
