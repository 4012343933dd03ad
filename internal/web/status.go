package web

import "net/http"

func (h *handler) statusPage(w http.ResponseWriter, _ *http.Request) {
	s := h.Source.Status()
	p := h.page("Status", s.Zone)
	p.Section, p.Estate, p.AsOf, p.Refresh, p.API = "status", s.Estate, s.AsOf, true, "/api/v1/status"
	p.Headline = statusHeadline(s, p.now, h.StaleAfter)
	if len(s.Lines) > maxLines { // the worst are first
		s.Lines, p.More = s.Lines[:maxLines], len(s.Lines)-maxLines
	}
	s.NotMeasured = s.NotMeasured[:min(len(s.NotMeasured), maxLines)]
	p.Title, p.Public = p.Headline.Text, s
	h.render(w, http.StatusOK, "status", p)
}
