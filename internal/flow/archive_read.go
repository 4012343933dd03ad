package flow

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// A stage is how far a segment was thinned.
type stage string

const (
	whole  stage = ""        // every run
	hourly stage = ".hourly" // of those that passed, one an hour
	daily  stage = ".daily"  // one a segment, which is a day or less
)

func (s stage) rank() int { return slices.Index([]stage{whole, hourly, daily}, s) }

// A segment is one file of an archive.
type segment struct {
	number int
	day    time.Time // in which its runs ended, or a little before
	stage  stage
}

var segmentName = regexp.MustCompile(`^(\d{8,})-(\d{8})(|\.hourly|\.daily)\.jsonl$`)

const segmentDay = "20060102"

// stem begins the name of the segment and of what was set aside of it.
func (g segment) stem() string { return fmt.Sprintf("%08d-%s", g.number, g.day.Format(segmentDay)) }

func (g segment) name() string { return g.stem() + string(g.stage) + ".jsonl" }

// end is when every run in the segment had ended.
func (g segment) end() time.Time { return g.day.AddDate(0, 0, 1) }

func parseSegment(name string) (segment, bool) {
	m := segmentName.FindStringSubmatch(name)
	if m == nil {
		return segment{}, false
	}
	number, err := strconv.Atoi(m[1])
	day, err2 := time.Parse(segmentDay, m[2])
	return segment{number, day, stage(m[3])}, err == nil && err2 == nil
}

// listSegments returns the segments in a directory, oldest first. Of one that
// was being thinned when its process ended, the thinned one counts: it took
// its place whole.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []segment
	for _, e := range entries {
		if g, ok := parseSegment(e.Name()); ok && e.Type().IsRegular() {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(b.stage.rank(), a.stage.rank()))
	})
	return slices.CompactFunc(out, func(a, b segment) bool { return a.number == b.number }), nil
}

// A DamagedLineError names a line of an archive that is not what was written.
// It wraps durable.ErrDamaged.
type DamagedLineError struct {
	File string // its base name
	Line int
}

func (e *DamagedLineError) Error() string {
	return fmt.Sprintf("%s:%d: a run is torn or damaged, and left out", e.File, e.Line)
}

// Unwrap returns durable.ErrDamaged.
func (e *DamagedLineError) Unwrap() error { return durable.ErrDamaged }

// Runs returns the runs that are kept, in the order in which they were added.
// A damaged line is a *DamagedLineError in its place; any other error ends the
// reading.
func (a *Archive) Runs() iter.Seq2[Run, error] { return ReadArchive(a.o.Dir) }

// ReadArchive reads the archive in a directory as Archive.Runs does, also
// while others write to it.
func ReadArchive(dir string) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) {
		segments, err := listSegments(dir)
		if err != nil {
			yield(Run{}, fault.Wrap("read the archive of runs", err, "name the daemon's data directory with --data"))
			return
		}
		for _, g := range segments {
			for line, err := range readSegment(dir, g) {
				if !yield(line.run, err) || err != nil && !errors.Is(err, durable.ErrDamaged) {
					return
				}
			}
		}
	}
}

// A runLine is a line of a segment, and the run in it.
type runLine struct {
	run   Run
	bytes []byte
}

// readSegment reads a segment, or what became of it meanwhile.
func readSegment(dir string, g segment) iter.Seq2[runLine, error] {
	return func(yield func(runLine, error) bool) {
		name, content, err := loadSegment(dir, g)
		if err != nil {
			yield(runLine{}, fault.Wrap("read "+name, err, "check the rights on --data"))
			return
		}
		n := 0
		for b := range bytes.Lines(content) {
			n++
			var r Run
			err := error(nil)
			switch {
			case decodeLine(b, &r) && r.ID != "":
			case len(bytes.TrimSpace(b)) == 0:
				continue
			case !bytes.HasSuffix(b, []byte{'\n'}):
				return // the last: being written, or cut short, and nobody was told that it is kept
			default:
				err = &DamagedLineError{name, n}
			}
			if !yield(runLine{r, b}, err) {
				return
			}
		}
	}
}

// loadSegment returns the bytes of a segment. One that is gone has been thinned
// or removed since it was listed.
func loadSegment(dir string, g segment) (name string, content []byte, err error) {
	for _, s := range []stage{g.stage, hourly, daily} {
		g.stage = s
		content, err = os.ReadFile(filepath.Join(dir, g.name()))
		if !errors.Is(err, fs.ErrNotExist) {
			return g.name(), content, err
		}
	}
	return g.name(), nil, nil
}
