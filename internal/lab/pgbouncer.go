package lab

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// PgBouncerOptions shape a PgBouncer.
type PgBouncerOptions struct {
	// Users may log in, without a password, besides postgres, who may read the
	// console and change things there.
	Users []string
	// StatsUsers may log in and read the console.
	StatsUsers []string
	// Settings are added to the configuration as they are.
	Settings map[string]string
}

// A PgBouncer is a running connection pooler before a PostgreSQL server of the
// lab, for all its databases.
type PgBouncer struct {
	*Server
	Host string
	Port int
}

// PgBouncer starts a pooler before a server.
func (l *Lab) PgBouncer(ctx context.Context, p *Postgres, o PgBouncerOptions) (*PgBouncer, error) {
	program, err := find("pgbouncer", "pgbouncer", "/usr/sbin/pgbouncer")
	if err != nil {
		return nil, err
	}
	// It refuses to run as root, like PostgreSQL.
	as, err := postgresAccount()
	if err != nil {
		return nil, err
	}
	name := l.name("pgbouncer")
	dir, err := l.mkdir(as, 0o755, name)
	if err != nil {
		return nil, err
	}
	users, config := filepath.Join(dir, "users.txt"), filepath.Join(dir, "pgbouncer.ini")
	b := &PgBouncer{Host: "127.0.0.1"}
	b.Server = &Server{
		name: name, program: program, dir: dir, as: as, quit: syscall.SIGINT,
		args:  func() []string { return []string{"-q", config} },
		ready: b.show,
	}
	if err := p.writeFile(users, o.users()); err != nil {
		return nil, err
	}
	err = l.launch(ctx, b.Server, 1, func(ports []int) error {
		b.Port = ports[0]
		return p.writeFile(config, o.configuration(p, b.Port, users))
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (o PgBouncerOptions) users() string {
	var b strings.Builder
	for _, name := range slices.Concat([]string{superuser}, o.Users, o.StatsUsers) {
		fmt.Fprintf(&b, "\"%s\" \"\"\n", name)
	}
	return b.String()
}

func (o PgBouncerOptions) configuration(p *Postgres, port int, users string) string {
	settings := map[string]string{
		"listen_addr":     p.Host,
		"listen_port":     strconv.Itoa(port),
		"unix_socket_dir": "",
		"auth_type":       "trust",
		"auth_file":       users,
		"admin_users":     superuser,
		"stats_users":     strings.Join(o.StatsUsers, ","),
	}
	maps.Copy(settings, o.Settings)
	var b strings.Builder
	fmt.Fprintf(&b, "[databases]\n* = host=%s port=%d\n[pgbouncer]\n", p.Host, p.Port)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s = %s\n", name, settings[name])
	}
	return b.String()
}

// DSN is a connection string for one role and database; pgbouncer is the
// database that is the console.
func (b *PgBouncer) DSN(user, db string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(user), Host: loopback(b.Port), Path: "/" + db,
		RawQuery: url.Values{"sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// show succeeds once the console answers.
func (b *PgBouncer) show(ctx context.Context) error {
	conn, err := pgconn.Connect(ctx, b.DSN(superuser, "pgbouncer"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	_, err = conn.Exec(ctx, "SHOW VERSION").ReadAll()
	return err
}
