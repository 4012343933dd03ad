package neutrality

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// When proofs are made.
const (
	firstAfter = time.Minute   // of the start, when one is due
	retryAfter = time.Hour     // an inconclusive proof
	earliest   = 1 * time.Hour // of the day in UTC, spread by name over the time until latest
	latest     = 4 * time.Hour
)

// DailySettings are what a Daily is made of.
type DailySettings struct {
	Name   string                                         // of the tenant, for the hour and for messages
	File   string                                         // keeps the last proofs across restarts; empty: nothing does
	Prover func(before *Before, user int64) *Prover       // on what is remembered
	Tell   func(Proof)                                    // receives every proof, one at a time; nil: nobody
	Now    func() time.Time                               // nil means time.Now
	After  func(time.Duration) (<-chan time.Time, func()) // nil means a timer; the second result stops it
	Log    *slog.Logger                                   // nil discards
}

// A Daily makes a proof a day and remembers the last ones.
type Daily struct {
	s     DailySettings
	asked chan struct{} // holds one

	mu   sync.Mutex
	kept kept
}

// kept is what the file holds.
type kept struct {
	Latest     *Proof  `json:"latest,omitempty"`     // whatever its verdict
	Conclusive *Before `json:"conclusive,omitempty"` // of the last that showed something
	Prober     int64   `json:"prober,omitempty"`
}

// NewDaily reads what is remembered. A file that cannot be read is forgotten,
// with a warning: the next proof stands on its own.
func NewDaily(s DailySettings) *Daily {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.After == nil {
		s.After = func(d time.Duration) (<-chan time.Time, func()) {
			t := time.NewTimer(d)
			return t.C, func() { t.Stop() }
		}
	}
	d := &Daily{s: s, asked: make(chan struct{}, 1)}
	if s.File == "" {
		return d
	}
	content, found, err := durable.ReadChecked(s.File)
	if err == nil && found {
		err = json.Unmarshal(content, &d.kept)
	}
	if err != nil {
		d.kept = kept{}
		s.Log.Warn("the last proof of neutrality is forgotten", "tenant", s.Name, "err", err)
	}
	return d
}

// Latest returns the last proof, if there was one.
func (d *Daily) Latest() (Proof, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept.Latest == nil {
		return Proof{}, false
	}
	return *d.kept.Latest, true
}

// Proven returns when neutrality was last shown, or shown not to hold; zero when it never was.
func (d *Daily) Proven() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept.Conclusive == nil {
		return time.Time{}
	}
	return d.kept.Conclusive.At
}

// Run makes proofs until ctx is done. It is called once.
func (d *Daily) Run(ctx context.Context) {
	for {
		fired, stop := d.s.After(d.wait())
		select {
		case <-ctx.Done():
			stop()
			return
		case <-fired:
		case <-d.asked:
			stop()
		}
		if _, err := d.Prove(ctx); err != nil && ctx.Err() == nil {
			d.s.Log.Warn("the proof of neutrality was not kept", "tenant", d.s.Name, "err", err)
		}
	}
}

// Ask has Run make a proof now, beside those of the days: after a failover, say.
// Asking again before it begins is asking once. It never waits.
func (d *Daily) Ask() {
	select {
	case d.asked <- struct{}{}:
	default:
	}
}

// wait is how long it is until the next proof is due.
func (d *Daily) wait() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.s.Now().UTC()
	if d.kept.Conclusive == nil && d.kept.Latest == nil {
		return firstAfter
	}
	var due time.Time
	if d.kept.Conclusive != nil {
		due = d.next(d.kept.Conclusive.At)
	}
	if l := d.kept.Latest; l != nil && !l.Conclusive() {
		if retry := l.At.Add(retryAfter); retry.After(due) {
			due = retry
		}
	}
	return max(due.Sub(now), firstAfter)
}

// next is the tenant's hour on the day after t.
func (d *Daily) next(t time.Time) time.Time {
	h := fnv.New64a()
	_, _ = h.Write([]byte(d.s.Name))
	hour := earliest + time.Duration(h.Sum64()%uint64(latest-earliest))
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC).Add(hour)
}

// Prove makes a proof now, keeps it and tells of it. The error is that it could
// not be kept; the proof is good all the same.
func (d *Daily) Prove(ctx context.Context) (Proof, error) {
	d.mu.Lock()
	prover := d.s.Prover(d.kept.Conclusive, d.kept.Prober)
	d.mu.Unlock()
	proof := prover.Prove(ctx)
	if ctx.Err() != nil {
		return proof, fault.Wrap("prove neutrality", ctx.Err(), "")
	}
	d.mu.Lock()
	d.kept.Latest = &proof
	if proof.Prober != 0 {
		d.kept.Prober = proof.Prober
	}
	if proof.Conclusive() {
		d.kept.Conclusive = &Before{At: proof.At, Companies: proof.Companies}
	}
	content, err := json.Marshal(d.kept)
	if err == nil && d.s.File != "" {
		err = durable.WriteChecked(d.s.File, content)
	}
	d.mu.Unlock()
	if d.s.Tell != nil {
		d.s.Tell(proof)
	}
	if err != nil {
		return proof, fault.Wrap("keep the proof of neutrality", err, "check the disk of --data")
	}
	return proof, nil
}
