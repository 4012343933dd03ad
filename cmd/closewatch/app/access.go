package app

import (
	"context"
	"log/slog"
	"strings"

	"github.com/closewatch/closewatch/internal/auth"
)

// accessLog tells accesses to the log: the guard has thinned them out.
type accessLog struct{ log *slog.Logger }

// Access implements auth.Recorder.
func (l accessLog) Access(e auth.Event) {
	level := slog.LevelInfo
	if e.Outcome != auth.Granted {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "access", "outcome", e.Outcome, "identity", e.Identity, "scope", e.Scope,
		"method", e.Method, "route", e.Route, "remote", e.Remote, "count", e.Count)
}

// complaints are the web server's. What a client can cause, such as
// a handshake that fails, is for debugging: it must not fill a disk. A handler
// that panicked is our mistake.
type complaints struct{ slog.Handler }

// Enabled implements slog.Handler: Handle decides.
func (complaints) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (c complaints) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "http: panic") {
		r.Level = slog.LevelError
	}
	if !c.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}
