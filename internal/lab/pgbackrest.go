package lab

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// A PgBackRest is a pgBackRest repository with one stanza, that of a PostgreSQL
// server of the lab, which archives its log there and no longer in its
// ArchiveDir.
type PgBackRest struct {
	Repository string // directory
	Stanza     string

	lab    *Lab
	server *Postgres
	dir    string
	config string
}

// The kinds of backups, as pgBackRest calls them.
const (
	FullBackup        = "full"
	DiffBackup        = "diff"
	IncrementalBackup = "incr"
)

// PgBackRest makes a repository for a running primary and has it archive there.
func (l *Lab) PgBackRest(ctx context.Context, p *Postgres) (*PgBackRest, error) {
	program, err := find("pgbackrest", "pgbackrest")
	if err != nil {
		return nil, err
	}
	name := l.name("pgbackrest")
	b := &PgBackRest{Stanza: "main", lab: l, server: p}
	if b.dir, err = l.mkdir(p.as, 0o755, name); err != nil {
		return nil, err
	}
	if b.Repository, err = l.mkdir(p.as, 0o755, name, "repository"); err != nil {
		return nil, err
	}
	b.config = filepath.Join(b.dir, "pgbackrest.conf")
	if err := p.writeFile(b.config, b.configuration()); err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := b.run(ctx, "stanza-create"); err != nil {
		return nil, err
	}
	p.extra = maps.Clone(p.extra)
	if p.extra == nil {
		p.extra = map[string]string{}
	}
	p.extra["archive_command"] = strings.ReplaceAll(shellQuote(program)+" --config="+shellQuote(b.config)+" --stanza="+b.Stanza, "%", "%%") + ` archive-push "%p"`
	if err := p.configure(); err != nil {
		return nil, err
	}
	if err := p.Exec(ctx, superuser, "postgres", "SELECT pg_reload_conf()"); err != nil {
		return nil, err
	}
	l.say(begun, "%s is up", name)
	return b, nil
}

// configuration keeps everything pgBackRest writes in the lab. Nothing is
// compressed: a backup of a lab is small, and its segments can be looked at.
func (b *PgBackRest) configuration() string {
	settings := [][2]string{
		{"repo1-path", b.Repository},
		{"repo1-retention-full", "9"},
		{"lock-path", filepath.Join(b.dir, "lock")},
		{"spool-path", filepath.Join(b.dir, "spool")},
		{"log-level-file", "off"},
		{"log-level-console", "warn"},
		{"compress-type", "none"},
		{"start-fast", "y"},
	}
	var out strings.Builder
	out.WriteString("[global]\n")
	for _, s := range settings {
		fmt.Fprintf(&out, "%s=%s\n", s[0], s[1])
	}
	fmt.Fprintf(&out, "[%s]\npg1-path=%s\npg1-port=%s\npg1-user=%s\n", b.Stanza, b.server.DataDir, strconv.Itoa(b.server.Port), superuser)
	return out.String()
}

// Backup makes a backup of one kind.
func (b *PgBackRest) Backup(ctx context.Context, kind string) error {
	return b.run(ctx, "--type="+kind, "backup")
}

// Archive has the server finish its segment and returns when it is in the
// repository.
func (b *PgBackRest) Archive(ctx context.Context) error { return b.run(ctx, "check") }

// Info returns what `pgbackrest info --output=json` prints.
func (b *PgBackRest) Info(ctx context.Context) ([]byte, error) {
	ctx, cancel := patiently(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, "env", b.args("--output=json", "info")...)
	cmd.Dir = b.dir
	cmd.SysProcAttr = b.attributes()
	out, err := cmd.Output()
	return out, fault.Wrap("run pgbackrest info", err, "")
}

func (b *PgBackRest) attributes() *syscall.SysProcAttr { return b.server.as.attributes() }

func (b *PgBackRest) run(ctx context.Context, args ...string) error {
	return b.lab.run(ctx, b.server.as, b.dir, "env", b.args(args...)...)
}

// args are those of env: pgBackRest has no option for a server that listens on
// no socket, but its PostgreSQL library has.
func (b *PgBackRest) args(args ...string) []string {
	return append([]string{"PGHOST=" + b.server.Host, "pgbackrest", "--config=" + b.config, "--stanza=" + b.Stanza}, args...)
}
