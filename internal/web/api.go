package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

func (h *handler) overviewJSON(w http.ResponseWriter, r *http.Request) {
	h.json(w, r, sorted(h.Source.Overview()))
}

func (h *handler) incidentsJSON(w http.ResponseWriter, r *http.Request) {
	list := h.Source.Incidents()
	if list == nil {
		list = []IncidentSummary{}
	}
	h.json(w, r, struct {
		Incidents []IncidentSummary `json:"incidents"`
	}{list})
}

func (h *handler) incidentJSON(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	in, ok := h.Source.Incident(id)
	if !ok {
		h.problem(w, r, http.StatusNotFound, fmt.Sprintf("no incident has the id %q; list them at %s/api/v1/incidents", id, h.BasePath))
		return
	}
	h.json(w, r, in)
}

func (h *handler) statusJSON(w http.ResponseWriter, r *http.Request) {
	s := h.Source.Status()
	if s.Lines == nil {
		s.Lines = []StatusLine{}
	}
	h.json(w, r, s)
}

func (h *handler) apiElsewhere(w http.ResponseWriter, r *http.Request) {
	if !readOnly(r) {
		w.Header().Set("Allow", "GET, HEAD")
		h.problem(w, r, http.StatusMethodNotAllowed, "this API only reads; use GET")
		return
	}
	h.problem(w, r, http.StatusNotFound, fmt.Sprintf("nothing is here; begin at %s/api/v1/overview", h.BasePath))
}

func (h *handler) json(w http.ResponseWriter, r *http.Request, v any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		h.problem(w, r, http.StatusInternalServerError, "the answer could not be written as JSON")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(buf.Bytes()) // a reader that left is not an error
}

// A problem is an error in the form of RFC 9457.
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`
}

func (h *handler) problem(w http.ResponseWriter, r *http.Request, status int, detail string) {
	writeProblem(w, status, detail, h.BasePath+r.URL.Path)
}

// Problem answers with an error in the form of RFC 9457, as the API of this
// package does.
func Problem(w http.ResponseWriter, r *http.Request, status int, detail string) {
	w.Header().Set("Cache-Control", "no-store")
	writeProblem(w, status, detail, r.URL.Path)
}

func writeProblem(w http.ResponseWriter, status int, detail, instance string) {
	body, err := json.MarshalIndent(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Instance: instance,
	}, "", "  ")
	if err != nil { // strings and a number always marshal
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
