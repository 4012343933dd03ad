package odoo

import (
	"context"
	"crypto/sha1" // how Odoo names its files; it protects nothing
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
	"github.com/closewatch/closewatch/internal/signal"
)

var (
	storeLabels = []string{"tenant", "store"}

	attachments = prometheus.NewDesc(
		"odoo_attachments", "Attachments by where they are kept: file (in the filestore), database; those that are a link left out. Absent until all have been read once.", storeLabels, nil,
	)
	attachmentBytes = prometheus.NewDesc(
		"odoo_attachment_bytes", "Size of the attachments; a file that several share is counted for each. Absent until all have been read once.", storeLabels, nil,
	)
	filesChecked = prometheus.NewDesc(
		"odoo_filestore_files_checked", "Attachments whose file was looked for in the last looks: newest, and random (any).", []string{"tenant", "sample"}, nil,
	)
	filesMissing = prometheus.NewDesc(
		"odoo_filestore_files_missing", "Of these, those whose file is not in the filestore.", []string{"tenant", "sample"}, nil,
	)
	filesDamaged = prometheus.NewDesc(
		"odoo_filestore_files_damaged", "Of these, those whose file has another size, or another content, than Odoo wrote.", []string{"tenant", "sample"}, nil,
	)
	filesMissingRatio = prometheus.NewDesc(
		"odoo_filestore_missing_ratio", "Share of the attachments looked for whose file is missing or damaged; absent with fewer than 10.", []string{"tenant", "sample"}, nil,
	)
)

const (
	sumPart     = 5000  // ids whose sizes are added up in one statement
	olderParts  = 3     // added up at each look, besides the newest
	maxSumParts = 10000 // of a database; with more ids the parts are larger
	newestFiles = 50    // looked for at each look
	newestSpan  = 50000 // ids among which they are
	randomIDs   = 200   // tried at each look; the attachment of some was deleted
	fewFiles    = 10    // fewer tell nothing
	keptSamples = 20    // looks that the counts of random files cover
	maxHashed   = 5     // newest and random files read at each look
	smallFile   = 256 << 10
)

// filestore reports how much is attached, and whether the files that the
// database speaks of exist.
type filestore struct {
	db      *database
	folder  string // of the tenant's files; "" when it cannot be read from here
	size    int64  // ids in a part
	parts   map[int64]partSum
	next    int64 // part to be added up next, the newest apart
	whole   bool  // every part has been added up
	samples []sample
	busy    chan struct{} // holds a token while files are looked for
}

// A partSum is what the attachments of a part of the ids come to.
type partSum struct{ files, fileBytes, rows, rowBytes float64 }

func newFilestore(db *database, folder string) *filestore {
	return &filestore{db: db, folder: folder, size: sumPart, parts: map[int64]partSum{}, busy: make(chan struct{}, 1)}
}

// Describe implements collector.Collector.
func (*filestore) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{attachments, attachmentBytes, filesChecked, filesMissing, filesDamaged, filesMissingRatio} {
		ch <- d
	}
}

// Collect implements collector.Collector.
func (f *filestore) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	t, err := f.db.look(ctx)
	if err != nil {
		return err
	}
	if ok, err := t.may("ir_attachment", "id", "type", "store_fname", "file_size"); !ok {
		return err
	}
	rs := f.db.ask(ctx, pgsession.Query{Name: "ir_attachment ids", SQL: "select coalesce((select max(id) from ir_attachment), 0) as high"})
	if err := f.db.judge(rs); err != nil {
		return err
	}
	high, _ := rs[0].First().Int("high")
	return only([]error{f.sum(ctx, high, ch), f.check(ctx, high, ch)})
}

const sumSQL = `
select count(*) filter (where store_fname is not null) as files,
       coalesce(sum(file_size::bigint) filter (where store_fname is not null), 0) as file_bytes,
       count(*) filter (where store_fname is null) as rows,
       coalesce(sum(file_size::bigint) filter (where store_fname is null), 0) as row_bytes
from ir_attachment where id > $1 and id <= $2 and type = 'binary'`

// sum adds up the newest part and some others. A part that has been added up
// before is so again when its turn comes, since attachments are deleted too.
func (f *filestore) sum(ctx context.Context, high int64, ch chan<- prometheus.Metric) error {
	if high > f.size*maxSumParts {
		f.size, f.parts, f.next, f.whole = 2*(high/maxSumParts+1), map[int64]partSum{}, 0, false
	}
	newest := max(0, high-1) / f.size
	turn := []int64{newest}
	for range min(olderParts, newest) {
		turn = append(turn, f.next%newest)
		f.next = (f.next + 1) % newest
	}
	var queries []pgsession.Query
	for _, n := range turn {
		queries = append(queries, pgsession.Query{Name: "ir_attachment", SQL: sumSQL, Args: []any{n * f.size, (n + 1) * f.size}})
	}
	rs := f.db.ask(ctx, queries...)
	if err := f.db.judge(rs); err != nil {
		return err
	}
	maps.DeleteFunc(f.parts, func(n int64, _ partSum) bool { return n > newest })
	for i, n := range turn {
		f.parts[n] = readSum(rs[i].First())
	}
	f.whole = f.whole || int64(len(f.parts)) > newest
	if !f.whole {
		return nil
	}
	var all partSum
	for _, p := range f.parts {
		all = partSum{all.files + p.files, all.fileBytes + p.fileBytes, all.rows + p.rows, all.rowBytes + p.rowBytes}
	}
	tenant := f.db.tenant
	gauge(ch, attachments, all.files, tenant, "file")
	gauge(ch, attachments, all.rows, tenant, "database")
	gauge(ch, attachmentBytes, all.fileBytes, tenant, "file")
	gauge(ch, attachmentBytes, all.rowBytes, tenant, "database")
	return nil
}

func readSum(row pgsession.Row) partSum {
	read := func(col string) float64 { v, _ := row.Float(col); return v }
	return partSum{files: read("files"), fileBytes: read("file_bytes"), rows: read("rows"), rowBytes: read("row_bytes")}
}

const (
	newestFilesSQL = `
select id, store_fname, file_size
from (select id, store_fname, file_size from ir_attachment where id > $1 and type = 'binary' order by id desc limit 500) as newest
where store_fname is not null limit $2`

	someFilesSQL = `
select id, store_fname, file_size from ir_attachment where id = any($1::int[]) and type = 'binary' and store_fname is not null`
)

// A storedFile is one that the database speaks of.
type storedFile struct {
	id   int64
	name string
	size int64
}

// A tally is what became of the files that were looked for.
type tally struct{ checked, missing, damaged float64 }

func (t tally) plus(o tally) tally {
	return tally{t.checked + o.checked, t.missing + o.missing, t.damaged + o.damaged}
}

// A sample is one look at files.
type sample struct{ newest, random tally }

// errBusy is a look at files that has not come to its end.
var errBusy = errors.New("the last look at its files has not ended")

// check looks for the newest files and for some at random, and publishes the
// newest of this look and the random ones of the last looks.
func (f *filestore) check(ctx context.Context, high int64, ch chan<- prometheus.Metric) error {
	if f.folder == "" {
		return nil
	}
	ids := make([]int64, 0, randomIDs)
	for range randomIDs {
		ids = append(ids, 1+rand.Int64N(max(1, high)))
	}
	rs := f.db.ask(ctx,
		pgsession.Query{Name: "ir_attachment newest", SQL: newestFilesSQL, Args: []any{max(0, high-newestSpan), newestFiles}},
		pgsession.Query{Name: "ir_attachment some", SQL: someFilesSQL, Args: []any{ids}},
	)
	if err := f.db.judge(rs); err != nil {
		return err
	}
	newest, random := storedFiles(rs[0].Rows), storedFiles(rs[1].Rows)
	found, err := f.find(ctx, newest, random)
	if err != nil {
		return err
	}
	gone, err := f.gone(ctx, found)
	if err != nil {
		return err
	}
	f.samples = append(f.samples, sample{count(newest, found, gone), count(random, found, gone)})
	f.samples = f.samples[max(0, len(f.samples)-keptSamples):]
	all := sample{newest: f.samples[len(f.samples)-1].newest}
	for _, s := range f.samples {
		all.random = all.random.plus(s.random)
	}
	f.publish(ch, "newest", all.newest)
	f.publish(ch, "random", all.random)
	return nil
}

func storedFiles(rows []pgsession.Row) []storedFile {
	var files []storedFile
	for _, row := range rows {
		id, _ := row.Int("id")
		size, known := row.Int("file_size")
		if name := row.String("store_fname"); known && fileName.MatchString(name) {
			files = append(files, storedFile{id, name, size})
		}
	}
	return files
}

// fileName is what Odoo calls a file: two or three digits of the hash of what it
// holds, and the hash. Modules that keep files elsewhere write other names.
var fileName = regexp.MustCompile(`^[0-9a-f]{2,3}/[0-9a-f]{40}$`)

// A fate is what was found of a file.
type fate uint8

const (
	intact fate = iota
	missing
	damaged
)

// find looks for files. Reading a folder on a server that is gone may take for
// ever, so it is left behind when ctx is done, and not begun anew before it ends.
func (f *filestore) find(ctx context.Context, files ...[]storedFile) (map[int64]fate, error) {
	op := "look for the files of attachments"
	select {
	case f.busy <- struct{}{}:
	default:
		return nil, &fault.Error{Op: op, Kind: fault.Timeout, Err: errBusy, Hint: "see whether the folder that filestore names can be read"}
	}
	type answer struct {
		found map[int64]fate
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		found, err := find(f.folder, files)
		<-f.busy
		done <- answer{found, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			return nil, &fault.Error{Op: op, Kind: fault.Denied, Err: a.err, Hint: "let filestore name the folder of this database's files, and let closewatch read it"}
		}
		return a.found, nil
	case <-ctx.Done():
		return nil, fault.Wrap(op, ctx.Err(), "see whether the folder that filestore names can be read")
	}
}

// find says of each file whether it is there as Odoo wrote it. A folder that
// cannot be read is an error: nothing is known.
func find(folder string, lists [][]storedFile) (map[int64]fate, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, plain(err)
	}
	defer func() { _ = root.Close() }() // nothing was written
	found := map[int64]fate{}
	for _, files := range lists {
		hashed := 0
		for _, file := range files {
			if _, known := found[file.id]; known {
				continue
			}
			info, err := root.Stat(file.name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				found[file.id] = missing
			case err != nil:
				return nil, plain(err)
			case info.Size() != file.size:
				found[file.id] = damaged
			case info.Size() <= smallFile && hashed < maxHashed:
				hashed++
				if found[file.id], err = hash(root, file.name); err != nil {
					return nil, plain(err)
				}
			default:
				found[file.id] = intact
			}
		}
	}
	return found, nil
}

// hash compares what a file holds with its name.
func hash(root *os.Root, name string) (fate, error) {
	file, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return missing, nil // since it was looked for
	}
	if err != nil {
		return intact, err
	}
	defer file.Close()
	sum := sha1.New()
	if _, err := io.Copy(sum, io.LimitReader(file, 2*smallFile)); err != nil {
		return intact, err
	}
	if hex.EncodeToString(sum.Sum(nil)) != path.Base(name) {
		return damaged, nil
	}
	return intact, nil
}

// plain is an error of a file without its name.
func plain(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// gone returns the attachments without their file that have been deleted since
// they were read: their file was rightly removed.
func (f *filestore) gone(ctx context.Context, found map[int64]fate) (map[int64]bool, error) {
	var suspects []int64
	for id, what := range found {
		if what != intact {
			suspects = append(suspects, id)
		}
	}
	if len(suspects) == 0 {
		return nil, nil
	}
	rs := f.db.ask(ctx, pgsession.Query{Name: "ir_attachment again", SQL: someFilesSQL, Args: []any{suspects}})
	if err := f.db.judge(rs); err != nil {
		return nil, err
	}
	deleted := map[int64]bool{}
	for _, id := range suspects {
		deleted[id] = true
	}
	for _, row := range rs[0].Rows {
		id, _ := row.Int("id")
		delete(deleted, id)
	}
	return deleted, nil
}

func count(files []storedFile, found map[int64]fate, gone map[int64]bool) tally {
	var t tally
	for _, file := range files {
		if gone[file.id] {
			continue
		}
		t.checked++
		switch found[file.id] {
		case missing:
			t.missing++
		case damaged:
			t.damaged++
		case intact:
		}
	}
	return t
}

func (f *filestore) publish(ch chan<- prometheus.Metric, which string, t tally) {
	gauge(ch, filesChecked, t.checked, f.db.tenant, which)
	gauge(ch, filesMissing, t.missing, f.db.tenant, which)
	gauge(ch, filesDamaged, t.damaged, f.db.tenant, which)
	if t.checked >= fewFiles {
		gauge(ch, filesMissingRatio, (t.missing+t.damaged)/t.checked, f.db.tenant, which)
	}
}

// filestoreSignals say whether the files that the database speaks of exist.
func filestoreSignals() []signal.Definition {
	return []signal.Definition{
		{
			Name: "odoo_filestore_newest_missing", Title: "New attachments have their file", Metric: "odoo_filestore_missing_ratio",
			Match: map[string]string{"sample": "newest"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0, Critical: 0.1,
			For: 2 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true, Unit: "ratio",
			Says: "{value} of the newest attachments of {tenant} have no file, or another than was written: the filestore does not belong to this state of the database",
		},
		{
			Name: "odoo_filestore_missing", Title: "Attachments have their file", Metric: "odoo_filestore_missing_ratio",
			Match: map[string]string{"sample": "random"}, Aggregate: signal.Max, Direction: signal.Above, Warning: 0.01, Critical: 0.1, Exit: 0.5,
			For: 5 * time.Minute, Fresh: 20 * time.Minute, Role: signal.Context, Optional: true, Unit: "ratio",
			Says: "{value} of attachments of {tenant}, tried at random, have no file, or another than was written: bring the filestore back from the backup that belongs to the database",
		},
	}
}
