package postgres

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

// A poolerColumn is a column of one of PgBouncer's tables and the peer's name
// for it.
type poolerColumn struct {
	column string
	desc   *prometheus.Desc
	value  prometheus.ValueType
	factor float64
	// longest is set where rows are not added up but the largest counts.
	longest bool
}

// A poolerTable is the answer to one command: what rows are told apart by, and
// what is published of them. Columns that a version does not have are left out.
type poolerTable struct {
	name, command string
	labels        []string
	columns       []poolerColumn
	// first are the columns by which rows are kept when there are too many. Of
	// counters there are none: the sum of the others only grows as long as they
	// remain the same.
	first []string
}

func (t *poolerTable) gauge(column, metric, help string) *poolerTable {
	return t.add(poolerColumn{column: column, value: prometheus.GaugeValue, factor: 1}, metric, help)
}

func (t *poolerTable) longest(column, metric, help string) *poolerTable {
	return t.add(poolerColumn{column: column, value: prometheus.GaugeValue, factor: 1, longest: true}, metric, help)
}

func (t *poolerTable) counter(column, metric, help string) *poolerTable {
	return t.add(poolerColumn{column: column, value: prometheus.CounterValue, factor: 1}, metric, help)
}

// seconds is a counter that PgBouncer keeps in microseconds.
func (t *poolerTable) seconds(column, metric, help string) *poolerTable {
	return t.add(poolerColumn{column: column, value: prometheus.CounterValue, factor: 1e-6}, metric, help)
}

func (t *poolerTable) add(c poolerColumn, metric, help string) *poolerTable {
	c.desc = prometheus.NewDesc("pgbouncer_"+t.name+"_"+metric, help, append([]string{poolerLabel}, t.labels...), nil)
	t.columns = append(t.columns, c)
	return t
}

// poolerLabel tells PgBouncers of one cluster apart; the peer sees one at a time.
const poolerLabel = "pgbouncer"

var (
	poolerPools = (&poolerTable{name: "pools", command: "SHOW POOLS", labels: []string{"database", "user"}, first: []string{"cl_waiting", "maxwait", "sv_active", "cl_active"}}).
			gauge("cl_active", "client_active_connections", "Client connections that are linked to a server connection or idle.").
			gauge("cl_waiting", "client_waiting_connections", "Client connections that wait for a server connection.").
			gauge("cl_active_cancel_req", "client_active_cancel_connections", "Client connections that forwarded a cancellation and wait for the server's answer.").
			gauge("cl_waiting_cancel_req", "client_waiting_cancel_connections", "Client connections whose cancellation is not forwarded yet.").
			gauge("sv_active", "server_active_connections", "Server connections linked to a client.").
			gauge("sv_active_cancel", "server_active_cancel_connections", "Server connections that forward a cancellation.").
			gauge("sv_being_canceled", "server_being_canceled_connections", "Server connections that wait for cancellations to complete.").
			gauge("sv_idle", "server_idle_connections", "Server connections that are ready for a client.").
			gauge("sv_used", "server_used_connections", "Server connections idle for so long that they are checked before use.").
			gauge("sv_tested", "server_testing_connections", "Server connections that are being reset or checked.").
			gauge("sv_login", "server_login_connections", "Server connections that are logging in.").
			longest("maxwait", "client_maxwait_seconds", "How long the oldest waiting client has waited.")
	poolerDatabases = (&poolerTable{name: "databases", command: "SHOW DATABASES", labels: []string{"name", "host", "port", "database", "force_user", "pool_mode"}, first: []string{"current_connections"}}).
			gauge("pool_size", "pool_size", "Server connections that each user of the database may have.").
			gauge("reserve_pool", "reserve_pool", "Further connections of the database for clients that have waited.").
			gauge("max_connections", "max_connections", "Server connections that the database may have; 0 without a limit.").
			gauge("current_connections", "current_connections", "Server connections of the database.").
			gauge("paused", "paused", "Whether the database is paused.").
			gauge("disabled", "disabled", "Whether the database takes no new connections.")
	poolerStats = (&poolerTable{name: "stats", command: "SHOW STATS_TOTALS", labels: []string{"database"}}).
			counter("query_count", "queries_pooled_total", "Queries pooled.").
			seconds("query_time", "queries_duration_seconds_total", "Seconds in which queries were executed.").
			counter("bytes_received", "received_bytes_total", "Bytes received from clients.").
			counter("bytes_sent", "sent_bytes_total", "Bytes sent to clients.").
			seconds("wait_time", "client_wait_seconds_total", "Seconds in which clients waited for a server connection.").
			counter("xact_count", "sql_transactions_pooled_total", "Transactions pooled.").
			seconds("xact_time", "server_in_transaction_seconds_total", "Seconds in which server connections were in a transaction.").
			counter("client_parse_count", "client_parses_total", "Statements that clients prepared.").
			counter("server_parse_count", "server_parses_total", "Statements that were prepared on servers.").
			counter("bind_count", "binds_total", "Prepared statements that clients executed.")
	poolerTables = []*poolerTable{poolerPools, poolerDatabases, poolerStats}

	// poolerLists are the rows of SHOW LISTS, poolerConfig those of SHOW CONFIG.
	poolerLists = map[string]*prometheus.Desc{
		"databases":     poolerDesc("databases", "Databases."),
		"users":         poolerDesc("users", "Users."),
		"pools":         poolerDesc("pools", "Pools."),
		"free_clients":  poolerDesc("free_clients", "Client slots that are prepared and free."),
		"used_clients":  poolerDesc("used_clients", "Client connections."),
		"login_clients": poolerDesc("login_clients", "Client connections that are logging in."),
		"free_servers":  poolerDesc("free_servers", "Server slots that are prepared and free."),
		"used_servers":  poolerDesc("used_servers", "Server connections."),
		"dns_names":     poolerDesc("cached_dns_names", "Names in the DNS cache."),
		"dns_zones":     poolerDesc("cached_dns_zones", "Zones in the DNS cache."),
		"dns_queries":   poolerDesc("in_flight_dns_queries", "DNS queries under way."),
	}
	poolerConfig = map[string]*prometheus.Desc{
		"max_client_conn":      poolerDesc("config_max_client_connections", "Client connections that are taken at most."),
		"max_user_connections": poolerDesc("config_max_user_connections", "Server connections that each user may have; 0 without a limit."),
	}

	poolerUp          = poolerDesc("up", "Whether the PgBouncer's console answers.")
	poolerVersion     = prometheus.NewDesc("pgbouncer_version_info", "Version of the PgBouncer, as a label.", []string{poolerLabel, "version"}, nil)
	poolerClientsUsed = poolerDesc("client_connections_used_ratio", "Client connections as a share of those that are taken at most.")
	poolerPoolUsed    = prometheus.NewDesc("pgbouncer_pools_used_ratio",
		"Server connections in use by clients as a share of the pool's size, its reserve left out; of the residual, that of its fullest pool.", []string{poolerLabel, "database", "user"}, nil)
)

func poolerDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("pgbouncer_"+name, help, []string{poolerLabel}, nil)
}

// poolerRows bounds the rows of each table that each of n PgBouncers publishes,
// the one of the residual included, so that all stay within the task's share.
func poolerRows(n int) int {
	perRow := 1 // the ratio of a pool
	for _, t := range poolerTables {
		perRow += len(t.columns)
	}
	perPooler := len(poolerLists) + len(poolerConfig) + 3 // up, version and the ratio of clients
	return max((shares["pgbouncer"]/n-perPooler)/perRow, 1)
}

// poolerTimeout bounds the conversation with one console, connecting included.
const poolerTimeout = 5 * time.Second

// PgBouncers publishes what the admin consoles of connection poolers tell.
type PgBouncers struct{ list []pooler }

type pooler struct {
	name    string
	console *pgsession.Console
}

func openPgBouncers(cfg Config, now func() time.Time) PgBouncers {
	var p PgBouncers
	for _, b := range cfg.PgBouncer {
		p.list = append(p.list, pooler{b.label(), pgsession.OpenConsole(pgsession.Settings{
			DSN: b.DSN, ConnectTimeout: cfg.ConnectTimeout.D(), BatchTimeout: poolerTimeout, Now: now,
		})})
	}
	return p
}

func (p PgBouncers) close() {
	for _, b := range p.list {
		b.console.Close()
	}
}

// Describe implements collector.Collector.
func (PgBouncers) Describe(ch chan<- *prometheus.Desc) {
	for _, t := range poolerTables {
		for _, c := range t.columns {
			ch <- c.desc
		}
	}
	for _, list := range []map[string]*prometheus.Desc{poolerLists, poolerConfig} {
		for _, d := range list {
			ch <- d
		}
	}
	for _, d := range []*prometheus.Desc{poolerUp, poolerVersion, poolerClientsUsed, poolerPoolUsed} {
		ch <- d
	}
}

// Collect implements collector.Collector. All consoles are asked at once, so that
// one that does not answer delays no other.
func (p PgBouncers) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	answers := make([]pgsession.Results, len(p.list))
	var asking sync.WaitGroup
	for i, b := range p.list {
		asking.Go(func() { answers[i] = b.console.Show(ctx, poolerCommands...) })
	}
	asking.Wait()
	var errs []error
	for i, b := range p.list {
		publishPgBouncer(ch, b.name, answers[i], poolerRows(len(p.list)))
		errs = append(errs, answers[i].Err())
	}
	return errors.Join(errs...)
}

var poolerCommands = []string{
	poolerPools.command, poolerDatabases.command, poolerStats.command, "SHOW LISTS", "SHOW CONFIG", "SHOW VERSION",
}

func publishPgBouncer(ch chan<- prometheus.Metric, name string, answers pgsession.Results, rows int) {
	gauge(ch, poolerUp, number(answers.Down() == nil), name)
	for _, t := range poolerTables {
		t.publish(ch, name, answers.Named(t.command).Rows, rows)
	}
	lists := pairs(answers.Named("SHOW LISTS"), "list", "items")
	for key, desc := range poolerLists {
		v, ok := lists[key]
		known(ch, desc, v, ok, name)
	}
	config := pairs(answers.Named("SHOW CONFIG"), "key", "value")
	for key, desc := range poolerConfig {
		v, ok := config[key]
		known(ch, desc, v, ok, name)
	}
	used, ok := lists["used_clients"]
	most := config["max_client_conn"]
	known(ch, poolerClientsUsed, used/most, ok && most > 0, name)
	publishPoolsUsed(ch, name, answers, rows)
	if version, ok := answers.Named("SHOW VERSION").First().Text("version"); ok {
		gauge(ch, poolerVersion, 1, name, strings.TrimPrefix(version, "PgBouncer "))
	}
}

// pairs reads the numbers of an answer with a name and a value in each row.
func pairs(r pgsession.Result, key, value string) map[string]float64 {
	list := make(map[string]float64, len(r.Rows))
	for _, row := range r.Rows {
		if v, ok := numeric(row, value); ok {
			list[row.String(key)] = v
		}
	}
	return list
}

// numeric reads a column that other rows, or other versions, may not fill with a
// number.
func numeric(row pgsession.Row, column string) (float64, bool) {
	if !row.Has(column) {
		return 0, false
	}
	v, err := strconv.ParseFloat(row.String(column), 64)
	return v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// A poolerRow is a row as published: of one pool or database, or of those beyond
// the bound.
type poolerRow struct {
	labels []string
	values map[string]float64
}

func (t *poolerTable) publish(ch chan<- prometheus.Metric, pooler string, rows []pgsession.Row, most int) {
	for _, r := range t.fold(rows, most) {
		for _, c := range t.columns {
			if v, ok := r.values[c.column]; ok {
				ch <- prometheus.MustNewConstMetric(c.desc, c.value, v*c.factor, append([]string{pooler}, r.labels...)...)
			}
		}
	}
}

// fold keeps the rows that matter most and adds the others up under the labels
// "other". The console's own pseudo database is left out.
func (t *poolerTable) fold(rows []pgsession.Row, most int) []poolerRow {
	var list []poolerRow
	for _, row := range rows {
		if row.String(t.labels[0]) == "pgbouncer" {
			continue
		}
		r := poolerRow{labels: make([]string, len(t.labels)), values: make(map[string]float64, len(t.columns))}
		for i, l := range t.labels {
			r.labels[i] = row.String(l)
		}
		for _, c := range t.columns {
			if v, ok := numeric(row, c.column); ok {
				r.values[c.column] = v
			}
		}
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b poolerRow) int {
		for _, column := range t.first {
			if c := cmp.Compare(b.values[column], a.values[column]); c != 0 {
				return c
			}
		}
		return slices.Compare(a.labels, b.labels)
	})
	if len(list) <= most {
		return list
	}
	rest := poolerRow{labels: slices.Repeat([]string{residual}, len(t.labels)), values: map[string]float64{}}
	var kept []poolerRow
	for i, r := range list {
		if i < most-1 && !slices.Equal(r.labels, rest.labels) {
			kept = append(kept, r)
			continue
		}
		for _, c := range t.columns {
			v, ok := r.values[c.column]
			switch {
			case !ok:
			case c.longest:
				rest.values[c.column] = max(rest.values[c.column], v)
			default:
				rest.values[c.column] += v
			}
		}
	}
	return append(kept, rest)
}

// publishPoolsUsed relates each pool to the size its database gives it.
func publishPoolsUsed(ch chan<- prometheus.Metric, name string, answers pgsession.Results, rows int) {
	sizes := pairs(answers.Named(poolerDatabases.command), "name", "pool_size")
	pools := poolerPools.fold(answers.Named(poolerPools.command).Rows, len(answers.Named(poolerPools.command).Rows)+1)
	fullest, some := 0.0, false
	for i, p := range pools {
		size, active := sizes[p.labels[0]], p.values["sv_active"]
		if size <= 0 {
			continue
		}
		if len(pools) <= rows || i < rows-1 && p.labels[0] != residual {
			gauge(ch, poolerPoolUsed, active/size, append([]string{name}, p.labels...)...)
		} else {
			fullest, some = max(fullest, active/size), true
		}
	}
	known(ch, poolerPoolUsed, fullest, some, name, residual, residual)
}
