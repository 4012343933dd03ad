package grafana_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/dashboards"
	"github.com/closewatch/closewatch/dashboards/grafana"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake stands in for a Grafana: it keeps what it is sent and answers in the
// shapes that Grafana's documentation of its HTTP API gives. It is no Grafana,
// and says nothing about any one release.
type fake struct {
	mu         sync.Mutex
	folders    map[string]string
	dashboards map[string]map[string]any
	folderOf   map[string]string
	writes     []string
	refuse     func(r *http.Request) (status int, message string)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	if r.Header.Get("Authorization") != "Bearer glsa_right" {
		answer(http.StatusUnauthorized, map[string]string{"message": "Invalid API key"})
		return
	}
	if f.refuse != nil {
		if status, message := f.refuse(r); status != 0 {
			answer(status, map[string]string{"message": message})
			return
		}
	}
	body, _ := io.ReadAll(r.Body)
	if r.Method == http.MethodPost {
		f.writes = append(f.writes, r.URL.Path)
	}
	switch path, _ := strings.CutPrefix(r.URL.Path, "/sub"); {
	case r.Method == http.MethodGet && strings.HasPrefix(path, "/api/folders/"):
		uid := strings.TrimPrefix(path, "/api/folders/")
		if f.folders[uid] == "" {
			answer(http.StatusNotFound, map[string]string{"message": "folder not found", "status": "not-found"})
			return
		}
		answer(http.StatusOK, map[string]any{"id": 1, "uid": uid, "title": f.folders[uid], "url": "/dashboards/f/" + uid, "version": 1})
	case r.Method == http.MethodPost && path == "/api/folders":
		var in struct{ UID, Title string }
		_ = json.Unmarshal(body, &in)
		f.folders[in.UID] = in.Title
		answer(http.StatusOK, map[string]any{"id": 1, "uid": in.UID, "title": in.Title})
	case r.Method == http.MethodGet && strings.HasPrefix(path, "/api/dashboards/uid/"):
		uid := strings.TrimPrefix(path, "/api/dashboards/uid/")
		d, ok := f.dashboards[uid]
		if !ok {
			answer(http.StatusNotFound, map[string]string{"message": "Dashboard not found"})
			return
		}
		answer(http.StatusOK, map[string]any{"dashboard": d, "meta": map[string]any{"folderUid": f.folderOf[uid], "folderId": 1, "provisioned": false, "version": 1, "slug": uid}})
	case r.Method == http.MethodPost && path == "/api/dashboards/db":
		var in struct {
			Dashboard map[string]any
			FolderUID string
			Overwrite bool
		}
		_ = json.Unmarshal(body, &in)
		uid, _ := in.Dashboard["uid"].(string)
		if _, there := f.dashboards[uid]; there && !in.Overwrite {
			answer(http.StatusPreconditionFailed, map[string]string{"message": "The dashboard has been changed by someone else", "status": "version-mismatch"})
			return
		}
		// Grafana gives it an id, counts versions and fills in what it likes.
		in.Dashboard["id"], in.Dashboard["version"], in.Dashboard["schemaVersion"], in.Dashboard["weekStart"] = 7, 3, 42, ""
		f.dashboards[uid], f.folderOf[uid] = in.Dashboard, in.FolderUID
		answer(http.StatusOK, map[string]any{"id": 7, "uid": uid, "url": "/d/" + uid, "status": "success", "version": 3, "slug": uid})
	default:
		answer(http.StatusNotFound, map[string]string{"message": "Not found"})
	}
}

func start(t *testing.T) (*fake, grafana.Grafana) {
	t.Helper()
	f := &fake{folders: map[string]string{}, dashboards: map[string]map[string]any{}, folderOf: map[string]string{}}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, grafana.Grafana{URL: s.URL + "/sub/", Token: secret.New("glsa_right"), Client: s.Client()}
}

// some are enough dashboards to tell one from another.
func some(t *testing.T) []dashboards.Dashboard {
	t.Helper()
	ds, err := dashboards.All(dashboards.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(ds, func(d dashboards.Dashboard) bool {
		return d.File != "redis.json" && d.File != "traefik.json"
	})
}

func count(rs []grafana.Result) map[grafana.Done]int {
	out := map[grafana.Done]int{}
	for _, r := range rs {
		out[r.Done]++
	}
	return out
}

func TestPushingTwiceChangesNothing(t *testing.T) {
	f, g := start(t)
	ds := some(t)
	dry, err := g.Push(t.Context(), ds, true)
	if err != nil || count(dry)[grafana.Created] != len(ds) || len(f.writes) > 0 {
		t.Fatalf("a dry run = %v, %v, and wrote %v", count(dry), err, f.writes)
	}
	first, err := g.Push(t.Context(), ds, false)
	if err != nil || count(first)[grafana.Created] != len(ds) {
		t.Fatalf("the first push = %v, %v", count(first), err)
	}
	if f.folders[dashboards.FolderUID] != dashboards.Folder || f.folderOf["closewatch-redis"] != dashboards.FolderUID {
		t.Errorf("folders: %v; Redis is in %q", f.folders, f.folderOf["closewatch-redis"])
	}
	written := len(f.writes)
	again, err := g.Push(t.Context(), ds, false)
	if err != nil || count(again)[grafana.Unchanged] != len(ds) || len(f.writes) != written {
		t.Errorf("the second push = %v, %v, and wrote %v", count(again), err, f.writes[written:])
	}
}

func TestWhatSomebodyChangedIsShownAndReplaced(t *testing.T) {
	f, g := start(t)
	ds := some(t)
	if _, err := g.Push(t.Context(), ds, false); err != nil {
		t.Fatal(err)
	}
	theirs := f.dashboards["closewatch-redis"]
	theirs["title"] = "Our Redis"
	panels := theirs["panels"].([]any)
	panels[1].(map[string]any)["targets"].([]any)[0].(map[string]any)["expr"] = "up"
	late := panels[7].(map[string]any)["targets"].([]any)[0].(map[string]any)
	late["expr"] = strings.Replace(late["expr"].(string), "$component", "cache-of-sessions", 1)
	theirs["panels"] = append(panels, map[string]any{"title": "Mine", "type": "stat"})
	f.folderOf["closewatch-redis"] = "elsewhere"
	got, err := g.Push(t.Context(), ds, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`panels[1].targets[0].expr: "up" becomes "sum(closewatch_impact_tier{environment=~\"$environment\",tenant=~\"$tenant\",en…`,
		`panels[7].targets[0].expr: …ment\",component=~\"cache-of-sessions\"}[$__rate_interval]))" becomes …ment\",component=~\"$component\"}[$__rate_interval]))"`,
		fmt.Sprintf(`panels[%d]: is taken away: "Mine"`, len(panels)),
		`title: "Our Redis" becomes "Closewatch: Redis"`,
		`folder: "elsewhere" becomes "closewatch"`,
	}
	for _, r := range got {
		if r.UID != "closewatch-redis" {
			if r.Done != grafana.Unchanged {
				t.Errorf("%s is %s: %v", r.UID, r.Done, r.Change)
			}
			continue
		}
		if diff := cmp.Diff(want, r.Change); r.Done != grafana.Replaced || diff != "" {
			t.Errorf("Redis is %s; changed (-want +got):\n%s", r.Done, diff)
		}
	}
	if got := f.dashboards["closewatch-redis"]["title"]; got != "Closewatch: Redis" || f.folderOf["closewatch-redis"] != "closewatch" {
		t.Errorf("there is %v in %s", got, f.folderOf["closewatch-redis"])
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	tests := map[string]struct {
		token  string
		refuse func(*http.Request) (int, string)
		kind   fault.Kind
		hint   string
	}{
		"a token nobody knows": {"glsa_wrong", nil, fault.Auth, "new token"},
		"a viewer": {"glsa_right", func(r *http.Request) (int, string) {
			if r.Method == http.MethodPost {
				return http.StatusForbidden, "You'll need additional permissions to perform this action."
			}
			return 0, ""
		}, fault.Denied, "role Editor"},
		"a dashboard that comes from a file": {"glsa_right", func(r *http.Request) (int, string) {
			if r.URL.Path == "/sub/api/dashboards/db" {
				return http.StatusBadRequest, "Cannot save provisioned dashboard"
			}
			return 0, ""
		}, fault.Conflict, "change the file"},
		"a Grafana that is starting": {"glsa_right", func(*http.Request) (int, string) { return http.StatusServiceUnavailable, "" }, fault.Unavailable, "log"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, g := start(t)
			f.refuse, g.Token = tt.refuse, secret.New(tt.token)
			_, err := g.Push(t.Context(), some(t), false)
			if fault.KindOf(err) != tt.kind || !strings.Contains(fault.HintOf(err), tt.hint) {
				t.Errorf("Push() = %v (%s), want %s and %q", err, fault.KindOf(err), tt.kind, tt.hint)
			}
			if strings.Contains(err.Error(), tt.token) {
				t.Errorf("the error holds the token: %v", err)
			}
			if len(f.dashboards) > 0 {
				t.Errorf("there is %v", maps.Keys(f.dashboards))
			}
		})
	}
}

func TestALoginPageIsNoGrafana(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>sign in</html>") }))
	t.Cleanup(s.Close)
	_, err := grafana.Grafana{URL: s.URL, Client: s.Client()}.Push(t.Context(), some(t), false)
	if fe, ok := errors.AsType[*fault.Error](err); !ok || fe.Kind != fault.Schema {
		t.Errorf("Push() = %v", err)
	}
}
