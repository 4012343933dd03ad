package postgres

// SortedEntriesSQL is how entries are asked for where there are more than are
// read.
func SortedEntriesSQL(columns ...string) string {
	return source{schema: "public", columns: columns}.entriesQuery(reading{cut: true}).SQL
}
