package slo

import (
	"math/big"
	"strings"
	"time"
)

// A BurnWindow is one pair of the multi-window, multi-burn-rate method: an
// alert needs the long and the short window to burn faster than Factor.
//
// Factor is share × period ÷ lookback: spending a share of the budget of the
// whole period within the lookback.
type BurnWindow struct {
	Name     string
	Share    *big.Rat      // of the period's error budget
	Lookback time.Duration // the long window
	Short    time.Duration // the short window, so that the alert ends soon after the burn does
	Fast     bool          // fast burns ask for action now, slow ones for a ticket
}

// Period is the length of the rolling budget the shares refer to.
const Period = 30 * 24 * time.Hour

// BurnWindows are the pairs recommended for a 30-day budget.
//
// Source: The Site Reliability Workbook, chapter 5 "Alerting on SLOs",
// table 5-8 and section 6 "Multiwindow, Multi-Burn-Rate Alerts",
// https://sre.google/workbook/alerting-on-slos/
func BurnWindows() []BurnWindow {
	return []BurnWindow{
		{Name: "2% in 1h", Share: big.NewRat(2, 100), Lookback: time.Hour, Short: 5 * time.Minute, Fast: true},
		{Name: "5% in 6h", Share: big.NewRat(5, 100), Lookback: 6 * time.Hour, Short: 30 * time.Minute, Fast: true},
		{Name: "10% in 1d", Share: big.NewRat(10, 100), Lookback: 24 * time.Hour, Short: 2 * time.Hour},
		{Name: "10% in 3d", Share: big.NewRat(10, 100), Lookback: 72 * time.Hour, Short: 6 * time.Hour},
	}
}

// Factor returns the burn rate of the pair: share × period ÷ lookback.
func (b BurnWindow) Factor() *big.Rat {
	f := new(big.Rat).Mul(b.Share, big.NewRat(int64(Period), 1))
	return f.Quo(f, big.NewRat(int64(b.Lookback), 1))
}

// ParseTarget reads a target such as "99.5%" or "0.995" exactly. ok is false
// unless 0 < target < 1: a target of 1 leaves no error budget.
func ParseTarget(s string) (target *big.Rat, ok bool) {
	percent := strings.HasSuffix(s, "%")
	r, ok := new(big.Rat).SetString(strings.TrimSpace(strings.TrimSuffix(s, "%")))
	if !ok {
		return nil, false
	}
	if percent {
		r.Quo(r, big.NewRat(100, 1))
	}
	return r, r.Sign() > 0 && r.Cmp(big.NewRat(1, 1)) < 0
}
