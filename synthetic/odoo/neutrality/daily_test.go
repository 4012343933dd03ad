package neutrality

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// rehearsal is a Daily whose database answers as told.
type rehearsal struct {
	file   string
	down   func() bool
	proofs []Proof
	users  []int64 // remembered
}

func (r *rehearsal) daily() *Daily {
	return NewDaily(DailySettings{
		Name: "prod", File: r.file, Tell: func(p Proof) { r.proofs = append(r.proofs, p) },
		Prover: func(before *Before, user int64) *Prover {
			r.users = append(r.users, user)
			return New(Settings{
				Synthetic: 2, RememberedState: before, RememberedUser: user,
				User: func(context.Context) (int64, error) { return 8, nil },
				Ask:  r.ask,
			})
		},
	})
}

func (r *rehearsal) ask(context.Context, ...pgsession.Query) pgsession.Results {
	if r.down != nil && r.down() {
		return pgsession.Results{{Name: "ledger-proof", Err: errors.New("down")}}
	}
	columns := []string{"at", "company", "reachable", "entries", "items", "payments", "own_entries", "own_items", "own_payments", "own_matches"}
	at, id, yes, none := time.Now().UTC().Format("2006-01-02 15:04:05.999999+00"), "2", "t", "0"
	return pgsession.Results{{Name: "ledger-proof", Columns: columns, Rows: []pgsession.Row{
		pgsession.NewRow(columns, &at, &id, &yes, &none, &none, &none, &none, &none, &none, &none),
	}}}
}

func (r *rehearsal) run(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	r.daily().Run(ctx)
}

func TestAProofADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rehearsal{file: filepath.Join(t.TempDir(), "n.json")}
		r.run(t, 10*24*time.Hour)
		if len(r.proofs) != 10 { // the first soon after midnight, then one in each of nine nights
			t.Fatalf("%d proofs in ten days, want 10", len(r.proofs))
		}
		for i, p := range r.proofs {
			if p.Verdict != Neutral {
				t.Errorf("proof %d: %s %q", i, p.Verdict, p.Reasons)
			}
			if hour := p.At.Hour(); i > 0 && (hour < 1 || hour > 4) {
				t.Errorf("proof %d at %v, want in the night", i, p.At)
			}
			if (i == 0) != (p.Before == nil) || i > 0 && !p.Before.At.Equal(r.proofs[i-1].At) {
				t.Errorf("proof %d stands beside %v", i, p.Before)
			}
		}
	})
}

func TestAProofThatIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := &rehearsal{file: filepath.Join(t.TempDir(), "n.json")}
		d := r.daily()
		d.Ask()
		d.Ask() // before it begins: once
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Hour)
		defer cancel()
		time.AfterFunc(12*time.Hour, d.Ask) // at noon
		d.Run(ctx)
		if len(r.proofs) != 3 {
			t.Fatalf("%d proofs, want the first, the one asked for, and that of the next night", len(r.proofs))
		}
		for i, want := range []time.Duration{0, 12 * time.Hour} {
			if at := r.proofs[i].At.Sub(start); at != want {
				t.Errorf("proof %d was made %v after the start, want at once when asked after %v", i, at, want)
			}
		}
	})
}

func TestARestartDoesNotProveAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rehearsal{file: filepath.Join(t.TempDir(), "n.json")}
		for range 12 {
			r.run(t, 2*time.Hour)
		}
		if len(r.proofs) < 1 || len(r.proofs) > 2 {
			t.Errorf("%d proofs in a day of restarts, want one or, over the night, two", len(r.proofs))
		}
		if last := r.users[len(r.users)-1]; len(r.users) > 1 && last != 8 {
			t.Errorf("the prober's user is not remembered: %v", r.users)
		}
	})
}

func TestWhatWasNotToldIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := &rehearsal{file: filepath.Join(t.TempDir(), "n.json")}
		r.down = func() bool { return time.Since(start) < 5*time.Hour }
		r.run(t, 12*time.Hour)
		if len(r.proofs) < 6 || r.proofs[0].Verdict != Unknown || r.proofs[5].Verdict != Neutral {
			t.Fatalf("%d proofs: %+v", len(r.proofs), r.proofs)
		}
		for i, p := range r.proofs[1:6] {
			if gap := p.At.Sub(r.proofs[i].At); gap < time.Hour-time.Second || gap > time.Hour+time.Minute {
				t.Errorf("asked again after %v", gap)
			}
		}
	})
}

func TestAnInconclusiveProofForgetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rehearsal{file: filepath.Join(t.TempDir(), "n.json")}
		d := r.daily()
		if _, err := d.Prove(t.Context()); err != nil {
			t.Fatal(err)
		}
		proven := d.Proven()
		r.down = func() bool { return true }
		if _, err := d.Prove(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p, ok := d.Latest(); !ok || p.Verdict != Unknown || p.Before == nil || !d.Proven().Equal(proven) {
			t.Errorf("latest %+v, proven %v, want unknown beside the proof of %v", p, d.Proven(), proven)
		}
		if again := r.daily(); !again.Proven().Equal(proven) {
			t.Errorf("after a restart proven %v, want %v", again.Proven(), proven)
		}
	})
}

func TestADamagedFileIsSetAside(t *testing.T) {
	r := &rehearsal{file: filepath.Join(t.TempDir(), "n.json")}
	if _, err := r.daily().Prove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.file, []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.daily().Latest(); ok {
		t.Error("a damaged file is believed")
	}
	if _, err := os.Stat(r.file + ".damaged"); err != nil {
		t.Error("a damaged file is not kept: ", err)
	}
}
