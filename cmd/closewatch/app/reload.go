package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/evidence"
)

// A Reloader reads the estate again, as SIGHUP does, and returns the hash of
// the configuration that is going to run. Its error is estate.Mistakes: then
// the running configuration stays.
type Reloader func(who string) (hash string, err error)

// serveReload answers POST /-/reload. It answers when the file has been read
// and checked and before the new configuration runs, for then this server is
// gone: 202 with the hash of the configuration, or 422 with the mistakes. Whoever
// wants to know that it runs compares the hash with that of a verdict.
func (a *App) serveReload(w http.ResponseWriter, r *http.Request) {
	asJSON := strings.Contains(r.Header.Get("Accept"), "application/json")
	if a.reload == nil {
		http.Error(w, "this daemon was not started from a file that can be read again", http.StatusNotImplemented)
		return
	}
	hash, err := a.reload(auth.Identity(r))
	status := http.StatusAccepted
	text := fmt.Sprintf("accepted: reloading\nconfiguration %s\n", hash)
	var value any = map[string]string{"status": "accepted", "config_hash": hash}
	if err != nil {
		mistakes, _ := errors.AsType[estate.Mistakes](err)
		status, text = http.StatusUnprocessableEntity, "the estate has mistakes; the running configuration stays\n"+err.Error()+"\n"
		value = map[string]any{"status": "refused", "mistakes": mistakes}
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if !asJSON {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text)) // the reader may be gone
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // the reader may be gone
}

// Reloading records that a new configuration is going to run, and what changes
// in the calendar with it.
func (a *App) Reloading(who, hash string, changes []calendar.Change) {
	entries := []evidence.Entry{{
		Class: evidence.Configuration, Action: "configuration-accepted", Actor: actorOf(who),
		Refs: map[string]string{"config": hash, "before": a.estate.Hash},
	}}
	for i, c := range changes {
		if i == maxCalendarChanges {
			entries = append(entries, evidence.Entry{Class: evidence.Calendar, Action: "calendar-changes-further", Refs: map[string]string{"changes": someOf(len(changes) - i)}})
			break
		}
		entries = append(entries, evidence.Entry{
			Class: evidence.Calendar, Action: "calendar-changed", Actor: actorOf(who), Note: c.Text,
			Refs: stated(map[string]string{"entity": c.Entity, "what": c.What}),
		})
	}
	a.rooms.chronicle.tell(entries...)
}

// maxCalendarChanges bounds what one reload records of a calendar.
const maxCalendarChanges = 100

// Refused records that a new configuration has mistakes and the running one
// stays.
func (a *App) Refused(who string, err error) {
	mistakes, _ := errors.AsType[estate.Mistakes](err)
	a.rooms.chronicle.tell(evidence.Entry{
		Class: evidence.Configuration, Action: "configuration-refused", Actor: actorOf(who),
		Refs: stated(map[string]string{"config": a.estate.Hash, "mistakes": someOf(len(mistakes))}),
	})
}
