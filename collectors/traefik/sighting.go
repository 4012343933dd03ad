package traefik

import (
	"slices"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/logtail"
)

// lastReload is when Traefik last took a configuration over, in Unix seconds.
const lastReload = "traefik_config_last_reload_success"

// silent are the entrypoints that log nothing by default: Traefik's own
// affairs, under the names its documentation gives them.
var silent = []string{"traefik", "metrics", "ping"}

// A sighting is what the scrapes tell those who read the logs: when the
// configuration was last taken over, and how many requests came through the
// entrypoints while how many lines were read. It is safe for concurrent use.
type sighting struct {
	entryPoints []string                           // that should log; empty means all but the silent
	lines       func() (read uint64, current bool) // of the access log; nil without one

	mu       sync.Mutex
	reloaded float64 // Unix seconds, 0 while unknown
	began    float64 // start of Traefik's process, Unix seconds, 0 while unknown
	totals   map[string]float64
	requests float64 // since the first scrape
	restarts int
	marks    []mark // of the last five minutes, oldest first
}

// A mark is what had been counted when Traefik was scraped.
type mark struct {
	at       time.Time
	requests float64
	lines    uint64
	restarts int
}

// see takes one scrape. It does nothing on a nil sighting.
func (s *sighting) see(now time.Time, e exposition) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloaded, _ = e.value(lastReload)
	s.began, _ = e.value(startTime)
	s.count(e.sums("traefik_entrypoint_requests_total", "entrypoint"))
	if s.lines == nil {
		return
	}
	if lines, current := s.lines(); current {
		s.marks = append(s.marks, mark{now, s.requests, lines, s.restarts})
	}
	old := 0
	for old < len(s.marks)-1 && (now.Sub(s.marks[old].at) > recentFor || len(s.marks)-old > maxRecent) {
		old++
	}
	s.marks = slices.Delete(s.marks, 0, old)
}

// count adds what came since the last scrape. Totals that fall are those of a
// Traefik that began anew.
func (s *sighting) count(totals map[string]float64) {
	first, restarted := s.totals == nil, false
	for name, n := range totals {
		if !s.logs(name) {
			continue
		}
		before := s.totals[name]
		if n < before {
			before, restarted = 0, true
		}
		if !first {
			s.requests += n - before
		}
	}
	if restarted {
		s.restarts++
	}
	s.totals = totals
}

// logs reports whether the requests of an entrypoint should be in the log.
func (s *sighting) logs(entryPoint string) bool {
	if len(s.entryPoints) > 0 {
		return slices.Contains(s.entryPoints, entryPoint)
	}
	return !slices.Contains(silent, entryPoint)
}

// coverage is the share of the requests of the last five minutes that have a
// line, while Traefik is being scraped. With more than one restart in them the totals are those of several
// Traefiks taken for one, and say nothing.
func (s *sighting) coverage(now time.Time) (ratio float64, enough bool) {
	if s == nil {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.marks) == 0 || now.Sub(s.marks[len(s.marks)-1].at) > recentFor {
		return 0, false
	}
	first, last := s.marks[0], s.marks[len(s.marks)-1]
	n := last.requests - first.requests
	if n < fewNumbered || last.restarts-first.restarts > 1 {
		return 0, false
	}
	return min(1, float64(last.lines-first.lines)/n), true
}

// changes are when Traefik last took a configuration over and when it was
// started, zero while unknown.
func (s *sighting) changes() (reloaded, started time.Time) {
	if s == nil {
		return reloaded, started
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return unixSeconds(s.reloaded), unixSeconds(s.began)
}

// unixSeconds is a time in Unix seconds; 0 is the zero Time.
func unixSeconds(s float64) time.Time { return unixNano(int64(s * 1e9)) }

// behind is how many bytes may be written and not read while the lines that
// were read still count as all there are.
const behind = 1 << 20

// linesRead is how many lines were read, and whether these are about all there
// are.
func linesRead(s *logtail.Snapshot[counted]) (lines uint64, current bool) {
	if s == nil || !s.Readable || s.Lag > behind {
		return 0, false
	}
	l := s.State.Lines
	return l.Parsed + l.NoStatus + l.Unparsed + s.Counts.Oversize, true
}
