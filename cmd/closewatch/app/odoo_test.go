package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	collect "github.com/closewatch/closewatch/collectors/odoo"
	"github.com/closewatch/closewatch/internal/secret"
)

// A section hands the collectors all that they ask for, defaults included.
func TestTheCollectorsGetTheirHalfOfAnOdooSection(t *testing.T) {
	var section odooSection
	section.SetDefaults()
	section.Databases.Include, section.Copies.Allow = []string{"*"}, []string{"mail_out"}
	var want collect.Config
	want.SetDefaults()
	want.Databases.Include, want.Copies.Allow = []string{"*"}, []string{"mail_out"}
	if diff := cmp.Diff(want, section.collectors(), cmpopts.EquateComparable(secret.Value{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
