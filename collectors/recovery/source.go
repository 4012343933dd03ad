package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Names of sources that have none of their own.
const (
	restoreTests = "restore-tests"
	walArchive   = "wal-archive"
)

// A source is where evidence is read, and what it last proved.
type source struct {
	name string
	read func(context.Context) (state, error)
	// within is how old the writing of the source may be; 0 is any: what is read
	// where it is made is of now.
	within     time.Duration
	repository bool // its own backups are expected, not only to be a part of a set

	known  state // as it was when it was last good
	proved coverage
	seen   bool // it was good once
	valid  bool // it is now
	errors map[fault.Kind]uint64
}

// sources lists where an estate's evidence is.
func sources(c Config) []*source {
	x := expectation{c.Stanza, c.SystemIdentifier, int64(c.WALSegmentMegabytes) << 20}
	within := time.Duration(lateAfter * float64(c.Expect.Evidence.D()))
	var out []*source
	for _, r := range c.Repositories {
		s := &source{name: r.Name, repository: true}
		if r.Path != "" {
			s.read = func(ctx context.Context) (state, error) { return readRepository(ctx, r.Path, x) }
		} else {
			s.within = within
			s.read = func(context.Context) (state, error) { return readInfoDrop(r.Info, r.Key, x) }
		}
		out = append(out, s)
	}
	for _, d := range c.Drops {
		out = append(out, &source{name: d.Name, within: within, read: func(context.Context) (state, error) { return readDrop(d.Path, x.segmentSize) }})
	}
	return out
}

// look reads a source. log is the archive of those that have none of their own;
// nil when it is not known.
func (s *source) look(ctx context.Context, now time.Time, log *archive) error {
	read, err := s.read(ctx)
	if err == nil && read.log == nil && read.needsLog() {
		read.log = log
	}
	var c coverage
	if err == nil {
		err = sane(read, now)
	}
	if err == nil {
		c = cover(read)
		s.known, s.proved, s.seen = read, c, true
		err = s.fresh(now)
	}
	s.note(err)
	return fault.Wrap("look at backups of "+s.name, err, "")
}

// note records whether the source is good now. A turn that was called off says
// nothing of it.
func (s *source) note(err error) {
	s.valid = err == nil
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	if s.errors == nil {
		s.errors = map[fault.Kind]uint64{}
	}
	s.errors[fault.KindOf(err)]++
}

// sane refuses what cannot be.
func sane(s state, now time.Time) error {
	wrong := func(err error) error {
		return &fault.Error{Op: "check times", Kind: fault.Assertion, Err: err, Hint: "set the clocks of both machines"}
	}
	if s.written.After(now.Add(skew)) {
		return wrong(fmt.Errorf("it was written at %s, which is yet to come", s.written.UTC().Format(time.RFC3339)))
	}
	for _, b := range s.backups {
		if err := b.sane(now); err != nil {
			return wrong(err)
		}
	}
	return s.log.sane(now)
}

func (a *archive) sane(now time.Time) error {
	if a == nil {
		return nil
	}
	for _, segments := range a.segments {
		for _, s := range segments {
			if s.at.After(now.Add(skew)) {
				return &fault.Error{
					Op: "check times", Kind: fault.Assertion, Hint: "set the clocks of both machines",
					Err: fmt.Errorf("a segment was archived at %s, which is yet to come", s.at.UTC().Format(time.RFC3339)),
				}
			}
		}
	}
	return nil
}

// fresh refuses a file that nobody writes any more.
func (s *source) fresh(now time.Time) error {
	if s.within == 0 || now.Sub(s.known.written) <= s.within {
		return nil
	}
	return &fault.Error{
		Op: "check times", Kind: fault.Assertion, Hint: "see to the job that writes it, or write how often it runs as expect.evidence",
		Err: fmt.Errorf("it is stale: it was last written at %s", s.known.written.UTC().Format(time.RFC3339)),
	}
}
