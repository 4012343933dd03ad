package postgres

import (
	"regexp"
	"strings"
)

// program is what programs call themselves: one word of ASCII, as odoo-4711,
// pg_dump or psql.
var program = regexp.MustCompile(`^[A-Za-z0-9._:/#()-]*$`)

// wordy are programs whose name has several words. Some add what their user has
// open, a server or a file, which is left out.
var wordy = []string{
	"Azure Data Studio", "DataGrip", "DBeaver", "Debezium Streaming", "Microsoft Office", "Microsoft SQL Server", "Navicat", "pgAdmin 4",
	"Patroni heartbeat", "Patroni restapi", "PostgreSQL JDBC Driver", "Power BI", "Tableau", "TimescaleDB Background Worker Scheduler", "logical replication worker",
	"pg_cron scheduler", "wal-g backup",
}

// programName is what may be told of the name a client gives itself. People give
// theirs, and mail addresses: what is no program's name is other.
func programName(name string) string {
	if program.MatchString(name) {
		return name
	}
	for _, known := range wordy {
		if strings.HasPrefix(name, known) {
			return known
		}
	}
	return residual
}

// service is the form of a role that a program logs in with where roles are
// mail addresses, as with the accounts of a cloud.
var service = regexp.MustCompile(`^[a-z0-9-]+@[a-z0-9.-]+\.iam(\.gserviceaccount\.com)?$`)

// ofPerson reports whether a role is somebody's mail address.
func ofPerson(role string) bool { return strings.Contains(role, "@") && !service.MatchString(role) }

// roleName is what may be told of a role: other for somebody's mail address.
func roleName(role string) string {
	if ofPerson(role) {
		return residual
	}
	return role
}
