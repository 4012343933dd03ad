package store

import (
	"errors"
	"net/http"
	"runtime"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"
	"github.com/prometheus/prometheus/util/httputil"
)

// compatible is the Prometheus whose API and PromQL this is: the version of
// the embedded packages.
const compatible = "3.10.0"

// api serves a store.
type api struct{ store *Store }

// An answer is what an endpoint has to say.
type answer struct {
	data     any
	warnings annotations.Annotations
	query    string // positions in warnings refer to it
	err      error
	kind     errorKind // of err
	done     func()    // called when data has been written; may be nil
}

func failed(kind errorKind, err error) answer { return answer{kind: kind, err: err} }

// Handler serves Prometheus' HTTP API below prefix + "/api/v1". prefix is ""
// or begins with a slash and does not end with one: "/prometheus".
func (s *Store) Handler(prefix string) http.Handler {
	a := &api{s}
	mux := http.NewServeMux()
	handle := func(methods []string, path string, endpoint func(*http.Request) answer) {
		for _, method := range methods {
			mux.HandleFunc(method+" "+prefix+"/api/v1/"+path, a.serve(endpoint))
		}
	}
	get, form := []string{http.MethodGet}, []string{http.MethodGet, http.MethodPost}
	handle(form, "query", a.query)
	handle(form, "query_range", a.queryRange)
	handle(form, "query_exemplars", a.queryExemplars)
	handle(form, "format_query", a.formatQuery)
	handle(form, "labels", a.labelNames)
	handle(get, "label/{name}/values", a.labelValues)
	handle(form, "series", a.series)
	handle(get, "metadata", a.metricMetadata)
	handle(get, "rules", constant(map[string]any{"groups": []any{}}))
	handle(get, "alerts", constant(map[string]any{"alerts": []any{}}))
	handle(get, "status/buildinfo", constant(map[string]string{
		"version": compatible, "revision": "", "branch": "closewatch", "buildUser": "", "buildDate": "", "goVersion": runtime.Version(),
	}))
	return httputil.CompressionHandler{Handler: mux}
}

// constant serves what never changes: rules are evaluated elsewhere, alerts
// are Alertmanager's.
func constant(data any) func(*http.Request) answer {
	return func(*http.Request) answer { return answer{data: data} }
}

// serve answers a request with what endpoint says.
func (a *api) serve(endpoint func(*http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, a.store.options.Queries.MaxBody)
		var ans answer
		if err := r.ParseForm(); err != nil {
			ans = failed(badData, errors.New("error parsing form values: "+err.Error()))
		} else {
			ans = endpoint(r)
		}
		if ans.done != nil {
			defer ans.done()
		}
		if err := ans.write(w); err != nil {
			a.store.options.Log.Debug("answer could not be written", "path", r.URL.Path, "err", err)
		}
	}
}

// queryExemplars serves /api/v1/query_exemplars: none are stored.
func (a *api) queryExemplars(r *http.Request) answer {
	if _, _, err := interval(r); err != nil {
		return failed(badData, err)
	}
	if _, err := parser.ParseExpr(r.FormValue("query")); err != nil {
		return failed(badData, err)
	}
	return answer{data: []any{}}
}

// formatQuery serves /api/v1/format_query.
func (a *api) formatQuery(r *http.Request) answer {
	expr, err := parser.ParseExpr(r.FormValue("query"))
	if err != nil {
		return failed(badData, invalid("query", err))
	}
	return answer{data: expr.Pretty(0)}
}
