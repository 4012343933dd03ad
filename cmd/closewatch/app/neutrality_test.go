package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/evidence"
	"github.com/closewatch/closewatch/internal/telemetry"
	"github.com/closewatch/closewatch/synthetic/odoo/neutrality"
)

// TestAProofIsEvidence reads back what an auditor would.
func TestAProofIsEvidence(t *testing.T) {
	dir := t.TempDir()
	log, err := evidence.Open(evidence.Settings{Dir: dir, KeyFile: filepath.Join(t.TempDir(), "key"), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	c := newChronicle(log, slog.New(slog.DiscardHandler), telemetry.NewOwn())
	hash := strings.Repeat("0123456789abcdef", 4)
	real := neutrality.Company{ID: 1, Entries: 41, Items: 90, Payments: 3, Numbers: hash, NumbersWithout: hash, Balances: hash, BalancesWithout: hash}
	was := real
	was.Entries = 40
	c.toldOfProof(tenant{name: "prod", component: "erp", environment: "production"}, neutrality.Proof{
		At: time.Date(2026, 11, 27, 2, 30, 0, 0, time.UTC), Verdict: neutrality.Neutral,
		Companies: []neutrality.Company{real, {ID: 2, Synthetic: true, Reachable: true}},
		Before:    &neutrality.Before{At: time.Date(2026, 11, 26, 2, 30, 0, 0, time.UTC), Companies: []neutrality.Company{was}},
	})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var got []evidence.Record
	for r, err := range evidence.Read(os.DirFS(dir)) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Class == evidence.Flow {
			got = append(got, r)
		}
	}
	if len(got) != 3 || got[0].Action != "neutrality-proof" || got[0].Outcome != "neutral" || got[0].Refs["foreign_records"] != "0" || got[0].Digest == "" {
		t.Fatalf("%+v", got)
	}
	for field, want := range map[string]string{
		"company": "1", "entries": "41", "entries_before": "40", "own_records": "0", "balances": hash, "balances_without": hash, "numbers": hash, "synthetic": "false", "reachable": "false",
	} {
		if got[1].Refs[field] != want {
			t.Errorf("%s is %q, want %q", field, got[1].Refs[field], want)
		}
	}
	if got[2].Refs["company"] != "2" || got[2].Refs["balances"] != "" {
		t.Errorf("%+v", got[2])
	}
}
