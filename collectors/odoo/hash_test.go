package odoo

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// faultsOf are the faults found, "entity fault": number.
func faultsOf(values map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for series, n := range values {
		if labels, found := strings.CutPrefix(series, "odoo_hash_chain_faults{"); found && n > 0 {
			out[strings.TrimSuffix(labels, "}")] = n
		}
	}
	return out
}

// secure posts entries with hashes, 1 to n, as a version makes them.
func (te *tenant) secure(v, journal, from, to int) {
	te.t.Helper()
	secure := "0"
	if v < 18 {
		secure = "i - 2 - (i > 21)::int" // two were posted before the journal was secured, 21 is in no chain
	}
	te.exec(`INSERT INTO account_move (journal_id, company_id, state, move_type, auto_post, date, sequence_prefix, sequence_number, name, secure_sequence_number, inalterable_hash)
		SELECT j.id, j.company_id, 'posted', 'out_invoice', 'no', '2026-11-20', code || '/', i, code || '/' || i, CASE WHEN i > 2 THEN %[4]s ELSE 0 END, CASE WHEN i > 2 THEN '$4$' || md5(i::text) END
		FROM account_journal j, generate_series(%[2]d, %[3]d) i WHERE j.id = %[1]d`, journal, from, to, secure)
}

func TestHashChain(t *testing.T) {
	for _, v := range versions {
		t.Run(strconv.Itoa(v), func(t *testing.T) {
			te := newBooks(t, v)
			te.now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
			keep := keeper{filepath.Join(t.TempDir(), "state", "hashes"), "x"}
			h := newHashes(te.db, keep)
			if got := mustCollect(t, h); len(got) > 0 {
				t.Errorf("nothing is secured, got %v", got)
			}
			te.secure(v, 11, 1, 20)
			te.secure(v, 21, 1, 20)
			te.entry("posted", 3, 21, "move_type", "'entry'") // of another kind: it is in no chain
			check := func(what string, want map[string]float64) {
				t.Helper()
				mustCollect(t, h) // learns and looks
				if diff := cmp.Diff(want, faultsOf(mustCollect(t, h))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			check("healthy", map[string]float64{})
			te.secure(v, 11, 22, 25)
			te.exec(`UPDATE account_move SET state = 'cancel', inalterable_hash = NULL WHERE sequence_number = 21`)
			check("a number of the series is cancelled", map[string]float64{})

			te.exec(`UPDATE account_move SET inalterable_hash = md5('other') WHERE journal_id = 11 AND sequence_number = 10`)
			check("a hash is changed", map[string]float64{"acme-uk,changed": 1})
			h = newHashes(te.db, keep)
			check("and after a restart", map[string]float64{"acme-uk,changed": 1})
			te.now = te.now.Add(34 * 24 * time.Hour)
			check("a month later", map[string]float64{"acme-uk,changed": 1})
			te.now = te.now.Add(2 * 24 * time.Hour)
			check("it is told for 35 days", map[string]float64{})

			te.exec(`UPDATE account_move SET state = 'draft' WHERE journal_id = 21 AND sequence_number = 12`)
			check("a secured entry is a draft again", map[string]float64{"acme-at,unposted": 1})
			te.exec(`UPDATE account_move SET state = 'posted' WHERE journal_id = 21 AND sequence_number = 12`)
			check("and posted again", map[string]float64{})

			te.exec(`UPDATE account_move SET inalterable_hash = NULL WHERE journal_id = 21 AND sequence_number = 15`)
			want := map[string]float64{"acme-at,erased": 1}
			if v >= 18 {
				want["acme-at,broken"] = 1
			}
			check("a hash is erased", want)
			te.exec(`UPDATE account_move SET inalterable_hash = '$4$' || md5('15') WHERE journal_id = 21 AND sequence_number = 15`)
			check("and is back", map[string]float64{})

			te.exec(`DELETE FROM account_move WHERE journal_id = 21 AND sequence_number = 18`)
			want = map[string]float64{"acme-at,gone": 1}
			if v < 18 {
				want["acme-at,broken"] = 1
			}
			check("a secured entry is gone", want)

			h.known.Database++
			delete(want, "acme-at,gone")
			check("another database was put in its place", want)
		})
	}
}

func TestTheSampleOfHashesIsBoundedAndSpread(t *testing.T) {
	h := newHashes(&database{now: time.Now}, keeper{})
	for id := range int64(3 * maxSampled) {
		h.remember(id+1, hashed{"x", 1})
	}
	if n := len(h.known.Sample); n > maxSampled || n < maxSampled/2 {
		t.Errorf("%d hashes remembered, want up to %d", n, maxSampled)
	}
	seen := map[int64]bool{}
	for range maxSampled/maxVerify + 1 {
		ids := h.next()
		if len(ids) > maxVerify || len(ids) == 0 {
			t.Fatalf("%d hashes at a time, want up to %d", len(ids), maxVerify)
		}
		for _, id := range ids {
			seen[id] = true
			h.verified = id
		}
	}
	if len(seen) != len(h.known.Sample) {
		t.Errorf("%d of %d hashes are looked at again in turn", len(seen), len(h.known.Sample))
	}
	for id := range int64(2 * maxFaults) {
		h.note(id, 1, hashBroken)
	}
	if len(h.known.Faults) != maxFaults {
		t.Errorf("%d faults remembered", len(h.known.Faults))
	}
}
