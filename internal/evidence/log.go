package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/closewatch/closewatch/internal/fault"
)

// Settings say where the log is kept and how. Dir and KeyFile are required;
// zero values of the others are the defaults named beside them.
type Settings struct {
	Dir string // made when it is not there
	// KeyFile holds the installation's key for pseudonyms; it is made when it
	// is not there. Keep it outside Dir: whoever deletes it makes every
	// pseudonym and withheld value in the log nobody's.
	KeyFile      string
	Now          func() time.Time // time.Now
	Version      string           // of the program, for the first line of segments
	SegmentBytes int64            // 16 MiB: a segment that has reached it is finished
}

const segmentBytes = 16 << 20

// Bounds of what waits to be written.
const (
	maxQueued = 4096 // entries, of all who wait
	maxBatch  = 256  // entries of one Append
)

// ErrClosed says that the log was closed.
var ErrClosed = errors.New("the evidence log is closed")

// A Log is the evidence log of one installation. One process writes it at a
// time; any number may read. It is safe for concurrent use.
type Log struct {
	s     Settings
	disk  disk
	keys  cipher
	lock  *flock.Flock
	found Opening

	turn chan struct{} // held by whoever writes

	mu     sync.Mutex // guards what follows, for moments
	queue  []*batch
	queued int   // entries in queue
	head   place // the last record that was acknowledged
	closed bool

	// Held with the turn.
	at       place     // where the next line continues from
	lastAt   time.Time // of the last record; zero when there is none
	last     segmentName
	next     segmentName // after last, once somebody tried to begin it
	seg      *segment    // nil until the next commit begins one
	damaged  []damaged   // for the header of the next one
	owed     []Entry     // records of our own that could not be written yet
	lost     *lost
	unkept   []Anchor
	finished bool // the newest segment was sealed before this run
	distrust bool // the disk did not say that it kept what was written to seg
}

// A segment is written to: what is known of it without reading it again.
type segment struct {
	name    segmentName
	day     string // on which it was opened; the name may be later
	file    file
	sum     hash.Hash
	records uint64
	first   uint64
	bytes   int64
	broken  bool // more may be in the file than bytes
}

// A batch is one Append on its way.
type batch struct {
	entries []Entry
	taken   bool // guarded by mu
	done    chan struct{}
	receipt Receipt
	err     error
}

// lost is a time in which entries could not be written.
type lost struct {
	from    time.Time
	entries uint64
}

// A Receipt says where the last entry of an Append is.
type Receipt struct {
	Seq  uint64
	Hash string
	// Anchor is the anchor that the first record of a day made; nil otherwise.
	Anchor *Anchor
}

// Append records entries, one after the other and nothing between them, and
// returns when they are on disk. When it returns an error none of them is
// acknowledged, and what of them reached the file is cut off again; only a
// process that ends before the disk lets it do so may leave them there. The time
// in which entries were lost becomes a Gap with the next record. Appends that
// come together share one fsync. A context that ends while others write takes
// the entries back.
func (l *Log) Append(ctx context.Context, entries ...Entry) (Receipt, error) {
	b := &batch{done: make(chan struct{})}
	for _, e := range entries {
		if err := e.check(); err != nil {
			return Receipt{}, err
		}
		b.entries = append(b.entries, l.keys.clean(e))
	}
	if len(entries) == 0 || len(entries) > maxBatch {
		return Receipt{}, &fault.Error{
			Op: "record evidence", Kind: fault.Rejected, Err: fmt.Errorf("%d entries at once", len(entries)),
			Hint: fmt.Sprintf("append 1 to %d", maxBatch),
		}
	}
	if err := l.enqueue(b); err != nil {
		return Receipt{}, err
	}
	select {
	case <-b.done:
	case l.turn <- struct{}{}:
		l.writeQueue()
		<-l.turn
	case <-ctx.Done():
		if l.withdraw(b) {
			return Receipt{}, context.Cause(ctx)
		}
	}
	<-b.done // taken: whoever has the turn finishes it
	return b.receipt, b.err
}

func (l *Log) enqueue(b *batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case l.queued+len(b.entries) > maxQueued:
		return &fault.Error{
			Op: "record evidence", Kind: fault.Limit, Err: fmt.Errorf("%d entries wait for the disk", l.queued),
			Hint: "look at the disk of the data directory: it does not keep up",
		}
	}
	l.queue = append(l.queue, b)
	l.queued += len(b.entries)
	return nil
}

// withdraw takes a batch back unless it is being written.
func (l *Log) withdraw(b *batch) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, waiting := range l.queue {
		if waiting == b && !b.taken {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			l.queued -= len(b.entries)
			return true
		}
	}
	return false
}

// writeQueue commits all that waits. The caller has the turn.
func (l *Log) writeQueue() {
	l.mu.Lock()
	batches := l.queue
	for _, b := range batches {
		b.taken = true
	}
	l.queue, l.queued = nil, 0
	closed := l.closed
	l.mu.Unlock()
	if len(batches) == 0 {
		return
	}
	var entries []Entry
	for _, b := range batches {
		entries = append(entries, b.entries...)
	}
	err := ErrClosed
	if !closed {
		err = l.commit(l.s.Now(), entries, batches)
	}
	for _, b := range batches {
		b.err = err
		close(b.done)
	}
}

// exclusively runs f with the turn.
func (l *Log) exclusively(ctx context.Context, f func() error) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-l.turn }()
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return ErrClosed
	}
	return f()
}

// Head is the last record that was acknowledged and its hash; 0 and the hash
// before the first line when there is none.
func (l *Log) Head() (seq uint64, hash string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head.seq, l.head.hash
}

// Pseudonym is how a person is named in the log: the same each time, and
// nobody's once the key file is deleted.
func (l *Log) Pseudonym(subject string) string { return l.keys.person(subject) }

// Close ends writing. Appends under way are finished; later ones return
// ErrClosed.
func (l *Log) Close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return nil
	}
	l.writeQueue() // answers what waited
	var err error
	if l.seg != nil {
		err = l.seg.file.Close()
	}
	return fault.Wrap("close the evidence log in "+l.s.Dir, errors.Join(err, l.lock.Close()), "")
}

// commit writes entries and returns when they are on disk. What the log itself
// has to say comes first. The caller has the turn.
func (l *Log) commit(now time.Time, entries []Entry, batches []*batch) error {
	now = now.UTC().Truncate(time.Millisecond)
	err := l.ready(now)
	if err == nil {
		err = l.write(now, entries, batches)
	}
	if err == nil {
		return nil
	}
	if l.lost == nil {
		l.lost = &lost{from: now}
	}
	l.lost.entries += uint64(len(entries))
	return fault.Wrap("record evidence in "+l.s.Dir, err, "free space on the disk of the data directory; what was not recorded becomes a gap")
}

// write puts entries after the head. The segment is ready.
func (l *Log) write(now time.Time, entries []Entry, batches []*batch) error {
	w := writing{at: l.at, now: now}
	var made []Anchor
	if l.head.seq > 0 && day(l.lastAt) != day(now) {
		made = append(made, l.anchor())
		w.add(made[0].entry())
	}
	for _, e := range l.owed {
		w.add(e)
	}
	if l.lost != nil {
		gap := Gap{From: l.lost.from, To: now, Reason: Unwritten, Scope: "evidence", Missed: l.lost.entries}
		if now.Before(gap.From) { // the clock was set back meanwhile
			gap.From = now
		}
		w.add(gap.Entry())
	}
	receipts := w.addBatches(batches)
	if batches == nil {
		for _, e := range entries {
			w.add(e)
		}
	}
	if err := l.seg.append(w.text, &l.distrust); err != nil {
		return err
	}
	l.seg.count(w.first, w.records, w.text)
	l.at, l.lastAt = w.at, now
	l.owed, l.lost = nil, nil
	for i, b := range batches {
		b.receipt = receipts[i]
	}
	if len(made) > 0 && len(batches) > 0 {
		batches[0].receipt.Anchor = &made[0]
	}
	for _, e := range entries {
		if e.Class == Anchored {
			a, _ := anchorOf(Record{Class: e.Class, Refs: e.Refs})
			made = append(made, a)
		}
	}
	l.publish()
	l.keepAnchors(made...)
	return nil
}

// publish tells readers how far the log goes. The file lags when it cannot be
// written; the next commit brings it up to date.
func (l *Log) publish() {
	_ = writeHead(l.s.Dir, l.at)
	l.mu.Lock()
	l.head = l.at
	l.mu.Unlock()
}

// A writing is lines on their way to a segment.
type writing struct {
	at      place
	now     time.Time
	text    []byte
	first   uint64
	records uint64
}

func (w *writing) add(e Entry) {
	r := Record{
		Seq: w.at.seq + 1, At: w.now, Class: e.Class, Action: e.Action, Actor: e.Actor, Refs: e.Refs,
		Outcome: e.Outcome, Digest: e.Digest, Note: e.Note,
	}
	if r.Actor == "" {
		r.Actor = daemon
	}
	body := encode(r)
	w.at = place{r.Seq, chain(w.at.hash, body)}
	w.text = append(fmt.Appendf(w.text, "%s ", w.at.hash), append(body, '\n')...)
	if w.records == 0 {
		w.first = r.Seq
	}
	w.records++
}

// addBatches adds the entries of each and returns where each one's last is.
func (w *writing) addBatches(batches []*batch) []Receipt {
	var out []Receipt
	for _, b := range batches {
		for _, e := range b.entries {
			w.add(e)
		}
		out = append(out, Receipt{Seq: w.at.seq, Hash: w.at.hash})
	}
	return out
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// append writes lines at the end of the segment and waits for the disk. When it
// fails, the file is cut back to the lines before at once, or before the next
// write if that fails, too. distrust is set when the disk took the lines and
// then failed to keep them: a later success would say nothing about them.
func (s *segment) append(text []byte, distrust *bool) error {
	_, err := s.file.Write(text)
	if err == nil {
		if err = s.file.Sync(); err == nil {
			return nil
		}
		*distrust = true
	}
	s.broken = true
	_ = s.mend() // ready tries again
	return err
}

// mend cuts off what a failed write left.
func (s *segment) mend() error {
	if !s.broken {
		return nil
	}
	if err := errors.Join(s.file.Truncate(s.bytes), s.file.Sync()); err != nil {
		return err
	}
	s.broken = false
	return nil
}

// count notes lines that are on disk.
func (s *segment) count(first, records uint64, text []byte) {
	_, _ = s.sum.Write(text) // a hash never fails
	s.bytes += int64(len(text))
	if s.records == 0 {
		s.first = first
	}
	s.records += records
}

// ready leaves a segment that can be written to: the end of the present one is
// whole, or the next one is begun when that has its size, is of another day or
// is not to be trusted.
func (l *Log) ready(now time.Time) error {
	if l.seg != nil {
		if err := l.seg.mend(); err != nil {
			return err
		}
		if !l.distrust && l.seg.bytes < l.s.SegmentBytes && l.seg.day == day(now) {
			return nil
		}
		if err := l.finish(); err != nil {
			return err
		}
	}
	return l.begin(now)
}

// finish seals the present segment.
func (l *Log) finish() error {
	s := l.seg
	sealed := seal{
		sha256: hex.EncodeToString(s.sum.Sum(nil)), records: s.records, first: s.first, last: l.at.seq, hash: l.at.hash, bytes: s.bytes,
	}
	path := l.path(s.name.String())
	if err := l.disk.whole(path+sealSuffix, sealed.text(s.name.String())); err != nil {
		return err
	}
	_ = s.file.Close() // all of it was synced
	l.seg, l.distrust = nil, false
	return nil
}

// begin makes the next segment with its first line.
func (l *Log) begin(now time.Time) error {
	h := header{
		Format: formatVersion, Segment: l.last.number + 1, At: now, AfterSeq: l.at.seq, AfterHash: l.at.hash,
		Version: l.s.Version, Damaged: l.damaged,
	}
	body := encode(h)
	line := fmt.Appendf(nil, "%s %s\n", chain(h.AfterHash, body), body)
	if l.next.number != h.Segment { // a second try replaces what the first may have left
		l.next = l.last.next(now)
	}
	path := l.path(l.next.String())
	if err := l.disk.whole(path, line); err != nil {
		return err
	}
	f, err := l.disk.end(path)
	if err != nil {
		return err
	}
	l.seg = &segment{name: l.next, day: day(now), file: f, sum: sha256.New()}
	l.seg.count(0, 0, line)
	l.last, l.damaged = l.next, nil
	l.at.hash = chain(h.AfterHash, body)
	return nil
}

func (l *Log) path(name string) string { return filepath.Join(l.s.Dir, name) }
