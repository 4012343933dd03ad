package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// maxTelling bounds what is told in one request, in bytes.
const maxTelling = 16 << 10

// serveAcknowledge answers POST /api/v1/incidents/{id}/acknowledge: 202 once
// the acknowledgement is on disk; the next tick takes it up.
func (a *App) serveAcknowledge(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	t := a.engine.last.Load()
	i := -1
	if t != nil {
		i = slices.IndexFunc(t.Incidents, func(inc *incident.Incident) bool { return inc.ID == id })
	}
	switch {
	case i < 0:
		web.Problem(w, r, http.StatusNotFound, fmt.Sprintf("no incident has the id %q; list them at /api/v1/incidents", id))
		return
	case !t.Incidents[i].Open():
		web.Problem(w, r, http.StatusConflict, "the incident has recovered: there is nothing left to take")
		return
	}
	ack := Acknowledgement{At: a.now().UTC(), Incident: id, By: auth.Identity(r)}
	if err := a.inbox.add(func(t *Told) { t.Acknowledgements = append(t.Acknowledgements, ack) }); err != nil {
		a.refuse(w, r, err)
		return
	}
	accepted(w, ack)
}

// serveChange answers POST /api/v1/changes: 202 once the change is on disk. What
// it says is shown to people, so names of people and amounts are refused.
func (a *App) serveChange(w http.ResponseWriter, r *http.Request) {
	var c Change
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTelling))
	dec.DisallowUnknownFields()
	err := dec.Decode(&c)
	if err == nil && dec.Decode(&struct{}{}) != io.EOF {
		err = errors.New("there is more than one JSON value")
	}
	if err != nil {
		web.Problem(w, r, http.StatusBadRequest, "the body is not a change as JSON ("+err.Error()+`); write {"kind": "deploy", "component": "erp", "what": "deployed revision a1b2c3"}`)
		return
	}
	now := a.now().UTC()
	if c.At.IsZero() {
		c.At = now
	}
	if c.Environment == "" {
		c.Environment = a.estate.Environment
	}
	c.At, c.By = c.At.UTC().Truncate(time.Second), auth.Identity(r)
	if problems := a.problemsOf(c, now); len(problems) > 0 {
		web.Problem(w, r, http.StatusUnprocessableEntity, strings.Join(problems, "; "))
		return
	}
	c.ID = c.id()
	if err := a.inbox.add(func(t *Told) { t.Changes = append(t.Changes, c) }); err != nil {
		a.refuse(w, r, err)
		return
	}
	accepted(w, c)
}

// problemsOf says what is wrong with a change in this estate.
func (a *App) problemsOf(c Change, now time.Time) []string {
	out := c.problems()
	if _, known := a.estate.Component(c.Component); c.Component != "" && !known {
		out = append(out, "component: there is none of this name in the estate")
	}
	if !slices.Contains(a.environments, c.Environment) {
		out = append(out, "environment: write one of "+strings.Join(a.environments, ", "))
	}
	if c.At.After(now.Add(time.Minute)) || now.Sub(c.At) > keepChanges {
		out = append(out, "at: write a time of the last seven days")
	}
	for field, text := range map[string]string{"what": c.What, "reference": c.Reference} {
		for _, f := range wording.PII(text) {
			out = append(out, field+": "+f.Why+"; people are named by their role, and amounts are left out")
		}
	}
	return out
}

// serveChanges answers GET /api/v1/changes.
func (a *App) serveChanges(w http.ResponseWriter, _ *http.Request) {
	changes := []Change{}
	if t := a.engine.last.Load(); t != nil {
		changes = append(changes, t.Changes...)
	}
	writeJSON(w, map[string]any{"changes": changes})
}

// refuse answers for something that could not be kept.
func (a *App) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	if fault.KindOf(err) == fault.Limit {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "60")
	}
	a.log.Error("something that was told cannot be kept", "err", err)
	web.Problem(w, r, status, fault.TextOf(err)+"; "+fault.HintOf(err))
}

func accepted(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(v) // the reader may be gone: it is kept all the same
}
