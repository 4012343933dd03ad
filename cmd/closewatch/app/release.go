package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A release is what a delivery tool says that it has done: which of its objects,
// to which revision, with what result. Whoever did it is not kept.
type release struct {
	tool     string // "Argo CD"
	object   string // the application, or the object's name
	revision string
	result   string // "Succeeded"
	at       time.Time
	done     bool // it is over; otherwise nothing has changed yet
	failed   bool
}

// A releaseReader reads a tool's notification.
type releaseReader func(body []byte) (release, error)

// releaseReaders lists the tools by the last part of the address that they
// post to.
func releaseReaders() map[string]releaseReader {
	return map[string]releaseReader{"argocd": readArgoCD, "flux": readFlux}
}

// Names and revisions as both tools make them; anything else is not repeated.
var (
	objectName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$`)
	revisionID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$`)
	longHash   = regexp.MustCompile(`\b[0-9a-f]{40}([0-9a-f]{24})?\b`)
)

// checked returns a release whose texts may be shown, or what is wrong with it.
func (r release) checked() (release, error) {
	switch {
	case !objectName.MatchString(r.object):
		return r, errors.New("it does not say which application or object it is about")
	case r.revision != "" && !revisionID.MatchString(r.revision):
		return r, errors.New("its revision is none")
	}
	// Twelve digits tell a commit as well, and fit.
	r.revision = longHash.ReplaceAllStringFunc(r.revision, func(hash string) string { return hash[:12] })
	if len(r.revision) > maxReference {
		r.revision = r.revision[:maxReference]
	}
	return r, nil
}

// what says what was released.
func (r release) what() string {
	to := ""
	if r.revision != "" {
		to = " to " + r.revision
	}
	if r.failed {
		return fmt.Sprintf("%s failed to release %s%s", r.tool, r.object, to)
	}
	return fmt.Sprintf("%s released %s%s", r.tool, r.object, to)
}

// An argoApp is what is read of an Argo CD application: as {{toJson .app}} gives
// it.
type argoApp struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Status struct {
		Sync struct {
			Revision string `json:"revision"`
		} `json:"sync"`
		OperationState struct {
			Phase      string    `json:"phase"`
			FinishedAt time.Time `json:"finishedAt"`
			SyncResult struct {
				Revision string `json:"revision"`
			} `json:"syncResult"`
		} `json:"operationState"`
	} `json:"status"`
}

// readArgoCD reads a notification of Argo CD. Its body is what a template
// makes of the application: the application itself, that under "app", or the
// four values that matter by their own names.
func readArgoCD(body []byte) (release, error) {
	r := release{tool: "Argo CD"}
	var whole struct {
		argoApp
		App        json.RawMessage `json:"app"`
		Revision   string          `json:"revision"`
		Phase      string          `json:"phase"`
		FinishedAt string          `json:"finishedAt"`
	}
	if err := json.Unmarshal(body, &whole); err != nil {
		return r, fmt.Errorf("it is not JSON as a template of Argo CD makes it: %w", err)
	}
	app := whole.argoApp
	if len(whole.App) > 0 && json.Unmarshal(whole.App, &r.object) != nil {
		if err := json.Unmarshal(whole.App, &app); err != nil {
			return r, fmt.Errorf("app is neither a name nor an application: %w", err)
		}
	}
	state := app.Status.OperationState
	r.object = firstOf(r.object, app.Metadata.Name)
	r.revision = firstOf(whole.Revision, state.SyncResult.Revision, app.Status.Sync.Revision)
	r.result = firstOf(whole.Phase, state.Phase)
	r.at = state.FinishedAt
	if whole.FinishedAt != "" {
		at, err := time.Parse(time.RFC3339, whole.FinishedAt)
		if err != nil {
			return r, errors.New("finishedAt is not a time such as 2026-11-27T06:40:00Z")
		}
		r.at = at
	}
	// Phases are Running, Terminating, Succeeded, Failed and Error; none at all is
	// that of a trigger for what has succeeded.
	r.failed = r.result == "Failed" || r.result == "Error"
	r.done = r.failed || r.result == "Succeeded" || r.result == ""
	return r.checked()
}

// readFlux reads an event of Flux as its generic provider sends it.
func readFlux(body []byte) (release, error) {
	r := release{tool: "Flux"}
	var event struct {
		InvolvedObject struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"involvedObject"`
		Severity  string            `json:"severity"`
		Timestamp time.Time         `json:"timestamp"`
		Reason    string            `json:"reason"`
		Metadata  map[string]string `json:"metadata"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return r, fmt.Errorf("it is not an event as Flux sends it: %w", err)
	}
	r.object, r.at, r.result, r.failed = event.InvolvedObject.Name, event.Timestamp, event.Reason, event.Severity == "error"
	for _, name := range []string{"originRevision", "revision"} { // the first that is there counts
		for _, key := range slices.Sorted(maps.Keys(event.Metadata)) {
			if key == name || strings.HasSuffix(key, "/"+name) {
				r.revision = firstOf(r.revision, event.Metadata[key])
			}
		}
	}
	// Only these two apply something; a source that has a new revision has changed
	// nothing yet. A wait for a dependency, and progress, are no end.
	applies := event.InvolvedObject.Kind == "Kustomization" || event.InvolvedObject.Kind == "HelmRelease"
	under := event.Reason == "Progressing" || event.Reason == "ProgressingWithRetry" || event.Reason == "DependencyNotReady"
	r.done = applies && !under && event.Severity != "trace"
	return r.checked()
}

// firstOf returns the first text that says something.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
