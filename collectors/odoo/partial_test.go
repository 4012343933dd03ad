package odoo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyKnownWordsOfIndexesAreTaken(t *testing.T) {
	tests := map[int]map[string]string{
		16: {"account_move.to_check": "to_check = true"},
		17: {"account_move.to_check": "to_check = true"},
		18: {
			"account_bank_statement_line.is_reconciled": "(not is_reconciled or is_reconciled is null)", "account_move.checked": "checked = false",
			"account_move.inalterable_hash": "inalterable_hash is not null", "account_move.made_sequence_gap": "made_sequence_gap = true",
			"account_payment.is_matched": "(not is_matched or is_matched is null)",
		},
		19: {
			"account_bank_statement_line.is_reconciled": "is_reconciled is not true", "account_move.checked": "checked is not true",
			"account_move.inalterable_hash": "inalterable_hash is not null", "account_move.made_sequence_gap": "made_sequence_gap is true",
			"account_payment.is_matched": "is_matched is not true",
		},
	}
	for v, want := range tests {
		te := newBooks(t, v)
		te.exec(`CREATE INDEX ON account_move (id) WHERE company_id IS NULL; CREATE INDEX ON account_payment (id) WHERE (id IS NOT NULL)`)
		tables, err := te.db.look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, tables.partial); diff != "" {
			t.Errorf("Odoo %d (-want +got):\n%s", v, diff)
		}
	}
}
