package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/closewatch/closewatch/internal/auth"
	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/web"
	"github.com/closewatch/closewatch/internal/wording"
)

// Probing is whether flows may write, and which there are.
type Probing struct {
	Paused bool       `json:"paused"`
	Reason string     `json:"reason,omitempty"`
	By     string     `json:"by,omitempty"`    // the name of a token or a role, never of a person
	Since  *time.Time `json:"since,omitempty"` // nil: not said
	Flows  []Probed   `json:"flows,omitempty"`
}

// Probed is one scheduled flow.
type Probed struct {
	Environment string     `json:"environment"`
	Component   string     `json:"component"`
	Flow        string     `json:"flow"`
	Level       flow.Level `json:"level"`
	Running     bool       `json:"running"`
	Next        *time.Time `json:"next,omitempty"`
}

// probing says how things stand.
func (a *App) probing() (Probing, error) {
	out := Probing{Flows: []Probed{}}
	stop, err := a.killSwitch().File()
	if err != nil {
		return out, err
	}
	switch {
	case stop != nil:
		out.Paused, out.Reason, out.By = true, cmp.Or(stop.Reason, "its file exists, and does not say why"), stop.By
		if !stop.At.IsZero() {
			out.Since = &stop.At
		}
	case a.estate.Schedule.Paused:
		out.Paused, out.Reason = true, "schedule.paused is set in the estate"
	}
	for _, p := range a.probers {
		for _, s := range p.schedule.Status() {
			at := Probed{Environment: p.tenant.environment, Component: p.component, Flow: s.Flow, Level: s.Level, Running: s.Running}
			if !s.Next.IsZero() {
				at.Next = &s.Next
			}
			out.Flows = append(out.Flows, at)
		}
	}
	return out, nil
}

// killSwitch is the switch that all flows of this data directory share.
func (a *App) killSwitch() *flow.KillSwitch {
	return flow.NewKillSwitch(a.data.Join("state", killSwitch))
}

// serveProbing answers GET /api/v1/probing.
func (a *App) serveProbing(w http.ResponseWriter, r *http.Request) {
	p, err := a.probing()
	if err != nil {
		web.Problem(w, r, http.StatusInternalServerError, err.Error()+"; flows do not write meanwhile")
		return
	}
	writeJSON(w, p)
}

// servePause answers POST /api/v1/probing/pause: 200 once the kill switch is on
// disk. From then on no flow writes, after a restart neither; what is written is
// cleaned up.
func (a *App) servePause(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Reason string `json:"reason"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTelling))
	dec.DisallowUnknownFields()
	err := dec.Decode(&body)
	if err == nil && dec.Decode(&struct{}{}) != io.EOF {
		err = errors.New("there is more than one JSON value")
	}
	if err != nil {
		web.Problem(w, r, http.StatusBadRequest, "the body is not a reason as JSON ("+err.Error()+`); write {"reason": "year end"}`)
		return
	}
	if problem := problemOfReason(body.Reason); problem != "" {
		web.Problem(w, r, http.StatusUnprocessableEntity, problem)
		return
	}
	stop := flow.Stop{Reason: body.Reason, By: auth.Identity(r), At: a.now().UTC().Truncate(time.Second)}
	a.turn(w, r, "probing-paused", body.Reason, func(k *flow.KillSwitch) error { return k.Engage(stop) }) //nolint:contextcheck // evidence is written whole
}

// serveResume answers POST /api/v1/probing/resume.
func (a *App) serveResume(w http.ResponseWriter, r *http.Request) {
	a.turn(w, r, "probing-resumed", "", (*flow.KillSwitch).Release) //nolint:contextcheck // evidence is written whole
}

// turn turns the kill switch, makes that evidence, and answers how things stand.
func (a *App) turn(w http.ResponseWriter, r *http.Request, action, note string, do func(*flow.KillSwitch) error) {
	if err := do(a.killSwitch()); err != nil {
		a.refuse(w, r, err)
		return
	}
	by := auth.Identity(r)
	a.log.Warn(action, "by", by, "reason", note)
	a.rooms.chronicle.tell(evidence.Entry{Class: evidence.Change, Action: action, Actor: actorOf(by), Note: note})
	a.serveProbing(w, r)
}

// problemOfReason says what is wrong with the reason of a pause, or "".
func problemOfReason(reason string) string {
	if reason == "" || utf8.RuneCountInString(reason) > maxWhat {
		return fmt.Sprintf("reason: write why nothing may be written, in 1 to %d characters", maxWhat)
	}
	for _, f := range wording.PII(reason) {
		return "reason: " + f.Why + "; people are named by their role, and amounts are left out"
	}
	return ""
}

// PauseByFile turns the kill switch on where no daemon runs, and returns the
// file that it is.
func PauseByFile(p *Plan, data, reason string, now time.Time) (string, error) {
	if problem := problemOfReason(reason); problem != "" {
		return "", errors.New(problem)
	}
	path, err := killSwitchFile(p, data)
	if err != nil {
		return "", err
	}
	return path, flow.NewKillSwitch(path).Engage(flow.Stop{Reason: reason, By: "command line", At: now.UTC().Truncate(time.Second)})
}

// ResumeByFile turns it off, whoever turned it on, and returns the file that
// it was.
func ResumeByFile(p *Plan, data string) (string, error) {
	path, err := killSwitchFile(p, data)
	if err != nil {
		return "", err
	}
	return path, flow.NewKillSwitch(path).Release()
}

func killSwitchFile(p *Plan, data string) (string, error) {
	dir, err := probeDir(p, data)
	return filepath.Join(dir, killSwitch), err
}
