package redis

import (
	"context"
	"fmt"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"
)

// LogTo sends what the client library itself has to say, which is already part
// of the faults returned, to log at level debug. The library has one logger
// for the whole process, standard error unless this is called: the program
// calls it once, before any New.
func LogTo(log *slog.Logger) { goredis.SetLogger(library{log}) }

type library struct{ log *slog.Logger }

// Printf implements the library's logger.
func (l library) Printf(ctx context.Context, format string, args ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "Redis client", "message", fmt.Sprintf(format, args...))
	}
}
