package odoosim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A signature is what a method takes by name, as Odoo 19 declares it.
type signature struct {
	model    bool // api.model: not on records
	required int  // how many of params must be given
	params   []string
}

// signatures lists the methods that take arguments besides the records.
func signatures() map[string]signature {
	return map[string]signature{
		"create":                {true, 1, []string{"vals_list"}},
		"search":                {true, 1, []string{"domain", "offset", "limit", "order"}},
		"search_read":           {true, 0, []string{"domain", "fields", "offset", "limit", "order"}},
		"search_count":          {true, 1, []string{"domain", "limit"}},
		"name_search":           {true, 0, []string{"name", "domain", "operator", "limit"}},
		"read_group":            {true, 3, []string{"domain", "fields", "groupby", "offset", "limit", "orderby", "lazy"}},
		"formatted_read_group":  {true, 1, []string{"domain", "groupby", "aggregates", "having", "offset", "limit", "order"}},
		"fields_get":            {true, 0, []string{"allfields", "attributes"}},
		"context_get":           {true, 0, nil},
		"get_wkhtmltopdf_state": {true, 0, nil},
		"get_param":             {true, 1, []string{"key", "default"}},

		"read":                          {false, 0, []string{"fields", "load"}},
		"write":                         {false, 1, []string{"vals"}},
		"has_group":                     {false, 1, []string{"group_ext_id"}},
		"js_assign_outstanding_line":    {false, 1, []string{"line_id"}},
		"js_remove_outstanding_partial": {false, 1, []string{"partial_id"}},
		"reverse_moves":                 {false, 0, []string{"is_modify"}},
		"action_send_and_print":         {false, 0, []string{"allow_fallback_pdf"}},
	}
}

// bind turns named arguments into the call that they mean.
func bind(c *call, named map[string]any) error {
	ids, given := named["ids"]
	rpcContext := named["context"]
	delete(named, "ids")
	delete(named, "context")
	sig := signatures()[c.method]
	if sig.model && given && len(toList(ids)) > 0 {
		return unprocessable("cannot call " + c.model + "." + c.method + " with ids")
	}
	for _, name := range sig.params[:sig.required] {
		if _, ok := named[name]; !ok {
			return unprocessable("missing a required argument: '" + name + "'")
		}
	}
	for name := range named {
		if !slices.Contains(sig.params, name) {
			return unprocessable("got an unexpected keyword argument '" + name + "'")
		}
	}
	if !sig.model {
		if !given {
			ids = []any{}
		}
		c.args = append(c.args, ids)
	}
	for _, name := range sig.params {
		value, ok := named[name]
		if !ok {
			break // the rest stays named
		}
		c.args = append(c.args, value)
		delete(named, name)
	}
	c.kwargs = named
	if rpcContext != nil {
		c.kwargs["context"] = rpcContext
	}
	return nil
}

// An httpError is an exception of the HTTP layer.
func httpError(name, message string, code int) error {
	return &odooError{name: "werkzeug.exceptions." + name, message: message, arguments: []any{message, code}}
}

func unprocessable(message string) error {
	return httpError("UnprocessableEntity", message, http.StatusUnprocessableEntity)
}

// serveJSON2 is the API of Odoo 19: an API key, named arguments, bare results
// and real HTTP codes. 18 has another route there, for browsers; before that
// there is nothing.
func (s *Server) serveJSON2(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.opts.Version < 18:
		notFound(w)
		return
	case s.opts.Version < 19:
		redirect(w, "/web/login?redirect="+strings.ReplaceAll(r.URL.Path, "/", "%2F")+"%3F")
		return
	}
	if db := r.Header.Get("X-Odoo-Database"); db != "" && db != s.opts.DBName {
		noDatabase(w)
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" && r.ContentLength != 0 {
		w.Header().Set("Accept", "application/json")
		writeHTML(w, http.StatusUnsupportedMediaType, errorPage(http.StatusUnsupportedMediaType, "Unsupported Media Type",
			"Request inferred type is compatible with [&#39;http&#39;] but &#39;/json/2/&lt;__model__&gt;/&lt;__method__&gt;&#39; is type=&#39;json2&#39;.<br><br>Please verify the Content-Type request header and try again."))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeHTML(w, http.StatusRequestEntityTooLarge, errorPage(413, "Request Entity Too Large", "The data value transmitted exceeds the capacity limit."))
		return
	}
	var result any
	err = s.withWorker(r, func(ctx context.Context, wk *worker) error {
		return s.transact(ctx, wk, func(tx pgx.Tx) (err error) {
			result, err = s.json2(ctx, tx, r, body)
			return err
		})
	})
	if _, down := errors.AsType[*unavailable](err); down {
		noDatabase(w)
		return
	}
	s.writeJSON2(w, result, err)
}

func noDatabase(w http.ResponseWriter) {
	writeHTML(w, http.StatusNotFound, "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No database is selected and the requested URL was not found in the server-wide controllers.</p>\n<p>Please verify the hostname, <a href=/web/login>login</a> and try again.</p>\n\n<!-- Alternatively, use the X-Odoo-Database header. -->\n")
}

// json2 answers one request: the route first, then who asks, then what.
func (s *Server) json2(ctx context.Context, tx pgx.Tx, r *http.Request, body []byte) (any, error) {
	model, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/json/2/"), "/")
	if !ok || r.Method != http.MethodPost {
		return nil, httpError("NotFound", "Did you mean POST /json/2/<model>/<method>?", http.StatusNotFound)
	}
	uid, err := s.system(ctx, tx).bearer(r.Header.Get("Authorization"))
	if err != nil {
		return nil, err
	}
	named := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if len(body) > 0 && d.Decode(&named) != nil {
		return nil, httpError("BadRequest", "could not parse the body as json: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)", http.StatusBadRequest)
	}
	c := &call{model: model, method: method}
	if s.models[model] == nil {
		return nil, httpError("NotFound", "the model '"+model+"' does not exist", http.StatusNotFound)
	}
	if _, err := s.method(c); err != nil {
		if e := asOdooError(err); e.name == "builtins.AttributeError" {
			return nil, httpError("NotFound", e.message, http.StatusNotFound)
		}
		return nil, err
	}
	if err := bind(c, named); err != nil {
		return nil, err
	}
	result, err := s.execute(ctx, tx, uid, c)
	if id, one := result.(int64); one && method == "create" {
		return []any{id}, err // a recordset travels as its ids
	}
	return result, err
}

// bearer returns whose API key the header carries.
func (e *env) bearer(header string) (int64, error) {
	key, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		key, ok = strings.CutPrefix(header, "bearer ")
	}
	if !ok {
		return 0, httpError("Unauthorized", "User not authenticated, use an API Key with a Bearer Authorization header.", http.StatusUnauthorized)
	}
	uid, err := e.keyOwner(key)
	if err == nil && uid == 0 {
		err = httpError("Unauthorized", "Invalid apikey", http.StatusUnauthorized)
	}
	return uid, err
}

// writeJSON2 renders a bare result, or the error with its code.
func (s *Server) writeJSON2(w http.ResponseWriter, result any, err error) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if err == nil {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(appendJSON(nil, result))
		return
	}
	e := asOdooError(err)
	status := statusOf(e.name)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer ")
	}
	w.WriteHeader(status)
	arguments := e.arguments
	if arguments == nil {
		arguments = []any{e.message}
	}
	_, _ = w.Write(appendJSON(nil, object{
		{"name", e.name}, {"message", e.message}, {"arguments", arguments}, {"context", object{}}, {"debug", traceback(e)},
	}))
}

// statusOf is the HTTP code of an exception's class.
func statusOf(class string) int {
	switch class {
	case "odoo.exceptions.UserError", "odoo.exceptions.ValidationError", "werkzeug.exceptions.UnprocessableEntity":
		return http.StatusUnprocessableEntity
	case "odoo.exceptions.AccessError", "odoo.exceptions.AccessDenied":
		return http.StatusForbidden
	case "odoo.exceptions.MissingError", "werkzeug.exceptions.NotFound":
		return http.StatusNotFound
	case "odoo.exceptions.LockError":
		return http.StatusConflict
	case "werkzeug.exceptions.Unauthorized":
		return http.StatusUnauthorized
	case "werkzeug.exceptions.BadRequest":
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
