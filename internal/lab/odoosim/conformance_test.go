package odoosim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/lab/odoosim"
)

// The recordings of a real Odoo 18 are replayed against the stand-in, which is
// seeded so that even the identifiers agree.
func TestConformsToRecordings(t *testing.T) {
	day := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	r := newRig(t, "odoo18", func(o *odoosim.Options) {
		o.RedisURL = servers.redis.URL()
		o.Now = func() time.Time { return day }
	})
	r.sql(`UPDATE res_partner SET write_date = '2026-11-22 01:49:03'`)
	for _, rec := range recordings() {
		t.Run(rec.name, func(t *testing.T) {
			r := r.in(t)
			admin := r.login(odoosim.AdminLogin, adminPassword, odoosim.SyntheticCompany)
			if rec.before != "" {
				r.sql(rec.before)
			}
			for i, s := range readRecording(t, rec.name) {
				switch s.Step {
				case rec.stopAt:
					if err := servers.postgres.Stop(t.Context()); err != nil {
						t.Fatal(err)
					}
				case rec.startAt:
					if err := servers.postgres.Start(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				how, _ := rec.fidelity(s.Step)
				for _, d := range r.replay(t, s, admin.cookie, how) {
					t.Errorf("step %d %s: %s", i, s.Step, d)
				}
			}
			if rec.after != "" {
				r.sql(rec.after)
			}
		})
	}
}

func (r *rig) replay(t *testing.T, s recorded, cookie string, how fidelity) []string {
	t.Helper()
	if !s.Request.Session {
		cookie = ""
	}
	a, err := r.send(t.Context(), s.Request.Method, s.Request.Path, s.Request.ContentType, cookie, requestBody(t, s.Request.Body))
	if err != nil {
		return []string{err.Error()}
	}
	return compareAnswer(s, a, how)
}

// requestBody is the body as it was sent: JSON, or a text kept as a string.
func requestBody(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []byte(text)
	}
	return raw
}

func compareAnswer(s recorded, a answer, how fidelity) (diff []string) {
	want := s.Response
	differs := func(what string, got, want any) {
		if got != want {
			diff = append(diff, fmt.Sprintf("%s is %v, recorded %v: %s", what, got, want, a.raw))
		}
	}
	differs("status", a.status, want.Status)
	differs("content type", strings.ReplaceAll(a.header.Get("Content-Type"), " ", ""), strings.ReplaceAll(want.ContentType, " ", ""))
	differs("location", a.header.Get("Location"), want.Location)
	if mustSetCookie(s) {
		differs("sets a cookie", a.header.Get("Set-Cookie") != "", want.SetsCookie)
	}
	if s.Request.Method == http.MethodHead {
		return diff
	}
	if text, ok := want.Body.(string); ok {
		if how == exact {
			differs("text", string(a.raw), text)
		}
		return diff
	}
	var got any
	if err := json.Unmarshal([]byte(asRecorded(string(a.raw))), &got); err != nil {
		return append(diff, err.Error()+": "+string(a.raw))
	}
	if how == exact && want.Length > 0 && want.Length != len(a.raw) {
		diff = append(diff, fmt.Sprintf("body has %d bytes, recorded %d: %s", len(a.raw), want.Length, a.raw))
	}
	return append(diff, differences("body", want.Body, got, how)...)
}

// mustSetCookie: Odoo also renews the cookie on the first call of a session,
// which the stand-in leaves out.
func mustSetCookie(s recorded) bool {
	return !s.Request.Session && !strings.HasPrefix(s.Step, "unknown_route")
}

// asRecorded gives the server's address as it was when the recordings were made.
func asRecorded(text string) string {
	return strings.ReplaceAll(text, fmt.Sprintf("port %d failed", servers.postgres.Port), "port 55432 failed")
}

func TestDifferencesAreFound(t *testing.T) {
	recordedBody := map[string]any{"id": 1.0, "list": []any{true, "x"}, "none": nil}
	for name, tt := range map[string]struct {
		got  any
		how  fidelity
		want int
	}{
		"the same":                     {map[string]any{"id": 1.0, "list": []any{true, "x"}, "none": nil}, exact, 0},
		"another value":                {map[string]any{"id": 2.0, "list": []any{true, "x"}, "none": nil}, exact, 1},
		"another value, shape only":    {map[string]any{"id": 2.0, "list": []any{false, "y"}, "none": nil}, shaped, 0},
		"another kind, shape only":     {map[string]any{"id": "2", "list": []any{false, "y"}, "none": nil}, shaped, 1},
		"false instead of null":        {map[string]any{"id": 1.0, "list": []any{true, "x"}, "none": false}, shaped, 1},
		"a key too many, one too few":  {map[string]any{"id": 1.0, "list": []any{true, "x"}, "other": nil}, shaped, 2},
		"a list of another length":     {map[string]any{"id": 1.0, "list": []any{true}, "none": nil}, exact, 1},
		"not an object":                {[]any{}, shaped, 1},
		"another kind inside the list": {map[string]any{"id": 1.0, "list": []any{true, 1.0}, "none": nil}, shaped, 1},
	} {
		t.Run(name, func(t *testing.T) {
			diff := differences("body", recordedBody, tt.got, tt.how)
			if len(diff) != tt.want {
				t.Errorf("differences() = %v, want %d", diff, tt.want)
			}
			slices.Sort(diff)
		})
	}
}
