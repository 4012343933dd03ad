package pgsession

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/fault"
)

// ErrSuperuser is why a server that answers was not asked.
var ErrSuperuser = errors.New("the role is a superuser")

// NoSuperuser is a Settings.Superuser that refuses one in production, unless it
// is allowed there, and warns of it once elsewhere. It is asked for each
// connection: once the role is none any more, the next one is taken.
func NoSuperuser(environment string, allowed bool, log *slog.Logger) func(role string) error {
	var warned sync.Once
	return func(role string) error {
		if environment == estate.Production && !allowed {
			return &fault.Error{
				Op: "log in to PostgreSQL as " + role, Kind: fault.Denied,
				Err:  fmt.Errorf("%w and could change anything in production", ErrSuperuser),
				Hint: "log in as closewatch, the role that deploy/sql/closewatch-role.sql makes, or write allowSuperuser: true",
			}
		}
		warned.Do(func() {
			log.Warn("the role of a database is a superuser and could change anything", "role", role, "hint", "log in as the role that deploy/sql/closewatch-role.sql makes")
		})
		return nil
	}
}
