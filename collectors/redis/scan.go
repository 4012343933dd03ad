package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	byPattern = []string{"db", "pattern"}

	patternKeysDesc  = prometheus.NewDesc("redis_pattern_keys", "Keys that match a pattern of the estate, as of the last complete scan.", byPattern, nil)
	patternItemsDesc = prometheus.NewDesc("redis_pattern_elements", "Elements of the lists, sets, sorted sets, hashes and streams that match the pattern; absent when there are too many keys to measure.", byPattern, nil)
	patternAtDesc    = prometheus.NewDesc("redis_pattern_scan_timestamp_seconds", "When the last complete scan for the pattern ended.", byPattern, nil)
	scansDesc        = prometheus.NewDesc("redis_pattern_scans_total", "Scans for the pattern by how they ended: complete, over_budget (the database has more keys than the scan may visit), slow (the server took too long over a step) or failed.",
		[]string{"db", "pattern", "result"}, nil)
)

const (
	// scanStep is how many keys one SCAN visits; it takes the server some ten
	// microseconds.
	scanStep = 100
	// scanPatience is how long one step may take; a server that needs longer is
	// busy, and the scan is given up.
	scanPatience = 100 * time.Millisecond
	// maxMatches bounds the keys of a pattern that are remembered to be counted
	// once, and maxMeasured those whose elements are counted.
	maxMatches, maxMeasured = 50_000, 1_000
)

var everyResult = []string{"complete", "over_budget", "slow", "failed"}

// errBudget, errSlow are why a scan was given up.
var (
	errBudget = errors.New("the scan has visited as many keys as it may")
	errSlow   = errors.New("the server took too long over a step of the scan")
)

// A scanner counts the keys that match patterns, slowly and in the background.
// It is safe for concurrent use.
type scanner struct {
	config   Scan
	database int
	ask      ask
	now      func() time.Time
	patience time.Duration // scanPatience

	mu    sync.Mutex
	found map[string]*finding
}

// A finding is what is known of one pattern.
type finding struct {
	at       time.Time // of the last complete scan; zero before it
	keys     int
	elements *int64 // nil when there are too many keys
	results  map[string]float64
}

func newScanner(config Scan, database int, ask ask, now func() time.Time) *scanner {
	s := &scanner{config: config, database: database, ask: ask, now: now, patience: scanPatience, found: map[string]*finding{}}
	for _, pattern := range config.Patterns {
		s.found[pattern] = &finding{results: map[string]float64{}}
	}
	return s
}

// run scans for one pattern after the other, then rests, until ctx is done.
func (s *scanner) run(ctx context.Context) {
	for {
		for _, pattern := range s.config.Patterns {
			keys, elements, err := s.sweep(ctx, pattern)
			if ctx.Err() != nil {
				return
			}
			s.record(pattern, keys, elements, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.config.Interval.D()):
		}
	}
}

func (s *scanner) record(pattern string, keys int, elements *int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.found[pattern]
	switch {
	case err == nil:
		f.results["complete"]++
		f.at, f.keys, f.elements = s.now(), keys, elements
	case errors.Is(err, errBudget):
		f.results["over_budget"]++
	case errors.Is(err, errSlow):
		f.results["slow"]++
	default:
		f.results["failed"]++
	}
}

// sweep visits every key once, at the pace that the estate allows.
func (s *scanner) sweep(ctx context.Context, pattern string) (keys int, elements *int64, err error) {
	pace := time.NewTicker(max(time.Second*scanStep/time.Duration(s.config.KeysPerSecond), time.Millisecond))
	defer pace.Stop()
	seen := map[string]bool{}
	total, measured, cursor := int64(0), 0, "0"
	for visited := 0; ; visited += scanStep {
		if visited >= s.config.MaxKeys || len(seen) > maxMatches {
			return 0, nil, errBudget
		}
		next, matches, err := s.step(ctx, cursor, pattern)
		if err != nil {
			return 0, nil, err
		}
		matches = slices.DeleteFunc(matches, func(key string) bool { // SCAN may repeat itself
			known := seen[key]
			seen[key] = true
			return known
		})
		if measured += len(matches); measured <= maxMeasured && len(matches) > 0 {
			n, err := s.count(ctx, matches)
			if err != nil {
				return 0, nil, err
			}
			total += n
		}
		if cursor = next; cursor == "0" {
			break
		}
		select {
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		case <-pace.C:
		}
	}
	if measured > maxMeasured {
		return len(seen), nil, nil
	}
	return len(seen), &total, nil
}

func (s *scanner) step(ctx context.Context, cursor, pattern string) (next string, matches []string, err error) {
	begun := s.now()
	answers, err := s.ask(ctx, command{"SCAN", cursor, "MATCH", pattern, "COUNT", scanStep})
	if err != nil {
		return "", nil, err
	}
	if err := answers[0].err; err != nil {
		return "", nil, err
	}
	if s.now().Sub(begun) > s.patience {
		return "", nil, errSlow
	}
	page := answers[0].list()
	if len(page) != 2 {
		return "", nil, fmt.Errorf("SCAN answers a list of %d", len(page))
	}
	next, _ = page[0].(string)
	keys, _ := page[1].([]any)
	for _, k := range keys {
		if key, ok := k.(string); ok {
			matches = append(matches, key)
		}
	}
	return next, matches, nil
}

// count adds up the elements of keys. A key that is gone or of another type has
// none.
func (s *scanner) count(ctx context.Context, keys []string) (int64, error) {
	commands := make([]command, len(keys))
	for n, key := range keys {
		commands[n] = command{"TYPE", key}
	}
	types, err := s.ask(ctx, commands...)
	if err != nil {
		return 0, err
	}
	var sizes []command
	for n, key := range keys {
		kind, _ := types[n].value.(string)
		if length, ok := lengths[kind]; ok && kind != "string" {
			sizes = append(sizes, command{length, key})
		}
	}
	if len(sizes) == 0 {
		return 0, nil
	}
	answers, err := s.ask(ctx, sizes...)
	total := int64(0)
	for _, a := range answers {
		n, _ := a.value.(int64)
		total += n
	}
	return total, err
}

// Describe implements collector.Collector.
func (*scanner) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{patternKeysDesc, patternItemsDesc, patternAtDesc, scansDesc} {
		ch <- d
	}
}

// Collect implements collector.Collector. It reads memory, never the server.
func (s *scanner) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	db := "db" + strconv.Itoa(s.database)
	for pattern, f := range s.found {
		for _, result := range everyResult {
			counter(ch, scansDesc, f.results[result], db, pattern, result)
		}
		if f.at.IsZero() {
			continue
		}
		gauge(ch, patternAtDesc, float64(f.at.Unix()), db, pattern)
		if s.now().Sub(f.at) > 3*s.config.Interval.D() {
			continue // too long ago to be told as if it were so
		}
		gauge(ch, patternKeysDesc, float64(f.keys), db, pattern)
		if f.elements != nil {
			gauge(ch, patternItemsDesc, float64(*f.elements), db, pattern)
		}
	}
	return nil
}
