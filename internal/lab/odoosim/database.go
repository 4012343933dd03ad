package odoosim

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/closewatch/closewatch/internal/fault"
)

//go:embed sql/schema.sql
var schemaSQL string

//go:embed sql/documents.sql
var documentsSQL string

//go:embed sql/books.sql
var booksSQL string

//go:embed sql/seed.sql
var seedSQL string

//go:embed sql/copies.sql
var copiesSQL string

// A Seed says what InitDatabase puts beside the fixed estate of names.go.
type Seed struct {
	AdminPassword string // of AdminLogin: administrator of both companies
	LoadPassword  string // of LoadLogin: bookkeeper of the main company
	ProbePassword string // of ProbeLogin: Billing and full accounting features, synthetic company only
	ProbeKey      string // API key of ProbeLogin, ending in 90 days; empty for none
	Rounds        int    // PBKDF2 rounds of the stored passwords: Odoo's login cost; default 1000 (Odoo: 600,000)
	Version       int    // written as the version of the installed modules; default 18
	Neutralized   bool   // marks the database as a neutralised copy
}

// InitDatabase creates the database named in dsn when it does not exist, then
// Odoo's tables and the estate of names.go in it. It refuses a database that
// already holds them.
func InitDatabase(ctx context.Context, dsn string, seed Seed) error {
	const op = "prepare the stand-in's database"
	if seed.AdminPassword == "" || seed.LoadPassword == "" || seed.ProbePassword == "" {
		return &fault.Error{Op: op, Kind: fault.Rejected, Hint: "give the administrator, the load user and the probe user a password"}
	}
	if seed.ProbeKey != "" && len(seed.ProbeKey) < keyIndex {
		return &fault.Error{Op: op, Kind: fault.Rejected, Hint: "give the probe user an API key of 40 hexadecimal digits"}
	}
	setDefault(&seed.Rounds, 1000)
	setDefault(&seed.Version, 18)
	conn, err := connectOrCreate(ctx, dsn)
	if err != nil {
		return fault.Wrap(op, err, "")
	}
	defer end(ctx, conn)
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return populate(ctx, tx, seed) })
	return fault.Wrap(op, err, "")
}

func populate(ctx context.Context, tx pgx.Tx, seed Seed) error {
	for _, script := range []string{schemaSQL, documentsSQL, booksSQL, seedSQL, copiesSQL} {
		if _, err := tx.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	for uid, password := range map[int]string{AdminUID: seed.AdminPassword, LoadUID: seed.LoadPassword, ProbeUID: seed.ProbePassword} {
		hash, err := hashPassword(password, seed.Rounds)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE res_users SET password = $1 WHERE id = $2`, hash, uid); err != nil {
			return err
		}
	}
	if seed.ProbeKey != "" {
		if err := addKey(ctx, tx, ProbeUID, seed.ProbeKey, 90*24*time.Hour); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `INSERT INTO ir_module_module (name, state, latest_version, shortdesc, create_date)
		SELECT name, 'installed', format('%s.0.%s', $1::int, v), jsonb_build_object('en_US', name), now() AT TIME ZONE 'utc'
		FROM (VALUES ('base', '1.3'), ('web', '1.0'), ('mail', '1.18'), ('account', '1.3'), ('account_payment', '2.0'),
			('contract', '1.0.0'), ('queue_job', '1.2.0'), ('session_redis', '1.0.0')) AS m (name, v)`, seed.Version)
	if err != nil || !seed.Neutralized {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true')`)
	return err
}

// connectOrCreate connects to dsn, creating its database through "postgres".
func connectOrCreate(ctx context.Context, dsn string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, dsn)
	var pgErr *pgconn.PgError
	if err == nil || !errors.As(err, &pgErr) || pgErr.Code != "3D000" {
		return conn, err
	}
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	name := cfg.Database
	cfg.Database = "postgres"
	admin, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer end(ctx, admin)
	if _, err := admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s", pgx.Identifier{name}.Sanitize())); err != nil {
		return nil, err
	}
	return pgx.Connect(ctx, dsn)
}

// end closes a connection that is no longer needed; nothing rests on it.
func end(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the server notices either way
}
