package logtail

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
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
	id, size, err := identify(file)
	if err != nil {
		file.Close()
		return f.readError(err)
	}
	switch {
	case f.last != nil && *f.last != (position{}):
		f.resume(file, id, size, *f.last)
	case f.last != nil:
		f.sources = []*source{{file: file, position: position{File: id, Size: size}}}
	default:
		start, err := lastLineStart(file, size)
		if err != nil {
			file.Close()
			return f.readError(err)
		}
		f.sources = []*source{{file: file, position: position{File: id, Offset: start, Size: size}}}
	}
	f.last, f.dirty = nil, true
	return nil
}

// resume continues at a position reached before: in this file, or in a rotated
// one followed by those rotated since and this one.
func (f *Follower[S]) resume(file *os.File, id identity, size int64, at position) {
	extended, same, err := at.File.matches(file, f.head[:])
	switch {
	case err == nil && same && at.File.Length > 0:
		extended.Dev, extended.Inode = id.Dev, id.Inode
		at.File, at.Offset = extended, min(at.Offset, size)
		f.sources = []*source{{file: file, position: at}}
		return
	case at.File.sameInode(id) && at.File.Length == 0:
		f.sources = []*source{{file: file, position: at}}
		return
	case at.File.sameInode(id):
		f.counts.Truncated++
		f.noteGap()
		f.sources = append(f.rotatedSince(at, file), refilled(file, id, size))
	default:
		f.counts.Renamed++
		f.sources = append(f.rotatedSince(at, file), &source{file: file, position: position{File: id, Size: size}})
	}
}

// truncated is called when the file being read no longer begins as it did: it
// was emptied in place, perhaps after being copied, and perhaps refilled.
func (f *Follower[S]) truncated() {
	src := f.sources[0]
	f.fill, f.dirty = 0, true
	id, size, err := identify(src.file)
	if err != nil {
		id = identity{Dev: src.File.Dev, Inode: src.File.Inode}
	}
	f.counts.Truncated++
	f.noteGap()
	rest := f.rotatedSince(src.position, src.file)
	f.sources = slices.Concat(rest, []*source{refilled(src.file, id, size)}, f.sources[1:])
}

// refilled is a file that was emptied in place, to be read from its beginning.
func refilled(file *os.File, id identity, size int64) *source {
	src := &source{file: file, position: position{File: id, Size: size}}
	if info, err := file.Stat(); err == nil && id.Length == 0 && info.Size() == 0 {
		src.Emptied = info.ModTime().UnixNano()
	}
	return src
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
	list, denied, err := siblings(f.o.Path)
	if err != nil {
		f.warn(err)
		return false
	}
	f.countDenied(denied, time.Unix(0, since+1))
	var found []*source // oldest first
	for _, s := range list {
		if !s.rotated || s.info.ModTime().UnixNano() <= since || isCopy(s.file, src.file) {
			s.file.Close()
			continue
		}
		found = slices.Insert(found, 0, f.sourceOf(s))
	}
	f.counts.Truncated += uint64(len(found))
	f.sources = slices.Concat(found, f.sources)
	return len(found) > 0
}

// noteGap adds the time since all that was written had been read: what was
// lost now was written in it.
func (f *Follower[S]) noteGap() {
	now := f.o.Now()
	f.counts.Gap += max(0, now.Sub(f.caughtUp).Seconds())
	f.caughtUp = now
}

// rotatedSince opens the rotated file that a position is in, and those rotated
// after it, oldest first. Not finding it is counted: lines may be lost.
func (f *Follower[S]) rotatedSince(at position, current *os.File) []*source {
	list, denied, err := siblings(f.o.Path)
	if err != nil {
		f.warn(err)
	}
	old := f.find(list, at)
	if old < 0 {
		closeAll(list)
		f.counts.Unresolved++
		f.counts.LostBytes += uint64(max(0, at.Size-at.Offset))
		f.noteGap()
		return nil
	}
	f.countDenied(denied, list[old].info.ModTime())
	closeAll(list[old+1:])
	src := f.sourceOf(list[old])
	size := list[old].info.Size()
	f.counts.LostBytes += uint64(max(0, at.Size-max(size, at.Offset)))
	src.Offset, src.Skipping = min(at.Offset, size), at.Skipping
	sources := []*source{src}
	for _, s := range slices.Backward(list[:old]) {
		if !s.rotated || isCopy(s.file, current) {
			s.file.Close()
			continue
		}
		sources = append(sources, f.sourceOf(s))
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
// under the log's name once they have content. One that was emptied in place
// stays, since the file before it is a copy, which nobody writes to.
func (f *Follower[S]) dropEmpty() {
	for n := len(f.sources) - 1; n > 0; n-- {
		src := f.sources[n]
		if size, err := sizeOf(src.file); err != nil || size > 0 || src.Emptied > 0 {
			return
		}
		src.file.Close()
		f.sources = f.sources[:n]
	}
}

// replaced queues the file that has taken the name, which has content, so that
// the writer has moved on. The old one is read to its end once more before it
// is left.
func (f *Follower[S]) replaced(src *source) bool {
	file, err := openRegular(f.o.Path)
	if err != nil {
		f.missing(err)
		return false
	}
	id, size, err := identify(file)
	if err != nil || id.sameInode(src.File) {
		file.Close()
		return false
	}
	f.counts.Renamed++
	f.dirty = true
	f.sources = append(f.sources, f.between(src, file)...)
	f.sources = append(f.sources, &source{file: file, position: position{File: id, Size: size}})
	return true
}

// between opens what was rotated after src and before the file now at path,
// when the log was rotated more than once between two polls.
func (f *Follower[S]) between(src *source, current *os.File) []*source {
	list, denied, err := siblings(f.o.Path)
	if err != nil {
		f.warn(err)
		return nil
	}
	written, err := src.file.Stat()
	if err != nil {
		closeAll(list)
		f.warn(err)
		return nil
	}
	f.countDenied(denied, written.ModTime())
	var found []*source
	for i, s := range list {
		if inode(s.info).sameInode(src.File) || s.info.ModTime().Before(written.ModTime()) {
			closeAll(list[i:])
			break
		}
		if !s.rotated || isCopy(s.file, current) || isCopy(s.file, src.file) {
			s.file.Close()
			continue
		}
		found = slices.Insert(found, 0, f.sourceOf(s))
	}
	return found
}

// leave closes a source that will not grow any more. What it ends with counts
// as a line although its newline is missing.
func (f *Follower[S]) leave(src *source) {
	if rest := f.buf[:f.fill]; len(rest) > 0 && !src.Skipping {
		f.line(rest)
		f.counts.Bytes += uint64(len(rest))
	}
	f.fill, f.dirty = 0, true
	src.file.Close()
	f.sources = f.sources[1:]
}

// sourceOf is a sibling to be read from its beginning.
func (*Follower[S]) sourceOf(s sibling) *source {
	id, size, err := identify(s.file)
	if err != nil {
		id = inode(s.info) // reading will say what is wrong with it
	}
	return &source{file: s.file, position: position{File: id, Size: size}}
}

// isCopy reports whether a file is another one, or a copy of it, or empty and
// so perhaps the beginning of such a copy.
func isCopy(file, of *os.File) bool {
	a, err := file.Stat()
	if err != nil {
		return true // it cannot be read either
	}
	if b, err := of.Stat(); err == nil && os.SameFile(a, b) {
		return true
	}
	candidate, err := readHead(file, make([]byte, headSize))
	if err != nil || len(candidate) == 0 {
		return true
	}
	original, err := readHead(of, make([]byte, headSize))
	if err != nil || len(original) == 0 {
		return false
	}
	return bytes.HasPrefix(original, candidate) || bytes.HasPrefix(candidate, original)
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
