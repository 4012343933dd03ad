package pgsession

import (
	"errors"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/secret"
)

// ApplicationName is what every connection calls itself in pg_stat_activity.
const ApplicationName = "closewatch"

// Settings says which server to ask and within which bounds. Zero values mean
// the defaults.
type Settings struct {
	// DSN is a connection string as libpq reads it, as URL or as keywords. Of
	// several hosts the session uses the first, or the one Address names.
	DSN secret.Value
	// Address is the one host of DSN to use, as Addresses lists them.
	Address string
	// Database replaces the database that DSN names.
	Database string

	Connections      int           // at most this many at a time; 1
	ConnectTimeout   time.Duration // for dialling, and of a batch for the whole login; 3s
	BatchTimeout     time.Duration // for one batch, connecting included, besides the caller's context; 10s
	StatementTimeout time.Duration // enforced by the server on each statement; 3s
	LockTimeout      time.Duration // enforced by the server on each lock wait; 250ms
	IdleTimeout      time.Duration // enforced by the server on a transaction left open; 10s
	MaxBackoff       time.Duration // longest pause between attempts to connect; 5s, for refused credentials 30s
	MaxRows          int           // kept of one answer, the rest is counted; 10000
	MaxBytes         int           // of values kept of one answer; 8 MiB

	// Superuser is told the name of a role that turns out to be a superuser, on
	// each connection before anything is asked on it. Its error refuses the
	// connection and is that of every answer. nil takes any role.
	Superuser func(role string) error

	Now func() time.Time // for the pauses between attempts; time.Now
}

func (s Settings) withDefaults() Settings {
	orInt := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	orDuration := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	orInt(&s.Connections, 1)
	orInt(&s.MaxRows, 10_000)
	orInt(&s.MaxBytes, 8<<20)
	orDuration(&s.ConnectTimeout, 3*time.Second)
	orDuration(&s.BatchTimeout, 10*time.Second)
	orDuration(&s.StatementTimeout, 3*time.Second)
	orDuration(&s.LockTimeout, 250*time.Millisecond)
	orDuration(&s.IdleTimeout, 10*time.Second)
	orDuration(&s.MaxBackoff, 5*time.Second)
	if s.Now == nil {
		s.Now = time.Now
	}
	return s
}

// parse turns the settings into the driver's configuration for one address.
func (s Settings) parse() (*pgconn.Config, error) {
	cfg, err := parseDSN(s.DSN)
	if err != nil {
		return nil, err
	}
	want := s.Address
	if want == "" {
		want = address(cfg.Host, cfg.Port)
	}
	if !keepAddress(cfg, want) {
		return nil, &fault.Error{
			Op:   "connect to PostgreSQL " + want,
			Kind: fault.Schema,
			Err:  errors.New("the connection string does not name this address"),
		}
	}
	if s.Database != "" {
		cfg.Database = s.Database
	}
	cfg.ConnectTimeout = 0    // a login has its own bounds
	cfg.ValidateConnect = nil // one address is one server, whatever its role
	cfg.OnPgError = func(_ *pgconn.PgConn, e *pgconn.PgError) bool {
		return e.SeverityUnlocalized != "FATAL" && e.Severity != "FATAL"
	}
	maps.Copy(cfg.RuntimeParams, s.runtimeParams())
	return cfg, nil
}

// runtimeParams are sent with the start-up packet, not by SET: behind a
// transaction pooler a SET would stay on a connection that others use next.
func (s Settings) runtimeParams() map[string]string {
	ms := func(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 1), 10) }
	return map[string]string{
		"application_name":                    ApplicationName,
		"client_encoding":                     "UTF8",
		"datestyle":                           "ISO",
		"timezone":                            "UTC",
		"default_transaction_read_only":       "on",
		"statement_timeout":                   ms(s.StatementTimeout),
		"lock_timeout":                        ms(s.LockTimeout),
		"idle_in_transaction_session_timeout": ms(s.IdleTimeout),
	}
}

// Addresses lists the hosts that a connection string names, each once, in its
// order, as host:port or as the path of a socket.
func Addresses(dsn secret.Value) ([]string, error) {
	cfg, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	list := []string{address(cfg.Host, cfg.Port)}
	seen := map[string]bool{list[0]: true}
	for _, f := range cfg.Fallbacks {
		if a := address(f.Host, f.Port); !seen[a] {
			seen[a] = true
			list = append(list, a)
		}
	}
	return list, nil
}

// parseDSN never lets the driver's own message out: what cannot be parsed may
// hold a password in any place.
func parseDSN(dsn secret.Value) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig(dsn.Reveal())
	if err != nil {
		return nil, &fault.Error{
			Op:   "connect to PostgreSQL",
			Kind: fault.Schema,
			Err:  errors.New("the connection string cannot be read"),
			Hint: "write postgres://user@host:5432/database and percent-encode special characters of the password",
		}
	}
	return cfg, nil
}

// keepAddress reduces cfg to the attempts (with TLS, without) at one address.
func keepAddress(cfg *pgconn.Config, want string) bool {
	all := append([]*pgconn.FallbackConfig{{Host: cfg.Host, Port: cfg.Port, TLSConfig: cfg.TLSConfig}}, cfg.Fallbacks...)
	var kept []*pgconn.FallbackConfig
	for _, f := range all {
		if address(f.Host, f.Port) == want {
			kept = append(kept, f)
		}
	}
	if len(kept) == 0 {
		return false
	}
	cfg.Host, cfg.Port, cfg.TLSConfig = kept[0].Host, kept[0].Port, kept[0].TLSConfig
	cfg.Fallbacks = kept[1:]
	return true
}

func address(host string, port uint16) string {
	p := strconv.Itoa(int(port))
	if strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return host + "/.s.PGSQL." + p
	}
	return net.JoinHostPort(host, p)
}
