package app

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/wording"
)

func TestTheDaemonNoticesWhatIsChanged(t *testing.T) {
	of := func(component string, more labels) labels {
		out := labels{"environment": "production", "component": component}
		maps.Copy(out, more)
		return out
	}
	sep30, oct31 := time.Date(2026, 9, 30, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		before, after signal.Sample
		want          string // component: kind: what
	}{
		"a standby is promoted":     {sample("pg_timeline_id", 3, of("db", nil)), sample("pg_timeline_id", 4, of("db", nil)), "db: failover: a standby was promoted: timeline 4"},
		"a setting is changed":      {sample("pg_settings_max_connections", 100, of("db", nil)), sample("pg_settings_max_connections", 50, of("db", nil)), "db: configuration: setting max_connections is now 50"},
		"the database is restarted": {sample("pg_postmaster_start_time_seconds", 1e9, of("db", nil)), sample("pg_postmaster_start_time_seconds", 1e9+3600, of("db", nil)), "db: infrastructure: the server process was started at 02:46:40 UTC"},
		"a certificate is renewed": {
			sample("certificate_not_after_timestamp_seconds", float64(sep30.Unix()), of("cert", labels{"name": "erp"})),
			sample("certificate_not_after_timestamp_seconds", float64(oct31.Unix()), of("cert", labels{"name": "erp"})), "cert: certificate: certificate erp is another one, which ends 2026-10-31",
		},
		"a lock date is moved": {
			sample("odoo_lock_date_timestamp_seconds", float64(sep30.Unix()), of("erp", labels{"entity": "acme", "lock": "sale"})),
			sample("odoo_lock_date_timestamp_seconds", float64(oct31.Unix()), of("erp", labels{"entity": "acme", "lock": "sale"})), "erp: lock-date: lock date sale of acme is now 2026-10-31",
		},
		"Odoo is upgraded": {
			sample("odoo_server_info", 1, of("erp", labels{"tenant": "prod", "series": "18.0"})), sample("odoo_server_info", 1, of("erp", labels{"tenant": "prod", "series": "19.0"})), "erp: deploy: Odoo answers as version 19.0",
		},
		"nothing is changed":       {sample("pg_timeline_id", 3, of("db", nil)), sample("pg_timeline_id", 3, of("db", nil)), ""},
		"another component is new": {sample("pg_timeline_id", 3, of("db", nil)), sample("pg_timeline_id", 9, of("other", nil)), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var n noticer
			if first := n.notice(noon, indexSamples([]signal.Sample{tt.before})); first != nil {
				t.Errorf("the first sight is a change: %v", first)
			}
			again := noticer{last: n.last} // as after a restart
			got := again.notice(noon.Add(tick), indexSamples([]signal.Sample{tt.after}))
			text := ""
			for _, c := range got {
				text += c.Component + ": " + c.Kind + ": " + c.What
				if ps := c.problems(); ps != nil || c.ID == "" || c.Environment != "production" {
					t.Errorf("%+v is no change that could be told: %v", c, ps)
				}
				if pii := wording.PII(c.What); pii != nil {
					t.Errorf("%q: %v", c.What, pii)
				}
			}
			if diff := cmp.Diff(tt.want, text); diff != "" {
				t.Errorf("notice (-want +got):\n%s", diff)
			}
			if more := again.notice(noon.Add(2*tick), indexSamples([]signal.Sample{tt.after})); more != nil {
				t.Errorf("it is noticed twice: %v", more)
			}
		})
	}
}
