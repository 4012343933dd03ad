package app

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/web"
)

// maxNotification bounds a notification in bytes: a whole application of Argo CD
// lists all its resources.
const maxNotification = 1 << 20

// serveRelease answers POST /api/v1/changes/argocd and /api/v1/changes/flux: 202
// once the changes are on disk, one for each component that the object releases.
// A notification that tells of no change here is accepted and says why it was
// left out: the tool is not to send it again.
func (a *App) serveRelease(w http.ResponseWriter, r *http.Request) {
	read, known := releaseReaders()[r.PathValue("tool")]
	if !known {
		web.Problem(w, r, http.StatusNotFound, "notifications are read of argocd and flux")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotification))
	if err != nil {
		web.Problem(w, r, http.StatusBadRequest, "the notification cannot be read: "+err.Error())
		return
	}
	rel, err := read(body)
	if err != nil {
		web.Problem(w, r, http.StatusBadRequest, "the notification is not understood: "+err.Error()+"; docs/changes.md has one that is")
		return
	}
	components := a.releasedBy(rel.object, r.URL.Query().Get("component"))
	switch {
	case !rel.done:
		leftOut(w, rel.object+" has changed nothing yet: "+rel.result)
		return
	case len(components) == 0:
		leftOut(w, "no component is released as "+rel.object+"; write it at components.NAME.releases of the estate")
		return
	}
	now := a.now().UTC()
	if rel.at.IsZero() {
		rel.at = now
	}
	var changes []Change
	for _, c := range components {
		change := Change{
			At: rel.at.UTC().Truncate(time.Second), Kind: "deploy", Environment: c.Environment, Component: c.Name,
			What: rel.what(), Reference: rel.revision, By: auth.Identity(r),
		}
		if problems := a.problemsOf(change, now); len(problems) > 0 {
			web.Problem(w, r, http.StatusUnprocessableEntity, strings.Join(problems, "; "))
			return
		}
		change.ID = change.id()
		changes = append(changes, change)
	}
	if err := a.inbox.add(func(t *Told) { t.Changes = append(t.Changes, changes...) }); err != nil {
		a.refuse(w, r, err)
		return
	}
	accepted(w, map[string]any{"changes": changes})
}

// releasedBy lists the components that an object of a delivery tool releases:
// those that name it or, when the address names one, that one.
func (a *App) releasedBy(object, named string) []estate.Component {
	var out []estate.Component
	for _, c := range a.estate.Components {
		if c.Name == named || named == "" && (c.Name == object || slices.Contains(c.Releases, object)) {
			out = append(out, c)
		}
	}
	return out
}

func leftOut(w http.ResponseWriter, why string) {
	accepted(w, map[string]any{"changes": []Change{}, "left_out": why})
}
