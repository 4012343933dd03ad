package traefik

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Bounds of the follower.
const (
	maxLine   = 256 << 10   // longer lines are counted, not read
	bufferLen = 2 * maxLine // of which at least half is free before a read
	pollEvery = 250 * time.Millisecond
	// missingFor is how long a log that was there may be away before that is a
	// finding: rotation takes its name away for a moment.
	missingFor = 10 * time.Second
)

// A follower reads a log by name and counts its lines. All of it belongs to
// the goroutine of run; what others may see is the last published snapshot.
//
// It holds the files still to be read, oldest first. The last of them is the
// one the writer had open when last looked; it is left only once another file
// of that name has content, so nothing written late to a renamed file is lost.
type follower struct {
	path      string
	stateFile string        // "" keeps everything in memory
	every     time.Duration // between checkpoints
	now       func() time.Time
	log       *slog.Logger

	parser  *parser
	tally   *tally
	sources []*source
	last    *position // where reading stopped, when there is no source
	anew    bool      // the file did not exist when first looked for: read it from its beginning
	buf     []byte
	fill    int // bytes of buf that hold unread data of sources[0]

	problem      error     // why the log cannot be read, nil when it can
	missingSince time.Time // zero while the name exists
	dirty        bool      // counted since the last checkpoint
	saved        time.Time
	snapshot     atomic.Pointer[snapshot]
}

// A source is an open file and how far it has been read.
type source struct {
	file *os.File
	position
}

// A snapshot is what may be published: counts that are safe on disk.
type snapshot struct {
	checkpoint
	lag      int64 // bytes written and not read
	readable bool
	err      error
}

// newFollower resumes from stateFile when it is there and about this path.
func newFollower(path, stateFile, format string, t *tally, every time.Duration, now func() time.Time, log *slog.Logger) *follower {
	f := &follower{
		path: path, stateFile: stateFile, every: every, now: now, log: log,
		parser: newParser(format), tally: t, buf: make([]byte, bufferLen),
	}
	if stateFile == "" {
		return f
	}
	c, found, err := loadCheckpoint(stateFile)
	switch {
	case err != nil:
		log.Warn("access log position unusable, starting at the end of the log", "file", stateFile, "err", err)
	case found && c.Path == path:
		t.restore(c)
		f.last = &c.Position
	}
	return f
}

// run follows until ctx is done.
func (f *follower) run(ctx context.Context) {
	defer f.close()
	if f.stateFile != "" {
		if err := os.MkdirAll(filepath.Dir(f.stateFile), 0o700); err != nil {
			f.log.Warn("cannot make the directory of the access log position", "err", err) // saving will say so as a finding
		}
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		f.poll(ctx)
		if ctx.Err() != nil {
			f.checkpoint()
			return
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// poll reads all there is to read now.
func (f *follower) poll(ctx context.Context) {
	for ctx.Err() == nil && f.step() {
		f.checkpointWhenDue()
	}
	f.checkpointWhenDue()
}

// step reads one buffer, or finds out what to read next. It reports whether
// there may be more to do at once.
func (f *follower) step() bool {
	if len(f.sources) == 0 {
		f.problem = f.open()
		return f.problem == nil
	}
	src := f.sources[0]
	n, err := src.file.ReadAt(f.buf[f.fill:], src.Offset+int64(f.fill))
	if err != nil && !errors.Is(err, io.EOF) {
		f.problem = readError(err)
		return false
	}
	id, same, err := src.File.matches(src.file)
	if err != nil {
		f.problem = readError(err)
		return false
	}
	if !same {
		f.truncated()
		return true
	}
	src.File = id
	f.problem = nil
	f.fill += n
	if n > 0 {
		f.consume(src)
		return true
	}
	return f.atEnd(src)
}

// open finds the file to read first.
func (f *follower) open() error {
	file, err := openRegular(f.path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			f.anew = true
		}
		return openError(err)
	}
	id, size, err := identify(file)
	if err != nil {
		file.Close()
		return readError(err)
	}
	switch {
	case f.last != nil:
		f.resume(file, id, size, *f.last)
	case f.anew:
		f.sources = []*source{{file: file, position: position{File: id}}}
	default:
		start, err := lastLineStart(file, size)
		if err != nil {
			file.Close()
			return readError(err)
		}
		f.sources = []*source{{file: file, position: position{File: id, Offset: start}}}
	}
	f.last, f.dirty = nil, true
	return nil
}

// resume continues at a position reached before: in this file, or in a rotated
// one followed by those rotated since and this one.
func (f *follower) resume(file *os.File, id identity, size int64, at position) {
	if extended, same, err := at.File.matches(file); err == nil && same && (at.File.Length > 0 || at.File.sameInode(id)) {
		extended.Dev, extended.Inode = id.Dev, id.Inode
		at.File, at.Offset = extended, min(at.Offset, size)
		f.sources = []*source{{file: file, position: at}}
		return
	}
	if at.File.sameInode(id) {
		f.tally.lines.Truncated++
	} else {
		f.tally.lines.Renamed++
	}
	f.sources = append(f.rotatedSince(at, &id), &source{file: file, position: position{File: id}})
}

// rotatedSince opens the rotated file a position is in and those after it. Not
// finding it is counted: lines may be lost.
func (f *follower) rotatedSince(at position, current *identity) []*source {
	files, err := rediscover(f.path, at.File, at.Offset, current)
	if err != nil {
		f.log.Warn("cannot look for rotated access logs", "path", f.path, "err", err)
	}
	if len(files) == 0 {
		if at.File.Length > 0 {
			f.tally.lines.Lost++
		}
		return nil
	}
	var list []*source
	for i, file := range files {
		id, _, err := identify(file)
		if err != nil {
			file.Close()
			continue
		}
		src := &source{file: file, position: position{File: id}}
		if i == 0 {
			src.Offset, src.Skipping = at.Offset, at.Skipping
		}
		list = append(list, src)
	}
	return list
}

// truncated is called when the file being read no longer begins as it did: it
// was emptied in place, perhaps after being copied, and perhaps refilled.
func (f *follower) truncated() {
	src := f.sources[0]
	f.fill = 0
	f.dirty = true
	id, _, err := identify(src.file)
	if err != nil {
		id = identity{Dev: src.File.Dev, Inode: src.File.Inode}
	}
	f.tally.lines.Truncated++
	rest := f.rotatedSince(src.position, &id)
	again := &source{file: src.file, position: position{File: id}}
	f.sources = append(append(rest, again), f.sources[1:]...)
}

// atEnd decides, at the end of the first source, whether to wait or move on.
func (f *follower) atEnd(src *source) bool {
	if size, err := sizeOf(src.file); err == nil && size < src.Offset {
		src.Offset, f.fill, f.dirty = size, 0, true // cut off, its beginning kept: nothing to read again
		return true
	}
	if len(f.sources) > 1 {
		f.leave(src)
		return true
	}
	info, err := os.Stat(f.path)
	if err != nil {
		f.missing(err)
		return false
	}
	f.missingSince = time.Time{}
	var there identity
	there.Dev, there.Inode = inode(info)
	if there.sameInode(src.File) || info.Size() == 0 {
		return false
	}
	return f.replaced(src)
}

// replaced queues the file that has taken the name, which has content, so that
// the writer has moved on. The old one is read to its end once more before it
// is left.
func (f *follower) replaced(src *source) bool {
	file, err := openRegular(f.path)
	if err != nil {
		f.missing(err)
		return false
	}
	id, _, err := identify(file)
	if err != nil || id.sameInode(src.File) {
		file.Close()
		return false
	}
	f.tally.lines.Renamed++
	f.dirty = true
	f.sources = append(f.sources, f.between(src, id)...)
	f.sources = append(f.sources, &source{file: file, position: position{File: id}})
	return true
}

// between opens what was rotated after src and before the file now at path,
// when the log was rotated more than once between two polls.
func (f *follower) between(src *source, current identity) []*source {
	list, err := siblings(f.path)
	if err != nil {
		f.log.Warn("cannot look for rotated access logs", "path", f.path, "err", err)
		return nil
	}
	var found []*source
	for _, s := range list { // newest first
		file, err := os.Open(s.path)
		if err != nil {
			continue
		}
		id, _, err := identify(file)
		if err == nil && id.sameInode(src.File) {
			file.Close()
			break
		}
		if err != nil || isCurrent(file, &current) || isCurrent(file, &src.File) || !rotated(s.info.Name(), filepath.Base(f.path)) || f.older(s, src) {
			file.Close()
			continue
		}
		found = append([]*source{{file: file, position: position{File: id}}}, found...)
	}
	return found
}

// older reports whether a rotated file was last written before src was.
func (f *follower) older(s sibling, src *source) bool {
	info, err := src.file.Stat()
	return err != nil || s.info.ModTime().Before(info.ModTime())
}

// leave closes a source that will not grow any more. What it ends with counts
// as a line although its newline is missing.
func (f *follower) leave(src *source) {
	if rest := f.buf[:f.fill]; len(rest) > 0 && !src.Skipping {
		f.line(rest)
		f.tally.lines.Bytes += uint64(len(rest))
	}
	f.fill = 0
	f.dirty = true
	src.file.Close()
	f.sources = f.sources[1:]
}

// consume counts the complete lines of the buffer and keeps the rest.
func (f *follower) consume(src *source) {
	data := f.buf[:f.fill]
	for len(data) > 0 {
		if data[0] == 0 {
			n := len(data) - len(bytes.TrimLeft(data, "\x00"))
			f.tally.lines.Padding += uint64(n)
			data = data[n:]
			continue
		}
		end := bytes.IndexByte(data, '\n')
		if end < 0 && len(data) <= maxLine && !src.Skipping {
			break
		}
		switch {
		case src.Skipping:
			src.Skipping = end < 0
		case end < 0 || end > maxLine:
			f.tally.lines.Oversize++
			src.Skipping = end < 0
		default:
			f.line(data[:end])
		}
		if end < 0 {
			end = len(data) - 1
		}
		f.tally.lines.Bytes += uint64(end + 1)
		data = data[end+1:]
	}
	if used := f.fill - len(data); used > 0 {
		src.Offset += int64(used)
		f.fill = copy(f.buf, data)
		f.dirty = true
	}
}

// line counts one line.
func (f *follower) line(b []byte) {
	b = bytes.TrimSuffix(b, []byte("\r"))
	if len(b) == 0 {
		return
	}
	if !f.parser.parse(b) {
		f.tally.lines.Unparsed++
		return
	}
	f.tally.add(&f.parser.req)
}

// missing notes that the name has gone while its file is still open.
func (f *follower) missing(err error) {
	now := f.now()
	if f.missingSince.IsZero() {
		f.missingSince = now
	}
	if now.Sub(f.missingSince) >= missingFor {
		f.problem = openError(err)
	}
}

// checkpointWhenDue saves and publishes when it is time.
func (f *follower) checkpointWhenDue() {
	if f.snapshot.Load() == nil || f.now().Sub(f.saved) >= f.every {
		f.checkpoint()
	}
}

// checkpoint makes the counts durable, then publishes them: a count that was
// published is never taken back by a restart. When the disk refuses, they are
// published with that finding.
func (f *follower) checkpoint() {
	at := position{}
	switch {
	case len(f.sources) > 0:
		at = f.sources[0].position
	case f.last != nil:
		at = *f.last
	}
	s := &snapshot{checkpoint: f.tally.save(f.path, at), lag: f.lag(), readable: f.problem == nil, err: f.problem}
	if f.stateFile != "" && f.dirty {
		if err := s.store(f.stateFile); err != nil {
			s.err = errors.Join(s.err, fault.Wrap("save the access log position", err, "make the data directory writable; until then a restart counts lines twice"))
		} else {
			f.dirty = false
		}
	}
	f.saved = f.now()
	f.snapshot.Store(s)
}

// lag is how many bytes are written and not read.
func (f *follower) lag() (bytes int64) {
	for _, src := range f.sources {
		if size, err := sizeOf(src.file); err == nil {
			bytes += max(0, size-src.Offset)
		}
	}
	return bytes
}

// behind is how many bytes may be written and not read while the lines that
// were read still count as all there are.
const behind = 1 << 20

// read is how many lines were read, and whether these are about all there are.
// Others than run's goroutine may call it.
func (f *follower) read() (lines uint64, current bool) {
	s := f.snapshot.Load()
	if s == nil || !s.readable || s.lag > behind {
		return 0, false
	}
	return s.Lines.Parsed + s.Lines.Unparsed + s.Lines.Oversize, true
}

func (f *follower) close() {
	for _, src := range f.sources {
		src.file.Close()
	}
	f.sources = nil
}

func sizeOf(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// lastLineStart returns where the line at the end of the file begins: the size
// itself when the file ends with a newline.
func lastLineStart(f *os.File, size int64) (int64, error) {
	from := max(0, size-maxLine)
	tail := make([]byte, size-from)
	if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return from + int64(bytes.LastIndexByte(tail, '\n')+1), nil
}

// errNotRegular is a path that cannot be read by offset.
var errNotRegular = errors.New("not a regular file")

// openRegular opens a file without waiting for a writer, should it be a pipe.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, cmp.Or(err, errNotRegular)
	}
	return f, nil
}

func openError(err error) error {
	e := &fault.Error{Op: "open access log", Kind: fault.Unreachable, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "check accessLog against Traefik's accessLog.filePath, and that the directory is mounted here"
	case errors.Is(err, fs.ErrPermission):
		e.Kind, e.Hint = fault.Denied, "let the daemon's user read the log and search its directory"
	case errors.Is(err, errNotRegular):
		e.Kind, e.Hint = fault.Schema, "let Traefik write accessLog.filePath to a file: a pipe or a terminal cannot be resumed"
	}
	return e
}

func readError(err error) error {
	return &fault.Error{Op: "read access log", Kind: fault.Unreachable, Err: err, Hint: "check the file system that holds it"}
}
