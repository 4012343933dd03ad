package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/internal/wording"
)

//go:embed templates/*.html
var templates embed.FS

// Bounds of a page; the API has everything.
const (
	maxIncidents = 100
	maxEvents    = 100
	maxRuns      = 6
	maxLines     = 100
	maxText      = 400
)

// pages holds one parsed template per page, each with the layout.
type pages map[string]*template.Template

func parsePages() pages {
	funcs := template.FuncMap{
		"tier": tierStatus, "state": stateStatus, "outcome": outcomeStatus, "process": processStatus,
		"span": span, "percent": wording.Percent, "plural": wording.Count, "list": wording.List, "seconds": Seconds.D,
		"short": short, "waterfall": waterfall, "clock": clockOf, "trim": wording.Cut, "condition": conditionStatus,
		"sentence": wording.Sentence,
		"verdict":  verdictStatus, "check": checkStatus,
		"late":      func(s Seconds) bool { return s < 0 },
		"overspent": func(budget float64) bool { return budget < 0 },
		"times":     func(burn float64) string { return fmt.Sprintf("%.1f×", burn) },
		"details":   func(pg page, p Process) rowDetails { return rowDetails{pg, p} },
	}
	out := pages{}
	for _, name := range []string{"overview", "incidents", "incident", "status", "runbooks", "runbook", "error"} {
		out[name] = template.Must(template.New("layout.html").Funcs(funcs).
			ParseFS(templates, "templates/layout.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return out
}

// A page is what every template sees as $.
type page struct {
	Title   string
	Section string // which entry of the navigation is current
	Estate  string
	AsOf    time.Time
	Refresh bool // whether the page changes while it is looked at
	Copies  bool // whether it has a text to copy
	API     string

	Headline  headline
	Overview  Overview
	Watched   []Process
	Unwatched []Process
	List      []IncidentSummary
	More      int // incidents or lines beyond the bound
	Incident  Incident
	Public    Status
	Runbooks  []group
	Runbook   document
	Status    int
	Message   string

	Version string
	Asset   string
	base    string
	now     time.Time
	zone    *time.Location
	stale   time.Duration
}

func (h *handler) page(title string, zone *time.Location) page {
	if zone == nil {
		zone = time.UTC
	}
	return page{
		Title: title, Version: h.Version, Asset: assetVersion(),
		base: h.BasePath, now: h.Now(), zone: zone, stale: h.StaleAfter,
	}
}

func (h *handler) overviewPage(w http.ResponseWriter, _ *http.Request) {
	o := sorted(h.Source.Overview())
	p := h.page("Overview", o.Zone)
	p.Section, p.Estate, p.AsOf, p.Refresh, p.API = "overview", o.Estate, o.AsOf, true, "/api/v1/overview"
	p.Headline = headlineOf(o, p.now, h.StaleAfter)
	p.Title = p.Headline.Text
	for _, proc := range o.Processes {
		if proc.Watched() {
			p.Watched = append(p.Watched, proc)
		} else {
			p.Unwatched = append(p.Unwatched, proc)
		}
	}
	p.Overview = o
	h.render(w, http.StatusOK, "overview", p)
}

func (h *handler) incidentsPage(w http.ResponseWriter, _ *http.Request) {
	o := h.Source.Overview()
	p := h.page("Incidents", o.Zone)
	p.Section, p.Estate, p.AsOf, p.Refresh, p.API = "incidents", o.Estate, o.AsOf, true, "/api/v1/incidents"
	p.List = h.Source.Incidents()
	if len(p.List) > maxIncidents {
		p.List, p.More = p.List[:maxIncidents], len(p.List)-maxIncidents
	}
	h.render(w, http.StatusOK, "incidents", p)
}

func (h *handler) incidentPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	in, ok := h.Source.Incident(id)
	if !ok {
		h.message(w, http.StatusNotFound, "There is no incident with this id. It may be older than what is kept.")
		return
	}
	p := h.page(in.ID+" "+in.Title, in.Zone)
	p.Section, p.Estate, p.AsOf, p.Refresh = "incidents", in.Estate, in.AsOf, in.Open()
	p.API, p.Copies = "/api/v1/incidents/"+url.PathEscape(in.ID), in.Update != ""
	in.Timeline = bounded(in.Timeline, maxEvents)
	in.Changes = bounded(in.Changes, maxEvents)
	in.Runs = in.Runs[:min(len(in.Runs), maxRuns)]
	p.Incident = in
	h.render(w, http.StatusOK, "incident", p)
}

// bounded keeps the newest n events.
func bounded(events []Event, n int) []Event { return events[max(0, len(events)-n):] }

func (h *handler) elsewhere(w http.ResponseWriter, r *http.Request) {
	if !readOnly(r) {
		w.Header().Set("Allow", "GET, HEAD")
		h.message(w, http.StatusMethodNotAllowed, "These pages only show; nothing can be changed here.")
		return
	}
	h.message(w, http.StatusNotFound, "There is no page at this address.")
}

func (h *handler) message(w http.ResponseWriter, code int, text string) {
	p := h.page(http.StatusText(code), nil)
	p.Status, p.Message = code, text
	h.render(w, code, "error", p)
}

// render writes a whole page or, if its template fails, none of it.
func (h *handler) render(w http.ResponseWriter, code int, name string, p page) {
	var buf bytes.Buffer
	if err := h.pages[name].Execute(&buf, p); err != nil {
		http.Error(w, "This page could not be written.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(buf.Bytes()) // a reader that left is not an error
}

// To returns the address of a path of this server.
func (p page) To(path string) string { return p.base + path }

// IncidentURL returns the address of an incident's page.
func (p page) IncidentURL(id string) string { return p.base + "/incidents/" + url.PathEscape(id) }

// Safe returns a link's address when it leads to the web or to this server,
// and "" otherwise.
func (p page) Safe(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return ""
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return u.String()
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return p.base + u.String()
	default:
		return ""
	}
}

// rowDetails is what the unfolded part of a process's row sees.
type rowDetails struct {
	Page    page
	Process Process
}

// A stamp is a time as people and as machines read it.
type stamp struct {
	ISO, UTC, Text string
}

// At shows a time in the estate's zone, with the day unless it is today.
func (p page) At(t time.Time) stamp {
	local, today := t.In(p.zone), p.now.In(p.zone)
	layout := "Mon 2 Jan 15:04"
	switch {
	case sameDay(local, today):
		layout = "15:04"
	case local.Year() != today.Year():
		layout = "2 Jan 2006 15:04"
	}
	return p.stamp(t, layout)
}

// AtSecond is At with seconds, for timelines.
func (p page) AtSecond(t time.Time) stamp {
	if sameDay(t.In(p.zone), p.now.In(p.zone)) {
		return p.stamp(t, "15:04:05")
	}
	return p.stamp(t, "Mon 2 Jan 15:04:05")
}

// Ago says how long ago a time was.
func (p page) Ago(t time.Time) stamp {
	s := p.stamp(t, "")
	s.Text = span(max(0, p.now.Sub(t)))
	return s
}

func (p page) stamp(t time.Time, layout string) stamp {
	return stamp{
		ISO:  t.UTC().Format(time.RFC3339),
		UTC:  t.UTC().Format("2006-01-02 15:04:05") + " UTC",
		Text: t.In(p.zone).Format(layout),
	}
}

// Zone names the zone of the times shown.
func (p page) Zone() string { return p.zone.String() }

// Stale reports whether data of time t no longer counts as current.
func (p page) Stale(t time.Time) bool { return p.now.Sub(t) > p.stale }

// Soon reports whether a slack leaves little room.
func (p page) Soon(s *Seconds) bool { return s != nil && s.D() < time.Hour }

// Lasted says how long an incident lasted, or has.
func (p page) Lasted(s IncidentSummary) string {
	end := s.Resolved
	if end.IsZero() {
		end = p.now
	}
	return span(max(0, end.Sub(s.Opened)))
}

func sameDay(a, b time.Time) bool { return a.YearDay() == b.YearDay() && a.Year() == b.Year() }

// short bounds a text that someone else wrote.
func short(s string) string { return wording.Cut(s, maxText) }

// A bar is one step of a run, placed in per mille of the run's length.
type bar struct {
	flow.Step
	X, Width int
	Tone     string
}

// waterfall places the steps of a run, clean-up included.
func waterfall(run flow.Run) []bar {
	end := run.Started.Add(run.Duration)
	for _, s := range run.Steps {
		if e := s.Started.Add(s.Duration); e.After(end) {
			end = e
		}
	}
	total := max(end.Sub(run.Started), 1)
	bars := make([]bar, len(run.Steps))
	for i, s := range run.Steps {
		x := min(max(int(1000*s.Started.Sub(run.Started)/total), 0), 995)
		b := bar{Step: s, X: x, Width: min(max(int(1000*s.Duration/total), 5), 1000-x), Tone: "ok"}
		switch {
		case s.Kind != "":
			b.Tone = "critical"
		case s.Cleanup:
			b.Tone = "unknown"
		}
		bars[i] = b
	}
	return bars
}

// A dial is a clock as a share of its objective.
type dial struct {
	Status status
	Text   string
	Share  int // per cent, at most 100
}

// clockOf compares a clock with its objective.
func clockOf(c *Clock) dial {
	if c.Elapsed == nil {
		return dial{tierStatus(TierUnknown), "unknown", 0}
	}
	share := 100
	if c.Objective > 0 {
		share = int(min(max(100*c.Elapsed.D()/c.Objective.D(), 0), 100))
	}
	d := dial{status{"within", "ok", "ok"}, span(c.Elapsed.D()), share}
	switch {
	case c.Elapsed.D() > c.Objective.D():
		d.Status = status{"exceeded", "stop", "critical"}
	case share >= 50:
		d.Status = status{"more than half used", "warn", "warning"}
	}
	return d
}
