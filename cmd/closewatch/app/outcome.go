package app

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/tiering"
	"github.com/closewatch/closewatch/internal/wording"
)

// A shift and how many pages whoever is on call can deal with in one: two
// incidents in twelve hours, as the Google SRE book has it ("Being On-Call").
const (
	shift      = 12 * time.Hour
	pageBudget = 2
)

// An Outcome is what decisions over some time came to.
type Outcome struct {
	Incidents int           `json:"incidents"`
	Pages     int           `json:"pages"`
	Tickets   int           `json:"tickets"`
	Notes     int           `json:"notes"`            // alerts that only inform
	Stood     int           `json:"alerts_before"`    // alerts that fired already when it began; not counted above
	PerShift  ShiftLoad     `json:"pages_per_shift"`  // of twelve hours
	Detection Detection     `json:"detection"`        // of incidents
	Lacking   int           `json:"pages_incomplete"` // pages that nobody could act on as they are
	Alerts    []ReplayAlert `json:"alerts"`
	Timeline  []ReplayEvent `json:"timeline"`
	Tiers     []TierTime    `json:"tiers"` // of each process that was not always well
}

// A ShiftLoad is how many pages there were in any twelve hours.
type ShiftLoad struct {
	Budget int       `json:"budget"`
	Most   int       `json:"most"`
	From   time.Time `json:"from,omitzero"` // of the twelve hours with the most
	Over   int       `json:"over_budget"`   // pages that were one too many
}

// Detection is how long incidents lasted before they were raised, from their
// first bad tick on.
type Detection struct {
	Median  time.Duration `json:"median_ns"`
	Longest time.Duration `json:"longest_ns"`
}

// A ReplayAlert is an alert that would have been sent.
type ReplayAlert struct {
	tiering.Key
	Severity string       `json:"severity"`
	Tier     tiering.Tier `json:"tier"`
	Name     string       `json:"alertname"`
	Incident string       `json:"incident"`
	Began    time.Time    `json:"began"` // first bad tick
	Sent     time.Time    `json:"sent"`
	Ended    time.Time    `json:"ended,omitzero"` // zero: it fired to the end
	Title    string       `json:"title,omitempty"`
	Lacks    []string     `json:"lacks,omitempty"` // of a page: what it does not say
}

// A ReplayEvent is a line of what happened.
type ReplayEvent struct {
	At       time.Time `json:"at"`
	What     string    `json:"what"` // raised, lowered, opened, page, ticket, note, acknowledged, joined, recovered
	Incident string    `json:"incident,omitempty"`
	Process  string    `json:"process,omitempty"`
	Entity   string    `json:"entity,omitempty"`
	Text     string    `json:"text"`
}

// A TierTime is how long a process was impaired.
type TierTime struct {
	tiering.Key
	Informational    time.Duration `json:"informational_ns"`
	Degradation      time.Duration `json:"degradation_ns"`
	BusinessCritical time.Duration `json:"business_critical_ns"`
	Unknown          time.Duration `json:"unknown_ns"` // of it or besides: nothing told whether it works
}

// An outcomeBook follows decisions tick by tick.
type outcomeBook struct {
	pages *pageWriter
	out   Outcome
	begun bool
	delay []time.Duration // of each incident
	order []tiering.Key
	tiers []tiering.Tier
	times []TierTime
	open  map[string]*openIncident
}

// An openIncident is what was already told of an incident.
type openIncident struct {
	acknowledged bool
	alerts       map[alertID]int // place in the outcome's alerts; -1 of one that fired before
}

type alertID struct {
	key      tiering.Key
	name     string
	severity string
	tier     tiering.Tier
}

func newOutcomeBook(p *Plan) *outcomeBook {
	return &outcomeBook{pages: newPageWriter(p), open: map[string]*openIncident{}}
}

// observe takes up a tick that was decided.
func (b *outcomeBook) observe(t *Tick, j *judge, rec *recorded) {
	if rec.start != nil || len(b.order) != len(t.Impacts) {
		b.arrange(t.Impacts)
	}
	for i := range t.Impacts {
		im := &t.Impacts[i]
		if im.Tier != b.tiers[i] {
			b.turned(t.At, im, b.tiers[i])
			b.tiers[i] = im.Tier
		}
		if im.Tier > tiering.None || im.Unknown && !im.Paused {
			b.times[i].add(im, rec.Tick)
		}
	}
	if open := j.incidents.Open(); t.Warm && len(open)+len(b.open) > 0 {
		for _, inc := range open {
			b.follow(t, inc)
		}
		b.ended(t.At, j.incidents.Memory())
	}
	b.begun = true
}

// arrange lays out what is remembered in the order of the impacts.
func (b *outcomeBook) arrange(impacts []tiering.Impact) {
	tiers, times := map[tiering.Key]tiering.Tier{}, map[tiering.Key]TierTime{}
	for i, k := range b.order {
		tiers[k], times[k] = b.tiers[i], b.times[i]
	}
	gone := slices.Clone(b.order)
	b.order, b.tiers, b.times = nil, nil, nil
	for i := range impacts {
		k := impacts[i].Key
		tier, known := tiers[k]
		if !known && !b.begun {
			tier = impacts[i].Tier // it stood before
		}
		entry := times[k]
		entry.Key = k
		b.order, b.tiers, b.times = append(b.order, k), append(b.tiers, tier), append(b.times, entry)
		delete(times, k)
	}
	for _, k := range gone { // no longer judged: its time still counts
		if entry, left := times[k]; left {
			b.out.Tiers = append(b.out.Tiers, entry)
		}
	}
}

func (t *TierTime) add(im *tiering.Impact, tick time.Duration) {
	switch im.Tier {
	case tiering.None:
	case tiering.Informational:
		t.Informational += tick
	case tiering.Degradation:
		t.Degradation += tick
	case tiering.BusinessCritical:
		t.BusinessCritical += tick
	}
	if im.Unknown && !im.Paused {
		t.Unknown += tick
	}
}

func (b *outcomeBook) event(at time.Time, what, inc string, k tiering.Key, text string) {
	b.out.Timeline = append(b.out.Timeline, ReplayEvent{at, what, inc, k.Process, k.Entity, text})
}

func (b *outcomeBook) turned(at time.Time, im *tiering.Impact, was tiering.Tier) {
	what, text := "raised", im.Tier.String()+": "+im.Headline()
	if im.Tier < was {
		what = "lowered"
		if im.Tier == tiering.None {
			text = "works again"
		}
	}
	b.event(at, what, "", im.Key, text)
}

// follow tells what is new about an open incident.
func (b *outcomeBook) follow(t *Tick, inc *incident.Incident) {
	o := b.open[inc.ID]
	if o == nil {
		o = &openIncident{acknowledged: !b.begun && !inc.Acknowledged.IsZero(), alerts: map[alertID]int{}}
		b.open[inc.ID] = o
		if b.begun {
			b.out.Incidents++
			b.delay = append(b.delay, inc.Detected.Sub(inc.Opened))
			b.event(t.At, "opened", inc.ID, inc.Lead, "first bad tick "+wording.Duration(t.At.Sub(inc.Opened))+" ago")
		}
	}
	firing := map[alertID]bool{}
	for n := range inc.Members {
		m := &inc.Members[n]
		for _, al := range m.Alerts {
			id := alertID{m.Impact.Key, al.Name, al.Severity, al.Tier}
			firing[id] = true
			if _, told := o.alerts[id]; !told {
				o.alerts[id] = b.alert(t, inc, m, al)
			}
		}
	}
	for id, i := range o.alerts {
		if !firing[id] {
			b.end(i, t.At)
			delete(o.alerts, id)
		}
	}
	if !o.acknowledged && !inc.Acknowledged.IsZero() {
		o.acknowledged = true
		b.event(t.At, "acknowledged", inc.ID, inc.Lead, "taken by "+inc.AcknowledgedBy)
	}
}

// alert takes down an alert that begins to fire, and returns its place.
func (b *outcomeBook) alert(t *Tick, inc *incident.Incident, m *incident.Member, al incident.Alert) int {
	if !b.begun {
		b.out.Stood++
		return -1
	}
	a := ReplayAlert{Key: m.Impact.Key, Severity: al.Severity, Tier: al.Tier, Name: al.Name, Incident: inc.ID, Began: al.StartsAt, Sent: t.At}
	switch al.Severity {
	case incident.Page:
		b.out.Pages++
		a.Title, a.Lacks = b.pages.write(t, inc, *m, al)
		if len(a.Lacks) > 0 {
			b.out.Lacking++
		}
	case incident.Ticket:
		b.out.Tickets++
	default:
		b.out.Notes++
	}
	b.event(t.At, alertWord(al.Severity), inc.ID, a.Key, cmp.Or(a.Title, m.Impact.Headline()))
	b.out.Alerts = append(b.out.Alerts, a)
	return len(b.out.Alerts) - 1
}

func (b *outcomeBook) end(i int, at time.Time) {
	if i >= 0 {
		b.out.Alerts[i].Ended = at
	}
}

// ended tells of the incidents that are no longer open.
func (b *outcomeBook) ended(at time.Time, m incident.Memory) {
	for _, id := range slices.Sorted(maps.Keys(b.open)) {
		if slices.ContainsFunc(m.Open, func(inc *incident.Incident) bool { return inc.ID == id }) {
			continue
		}
		for _, i := range b.open[id].alerts {
			b.end(i, at)
		}
		delete(b.open, id)
		i := slices.IndexFunc(m.Closed, func(inc *incident.Incident) bool { return inc.ID == id })
		if i < 0 || m.Closed[i].Into != "" {
			b.event(at, "joined", id, tiering.Key{}, "is part of another incident: they share a cause")
			continue
		}
		inc := m.Closed[i]
		b.event(at, "recovered", id, inc.Lead, "after "+wording.Duration(inc.Recovered.Sub(inc.Opened)))
	}
}

// outcome sums up.
func (b *outcomeBook) outcome() Outcome {
	out := b.out
	out.Alerts, out.Timeline = append([]ReplayAlert{}, out.Alerts...), append([]ReplayEvent{}, out.Timeline...)
	out.Tiers = slices.DeleteFunc(append(append([]TierTime{}, out.Tiers...), b.times...), func(t TierTime) bool {
		return t.Informational+t.Degradation+t.BusinessCritical+t.Unknown == 0
	})
	slices.SortStableFunc(out.Tiers, func(x, y TierTime) int {
		return cmp.Or(cmp.Compare(y.BusinessCritical, x.BusinessCritical), cmp.Compare(y.Degradation, x.Degradation), cmp.Compare(y.Informational, x.Informational),
			cmp.Compare(x.Process, y.Process), cmp.Compare(x.Entity, y.Entity))
	})
	out.PerShift = shiftLoad(out.Alerts)
	if n := len(b.delay); n > 0 {
		slices.Sort(b.delay)
		out.Detection = Detection{b.delay[(n-1)/2], b.delay[n-1]}
	}
	return out
}

// shiftLoad counts the pages of any twelve hours, whenever they begin.
func shiftLoad(alerts []ReplayAlert) ShiftLoad {
	load := ShiftLoad{Budget: pageBudget}
	var sent []time.Time
	for i := range alerts {
		if alerts[i].Severity != incident.Page {
			continue
		}
		at := alerts[i].Sent
		for len(sent) > 0 && at.Sub(sent[0]) >= shift {
			sent = sent[1:]
		}
		sent = append(sent, at)
		if len(sent) > load.Most {
			load.Most, load.From = len(sent), sent[0]
		}
		if len(sent) > pageBudget {
			load.Over++
		}
	}
	return load
}

// A pageWriter writes the page of an alert as the daemon does, with the words of
// a configuration or, without one, of the built-in catalogue.
type pageWriter struct {
	estate    *estate.Estate
	zone      *time.Location
	processes map[string]process.Process
}

func newPageWriter(p *Plan) *pageWriter {
	w := &pageWriter{estate: &estate.Estate{}, zone: time.UTC, processes: map[string]process.Process{}}
	all := process.Catalog()
	if p != nil {
		w.estate, w.zone, all = p.Estate, p.Estate.Timezone.Location(), p.Estate.Catalog(all)
	}
	for _, pr := range all {
		w.processes[pr.Name] = pr
	}
	return w
}

// write returns a page's title, and what the page lacks.
func (w *pageWriter) write(t *Tick, inc *incident.Incident, m incident.Member, al incident.Alert) (title string, lacks []string) {
	told := *t
	told.Evidence = slices.Clone(t.Evidence)
	a := &App{estate: w.estate, zone: w.zone, decider: &decider{assembler: &assembler{}}}
	for i := range told.Evidence {
		ev := &told.Evidence[i]
		words, known := w.processes[ev.Process.Name]
		if !known {
			continue
		}
		was := ev.Process
		ev.Process = words // as it was judged, in the words of the configuration
		ev.Process.Tier, ev.Process.CloseTier, ev.Process.Recovery, ev.Process.CriticalRecovery = was.Tier, was.CloseTier, was.Recovery, was.CriticalRecovery
		a.assembler.subjects = append(a.assembler.subjects, subject{key: ev.Key, process: ev.Process})
	}
	s := a.situation(&told, inc, m)
	s.Tier = al.Tier.String()
	return strings.TrimSpace(wording.Compose(s).Title), wording.Lacks(s, wording.RunbookFor(al.Name, m.Impact.Process))
}
