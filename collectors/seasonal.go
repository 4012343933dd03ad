package collectors

// A Seasonal is a number that is usual at a time of the week and of the close: its
// deviations are told, and never page anybody.
type Seasonal struct {
	Name  string // snake_case, unique: a metric label
	Title string // for people, in the middle of a sentence: "cache hits"
	// Query gives the number over the hour before an instant, with the labels
	// environment, component and, where it has one, tenant.
	Query string
	Unit  string  // as of a signal
	Least float64 // what one deviation counts at least: smaller ones mean nothing
	// Process is whose outcome it says something about.
	Process string
}

// Seasonals lists the numbers of which what is usual is learned.
func Seasonals() []Seasonal {
	const per = "sum by (environment, component, tenant) "
	return []Seasonal{
		{
			Name: "postings", Title: "journal entries posted in an hour", Process: "invoice-posting", Least: 5,
			Query: per + `(increase(odoo_journal_entries_posted_total[1h]))`,
		},
		{
			Name: "request_latency", Title: "the mean time of users' requests", Unit: "seconds", Process: "reporting", Least: 0.05,
			Query: per + `(rate(traefik_finance_operation_duration_seconds_sum{client="user"}[1h])) / ` + per + `(rate(traefik_finance_operation_duration_seconds_count{client="user"}[1h]) > 0)`,
		},
		{
			Name: "report_duration", Title: "the mean time of reports", Unit: "seconds", Process: "reporting", Least: 1,
			Query: per + `(rate(traefik_finance_operation_duration_seconds_sum{operation="report"}[1h])) / ` + per + `(rate(traefik_finance_operation_duration_seconds_count{operation="report"}[1h]) > 0)`,
		},
		{
			Name: "queue_depth", Title: "queue jobs that wait", Process: "e-invoicing", Least: 10,
			Query: per + `(avg_over_time(odoo_queue_jobs{state="pending"}[1h]))`,
		},
		{
			Name: "cache_hits", Title: "cache hits", Unit: "ratio", Process: "reporting", Least: 0.002,
			Query: `sum by (environment, component) (rate(pg_stat_database_blks_hit[1h])) / (sum by (environment, component) (rate(pg_stat_database_blks_hit[1h])) + sum by (environment, component) (rate(pg_stat_database_blks_read[1h])) > 0)`,
		},
		{
			Name: "active_sessions", Title: "active sessions", Process: "reporting", Least: 2,
			Query: `avg by (environment, component) (avg_over_time(pg_active_sessions[1h]))`,
		},
	}
}
