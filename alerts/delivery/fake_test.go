package delivery_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if step := os.Getenv(victimStep); step != "" {
		die(os.Getenv(victim), os.Getenv(victimEndpoint), step, os.Getenv(victimCase))
	}
	if dir := os.Getenv(victim); dir != "" {
		publishForever(dir, os.Getenv(victimEndpoint))
	}
	// Cases with real servers wait: more of them at once than there are processors.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// behaviour is how an Alertmanager answers; no answer takes the alerts.
type behaviour func(*http.Request, models.PostableAlerts) (*http.Response, error)

// alertmanagers is a network with Alertmanagers, by host.
type alertmanagers map[string]*alertmanager

func (a alertmanagers) RoundTrip(req *http.Request) (*http.Response, error) {
	am := a[req.URL.Host]
	if am == nil || req.URL.Path != "/api/v2/alerts" {
		return answer(http.StatusNotFound, "404 page not found", "text/plain"), nil
	}
	return am.serve(req)
}

// alertmanager keeps what it is posted, as the real one does.
type alertmanager struct {
	mu       sync.Mutex
	behave   behaviour // nil accepts
	requests int
	ahead    time.Duration // of its clock
	dated    bool          // its answers say the time
	told     []string      // each alert taken: "A firing" or "A resolved"
	alerts   map[string]*models.PostableAlert
}

func (am *alertmanager) serve(req *http.Request) (*http.Response, error) {
	var posted models.PostableAlerts
	if err := json.NewDecoder(req.Body).Decode(&posted); err != nil {
		return nil, fmt.Errorf("was posted no alerts: %w", err)
	}
	am.mu.Lock()
	am.requests++
	behave := am.behave
	am.mu.Unlock()
	if behave != nil {
		if resp, err := behave(req, posted); resp != nil || err != nil {
			return resp, err
		}
	}
	am.take(posted)
	resp := answer(http.StatusOK, "", "")
	if am.dated {
		resp.Header.Set("Date", am.now().UTC().Format(http.TimeFormat))
	}
	return resp, nil
}

func (am *alertmanager) now() time.Time { return time.Now().Add(am.ahead) }

func (am *alertmanager) take(posted models.PostableAlerts) {
	am.mu.Lock()
	defer am.mu.Unlock()
	if am.alerts == nil {
		am.alerts = map[string]*models.PostableAlert{}
	}
	for _, a := range posted {
		state := "firing"
		if !time.Time(a.EndsAt).After(am.now()) {
			state = "resolved"
		}
		am.told = append(am.told, a.Labels["alertname"]+" "+state)
		am.alerts[a.Labels["alertname"]] = a
	}
}

// set changes how am behaves from now on.
func (am *alertmanager) set(behave behaviour) {
	am.mu.Lock()
	defer am.mu.Unlock()
	am.behave = behave
}

// heard returns what was told since the last call.
func (am *alertmanager) heard() string {
	am.mu.Lock()
	defer am.mu.Unlock()
	told := am.told
	am.told = nil
	return strings.Join(told, ", ")
}

// active returns the names of the alerts whose end has not come.
func (am *alertmanager) active() string {
	am.mu.Lock()
	defer am.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(am.alerts)) {
		if time.Time(am.alerts[name].EndsAt).After(am.now()) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func (am *alertmanager) alert(t *testing.T, name string) *models.PostableAlert {
	t.Helper()
	am.mu.Lock()
	defer am.mu.Unlock()
	a := am.alerts[name]
	if a == nil {
		t.Fatalf("Alertmanager has no alert %s", name)
	}
	return a
}

func (am *alertmanager) count() int {
	am.mu.Lock()
	defer am.mu.Unlock()
	return am.requests
}

func answer(status int, body, kind string) *http.Response {
	h := http.Header{}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewBufferString(body)), ContentLength: int64(len(body)),
	}
}

// Ways an Alertmanager misbehaves.

func down(*http.Request, models.PostableAlerts) (*http.Response, error) {
	return nil, fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)
}

func hangs(req *http.Request, _ models.PostableAlerts) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func status(code int) func(*http.Request, models.PostableAlerts) (*http.Response, error) {
	return func(*http.Request, models.PostableAlerts) (*http.Response, error) {
		return answer(code, `"no"`, "application/json"), nil
	}
}

// resets breaks the connection in the middle of its answer.
func resets(*http.Request, models.PostableAlerts) (*http.Response, error) {
	resp := answer(http.StatusBadRequest, "", "application/json")
	resp.Body, resp.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(`"part of`), broken{})), 100
	resp.StatusCode = http.StatusInternalServerError
	return resp, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) {
	return 0, errors.Join(io.ErrUnexpectedEOF, syscall.ECONNRESET)
}

// refuses answers 400 when one of the alerts has that name, as Alertmanager
// does, without taking the others.
func refuses(name string) func(*http.Request, models.PostableAlerts) (*http.Response, error) {
	return func(_ *http.Request, posted models.PostableAlerts) (*http.Response, error) {
		for _, a := range posted {
			if a.Labels["alertname"] == name {
				return answer(http.StatusBadRequest, `"`+name+` is bad"`, "application/json"), nil
			}
		}
		return nil, nil
	}
}

// page is a proxy's page, not an Alertmanager.
func page(*http.Request, models.PostableAlerts) (*http.Response, error) {
	return answer(http.StatusOK, "<html>log in</html>", "text/html; charset=utf-8"), nil
}
