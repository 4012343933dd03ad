package odoo

import (
	"context"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

var (
	tenantLabel = []string{"tenant"}

	odooInfo = prometheus.NewDesc(
		"odoo_info", "The series of Odoo that a database was made or upgraded for, such as 18.0: 1. odoo_server_info tells which one answers.", []string{"tenant", "version"}, nil,
	)
	tenantVisited = prometheus.NewDesc(
		"odoo_tenant_visit_timestamp_seconds", "When another database of the server was last visited: of what all odoo_tenant metrics of it are true.", tenantLabel, nil,
	)
	tenantOverdue = prometheus.NewDesc(
		"odoo_tenant_scheduled_actions_overdue", "Scheduled actions of another database that were due more than an hour before the visit.", tenantLabel, nil,
	)
	tenantFailing = prometheus.NewDesc(
		"odoo_tenant_scheduled_actions_failing", "Scheduled actions of another database that failed the last time; absent before Odoo 18, which does not count failures.", tenantLabel, nil,
	)
	tenantDue = prometheus.NewDesc(
		"odoo_tenant_scheduled_action_next_call_timestamp_seconds", "When the first scheduled action of another database is or was due.", tenantLabel, nil,
	)
	tenantJobs = prometheus.NewDesc(
		"odoo_tenant_queue_jobs_open", "Queue jobs of another database that wait or run, counted up to 2000 per state.", tenantLabel, nil,
	)
	tenantJobsFailed = prometheus.NewDesc(
		"odoo_tenant_queue_jobs_failed", "Queue jobs of another database that failed, counted up to 2000.", tenantLabel, nil,
	)
	tenantOldestJob = prometheus.NewDesc(
		"odoo_tenant_queue_job_oldest_pending_timestamp_seconds", "When the oldest pending job of another database was made, among those counted.", tenantLabel, nil,
	)
	tenantAutoPost = prometheus.NewDesc(
		"odoo_tenant_journal_entries_auto_post_due", "Drafts of another database marked for automatic posting whose accounting date has come.", tenantLabel, nil,
	)
	tenantMailsFailed = prometheus.NewDesc(
		"odoo_tenant_mails_failed", "Mails of another database, written within 7 days, that could not be sent, among its newest 2000.", tenantLabel, nil,
	)
)

func describeSummary(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		odooInfo, tenantVisited, tenantOverdue, tenantFailing, tenantDue, tenantJobs, tenantJobsFailed, tenantOldestJob, tenantAutoPost, tenantMailsFailed,
	} {
		ch <- d
	}
}

// summarized are the tables that a summary reads, besides those of copyTables.
var summarized = []string{"account_journal", "account_move", "ir_cron", "ir_module_module", "mail_mail", "queue_job"}

// The statements of a summary. Each is answered by an index or bounded.
const (
	queueSummarySQL = `
select count(*) filter (where state <> 'failed') as open, count(*) filter (where state = 'failed') as failed,
       min(date_created) filter (where state = 'pending') as oldest
from unnest('{wait_dependencies,pending,enqueued,started,failed}'::text[]) as s(name)
cross join lateral (select state, date_created from queue_job where state = s.name limit 2000) as job`

	// autoPostSummarySQL goes through (journal_id, state, …) once per journal.
	autoPostSummarySQL = `
select coalesce(sum(d.due), 0) as due
from (select id from account_journal order by id limit 500) as j
cross join lateral (
    select count(*) filter (where m.auto_post <> 'no' and m.date <= current_date) as due
    from (select auto_post, date from account_move where journal_id = j.id and state = 'draft' limit 1000) as m
) as d`

	mailSummarySQL = `
select count(*) filter (where state = 'exception' and create_date > (now() at time zone 'utc') - interval '7 days') as failed
from (select state, create_date from mail_mail order by id desc limit 2000) as mail`
)

// A summary is what one visit told of a database.
type summary struct {
	foreign bool // no database of Odoo
	at      time.Time
	version string
	values  []reading
	copy    copyFacts
}

// A reading is the value of one series of a database.
type reading struct {
	desc  *prometheus.Desc
	value float64
}

// summarize asks one database what a summary needs, as far as it has it. It is
// an error when that could not be asked; what may not be read is absent.
func summarize(ctx context.Context, ask asker) (summary, error) {
	t, err := readColumns(ctx, ask, pick(append(summarized, copyTables...)...))
	if err != nil {
		return summary{}, err
	}
	if !t.odoo() {
		return summary{foreign: true}, nil
	}
	if err := t.require("ir_cron", "active", "nextcall"); err != nil {
		return summary{}, err
	}
	rs := ask(ctx, append(summaryQueries(t), copyQueries(t)...)...)
	if err := rs.Err(); err != nil {
		return summary{}, err
	}
	return readSummary(rs), nil
}

// summaryQueries are those that the tables allow.
func summaryQueries(t *tables) []pgsession.Query {
	queries := []pgsession.Query{{Name: "version", SQL: versionSQL(t)}, {Name: "scheduled actions", SQL: cronSummarySQL(t)}}
	if t.require("queue_job", "state", "date_created") == nil {
		queries = append(queries, pgsession.Query{Name: "jobs", SQL: queueSummarySQL})
	}
	if t.require("account_move", "journal_id", "state", "auto_post", "date") == nil && t.require("account_journal", "id") == nil {
		queries = append(queries, pgsession.Query{Name: "drafts", SQL: autoPostSummarySQL})
	}
	if t.require("mail_mail", "id", "state", "create_date") == nil {
		queries = append(queries, pgsession.Query{Name: "mails", SQL: mailSummarySQL})
	}
	return queries
}

// versionSQL reads one row of the table of modules, whose names are unique.
func versionSQL(t *tables) string {
	version := "null::text"
	if t.require("ir_module_module", "name", "latest_version") == nil {
		version = "(select latest_version from ir_module_module where name = 'base')"
	}
	return "select clock_timestamp() as now, " + version + " as version"
}

// cronSummarySQL reads the table of tens of rows.
func cronSummarySQL(t *tables) string {
	failing := "null::bigint"
	if t.readable("ir_cron", "failure_count") {
		failing = "count(*) filter (where active and failure_count > 0)"
	}
	return `
select count(*) filter (where active and nextcall < (now() at time zone 'utc') - interval '1 hour') as overdue,
       min(nextcall) filter (where active) as due, ` + failing + ` as failing
from ir_cron`
}

func readSummary(rs pgsession.Results) summary {
	first := rs.Named("version").First()
	s := summary{at: at(first, "now"), version: series(first.String("version")), copy: readCopy(rs)}
	for _, v := range []struct {
		query, column string
		desc          *prometheus.Desc
	}{
		{"scheduled actions", "overdue", tenantOverdue},
		{"scheduled actions", "failing", tenantFailing},
		{"jobs", "open", tenantJobs},
		{"jobs", "failed", tenantJobsFailed},
		{"drafts", "due", tenantAutoPost},
		{"mails", "failed", tenantMailsFailed},
	} {
		if n, ok := rs.Named(v.query).First().Float(v.column); ok {
			s.values = append(s.values, reading{v.desc, n})
		}
	}
	for query, of := range map[string]struct {
		column string
		desc   *prometheus.Desc
	}{"scheduled actions": {"due", tenantDue}, "jobs": {"oldest", tenantOldestJob}} {
		if t := at(rs.Named(query).First(), of.column); !t.IsZero() {
			s.values = append(s.values, reading{of.desc, float64(t.Unix())})
		}
	}
	return s
}

var seriesPattern = regexp.MustCompile(`^(?:saas[~-])?\d{1,3}\.\d{1,2}`)

// series is the part of a module's version that is Odoo's: 18.0 of 18.0.1.3.
func series(version string) string { return seriesPattern.FindString(version) }

// publish sends what is known.
func (s summary) publish(ch chan<- prometheus.Metric, tenant string) {
	publishVersion(ch, tenant, s.version)
	instant(ch, tenantVisited, s.at, tenant)
	for _, r := range s.values {
		gauge(ch, r.desc, r.value, tenant)
	}
}

func publishVersion(ch chan<- prometheus.Metric, tenant, version string) {
	if version != "" {
		gauge(ch, odooInfo, 1, tenant, version)
	}
}
