package postgres

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/pgsession"
)

//go:embed settings.tsv
var knownSettings string

// parameters has a family for every parameter that is published, by the
// parameter's name. Those of other extensions are not, so that their number is
// bounded.
var parameters = func() map[string]*prometheus.Desc {
	descs := make(map[string]*prometheus.Desc)
	for line := range strings.Lines(knownSettings) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, unit, _ := strings.Cut(line, "\t")
		help := "Server parameter " + name + "."
		if unit != "" {
			help = fmt.Sprintf("Server parameter %s in %s; -1, and for some 0, has a meaning of its own.", name, unit)
		}
		descs[name] = prometheus.NewDesc(settingFamily(name, unit), help, nil, nil)
	}
	return descs
}()

// settingFamily is the peer's name of a parameter's family.
func settingFamily(name, unit string) string {
	family := "pg_settings_" + strings.ReplaceAll(name, ".", "_")
	if unit != "" {
		family += "_" + unit
	}
	return family
}

// settings publishes the server's parameters as the peer does: switches as 0
// and 1, times in seconds, sizes in bytes. It costs 0.8 ms. Those that our
// session has set for itself, such as statement_timeout, are left out: what
// others have cannot be seen.
var settings = subject{
	descs: settingDescs(),
	query: pgsession.Query{Name: "parameters", SQL: `
SELECT name, setting, unit
  FROM pg_settings
 WHERE vartype IN ('bool', 'integer', 'real') AND source <> 'client'
 ORDER BY name LIMIT 2000`},
	publish: func(ch chan<- prometheus.Metric, r pgsession.Result) {
		for _, row := range r.Rows {
			desc, ok := parameters[row.String("name")]
			if !ok {
				continue
			}
			v, _, ok := settingValue(row.String("setting"), row.String("unit"))
			known(ch, desc, v, ok)
		}
	},
}

func settingDescs() []*prometheus.Desc {
	list := make([]*prometheus.Desc, 0, len(parameters))
	for _, d := range parameters {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *prometheus.Desc) int { return strings.Compare(a.String(), b.String()) })
	return list
}

// units are PostgreSQL's, in base units. A number may stand before them.
var units = map[string]struct {
	base string
	size float64
}{
	"us": {"seconds", 1e-6}, "ms": {"seconds", 1e-3}, "s": {"seconds", 1}, "min": {"seconds", 60}, "h": {"seconds", 3600}, "d": {"seconds", 86400},
	"B": {"bytes", 1}, "kB": {"bytes", 1 << 10}, "MB": {"bytes", 1 << 20}, "GB": {"bytes", 1 << 30}, "TB": {"bytes", 1 << 40},
}

// settingValue reads a parameter as PostgreSQL shows it, such as "16384" with
// the unit "8kB", in the unit's base. -1 stands for something in every unit
// and stays -1.
func settingValue(setting, unit string) (v float64, base string, ok bool) {
	switch setting {
	case "on":
		return 1, "", true
	case "off":
		return 0, "", true
	}
	v, err := strconv.ParseFloat(setting, 64)
	if err != nil || unit == "" {
		return v, "", err == nil
	}
	name := strings.TrimLeft(unit, "0123456789")
	times := 1.0
	if digits := unit[:len(unit)-len(name)]; digits != "" {
		if times, err = strconv.ParseFloat(digits, 64); err != nil {
			return 0, "", false
		}
	}
	u, ok := units[name]
	if !ok || v == -1 {
		return v, u.base, ok
	}
	return v * times * u.size, u.base, true
}
