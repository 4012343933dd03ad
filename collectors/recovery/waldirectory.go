package recovery

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// maxSegments bounds an archive: 16 MiB each, this is 7.6 TiB.
const maxSegments = 500_000

var (
	// A segment's name, the checksum that pgBackRest adds, and what a
	// compressor adds. What is still being written has other names.
	archivedName = regexp.MustCompile(`^([0-9A-F]{24})(-[0-9a-f]{40})?(\.(gz|lz4|zst|bz2|xz|br|lzo))?$`)
	historyName  = regexp.MustCompile(`^([0-9A-F]{8})\.history$`)
	// pgBackRest and barman put the segments of one log into a directory.
	logName = regexp.MustCompile(`^[0-9A-F]{16}$`)
)

// readArchive lists a directory of archived segments, and the directories of
// logs in it.
func readArchive(ctx context.Context, dir string, size int64) (*archive, error) {
	a := &archive{segments: map[uint32][]archived{}, histories: map[uint32][]fork{}}
	left := maxSegments
	return a, a.add(ctx, dir, size, &left, true)
}

func (a *archive) add(ctx context.Context, dir string, size int64, left *int, descend bool) error {
	entries, err := names(dir, *left)
	if err != nil {
		return err
	}
	*left -= len(entries)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return fault.Wrap("list "+dir, err, "")
		}
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir() && descend && logName.MatchString(e.Name()):
			if err = a.add(ctx, path, size, left, false); errors.Is(err, fs.ErrNotExist) {
				err = nil // expired since it was listed
			}
		case historyName.MatchString(e.Name()):
			err = a.addHistory(path, e.Name(), size)
		default:
			err = a.addSegment(e, path, size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addHistory reads the history of a timeline.
func (a *archive) addHistory(path, name string, size int64) error {
	text, _, err := readFile(path)
	if err != nil {
		return err
	}
	timeline, _ := strconv.ParseUint(strings.TrimSuffix(name, ".history"), 16, 32)
	forks, err := parseHistory(text, uint32(timeline), size)
	if err != nil {
		return &fault.Error{Op: "read " + path, Kind: fault.Schema, Err: err, Hint: "archive the file anew from the server's pg_wal"}
	}
	a.histories[uint32(timeline)] = forks
	return nil
}

// addSegment counts a segment that is whole: one that is not compressed has its
// full size, and any other some.
func (a *archive) addSegment(e fs.DirEntry, path string, size int64) error {
	parts := archivedName.FindStringSubmatch(e.Name())
	if parts == nil {
		return nil
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) { // expired since it was listed
		return nil
	}
	if err != nil {
		return unreadable("look at "+path, err)
	}
	s, err := parseSegment(parts[1], size)
	if err != nil {
		return &fault.Error{Op: "list " + filepath.Dir(path), Kind: fault.Schema, Err: err}
	}
	compressed := parts[3] != ""
	if !info.Mode().IsRegular() || info.Size() == 0 || (!compressed && info.Size() != size) {
		a.damaged++
		return nil
	}
	a.segments[s.timeline] = append(a.segments[s.timeline], archived{s.number, info.ModTime()})
	return nil
}
