package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

const (
	// Of PgBouncer 1.18, and what 1.24 adds to SHOW STATS_TOTALS.
	poolColumns = "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode"
	dbColumns   = "name host port database force_user pool_size min_pool_size reserve_pool pool_mode max_connections current_connections paused disabled"
	statColumns = "database xact_count query_count bytes_received bytes_sent xact_time query_time wait_time client_parse_count server_parse_count bind_count"
	quiet       = "cl_active_cancel_req=0; cl_waiting_cancel_req=0; sv_active_cancel=0; sv_being_canceled=0; sv_used=0; sv_tested=0; sv_login=0; maxwait_us=0; pool_mode=transaction; "
)

func consoleAnswers(pools, databases, stats []string) pgsession.Results {
	return pgsession.Results{
		table("SHOW POOLS", poolColumns, pools...), table("SHOW DATABASES", dbColumns, databases...), table("SHOW STATS_TOTALS", statColumns, stats...),
		table("SHOW LISTS", "list items", "list=databases; items=2", "list=used_clients; items=25", "list=peers; items=0"),
		table("SHOW CONFIG", "key value default changeable", "key=max_client_conn; value=100", "key=max_user_connections; value=0", "key=auth_type; value=trust"),
		table("SHOW VERSION", "version", "version=PgBouncer 1.18.0"),
	}
}

// answered is a collector of answers already there.
type answered struct {
	PgBouncers
	answers map[string]pgsession.Results
	rows    int
}

func (c answered) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	for name, answers := range c.answers {
		publishPgBouncer(ch, name, answers, c.rows)
	}
	return nil
}

func TestPgBouncer(t *testing.T) {
	const erp = "name=erp; host=10.0.0.1; port=5432; database=erp; force_user=; min_pool_size=0; reserve_pool=5; pool_mode=transaction; max_connections=0; paused=0; disabled=0; "
	busy := consoleAnswers(
		[]string{
			quiet + "database=erp; user=odoo; cl_active=20; cl_waiting=5; sv_active=18; sv_idle=0; maxwait=7",
			quiet + "database=pgbouncer; user=pgbouncer; cl_active=1; cl_waiting=0; sv_active=0; sv_idle=0; maxwait=0",
		},
		[]string{erp + "pool_size=20; current_connections=18"},
		[]string{"database=erp; xact_count=1000; query_count=5000; bytes_received=1; bytes_sent=2; xact_time=3500000; query_time=2500000; wait_time=500000"},
	)
	older := consoleAnswers(nil, nil, nil)
	older[0] = table("SHOW POOLS", "database user cl_active cl_waiting sv_active sv_idle sv_used sv_tested sv_login maxwait",
		"database=erp; user=odoo; cl_active=1; cl_waiting=0; sv_active=1; sv_idle=0; sv_used=0; sv_tested=0; sv_login=0; maxwait=0")
	gone := make(pgsession.Results, len(poolerCommands))
	for i, command := range poolerCommands {
		gone[i] = pgsession.Result{Name: command, Err: &fault.Error{Op: "connect to PgBouncer", Kind: fault.Unreachable, Err: errors.New("connection refused")}}
	}
	tests := map[string]map[string]pgsession.Results{
		"pgbouncer_busy":             {"front": busy},
		"pgbouncer_older":            {"front": older},
		"pgbouncer_one_of_two_is_up": {"front": busy, "back": gone},
	}
	for name, answers := range tests {
		t.Run(name, func(t *testing.T) {
			if err := collectortest.Golden(t, answered{answers: answers, rows: 4}, name); err != nil {
				t.Errorf("Collect() = %v", err)
			}
		})
	}
}

// Whatever the poolers hold, the task stays within its share: the pools in which
// somebody waits are told, the others are added up.
func TestPgBouncerIsBounded(t *testing.T) {
	var pools, databases, stats []string
	for i := range 200 {
		waiting := 0
		if i == 150 {
			waiting = 3
		}
		pools = append(pools, quiet+fmt.Sprintf("database=db%d; user=odoo; cl_active=%d; cl_waiting=%d; sv_active=1; sv_idle=1; maxwait=%d", i, i, waiting, i%7))
		databases = append(databases, fmt.Sprintf("name=db%d; host=h; port=1; database=db%d; force_user=; pool_size=%d; min_pool_size=0; reserve_pool=0; pool_mode=session; max_connections=0; current_connections=2; paused=0; disabled=0", i, i, 1+i%4))
		stats = append(stats, fmt.Sprintf("database=db%d; xact_count=10; query_count=20; bytes_received=1; bytes_sent=1; xact_time=1; query_time=1; wait_time=1; client_parse_count=1; server_parse_count=1; bind_count=1", i))
	}
	// One that has the name of the others is one of them.
	pools = append(pools, quiet+"database=other; user=other; cl_active=0; cl_waiting=0; sv_active=0; sv_idle=0; maxwait=7")
	answers := consoleAnswers(pools, databases, stats)
	for n := 1; n <= maxPgBouncers; n++ {
		c := answered{answers: map[string]pgsession.Results{}, rows: poolerRows(n)}
		for i := range n {
			c.answers[strconv.Itoa(i)] = answers
		}
		got := gathered(t, func(ch chan<- prometheus.Metric) { _ = c.Collect(t.Context(), ch) })
		if len(got) > shares["pgbouncer"] {
			t.Errorf("%d poolers publish %d series, more than their share of %d", n, len(got), shares["pgbouncer"])
		}
		sum, waits, longest := 0.0, 0.0, 0.0
		for k, v := range got {
			switch family, rest, _ := strings.Cut(k, " "); {
			case family == "pgbouncer_pools_client_active_connections":
				sum += v
			case family == "pgbouncer_pools_client_waiting_connections" && (poolerRows(n) == 1 || strings.HasPrefix(rest, "db150 ")):
				waits += v
			case family == "pgbouncer_pools_client_maxwait_seconds":
				longest = max(longest, v)
			}
		}
		if sum != float64(n)*199*200/2 || waits != float64(n)*3 || longest != 7 {
			t.Errorf("%d poolers: %v active, %v wait in the pool that matters, the longest %v s", n, sum, waits, longest)
		}
		if n == 1 && (got["pgbouncer_pools_client_maxwait_seconds other 0 other"] != 7 || got["pgbouncer_pools_used_ratio other 0 other"] != 1) {
			t.Errorf("of the others, the longest wait and the fullest pool count: %v and %v",
				got["pgbouncer_pools_client_maxwait_seconds other 0 other"], got["pgbouncer_pools_used_ratio other 0 other"])
		}
	}
}
