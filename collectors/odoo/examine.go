package odoo

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/collectors/odoo/serverlog"
	"github.com/closewatch/closewatch/internal/collector"
)

// Examine implements collector.Examiner: the pages, the log, and of each
// table that is read whether it is there and may be read.
func (i *instance) Examine(ctx context.Context) []collector.Finding {
	var asking []collector.Task
	for _, t := range i.Tasks() {
		switch t.Collector.(type) {
		case health, *web:
			asking = append(asking, t)
		}
	}
	findings := collector.Try(ctx, asking)
	if c := i.s.Config.Log; c.File != "" {
		well, err := serverlog.Examine(c.File, c.Format)
		findings = append(findings, collector.Judge("log", well, err)...)
	}
	if i.db == nil {
		return append(findings, collector.Finding{
			Subject: "database", State: collector.Advised, Text: "its tables are not read: jobs, scheduled actions and postings are not known",
			Do: "write sql: {dsn: …} of the role that deploy/sql/closewatch-role.sql makes, or declare the postgres component",
		})
	}
	tables, err := readTables(ctx, i.db.ask)
	if err != nil {
		return append(findings, collector.Judge("database", "", err)...)
	}
	findings = append(findings, collector.Judge("database", "role "+tables.role, nil)...)
	if !tables.marks {
		findings = append(findings, collector.Finding{
			Subject: "copies", State: collector.Advised, Text: "copies of production cannot be recognised: the role may not ask for the identity of the database",
			Do: "run deploy/sql/closewatch-role.sql in database " + tables.database,
		})
	}
	for _, table := range slices.Sorted(maps.Keys(wanted)) {
		if table == "queue_job" && !i.s.Config.SQL.Queue || slices.Contains(sometimes, table) && len(tables.columns[table]) == 0 {
			continue
		}
		findings = append(findings, tables.examine(table)...)
	}
	return findings
}

// examine says whether a table can be read as far as it goes: columns that this
// version of Odoo does not have are no loss.
func (t *tables) examine(table string) []collector.Finding {
	err := t.require(table)
	if errors.Is(err, errMissing) && slices.Contains(sometimes, table) {
		return nil
	}
	var lacking []string
	for _, col := range wanted[table] {
		if t.state(table, col) == "denied" {
			lacking = append(lacking, col)
		}
	}
	if len(lacking) == 0 || err != nil {
		return collector.Judge(table, "readable", err)
	}
	return []collector.Finding{{
		Subject: table, State: collector.Refused, Text: "the role may not read " + strings.Join(lacking, ", "), Do: t.grant(table, lacking),
	}}
}
