package odoorpc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Version is what an Odoo says it is.
type Version struct {
	Major int    // 18
	Text  string // "18.0", "saas~17.4", as Odoo writes it
}

// Version asks Odoo what it is. It works without a login and without a
// database.
func (c *Client) Version(ctx context.Context) (Version, error) {
	const op = "read Odoo's version"
	a, err := c.rpc(ctx, message{op: op, path: "/web/webclient/version_info", body: map[string]any{}})
	if err != nil {
		return Version{}, err
	}
	var info struct {
		Text string            `json:"server_version"`
		Info []json.RawMessage `json:"server_version_info"`
	}
	if err := a.into(&info); err != nil {
		return Version{}, err
	}
	v := Version{Text: bound(info.Text, 40)}
	if len(info.Info) > 0 {
		v.Major = major(string(info.Info[0]))
	}
	if v.Major == 0 {
		return v, a.failed(&fault.Error{Op: op, Kind: fault.Schema, Err: errors.New("no major version in the answer"), Hint: wrongPlace})
	}
	return v, nil
}

// major reads 18, "18" or "saas~18".
func major(s string) int {
	s = strings.Trim(s, `"`)
	s = s[strings.LastIndexByte(s, '~')+1:]
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Health is what /web/health says. It says less than it seems: the page is
// green with the database down, and its latency is the only sign of busy
// workers.
type Health struct {
	Pass     bool
	Database *bool         // the cluster accepts connections; nil when Odoo does not say (16)
	Latency  time.Duration // of the whole request
}

const healthPage = "/web/health"

// Health asks for Odoo's health page, without a login. The error is nil only
// when the page says that it passes.
func (c *Client) Health(ctx context.Context) (Health, error) {
	const op = "read Odoo's health page"
	start := time.Now()
	x, err := c.send(ctx, message{op: op, method: http.MethodGet, path: healthPage + "?db_server_status=1"})
	if err != nil {
		return Health{}, err
	}
	got := x.page
	h := Health{Latency: time.Since(start)}
	var health struct {
		Status   string `json:"status"`
		Database *bool  `json:"db_server_status"`
	}
	if json.Unmarshal(got.body, &health) != nil || health.Status == "" {
		return h, x.failed(notOdoo(op, healthPage, got))
	}
	h.Pass, h.Database = health.Status == "pass" && got.status == http.StatusOK, health.Database
	if !h.Pass {
		return h, x.failed(&fault.Error{Op: op, Kind: fault.Unavailable, Err: &Error{Status: got.status, Text: "the page does not pass"}, Hint: databaseDown})
	}
	return h, nil
}
