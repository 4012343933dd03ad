package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/collectors"
	"github.com/closewatch/closewatch/internal/baseline"
	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/signal"
	"github.com/closewatch/closewatch/internal/store"
	"github.com/closewatch/closewatch/internal/tiering"
)

// How what is usual is learned and held against what is.
const (
	baselineWeeks = 13              // that are remembered: three closes
	baselinePause = 5 * time.Minute // from one look to the next
	week          = 7 * 24 * time.Hour
)

// A baseliner learns what is usual from the store, hour by hour, and publishes how
// far the last hour lies from it. What was learned is kept, so that it outlives
// the store's retention. It implements prometheus.Collector and is safe for
// concurrent use.
type baseliner struct {
	query     func(ctx context.Context, expr string, start, end time.Time, step time.Duration) ([]store.Series, error)
	calendars *calendars
	entities  func(environment, tenant string) []string // of a series; of every tenant when it names none
	list      []collectors.Seasonal
	path      string
	log       *slog.Logger

	mu      sync.Mutex
	history map[baselineOf]*baseline.History
	latest  map[baselineOf]baselineSeen
}

// A baselineOf is one series of one number.
type baselineOf struct {
	Name        string `json:"baseline"`
	Environment string `json:"environment"`
	Component   string `json:"component"`
	Tenant      string `json:"tenant,omitempty"`
}

// A baselineSeen is a number held against what is usual.
type baselineSeen struct {
	value     float64
	usual     baseline.Usual
	deviation float64
}

// A baselineKept is what is kept of one series.
type baselineKept struct {
	baselineOf
	Hours []baseline.Hour `json:"hours"`
}

// run learns and looks until ctx is done.
func (b *baseliner) run(ctx context.Context, now func() time.Time) {
	b.restore()
	for {
		b.look(ctx, now())
		select {
		case <-ctx.Done():
			return
		case <-time.After(baselinePause):
		}
	}
}

// look learns the hours that have passed and holds the last against what was
// usual before it.
func (b *baseliner) look(ctx context.Context, now time.Time) {
	learned := false
	for _, s := range b.list {
		more, err := b.learn(ctx, s, now)
		learned = learned || more
		if err == nil {
			err = b.compare(ctx, s, now)
		}
		if err != nil && ctx.Err() == nil {
			b.log.Warn("what is usual cannot be told", "baseline", s.Name, "err", err)
		}
	}
	if learned {
		if err := b.save(); err != nil {
			b.log.Warn("what is usual cannot be kept; a restart learns it again from the store", "err", err)
		}
	}
}

// learn takes in the whole hours since the newest known of any series. It reports
// whether there were any.
func (b *baseliner) learn(ctx context.Context, s collectors.Seasonal, now time.Time) (bool, error) {
	end := now.Truncate(time.Hour)
	start := end.AddDate(0, 0, -7*baselineWeeks)
	if newest := b.newest(s.Name); newest.After(start) {
		start = newest.Add(time.Hour)
	}
	if !start.Add(time.Hour).Before(end.Add(time.Second)) {
		return false, nil
	}
	found, err := b.query(ctx, s.Query, start.Add(time.Hour), end, time.Hour) // at the end of each hour
	if err != nil {
		return false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, series := range found {
		of := baselineOf{s.Name, series.Labels["environment"], series.Labels["component"], series.Labels["tenant"]}
		h := b.history[of]
		if h == nil {
			h = baseline.New(baselineWeeks)
			b.history[of] = h
		}
		for _, p := range series.Points {
			at := p.At.Add(-time.Hour)
			h.Add(baseline.Hour{At: at.UTC(), Slot: b.slot(of, at), Value: p.Value})
		}
	}
	return len(found) > 0, nil
}

func (b *baseliner) newest(name string) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	var newest time.Time
	for of, h := range b.history {
		if at := h.Newest(); of.Name == name && at.After(newest) {
			newest = at
		}
	}
	return newest
}

// compare holds the hour before an instant against what is usual.
func (b *baseliner) compare(ctx context.Context, s collectors.Seasonal, now time.Time) error {
	found, err := b.query(ctx, s.Query, now, now, time.Minute)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for of := range b.latest {
		if of.Name == s.Name {
			delete(b.latest, of)
		}
	}
	for _, series := range found {
		of := baselineOf{s.Name, series.Labels["environment"], series.Labels["component"], series.Labels["tenant"]}
		h := b.history[of]
		if h == nil || len(series.Points) == 0 {
			continue
		}
		value := series.Points[len(series.Points)-1].Value
		usual, known := h.Usual(b.slot(of, now.Add(-time.Hour/2))) // the hour that most of it lies in
		if known && value == value {
			b.latest[of] = baselineSeen{value, usual, usual.Deviation(value, s.Least)}
		}
	}
	return nil
}

// slot places an instant in the calendar of those whom a series concerns: at the
// most critical of their places, on a working day of any of them.
func (b *baseliner) slot(of baselineOf, at time.Time) baseline.Slot {
	layout := b.calendars.around(at)
	var places []calendar.Place
	works, local := false, at.UTC()
	for i, entity := range b.entities(of.Environment, of.Tenant) {
		tl := layout.of[entity]
		if tl == nil {
			continue
		}
		places = append(places, tl.At(at))
		works = works || tl.IsWorkingDay(calendar.DateOf(at.In(tl.Zone())))
		if i == 0 {
			local = at.In(tl.Zone())
		}
	}
	return baseline.SlotOf(local, calendar.Group(places).Phase, works)
}

// restore takes up what was kept. What is damaged is learned again.
func (b *baseliner) restore() {
	body, found, err := durable.ReadChecked(b.path)
	var kept []baselineKept
	if err == nil && found {
		err = json.Unmarshal(body, &kept)
	}
	if err != nil {
		b.log.Warn("what was usual cannot be read; it is learned again", "err", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range kept {
		if !slices.ContainsFunc(b.list, func(s collectors.Seasonal) bool { return s.Name == k.Name }) {
			continue
		}
		h := baseline.New(baselineWeeks)
		for _, x := range k.Hours {
			h.Add(x)
		}
		b.history[k.baselineOf] = h
	}
}

func (b *baseliner) save() error {
	b.mu.Lock()
	kept := make([]baselineKept, 0, len(b.history))
	for of, h := range b.history {
		kept = append(kept, baselineKept{of, h.Hours()})
	}
	b.mu.Unlock()
	slices.SortFunc(kept, func(x, y baselineKept) int { return compareBaselines(x.baselineOf, y.baselineOf) })
	body, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return durable.WriteChecked(b.path, body)
}

func compareBaselines(a, b baselineOf) int {
	return cmp.Or(cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Component, b.Component), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Name, b.Name))
}

// Names of what is published.
const (
	baselineDeviation = "closewatch_baseline_deviation"
	baselineSpan      = "closewatch_baseline_span_seconds"
	unusualSignal     = "unusual"
)

var (
	baselineLabels = []string{"environment", "component", "tenant", "baseline"}

	baselineDeviationDesc = desc(baselineDeviation, "How many median absolute deviations the last hour lies from what is usual at this time of the week and of the close; absent while too little is known.", baselineLabels...)
	baselineValueDesc     = desc("closewatch_baseline_value", "A number over the last hour, in its own unit.", baselineLabels...)
	baselineMedianDesc    = desc("closewatch_baseline_median", "The median that is usual at this time of the week and of the close.", baselineLabels...)
	baselineMADDesc       = desc("closewatch_baseline_mad", "The median absolute deviation that is usual at this time of the week and of the close.", baselineLabels...)
	baselineSpanDesc      = desc(baselineSpan, "How long the time is that what is usual was learned over, in whole weeks.", baselineLabels...)
)

// Describe implements prometheus.Collector.
func (*baseliner) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{baselineDeviationDesc, baselineValueDesc, baselineMedianDesc, baselineMADDesc, baselineSpanDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (b *baseliner) Collect(ch chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for of, x := range b.latest {
		for d, v := range map[*prometheus.Desc]float64{
			baselineDeviationDesc: x.deviation, baselineValueDesc: x.value, baselineMedianDesc: x.usual.Median, baselineMADDesc: x.usual.MAD,
			baselineSpanDesc: float64(x.usual.Weeks) * week.Seconds(),
		} {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, of.Environment, of.Component, of.Tenant, of.Name)
		}
	}
}

// baselineSignals say that something is not as usual: context, whatever it is.
func baselineSignals() []signal.Definition {
	return []signal.Definition{{
		Name: unusualSignal, Title: "Everything is as usual", Metric: baselineDeviation, By: []string{"baseline"},
		Warning: baseline.Unusual, Critical: signal.Never(), Exit: 0.6, For: 15 * time.Minute, Fresh: 2 * baselinePause, Optional: true, Role: signal.Context,
		Says: "{baseline} of {component} is not as usual for this time: {value} deviations away",
	}}
}

// unusual notes in each subject's evidence what is not as usual.
func (a *assembler) unusual(evidence []tiering.Evidence, readings []signal.Reading, s signal.Published) {
	bad := slices.DeleteFunc(slices.Clone(readings), func(r signal.Reading) bool { return r.Signal != unusualSignal || r.State != signal.Warning })
	if len(bad) == 0 {
		return
	}
	for i, subj := range a.subjects {
		evidence[i].Unusual = anomaliesOf(subj, evidence[i].Place, bad, s, collectors.Seasonals())
	}
}

// anomaliesOf lists what is not as usual of a subject: numbers that say something
// about its process, of its tenant or of a component it needs.
func anomaliesOf(subj subject, place calendar.Place, readings []signal.Reading, s signal.Published, list []collectors.Seasonal) []tiering.Anomaly {
	var out []tiering.Anomaly
	for _, r := range readings {
		if r.Environment != subj.key.Environment || r.Tenant != "" && r.Tenant != subj.key.Tenant {
			continue
		}
		i := slices.IndexFunc(list, func(b collectors.Seasonal) bool { return b.Name == r.Labels["baseline"] })
		if i < 0 || list[i].Process != subj.process.Name {
			continue
		}
		if r.Tenant == "" && !slices.ContainsFunc(subj.needs, func(n need) bool { return n.component == r.Component }) {
			continue
		}
		of := map[string]string{"environment": r.Environment, "component": r.Component, "tenant": r.Tenant, "baseline": r.Labels["baseline"]}
		a := tiering.Anomaly{Signal: list[i].Name, Since: r.Since}
		var known [4]bool
		var span float64
		a.Value, known[0] = s.One("closewatch_baseline_value", of)
		a.Median, known[1] = s.One("closewatch_baseline_median", of)
		a.MAD, known[2] = s.One("closewatch_baseline_mad", of)
		span, known[3] = s.One(baselineSpan, of)
		if !slices.Contains(known[:], false) {
			a.Text = anomalyWords(list[i], r.Component, a, place, int(span/week.Seconds()))
			out = append(out, a)
		}
	}
	return out
}

// anomalyWords says what is not as usual: "cache hits of db: 97.8 % against 99.2 %
// usual in the close at this time of the week (6 weeks)".
func anomalyWords(s collectors.Seasonal, component string, a tiering.Anomaly, place calendar.Place, weeks int) string {
	when := "at this time of the week"
	if place.Phase != calendar.Normal && place.Phase != calendar.Unknown {
		when = "in the " + strings.ReplaceAll(string(place.Phase), "_", "-") + " " + when
	}
	return fmt.Sprintf("%s of %s: %s against %s usual %s (%d weeks)", s.Title, component, signal.Format(a.Value, s.Unit), signal.Format(a.Median, s.Unit), when, weeks)
}

// baseliner returns what learns what is usual in the estate.
func (p *Plan) baseliner(a *App) *baseliner {
	return &baseliner{
		query: a.store.QueryRange, calendars: a.calendars, list: collectors.Seasonals(), path: a.data.Join("state", "baselines.json"), log: a.log,
		history: map[baselineOf]*baseline.History{}, latest: map[baselineOf]baselineSeen{},
		entities: func(_, tenant string) []string {
			var out []string
			for _, ent := range entities(p.Estate, p.tenants) {
				if tenant == "" || ent.Tenant == tenant {
					out = append(out, ent.Name)
				}
			}
			return out
		},
	}
}
