package logtail

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

// open finds the file to read first.
func (f *Follower[S]) open() error {
	file, err := openRegular(f.o.Path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && f.last == nil {
			f.last, f.dirty = &position{}, true // kept, so that a log created while nobody looks is read whole
		}
		return f.openError(err)
	}
	v, err := viewOf(file)
	if err != nil {
		file.Close()
		return f.readError(err)
	}
	at := position{File: v.identity, Size: v.size}
	switch {
	case f.last != nil && *f.last != (position{}):
		f.resume(file, v, *f.last)
	case f.last != nil:
		f.sources = []*source{{file: file, position: at}}
	default:
		if at.Offset, err = lastLineStart(file, v.size); err != nil {
			file.Close()
			return f.readError(err)
		}
		f.sources = []*source{{file: file, position: at}}
	}
	f.last, f.dirty = nil, true
	return nil
}

// resume continues at a position reached before: in this file, or in a rotated
// one followed by those rotated since and this one.
func (f *Follower[S]) resume(file *os.File, v view, at position) {
	extended, same, err := at.File.matches(file, f.head[:])
	switch {
	case err == nil && same && at.File.Length > 0:
		extended.Dev, extended.Inode = v.Dev, v.Inode
		at.File, at.Offset = extended, min(at.Offset, v.size)
		f.sources = []*source{{file: file, position: at}}
		return
	case at.File.sameInode(v.identity) && at.File.Length == 0:
		f.sources = []*source{{file: file, position: at}}
		return
	case at.File.sameInode(v.identity):
		f.noteGap()
		at.Copied = true
	}
	f.sources = f.rotatedSince(at, file)
}

// truncated is called when the file being read no longer begins as it did: it
// was emptied in place, perhaps after being copied, and perhaps refilled.
func (f *Follower[S]) truncated() {
	src := f.sources[0]
	f.fill, f.dirty = 0, true
	f.noteGap()
	at := src.position
	at.Copied = true
	f.sources = append(f.rotatedSince(at, src.file), f.sources[1:]...)
}

// count counts the rotation that ended a file.
func (f *Follower[S]) count(ended position) {
	if ended.Copied {
		f.counts.Truncated++
	} else {
		f.counts.Renamed++
	}
}

// emptied is called when a file that had been emptied has content. Unless it
// was filled and emptied again meanwhile it reports false; otherwise what it
// had then is to be read first.
func (f *Follower[S]) emptied(src *source) bool {
	since := src.Emptied
	src.Emptied = 0
	if since == 0 {
		return false
	}
	l := f.look(src.file)
	f.countDenied(l.denied, time.Unix(0, since+1))
	var found []*source // oldest first
	for _, s := range l.list {
		if !s.rotated || s.info.ModTime().UnixNano() <= since || l.copiedBy(s.file) {
			s.file.Close()
			continue
		}
		found = slices.Insert(found, 0, sourceOf(s, true))
	}
	if len(found) == 0 {
		return false
	}
	f.sources = slices.Concat(found, []*source{l.source(src.file, true)}, f.sources[1:])
	f.dirty = true
	return true
}

// noteGap adds the time since all that was written had been read: what was
// lost now was written in it.
func (f *Follower[S]) noteGap() {
	now := f.o.Now()
	f.counts.Gap += max(0, now.Sub(f.caughtUp).Seconds())
	f.caughtUp = now
}

// rotatedSince returns what is to be read after a position in a file that is no
// longer the log: the rest of it, those rotated since, oldest first, and the
// log, which is open. Not finding the file is counted: lines may be lost.
func (f *Follower[S]) rotatedSince(at position, file *os.File) []*source {
	l := f.look(file)
	sources := []*source{l.source(file, at.Copied)}
	old := f.find(l.list, at)
	if old < 0 {
		closeAll(l.list)
		f.count(at)
		f.counts.Unresolved++
		f.counts.LostBytes += uint64(max(0, at.Size-at.Offset))
		f.noteGap()
		return sources
	}
	f.countDenied(l.denied, l.list[old].info.ModTime())
	for i, s := range l.list {
		switch {
		case i == old:
			size := s.info.Size()
			f.counts.LostBytes += uint64(max(0, at.Size-max(size, at.Offset)))
			src := sourceOf(s, at.Copied)
			src.Offset, src.Skipping = min(at.Offset, size), at.Skipping
			sources = slices.Insert(sources, 0, src)
		case i > old || !s.rotated || l.copiedBy(s.file):
			s.file.Close()
		default:
			sources = slices.Insert(sources, 0, sourceOf(s, at.Copied))
		}
	}
	return sources
}

// find returns the index of the file that a position is in, or -1. One that
// ends before the position was copied before it was reached: it is the right
// one when there is no longer one.
func (f *Follower[S]) find(list []sibling, at position) int {
	short := -1
	for i, s := range list {
		same := at.File.sameInode(inode(s.info))
		if at.File.Length > 0 {
			var err error
			if _, same, err = at.File.matches(s.file, f.head[:]); err != nil {
				continue
			}
		}
		switch {
		case same && s.info.Size() >= at.Offset:
			return i
		case same && s.rotated && short < 0:
			short = i
		}
	}
	return short
}

// atEnd decides, at the end of the first source, whether to wait or move on.
func (f *Follower[S]) atEnd(src *source) bool {
	if size, err := sizeOf(src.file); err == nil && size < src.Offset {
		src.Offset, src.Size, f.fill, f.dirty = size, size, 0, true // cut off, its beginning kept: nothing to read again
		return true
	}
	f.dropEmpty()
	if len(f.sources) > 1 {
		f.leave(src)
		return true
	}
	f.caughtUp = f.o.Now()
	info, err := os.Stat(f.o.Path)
	if err != nil {
		f.missing(err)
		return false
	}
	f.missingSince = time.Time{}
	if inode(info).sameInode(src.File) || info.Size() == 0 {
		return false
	}
	return f.replaced(src)
}

// dropEmpty forgets the last files while they are empty: a rotation created
// them, and the writer may still be in the one before. They are found again
// under the log's name once they have content. What follows a copy stays, since
// nobody writes to a copy.
func (f *Follower[S]) dropEmpty() {
	for n := len(f.sources) - 1; n > 0; n-- {
		src := f.sources[n]
		if size, err := sizeOf(src.file); err != nil || size > 0 || f.sources[n-1].Copied {
			return
		}
		src.file.Close()
		f.sources = f.sources[:n]
	}
}

// replaced queues the file that has taken the name, which has content, so that
// the writer has moved on, and before it what was rotated since src, when the
// log was rotated more than once between two polls. The old one is read to its
// end once more before it is left.
func (f *Follower[S]) replaced(src *source) bool {
	file, err := openRegular(f.o.Path)
	if err != nil {
		f.missing(err)
		return false
	}
	l := f.look(file)
	written, err := src.file.Stat()
	if err != nil || l.Length == 0 || l.sameInode(src.File) {
		closeAll(l.list)
		file.Close()
		return false
	}
	f.countDenied(l.denied, written.ModTime())
	own := view{identity: src.File}
	if own.head, err = readHead(src.file, make([]byte, headSize)); err != nil {
		f.warn(err)
	}
	sources := []*source{l.source(file, false)}
	for i, s := range l.list {
		if inode(s.info).sameInode(src.File) || s.info.ModTime().Before(written.ModTime()) {
			closeAll(l.list[i:])
			break
		}
		if !s.rotated || l.copiedBy(s.file) || own.copiedBy(s.file) {
			s.file.Close()
			continue
		}
		sources = slices.Insert(sources, 0, sourceOf(s, src.Copied))
	}
	f.sources = append(f.sources, sources...)
	f.dirty = true
	return true
}

// leave closes a source that will not grow any more. What it ends with counts
// as a line although its newline is missing.
func (f *Follower[S]) leave(src *source) {
	if rest := f.buf[:f.fill]; len(rest) > 0 && !src.Skipping {
		f.line(rest)
		f.counts.Bytes += uint64(len(rest))
	}
	f.fill, f.dirty = 0, true
	f.count(src.position)
	src.file.Close()
	f.sources = f.sources[1:]
}

// sourceOf is a sibling to be read from its beginning.
func sourceOf(s sibling, copied bool) *source {
	id, size, err := identify(s.file)
	if err != nil {
		id = inode(s.info) // reading will say what is wrong with it
	}
	return &source{file: s.file, position: position{File: id, Size: size, Copied: copied}}
}

// A view is what a file was at one moment.
type view struct {
	identity
	head    []byte
	size    int64
	written int64 // when, if it is empty
}

func viewOf(file *os.File) (v view, err error) {
	info, err := file.Stat()
	if err != nil {
		return v, err
	}
	if v.head, err = readHead(file, make([]byte, headSize)); err != nil {
		return v, err
	}
	v.identity, v.size = inode(info), info.Size()
	v.Length, v.Hash = len(v.head), xxhash.Sum64(v.head)
	if v.size == 0 && v.Length == 0 {
		v.written = info.ModTime().UnixNano()
	}
	return v, nil
}

// becomes reports whether a later view can be of the file without it having
// been emptied in between.
func (v view) becomes(later view) bool {
	if v.Length == 0 {
		return v.written > 0 && v.written == later.written
	}
	return bytes.HasPrefix(later.head, v.head)
}

// copiedBy reports whether a file is this one, or a copy of it, or empty and so
// perhaps the beginning of such a copy.
func (v view) copiedBy(file *os.File) bool {
	other, err := viewOf(file)
	if err != nil || other.Length == 0 || other.sameInode(v.identity) {
		return true // what cannot be read is not read
	}
	return v.Length > 0 && (bytes.HasPrefix(v.head, other.head) || bytes.HasPrefix(other.head, v.head))
}

// A look is what the log and the files beside it were at one moment.
type look struct {
	view
	list   []sibling
	denied []os.FileInfo
}

// source is the log as it was seen, to be read from its beginning.
func (l look) source(file *os.File, emptied bool) *source {
	src := &source{file: file, position: position{File: l.identity, Size: l.size}}
	if emptied && l.Length == 0 {
		src.Emptied = 1
		if i := slices.IndexFunc(l.list, func(s sibling) bool { return s.rotated }); i >= 0 {
			src.Emptied = l.list[i].info.ModTime().UnixNano()
		}
	}
	return src
}

// look looks at the open log and the files beside it. When the log is emptied
// meanwhile it looks again, so that each generation of it is seen once: as the
// log, or as a copy.
func (f *Follower[S]) look(file *os.File) look {
	var l look
	for range maxLooks {
		before, err := viewOf(file)
		if err != nil {
			f.warn(err)
			return look{}
		}
		l = look{view: before}
		if l.list, l.denied, err = siblings(f.o.Path); err != nil {
			f.warn(err)
			return l
		}
		if after, err := viewOf(file); err == nil && before.becomes(after) {
			l.list = olderThan(l.list, before)
			return l
		}
		closeAll(l.list)
		l.list = nil
	}
	f.warn(errUnsteady)
	return l
}

// olderThan leaves what came before the log. When the log has been rotated since
// it was opened it is in the list itself: what is younger comes after it.
func olderThan(list []sibling, log view) []sibling {
	i := slices.IndexFunc(list, func(s sibling) bool { return inode(s.info).sameInode(log.identity) })
	closeAll(list[:i+1])
	return list[i+1:]
}

// countDenied counts the rotated files that may not be read and were written
// since.
func (f *Follower[S]) countDenied(denied []os.FileInfo, since time.Time) {
	for _, info := range denied {
		if !info.ModTime().Before(since) {
			f.counts.Unresolved++
		}
	}
}

func (f *Follower[S]) warn(err error) {
	f.o.Log.Warn("cannot look for rotated logs", "log", f.o.Name, "err", err)
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
	from := max(0, size-MaxLine)
	tail := make([]byte, size-from)
	if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return from + int64(bytes.LastIndexByte(tail, '\n')+1), nil
}
