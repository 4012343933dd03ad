package odoo_test

import (
	"testing"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
	"github.com/closewatch/closewatch/synthetic/odoo"
)

// What is not said of quiet times and critical windows is derived from the
// interval, within bounds and below the cap on runs that write.
func TestIntervalsAreDerivedWithinBounds(t *testing.T) {
	const minute = time.Minute
	tests := map[string]struct {
		change          func(*odoo.Config)
		quiet, critical time.Duration
	}{
		"every minute":            {func(*odoo.Config) {}, 5 * minute, minute / 2},
		"every ten":               {func(c *odoo.Config) { c.Intervals["invoice-posting"] = 10 * minute }, 15 * minute, 5 * minute},
		"rarely":                  {func(c *odoo.Config) { c.Intervals["invoice-posting"] = time.Hour }, time.Hour, 30 * minute},
		"often":                   {func(c *odoo.Config) { c.Intervals["invoice-posting"] = 20 * time.Second }, 100 * time.Second, 15 * time.Second},
		"more often than that":    {func(c *odoo.Config) { c.Intervals["invoice-posting"] = 8 * time.Second }, 40 * time.Second, 8 * time.Second},
		"as often as the cap has": {func(c *odoo.Config) { c.RunsPerHour = 80 }, 5 * minute, 45 * time.Second},
		"as is said": {func(c *odoo.Config) {
			c.QuietIntervals, c.CriticalIntervals = map[string]time.Duration{"invoice-posting": 7 * minute}, map[string]time.Duration{"invoice-posting": minute}
		}, 7 * minute, minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c odoo.Config
			c.SetDefaults()
			c.Levels, c.Intervals = map[string]flow.Level{"invoice-posting": flow.L3}, map[string]time.Duration{}
			tt.change(&c)
			if quiet, critical := c.QuietInterval("invoice-posting"), c.CriticalInterval("invoice-posting"); quiet != tt.quiet || critical != tt.critical {
				t.Errorf("%s when quiet, %s when critical; want %s and %s", quiet, critical, tt.quiet, tt.critical)
			}
		})
	}
}
