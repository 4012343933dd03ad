package recovery

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// An expectation is what a source must be of.
type expectation struct {
	stanza      string
	system      string // PostgreSQL's system identifier; "" is any
	segmentSize int64
}

// A cluster is the database a stanza is of now.
type cluster struct {
	id      int
	system  json.Number
	version string
}

// readRepository reads a pgBackRest repository: its info files, or their copies
// when they are damaged, and the archive of its current database.
func readRepository(ctx context.Context, root string, x expectation) (state, error) {
	var s state
	backups, path, err := s.readInfo(filepath.Join(root, "backup", x.stanza, "backup.info"))
	if err != nil {
		return state{}, err
	}
	archives, archivePath, err := s.readInfo(filepath.Join(root, "archive", x.stanza, "archive.info"))
	if err != nil {
		return state{}, err
	}
	now, err := clusterOf(backups)
	if err != nil {
		return state{}, &fault.Error{Op: "read " + path, Kind: fault.Schema, Err: err}
	}
	archived, err := clusterOf(archives)
	if err != nil {
		return state{}, &fault.Error{Op: "read " + archivePath, Kind: fault.Schema, Err: err}
	}
	if now != archived {
		return state{}, &fault.Error{
			Op: "compare the info files of " + root, Kind: fault.Assertion,
			Err:  fmt.Errorf("backups are of system %s, the archive of system %s", now.system, archived.system),
			Hint: "run pgbackrest stanza-upgrade after the server was upgraded or made anew",
		}
	}
	if err := x.checkSystem(path, now.system); err != nil {
		return state{}, err
	}
	if s.backups, err = backupsOf(backups, now.id, x.segmentSize); err != nil {
		return state{}, &fault.Error{Op: "read " + path, Kind: fault.Schema, Err: err}
	}
	dir := filepath.Join(root, "archive", x.stanza, fmt.Sprintf("%s-%d", now.version, now.id))
	s.log, err = readArchive(ctx, dir, x.segmentSize)
	if errors.Is(err, fs.ErrNotExist) { // there is none before the first segment
		s.log, err = &archive{}, nil
	}
	if err != nil {
		return state{}, err
	}
	return s, nil
}

// checkSystem tells a stanza that is of another server.
func (x expectation) checkSystem(path string, system json.Number) error {
	if x.system == "" || x.system == system.String() {
		return nil
	}
	return &fault.Error{
		Op: "read " + path, Kind: fault.Assertion,
		Err:  fmt.Errorf("it is of system %s, not of %s", clip(system.String()), x.system),
		Hint: "name the stanza of this server, or write its own systemIdentifier",
	}
}

// readInfo reads an info file, or its copy when it is damaged or gone.
func (s *state) readInfo(path string) (infoFile, string, error) {
	var first error
	for _, p := range []string{path, path + ".copy"} {
		text, written, err := readFile(p)
		if err == nil {
			var f infoFile
			if f, err = parseInfo(text); err == nil {
				if first != nil {
					s.damaged++
				}
				if written.After(s.written) {
					s.written = written
				}
				return f, p, nil
			}
			err = &fault.Error{Op: "read " + p, Kind: fault.Schema, Err: err}
		}
		first = cmp.Or(first, err)
	}
	return nil, "", fmt.Errorf("neither %s nor its copy can be read: %w", filepath.Base(path), first)
}

// clusterOf returns the database an info file is of.
func clusterOf(f infoFile) (cluster, error) {
	var c cluster
	err := errors.Join(f.get("db", "db-id", &c.id), f.get("db", "db-version", &c.version), f.get("db", "db-system-id", &c.system))
	if err == nil && (filepath.Base(c.version) != c.version || c.version == "..") {
		err = errors.New("db-version is not a version")
	}
	return c, err
}

// An entry is what backup.info says of a backup.
type entry struct {
	First *string  `json:"backup-archive-start"`
	Last  *string  `json:"backup-archive-stop"`
	Start int64    `json:"backup-timestamp-start"`
	Stop  int64    `json:"backup-timestamp-stop"`
	Type  string   `json:"backup-type"`
	Size  *int64   `json:"backup-info-size"`
	Error bool     `json:"backup-error"`
	Prior string   `json:"backup-prior"`
	On    []string `json:"backup-reference"`
	DB    int      `json:"db-id"`
}

// backupsOf lists the backups of one database.
func backupsOf(f infoFile, database int, segmentSize int64) ([]backup, error) {
	var out []backup
	for label, raw := range f["backup:current"] {
		var e entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("backup %s is not what it should be", clip(label))
		}
		if e.DB != database {
			continue
		}
		b, err := e.backup(label, segmentSize)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// pgBackRestKinds are its words for kinds.
var pgBackRestKinds = map[string]kind{"full": full, "diff": differential, "incr": incremental}

func (e entry) backup(label string, segmentSize int64) (backup, error) {
	b := backup{
		label: label, part: database, kind: pgBackRestKinds[e.Type], size: -1, failed: e.Error, buildsOn: e.On,
		start: time.Unix(e.Start, 0), stop: time.Unix(e.Stop, 0),
	}
	if b.kind == "" {
		return backup{}, fmt.Errorf("backup %s is of type %s, which is not full, diff or incr", clip(label), clip(e.Type))
	}
	if e.Prior != "" {
		b.buildsOn = append(slices.Clip(b.buildsOn), e.Prior)
	}
	if b.kind != full && len(b.buildsOn) == 0 {
		return backup{}, fmt.Errorf("backup %s does not say what it builds on", clip(label))
	}
	if e.Size != nil {
		b.size = *e.Size
	}
	if e.First == nil || e.Last == nil { // made while the server was stopped
		return b, nil
	}
	b.needsLog = true
	var err error
	if b.first, err = parseSegment(*e.First, segmentSize); err == nil {
		b.last, err = parseSegment(*e.Last, segmentSize)
	}
	if err != nil {
		return backup{}, fmt.Errorf("backup %s: %w", clip(label), err)
	}
	return b, nil
}
