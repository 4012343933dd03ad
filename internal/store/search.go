package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// search is the parameters labels, label values and series have in common.
type search struct {
	querier storage.Querier
	sets    [][]*labels.Matcher
	limit   int
	hints   storage.SelectHints
}

func (a *api) newSearch(r *http.Request) (*search, error) {
	limit, err := limit(r)
	if err != nil {
		return nil, err
	}
	start, end, err := interval(r)
	if err != nil {
		return nil, err
	}
	sets, err := matchers(r)
	if err != nil {
		return nil, err
	}
	q, err := a.store.db.Querier(start.UnixMilli(), end.UnixMilli())
	if err != nil {
		return nil, err
	}
	s := &search{querier: q, sets: sets, limit: limit}
	s.hints = storage.SelectHints{Start: start.UnixMilli(), End: end.UnixMilli(), Func: "series"}
	if limit > 0 {
		s.hints.Limit = limit + 1 // one more tells that there are more
	}
	return s, nil
}

func (s *search) close() { _ = s.querier.Close() }

// strings collects the sorted union of what one lookup finds for each set of
// matchers.
func (s *search) strings(lookup func(*storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error)) answer {
	found := map[string]bool{}
	ans := answer{done: s.close}
	for _, set := range s.orAll() {
		names, warnings, err := lookup(&storage.LabelHints{Limit: s.hints.Limit}, set...)
		ans.warnings.Merge(warnings)
		if err != nil {
			ans.kind, ans.err = kindOf(err), err
			return ans
		}
		for _, n := range names {
			found[strings.Clone(n)] = true
		}
	}
	out := slices.AppendSeq(make([]string, 0, len(found)), maps.Keys(found))
	slices.Sort(out)
	if s.limit > 0 && len(out) > s.limit {
		out = out[:s.limit]
		ans.warnings.Add(errTruncated)
	}
	ans.data = out
	return ans
}

// orAll returns the sets of matchers, or one that matches everything.
func (s *search) orAll() [][]*labels.Matcher {
	if len(s.sets) == 0 {
		return [][]*labels.Matcher{nil}
	}
	return s.sets
}

// labelNames serves /api/v1/labels.
func (a *api) labelNames(r *http.Request) answer {
	s, err := a.newSearch(r)
	if err != nil {
		return failed(badData, err)
	}
	return s.strings(func(hints *storage.LabelHints, set ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return s.querier.LabelNames(r.Context(), hints, set...)
	})
}

// labelValues serves /api/v1/label/{name}/values.
func (a *api) labelValues(r *http.Request) answer {
	name := r.PathValue("name")
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return failed(badData, fmt.Errorf("invalid label name: %q", name))
	}
	s, err := a.newSearch(r)
	if err != nil {
		return failed(badData, err)
	}
	return s.strings(func(hints *storage.LabelHints, set ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return s.querier.LabelValues(r.Context(), name, hints, set...)
	})
}

// series serves /api/v1/series.
func (a *api) series(r *http.Request) answer {
	if len(r.Form["match[]"]) == 0 {
		return failed(badData, errors.New("no match[] parameter provided"))
	}
	if _, err := matchers(r); err != nil {
		return failed(badData, invalid("match[]", err))
	}
	s, err := a.newSearch(r)
	if err != nil {
		return failed(badData, err)
	}
	ans := answer{done: s.close}
	set := s.selectAll(r.Context())
	found := []labels.Labels{}
	for set.Next() {
		if err := r.Context().Err(); err != nil {
			ans.kind, ans.err = kindOf(err), err
			return ans
		}
		if s.limit > 0 && len(found) == s.limit {
			ans.warnings.Add(errTruncated)
			break
		}
		found = append(found, set.At().Labels())
	}
	ans.warnings.Merge(set.Warnings())
	if err := set.Err(); err != nil {
		ans.kind, ans.err = kindOf(err), err
		return ans
	}
	ans.data = found
	return ans
}

// selectAll selects the series of every set of matchers, each series once.
func (s *search) selectAll(ctx context.Context) storage.SeriesSet {
	if len(s.sets) == 1 {
		return s.querier.Select(ctx, false, &s.hints, s.sets[0]...)
	}
	var sets []storage.SeriesSet
	for _, set := range s.sets {
		sets = append(sets, s.querier.Select(ctx, true, &s.hints, set...)) // sorted, to be merged
	}
	return storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
}
