package collectors

import (
	"github.com/closewatch/closewatch/collectors/endpoint"
	"github.com/closewatch/closewatch/collectors/odoo"
	"github.com/closewatch/closewatch/collectors/redis"
	"github.com/closewatch/closewatch/collectors/traefik"
	"github.com/closewatch/closewatch/internal/signal"
)

// Histograms are the histograms of durations whose buckets are always the same,
// by metric. Those of Traefik itself are as its configuration says.
func Histograms() map[string]signal.Layout {
	return map[string]signal.Layout{
		"traefik_finance_operation_duration_seconds":        traefik.Layout(),
		"traefik_finance_operation_origin_duration_seconds": traefik.Layout(),
		"endpoint_check_duration_seconds":                   signal.LayoutOf(endpoint.Buckets()...),
		"odoo_rpc_duration_seconds":                         signal.LayoutOf(odoo.Buckets()...),
		"redis_ping_duration_seconds":                       signal.LayoutOf(redis.Buckets()...),
		"redis_read_duration_seconds":                       signal.LayoutOf(redis.Buckets()...),
	}
}
