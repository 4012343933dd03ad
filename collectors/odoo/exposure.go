package odoo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	managerExposed = prometheus.NewDesc(
		"odoo_database_manager_exposed", "Whether the database manager answers without a login and is not switched off: 1 or 0.", []string{"tenant"}, nil,
	)
	managerUnprotected = prometheus.NewDesc(
		"odoo_database_manager_unprotected", "Whether the exposed database manager says that its master password is the default: 1 or 0.", []string{"tenant"}, nil,
	)
	listExposed = prometheus.NewDesc(
		"odoo_database_list_exposed", "Whether the names of the databases are told without a login: 1 or 0.", []string{"tenant"}, nil,
	)
)

// exposure looks for what strangers should not reach. The manager's page opens
// each database once, so it is asked for rarely.
type exposure struct {
	base, tenant string
	pages        pages
}

// How often the manager is asked for, how long it may take and how long what
// was seen counts.
const (
	exposureInterval = time.Hour
	exposureTimeout  = 30 * time.Second // of each of the two pages
	exposureFresh    = 3 * time.Hour
)

// Describe implements collector.Collector.
func (exposure) Describe(ch chan<- *prometheus.Desc) {
	ch <- managerExposed
	ch <- managerUnprotected
	ch <- listExposed
}

// Collect implements collector.Collector.
func (e exposure) Collect(ctx context.Context, ch chan<- prometheus.Metric) error {
	return errors.Join(e.list(ctx, ch), e.manager(ctx, ch))
}

// manager tells the page from others by what it is for: a route that is in its
// form in all versions. It is not translated.
func (e exposure) manager(ctx context.Context, ch chan<- prometheus.Metric) error {
	const op = "ask Odoo for its database manager"
	ctx, cancel := context.WithTimeout(ctx, exposureTimeout)
	defer cancel()
	a, err := e.pages.get(ctx, e.base+"/web/database/manager")
	if err != nil {
		return unanswered(op, err)
	}
	if a.status >= 500 {
		return &fault.Error{Op: op, Kind: fault.Unavailable, Err: fmt.Errorf("HTTP %d", a.status), Hint: "read Odoo's log"}
	}
	shown := a.status == http.StatusOK && bytes.Contains(a.body, []byte("/web/database/restore"))
	off := bytes.Contains(a.body, []byte("database manager has been disabled"))
	gauge(ch, managerExposed, truth(shown && !off), e.tenant)
	gauge(ch, managerUnprotected, truth(shown && !off && bytes.Contains(a.body, []byte("database manager is not protected"))), e.tenant)
	return nil
}

// list counts no names and keeps none.
func (e exposure) list(ctx context.Context, ch chan<- prometheus.Metric) error {
	ctx, cancel := context.WithTimeout(ctx, exposureTimeout)
	defer cancel()
	a, err := e.pages.call(ctx, e.base+"/web/database/list")
	if err != nil {
		return unanswered("ask Odoo for its list of databases", err)
	}
	var told struct {
		Result []json.RawMessage `json:"result"`
	}
	named := a.status == http.StatusOK && json.Unmarshal(a.body, &told) == nil && len(told.Result) > 0
	gauge(ch, listExposed, truth(named), e.tenant)
	return nil
}
