package postgres

import "testing"

func TestNamesOfProgramsAndPeople(t *testing.T) {
	for name, want := range map[string]string{
		"":                                     "",
		"odoo-4711":                            "odoo-4711",
		"pg_dump":                              "pg_dump",
		"pgAdmin 4 - CONN:4711":                "pgAdmin 4",
		"PostgreSQL JDBC Driver":               "PostgreSQL JDBC Driver",
		"DBeaver 24.1 - SQLEditor <Meier.sql>": "DBeaver",
		"Erika Mustermann":                     "other",
		"M\xfcller":                            "other",
		"erika@mustermann.example":             "other",
	} {
		if got := programName(name); got != want {
			t.Errorf("a client called %q is told as %q, want %q", name, got, want)
		}
	}
	for role, want := range map[string]string{
		"odoo":                         "odoo",
		"erika@mustermann.example":     "other",
		"closewatch@finance-prod.iam":  "closewatch@finance-prod.iam",
		"erika.mustermann@iam.example": "other",
	} {
		if got := roleName(role); got != want {
			t.Errorf("role %q is told as %q, want %q", role, got, want)
		}
	}
}
