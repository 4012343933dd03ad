package lab_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/closewatch/closewatch/internal/lab"
)

func TestPgBackRest(t *testing.T) {
	l := newLab(t)
	p, err := l.Postgres(t.Context(), lab.PostgresOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.PgBackRest(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { return b.Backup(ctx, lab.FullBackup) },
		func(ctx context.Context) error { return b.Backup(ctx, lab.IncrementalBackup) },
		b.Archive,
	} {
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	text, err := b.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var info []struct {
		Name   string
		Backup []struct {
			Type    string
			Archive struct{ Stop string }
		}
		Archive []struct{ Max string }
	}
	if err := json.Unmarshal(text, &info); err != nil {
		t.Fatal(err)
	}
	if len(info) != 1 || info[0].Name != b.Stanza || len(info[0].Backup) != 2 || info[0].Backup[1].Type != lab.IncrementalBackup {
		t.Fatalf("pgbackrest info prints %s, want a full and an incremental backup", text)
	}
	if last := info[0].Archive[0].Max; last <= info[0].Backup[1].Archive.Stop {
		t.Errorf("the newest segment is %s, want one after the backup, to %s", last, info[0].Backup[1].Archive.Stop)
	}
}
