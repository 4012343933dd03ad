package odoosim

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// serveVersion answers without the database.
func (s *Server) serveVersion(w http.ResponseWriter, r *http.Request, _ *jsonRequest) (any, error) {
	sess, err := s.loadSession(r)
	if err == nil && sess == nil {
		err = s.startSession(w, 0, "")
	}
	if err != nil {
		return nil, s.storeFailed(w, err)
	}
	return s.versionObject(), s.withWorker(r, func(context.Context, *worker) error { return nil })
}

// serveAuthenticate is the web login.
func (s *Server) serveAuthenticate(w http.ResponseWriter, r *http.Request, q *jsonRequest) (any, error) {
	var p struct{ DB, Login, Password string }
	if err := q.decode(&p); err != nil {
		return nil, err
	}
	if _, err := s.loadSession(r); err != nil {
		return nil, s.storeFailed(w, err)
	}
	if p.DB != s.opts.DBName {
		return nil, accessError("Database not found.")
	}
	var info object
	var uid int64
	err := s.withWorker(r, func(ctx context.Context, wk *worker) error {
		return s.transact(ctx, wk, func(tx pgx.Tx) (err error) {
			uid, err = s.system(ctx, tx).login(p.Login, p.Password, true)
			if err != nil {
				return err
			}
			if uid == 0 {
				return accessDenied()
			}
			info, err = s.infoOf(ctx, tx, uid)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if err := s.startSession(w, uid, p.Login); err != nil {
		return nil, s.storeFailed(w, err)
	}
	return info, nil
}

func (s *Server) infoOf(ctx context.Context, tx pgx.Tx, uid int64) (object, error) {
	e, err := s.newEnv(ctx, tx, uid, map[string]any{})
	if err != nil {
		return nil, err
	}
	return e.sessionInfo(s.opts.DBName)
}

// asUser runs fn in the session's environment. Without a session that is
// error 100; with the database down Odoo does not find the route.
func (s *Server) asUser(w http.ResponseWriter, r *http.Request, fn func(ctx context.Context, tx pgx.Tx, sess *session) error) error {
	sess, err := s.loadSession(r)
	if err != nil {
		return s.storeFailed(w, err)
	}
	if sess == nil || sess.UID == 0 || sess.DB != s.opts.DBName {
		return sessionExpired()
	}
	err = s.withWorker(r, func(ctx context.Context, wk *worker) error {
		return s.transact(ctx, wk, func(tx pgx.Tx) error { return fn(ctx, tx, sess) })
	})
	if _, down := errors.AsType[*unavailable](err); down {
		notFound(w)
		return errWritten
	}
	return err
}

func (s *Server) serveSessionInfo(w http.ResponseWriter, r *http.Request, _ *jsonRequest) (any, error) {
	var info object
	err := s.asUser(w, r, func(ctx context.Context, tx pgx.Tx, sess *session) (err error) {
		info, err = s.infoOf(ctx, tx, sess.UID)
		if err == nil {
			setCookie(w, sess)
		}
		return err
	})
	return info, err
}

func (s *Server) serveCallKw(w http.ResponseWriter, r *http.Request, q *jsonRequest) (any, error) {
	var p struct {
		Model  string         `json:"model"`
		Method string         `json:"method"`
		Args   []any          `json:"args"`
		Kwargs map[string]any `json:"kwargs"`
	}
	if err := q.decode(&p); err != nil {
		return nil, err
	}
	c := &call{model: p.Model, method: p.Method, args: p.Args, kwargs: p.Kwargs}
	var result any
	err := s.asUser(w, r, func(ctx context.Context, tx pgx.Tx, sess *session) (err error) {
		result, err = s.execute(ctx, tx, sess.UID, c)
		return err
	})
	return result, err
}

// serveCallButton is call_kw for a button: only an action is passed on.
func (s *Server) serveCallButton(w http.ResponseWriter, r *http.Request, q *jsonRequest) (any, error) {
	result, err := s.serveCallKw(w, r, q)
	if err != nil {
		return nil, err
	}
	if action, ok := result.(object); ok {
		return action, nil
	}
	return false, nil
}

func (s *Server) execute(ctx context.Context, tx pgx.Tx, uid int64, c *call) (any, error) {
	e, err := s.newEnv(ctx, tx, uid, c.context())
	if err != nil {
		return nil, err
	}
	return e.dispatch(c)
}

// serveJSONRPC is the external API: stateless, a password in every call.
func (s *Server) serveJSONRPC(_ http.ResponseWriter, r *http.Request, q *jsonRequest) (result any, err error) {
	var p struct {
		Service, Method string
		Args            []any
	}
	if err := q.decode(&p); err != nil {
		return nil, err
	}
	workerErr := s.withWorker(r, func(ctx context.Context, wk *worker) error {
		switch p.Service {
		case "common":
			result, err = s.common(ctx, wk, p.Method, p.Args)
		case "object":
			result, err = s.object(ctx, wk, p.Method, p.Args)
		case "db":
			result, err = s.dbService(p.Method)
		default:
			err = raise("builtins.KeyError", "%s", p.Service)
		}
		return err
	})
	return result, workerErr
}

func (s *Server) common(ctx context.Context, w *worker, method string, args []any) (any, error) {
	switch method {
	case "version":
		return s.versionObject(), nil
	case "login", "authenticate":
		if len(args) < 3 {
			return nil, raise("builtins.TypeError", "exp_%s() missing required positional arguments", method)
		}
		if err := s.checkDB(ctx, w, toString(args[0])); err != nil {
			return nil, err
		}
		var uid int64
		err := s.transact(ctx, w, func(tx pgx.Tx) (err error) {
			uid, err = s.system(ctx, tx).login(toString(args[1]), toString(args[2]), false)
			return err
		})
		if err != nil || uid == 0 {
			return false, err
		}
		return uid, nil
	}
	return nil, raise("builtins.Exception", "Method not found: %s", method)
}

func (s *Server) dbService(method string) (any, error) {
	switch method {
	case "list":
		return []any{s.opts.DBName}, nil
	case "server_version":
		return s.serie(), nil
	case "db_exist":
		return true, nil
	}
	return nil, accessDenied()
}

// checkDB refuses a database the server does not have, in libpq's words.
func (s *Server) checkDB(ctx context.Context, w *worker, name string) error {
	if name == s.opts.DBName {
		return nil
	}
	cfg, err := pgx.ParseConfig(s.opts.DSN)
	if err != nil {
		return err
	}
	if !s.clusterAccepts(ctx) {
		return s.transact(ctx, w, func(pgx.Tx) error { return nil })
	}
	return &unavailable{libpqMessage(cfg, &pgconn.PgError{Severity: "FATAL", Message: `database "` + name + `" does not exist`})}
}

// object is execute_kw(db, uid, password, model, method, args, kwargs) and its
// older sibling execute(db, uid, password, model, method, *args).
func (s *Server) object(ctx context.Context, w *worker, method string, args []any) (any, error) {
	if method != "execute_kw" && method != "execute" {
		return nil, raise("builtins.NameError", "Method not available %s", method)
	}
	if len(args) < 5 {
		return nil, indexError()
	}
	c := &call{model: toString(args[3]), method: toString(args[4]), kwargs: map[string]any{}}
	if method == "execute" {
		c.args = args[5:]
	} else {
		if len(args) > 5 {
			c.args = toList(args[5])
		}
		if len(args) > 6 {
			if kwargs, ok := args[6].(map[string]any); ok {
				c.kwargs = kwargs
			}
		}
	}
	if err := s.checkDB(ctx, w, toString(args[0])); err != nil {
		return nil, err
	}
	uid, password := toInt(args[1]), toString(args[2])
	var result any
	err := s.transact(ctx, w, func(tx pgx.Tx) (err error) {
		if err := s.checkUser(s.system(ctx, tx), uid, password); err != nil {
			return err
		}
		result, err = s.execute(ctx, tx, uid, c)
		return err
	})
	return result, err
}
