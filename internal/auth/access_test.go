package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/secret"
)

// lines renders events without their times.
func lines(events []auth.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%s %s %s %s %s from %s ×%d", e.Identity, e.Outcome, e.Scope, e.Method, e.Route, e.Remote, e.Count))
	}
	return out
}

func same(t *testing.T, what string, want []string, got []auth.Event) {
	t.Helper()
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
	noSecret(t, what, fmt.Sprintf("%#v", got))
}

func TestWhatIsTold(t *testing.T) {
	c, told := newClock(), &recorder{}
	_, h := guarded(t, auth.Settings{Web: web(), File: webFile(t, users(t)), Recorder: told, Now: c.now})

	for range 3 {
		ask(h, request("POST", "/-/reload?secret=hunter2", fromNetwork, bearer(adminToken)))
	}
	reload := "token:deploy granted admin POST /-/reload from private ×1"
	same(t, "every change", []string{reload, reload, reload}, told.told())

	for range 3 {
		ask(h, request("GET", "/incidents/I-1?secret=hunter2", fromWorld, basic("alice", alicesWord)))
		ask(h, request("GET", "/metrics", fromHere, ""))
		ask(h, request("GET", "/", fromHere, ""))
		ask(h, request("GET", "/-/healthy", fromHere, ""))
	}
	firsts := []string{
		"user:alice granted read GET / from public ×1", "loopback granted scrape GET /metrics from loopback ×1", "loopback granted read GET / from loopback ×1",
	}
	same(t, "the first read of a day", firsts, told.told())
	c.pass(14 * time.Hour)
	ask(h, request("GET", "/api/v1/explain", fromWorld, basic("alice", alicesWord)))
	same(t, "still the same day", nil, told.told())
	c.pass(time.Hour)
	ask(h, request("GET", "/api/v1/explain", fromWorld, basic("alice", alicesWord)))
	same(t, "the next day", []string{"user:alice granted read GET /api/v1/explain from public ×1"}, told.told())

	ask(h, request("POST", "/-/reload", fromHere, ""))
	ask(h, request("POST", "/-/reload", fromNetwork, bearer(readToken)))
	ask(h, request("POST", "/api/v1/acknowledge", fromWorld, basic("mallory", "hunter2")))
	ask(h, request("GET", "/api/v1/explain?secret=hunter2", fromNetwork, ""))
	r := request("GET", "/metrics", fromHere, "")
	r.Host = "evil.example"
	ask(h, r)
	same(t, "refusals", []string{
		"loopback denied admin POST /-/reload from loopback ×1",
		"token:grafana denied admin POST /-/reload from private ×1",
		"unknown denied operate POST /api/v1/acknowledge from public ×1",
		"anonymous denied read GET /api/v1/explain from private ×1",
		"loopback denied scrape GET /metrics from loopback ×1",
	}, told.told())
}

// A change is told before it happens.
func TestAChangeIsToldFirst(t *testing.T) {
	told := &recorder{}
	g, err := auth.New(auth.Settings{Web: web(), Recorder: told})
	if err != nil {
		t.Fatal(err)
	}
	before := 0
	h, err := g.Handler([]auth.Route{{Method: "POST", Pattern: "/-/reload", Scope: auth.Admin, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		before = len(told.told())
	})}})
	if err != nil {
		t.Fatal(err)
	}
	ask(h, request("POST", "/-/reload", fromHere, bearer(adminToken)))
	if before != 1 {
		t.Errorf("%d events were told before the change, want 1", before)
	}
}

// An attacker writes one event a minute for each sort of refusal, whatever
// comes in.
func TestRefusalsAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := &recorder{}
		g, h := guarded(t, auth.Settings{Web: web(), Recorder: told})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { g.Run(ctx); close(done) }()

		for range 1000 {
			ask(h, request("GET", "/", fromNetwork, bearer(wrongToken)))
		}
		same(t, "at once", []string{
			"unknown denied read GET / from private ×1", "unknown limited read GET / from private ×1",
		}, told.told())
		time.Sleep(61 * time.Second)
		synctest.Wait()
		gathered := told.told()
		slices.SortFunc(gathered, func(a, b auth.Event) int { return strings.Compare(string(a.Outcome), string(b.Outcome)) })
		same(t, "at the end of the minute", []string{
			"unknown denied read GET / from private ×9", "unknown limited read GET / from private ×989",
		}, gathered)

		ask(h, request("GET", "/", fromWorld, ""))
		ask(h, request("GET", "/", fromWorld, ""))
		same(t, "in the next minute", []string{"anonymous denied read GET / from public ×1"}, told.told())
		cancel()
		<-done
		same(t, "when it ends", []string{"anonymous denied read GET / from public ×1"}, told.told())
	})
}

// More sorts of refusals than are told apart are one event, with their number.
func TestSortsOfRefusalsAreBounded(t *testing.T) {
	w, told := web(), &recorder{}
	w.Tokens = nil
	for i := range 400 {
		w.Tokens = append(w.Tokens, estate.Token{Name: fmt.Sprintf("t%d", i), Scopes: []estate.Scope{auth.Scrape}, Token: secret.New(fmt.Sprintf("%s-%d", wrongToken, i))})
	}
	g, h := guarded(t, auth.Settings{Web: w, Recorder: told})
	for i := range w.Tokens {
		ask(h, request("GET", "/", fromNetwork, bearer(fmt.Sprintf("%s-%d", wrongToken, i))))
	}
	if got := len(told.told()); got != 256 {
		t.Errorf("%d events, want 256", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.Run(ctx)
	same(t, "beyond", []string{"several denied   several from  ×144"}, told.told())
}
