package odoosim

import "github.com/closewatch/closewatch/deploy/sql"

// GrantSQL returns the statements, for the tenant database, that make a role a
// read-only observer, and the role itself where there is none: those that are
// shipped, so that what works here works with the rights that users give.
func GrantSQL(role string) string { return sql.Role(role) }
