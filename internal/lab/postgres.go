package lab

import (
	"context"
	"net/url"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/fault"
)

// PostgresOptions shape a PostgreSQL primary and, if wanted, its standby.
type PostgresOptions struct {
	// BinDir holds the server programs; "" is Debian's newest version, or
	// the one on PATH.
	BinDir string
	// Standby adds a hot standby that streams from the primary through a
	// slot. Its settings are the primary's.
	Standby bool
	// Cascade adds a standby of the standby, which streams from that.
	Cascade bool
	// Settings are added to postgresql.conf as they are: no value needs
	// quotes.
	Settings map[string]string
	// Clock is the time the servers see; nil is the machine's.
	Clock *Clock
	// HBA are lines put before the lab's own, which trust everybody.
	HBA []string
}

// A Postgres is one running PostgreSQL server. The superuser is postgres; on
// loopback everybody is trusted, unless options say otherwise.
//
// Nothing that was committed is lost by Kill: commits wait for their WAL to
// reach the kernel. (They do not wait for the disk; a lab does not survive
// the machine.)
type Postgres struct {
	*Server
	Host       string
	Port       int
	DataDir    string
	ArchiveDir string    // where WAL segments are archived to
	Standby    *Postgres // that streams from this server; nil without one

	bin   string
	extra map[string]string // the caller's settings
	clock *Clock
}

// superuser is the role initdb makes.
const superuser = "postgres"

// Postgres starts a primary with WAL archiving and pg_stat_statements (made
// in the databases postgres and template1) and, if wanted, a standby that
// streams when this returns, and one that cascades from it.
func (l *Lab) Postgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	ctx, cancel := patiently(ctx)
	defer cancel()
	bin, err := postgresBin(o.BinDir)
	if err != nil {
		return nil, err
	}
	as, err := postgresAccount()
	if err != nil {
		return nil, err
	}
	if err := as.reach(l.dir); err != nil {
		return nil, err
	}
	p, err := l.primary(ctx, o, bin, as)
	if err != nil {
		return nil, err
	}
	if o.Standby || o.Cascade {
		if p.Standby, err = l.standby(ctx, p, as); err != nil {
			return nil, err
		}
	}
	if o.Cascade {
		if p.Standby.Standby, err = l.standby(ctx, p.Standby, as); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// newPostgres describes a server whose data directory is still to be filled.
func (l *Lab) newPostgres(name, bin string, as *account, extra map[string]string, clock *Clock) (*Postgres, error) {
	dir, err := l.mkdir(as, 0o755, name)
	if err != nil {
		return nil, err
	}
	p := &Postgres{
		Host: "127.0.0.1", bin: bin, extra: extra, clock: clock,
		DataDir: filepath.Join(dir, "data"), ArchiveDir: filepath.Join(dir, "archive"),
	}
	p.Server = &Server{
		name: name, program: filepath.Join(bin, "postgres"), dir: dir, as: as, env: clock.env(),
		quit:  syscall.SIGINT, // a fast shutdown: disconnects, checkpoints, ends
		args:  func() []string { return []string{"-D", p.DataDir} },
		ready: func(ctx context.Context) error { _, err := p.query(ctx, superuser, "postgres", "SELECT 1"); return err },
	}
	return p, nil
}

func (l *Lab) primary(ctx context.Context, o PostgresOptions, bin string, as *account) (*Postgres, error) {
	p, err := l.newPostgres(l.name("postgres"), bin, as, o.Settings, o.Clock)
	if err != nil {
		return nil, err
	}
	if _, err := l.mkdir(as, 0o700, p.name, "archive"); err != nil {
		return nil, err
	}
	template, err := l.template(ctx, bin, as)
	if err != nil {
		return nil, err
	}
	if err := l.run(ctx, as, p.dir, "cp", "-a", template, p.DataDir); err != nil {
		return nil, err
	}
	if err := p.prependHBA(o.HBA); err != nil {
		return nil, err
	}
	err = l.launch(ctx, p.Server, 1, func(ports []int) error {
		p.Port = ports[0]
		return p.configure()
	})
	if err != nil {
		return nil, err
	}
	for _, db := range []string{"template1", "postgres"} {
		if err := p.Exec(ctx, superuser, db, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// DSN is a connection string for one role and database.
func (p *Postgres) DSN(user, db string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(user), Host: loopback(p.Port), Path: "/" + db,
		RawQuery: url.Values{"sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// Exec runs one or more statements, all in one transaction unless they say
// otherwise, on a connection of their own.
func (p *Postgres) Exec(ctx context.Context, user, db, sql string) error {
	_, err := p.query(ctx, user, db, sql)
	return fault.Wrap("execute SQL on "+p.name, err, "")
}

// Value returns the first column of the first row as text, "" for NULL and
// for no row.
func (p *Postgres) Value(ctx context.Context, user, db, sql string) (string, error) {
	results, err := p.query(ctx, user, db, sql)
	if err != nil {
		return "", fault.Wrap("query "+p.name, err, "")
	}
	if len(results) == 0 || len(results[0].Rows) == 0 {
		return "", nil
	}
	return string(results[0].Rows[0][0]), nil
}

func (p *Postgres) query(ctx context.Context, user, db, sql string) ([]*pgconn.Result, error) {
	conn, err := pgconn.Connect(ctx, p.DSN(user, db))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return conn.Exec(ctx, sql).ReadAll()
}

// template is a data directory fresh from initdb, made once per lab and
// version: copying it takes a tenth of the time.
func (l *Lab) template(ctx context.Context, bin string, as *account) (string, error) {
	l.templates.Lock()
	defer l.templates.Unlock()
	parent, err := l.mkdir(as, 0o755, "initdb")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(parent, filepath.Base(filepath.Dir(bin)))
	if exists(filepath.Join(dir, "PG_VERSION")) {
		return dir, nil
	}
	begun := time.Now()
	unfinished := dir + ".new"
	err = l.run(ctx, as, parent, filepath.Join(bin, "initdb"), "-D", unfinished, "-U", superuser, "-A", "trust",
		"-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--data-checksums")
	if err != nil {
		return "", err
	}
	if err := l.run(ctx, as, parent, "mv", unfinished, dir); err != nil {
		return "", err
	}
	l.say(begun, "the database template is made")
	return dir, nil
}

func (p *Postgres) settings() map[string]string {
	return map[string]string{
		"port":             strconv.Itoa(p.Port),
		"listen_addresses": p.Host,
		// A directory's name may be too long for a socket's.
		"unix_socket_directories": "",
		"cluster_name":            p.name,

		// Survive the death of the process, not of the machine.
		"fsync":              "off",
		"synchronous_commit": "on",
		"full_page_writes":   "on",

		"wal_level":                    "replica",
		"wal_keep_size":                "64MB",
		"max_wal_senders":              "10",
		"max_replication_slots":        "10",
		"hot_standby":                  "on",
		"wal_retrieve_retry_interval":  "200ms",
		"wal_receiver_status_interval": "1s",
		"archive_mode":                 "on",
		"archive_command":              archiveCommand(p.ArchiveDir),

		"shared_preload_libraries": "pg_stat_statements",
		"track_io_timing":          "on",
		"max_connections":          "100",
		"shared_buffers":           "32MB",
		"jit":                      "off",
		"timezone":                 "UTC",
		"log_timezone":             "UTC",
		"log_line_prefix":          "%m [%p] %q%u@%d ",
	}
}
