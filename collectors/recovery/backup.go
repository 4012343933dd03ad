package recovery

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// A part is one of the four things an ERP is restored from.
type part string

// The parts of a set.
const (
	database      part = "database"
	filestore     part = "filestore"
	configuration part = "configuration"
	objects       part = "objects"
)

var parts = []part{database, filestore, configuration, objects}

// A kind is what a backup holds: all, or what changed since another.
type kind string

// The kinds of backups.
const (
	full         kind = "full"
	differential kind = "differential"
	incremental  kind = "incremental"
)

var kinds = []kind{full, differential, incremental}

// skew is how far clocks may differ before a time counts as the future.
const skew = 5 * time.Minute

// A backup is one that a tool says it made.
type backup struct {
	label       string
	part        part
	kind        kind
	start, stop time.Time
	size        int64    // of what a restore brings back, in bytes; negative when it is not known
	failed      bool     // made with errors
	buildsOn    []string // labels
	needsLog    bool     // it is whole only with the segments from first to last
	first, last segment
}

// sane returns what is wrong with the backup's times. The zone of a time is not
// lost in any format that is read: a time ahead of now is a clock that is
// wrong, and would hide for hours that nothing more was backed up.
func (b backup) sane(now time.Time) error {
	switch {
	case b.stop.After(now.Add(skew)):
		return fmt.Errorf("backup %s ends at %s, which is yet to come", clip(b.label), b.stop.UTC().Format(time.RFC3339))
	case b.start.After(b.stop):
		return fmt.Errorf("backup %s ends before it begins", clip(b.label))
	case b.start.Unix() <= 0:
		return fmt.Errorf("backup %s has no time", clip(b.label))
	}
	return nil
}

// A state is what the sources say of one repository.
type state struct {
	backups []backup
	log     *archive  // nil when it is not known
	written time.Time // when the source was written
	damaged int       // files of it that were passed over for their copies
}

// needsLog reports whether a backup is whole only with the log.
func (s state) needsLog() bool {
	return slices.ContainsFunc(s.backups, func(b backup) bool { return b.needsLog })
}

// has reports whether a part was ever backed up.
func (s state) has(of part) bool {
	return slices.ContainsFunc(s.backups, func(b backup) bool { return b.part == of })
}

// A coverage is what can be restored.
type coverage struct {
	usable    []backup // oldest first
	from, to  time.Time
	until     time.Time // of the newest segment in the archive, beyond gaps too
	gapAfter  uint64    // segments missing after the start of the newest usable backup
	gapBefore uint64    // before it, since the oldest that is kept
	ranged    bool      // the archive is known
	counted   bool      // and so are the gaps
}

// cover finds the database backups that can be restored, and how far.
func cover(s state) coverage {
	var c coverage
	var way course
	if s.log != nil {
		way, c.ranged = s.log.course(), true
	}
	good := map[string]bool{}
	backups := slices.Clone(s.backups)
	slices.SortStableFunc(backups, func(a, b backup) int { return a.stop.Compare(b.stop) })
	for _, b := range backups {
		if b.part != database || b.failed || slices.ContainsFunc(b.buildsOn, func(on string) bool { return !good[on] }) {
			continue
		}
		if s.log != nil && b.needsLog {
			if _, whole := way.run(b.first, b.last); !whole {
				continue
			}
		}
		good[b.label] = true
		c.usable = append(c.usable, b)
	}
	if s.log == nil {
		return c
	}
	if len(way.have) > 0 {
		c.until = way.have[len(way.have)-1].at
	}
	if len(c.usable) > 0 {
		c.reach(way, backups)
	}
	return c
}

// reach finds the range without a gap around the newest usable backup.
func (c *coverage) reach(way course, backups []backup) {
	newest := c.usable[len(c.usable)-1]
	c.from, c.to = newest.stop, newest.stop
	if !newest.needsLog {
		return
	}
	r, _ := way.run(newest.first, newest.last)
	if at := way.have[r.last].at; at.After(c.to) {
		c.to = at
	}
	for _, b := range c.usable {
		if same, whole := way.run(b.first, b.last); b.needsLog && whole && same == r && b.stop.Before(c.from) {
			c.from = b.stop
		}
	}
	c.counted = true
	c.gapAfter = way.missing(newest.first.number, way.have[len(way.have)-1].number)
	for _, b := range backups {
		if b.part == database && !b.failed && b.needsLog && b.first.number < newest.first.number {
			c.gapBefore = max(c.gapBefore, way.missing(b.first.number, newest.first.number-1))
		}
	}
}

// newest returns the last backup that is good for something by a wanted kind.
func newest(backups []backup, of part, wanted ...kind) (backup, bool) {
	var out backup
	found := false
	for _, b := range backups {
		if b.part == of && !b.failed && slices.Contains(wanted, b.kind) && (!found || b.stop.After(out.stop)) {
			out, found = b, true
		}
	}
	return out, found
}

// errDamaged says that a file is not what its tool wrote.
var errDamaged = errors.New("its checksum does not match: it is damaged, or was edited")
