package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/pgsession"
)

// A subject is one query and what is published of its answer.
type subject struct {
	query pgsession.Query
	descs []*prometheus.Desc
	// from and until bound the major versions of PostgreSQL that have what is
	// read, both included; 0 does not. Until the version is known, what is bound
	// is not asked. Another subject may publish the same families of others.
	from, until int
	// needsMonitor is set where a role without pg_monitor gets rows that hide
	// what counts: nothing is published of those.
	needsMonitor bool
	publish      func(ch chan<- prometheus.Metric, r pgsession.Result)
}

// Statistics publishes subjects of the server that a client would get, read in
// one round trip.
type Statistics struct {
	// Ask puts the queries to the server.
	Ask func(ctx context.Context, queries ...pgsession.Query) pgsession.Results
	// Version is the server's major version; 0 when it is not known yet.
	Version  func() int
	subjects []subject
	// judgesRole makes a role without pg_monitor a failure, for one task only:
	// it is one finding.
	judgesRole bool
}

// Describe implements collector.Collector.
func (s Statistics) Describe(ch chan<- *prometheus.Desc) {
	for _, subject := range s.subjects {
		for _, d := range subject.descs {
			ch <- d
		}
	}
}

// Collect implements collector.Collector. What could be read is published,
// whatever else failed.
func (s Statistics) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	queries := []pgsession.Query{rights}
	asked := s.fitting()
	for _, subject := range asked {
		queries = append(queries, subject.query)
	}
	results := s.Ask(ctx, queries...)
	monitor, lacking := readRights(results[0])
	for i, subject := range asked {
		if subject.needsMonitor && !monitor {
			continue
		}
		subject.publish(ch, results[i+1])
	}
	if !s.judgesRole {
		return failures(results, lacking != nil)
	}
	return errors.Join(lacking, failures(results, lacking != nil))
}

// fitting lists the subjects that the server's version has.
func (s Statistics) fitting() []subject {
	var list []subject
	version := s.Version()
	for _, subject := range s.subjects {
		if (subject.from > 0 && version < subject.from) || (subject.until > 0 && (version == 0 || version > subject.until)) {
			continue
		}
		list = append(list, subject)
	}
	return list
}

// failures joins what went wrong, without the refusals that a missing right
// already explains.
func failures(results pgsession.Results, explained bool) error {
	var others pgsession.Results
	for _, r := range results {
		if !explained || fault.KindOf(r.Err) != fault.Denied {
			others = append(others, r)
		}
	}
	return others.Err()
}

// rights asks whether the role can see what it has to judge.
var rights = pgsession.Query{Name: "rights", SQL: `
SELECT current_user AS role, pg_has_role(current_user, 'pg_monitor', 'USAGE') AS monitor`}

// readRights reports whether the role has pg_monitor, and a fault when it is
// known not to.
func readRights(r pgsession.Result) (monitor bool, lacking error) {
	row := r.First()
	monitor, ok := row.Bool("monitor")
	if !ok || monitor {
		return monitor, nil
	}
	role := row.String("role")
	return false, &fault.Error{
		Op:   "read the activity of PostgreSQL",
		Kind: fault.Denied,
		Err:  fmt.Errorf("role %s does not have pg_monitor", role),
		Hint: fmt.Sprintf("GRANT pg_monitor TO %s;", role),
	}
}
