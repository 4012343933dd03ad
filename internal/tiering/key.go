package tiering

import "cmp"

// compareKeys orders impacts for display and storage.
func compareKeys(a, b Key) int {
	return cmp.Or(
		cmp.Compare(a.Environment, b.Environment),
		cmp.Compare(a.Tenant, b.Tenant),
		cmp.Compare(a.Entity, b.Entity),
		cmp.Compare(a.Process, b.Process),
	)
}
