package app

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closewatch/closewatch/internal/signal"
)

// noticedBy is who told of a change that the daemon saw itself.
const noticedBy = "closewatch"

// maxNoticed bounds the changes seen at one tick.
const maxNoticed = 32

// A watched is a published value whose change is a change of the estate.
type watched struct {
	metric string
	label  string // that holds the value, where it is not the sample's
	kind   string // of change
	says   string // with {value}, {date} of a timestamp, and labels in braces
}

// changesWatched lists them: what fails after a failover, a new version or a
// setting is looked at first, whether or not somebody reports it.
func changesWatched() []watched {
	out := []watched{
		{metric: "pg_timeline_id", kind: "failover", says: "a standby was promoted: timeline {value}"},
		{metric: "pg_postmaster_start_time_seconds", kind: "infrastructure", says: "the server process was started at {time}"},
		{metric: "certificate_not_after_timestamp_seconds", kind: "certificate", says: "certificate {name} is another one, which ends {date}"},
		{metric: "odoo_lock_date_timestamp_seconds", kind: "lock-date", says: "lock date {lock} of {entity} is now {date}"},
		{metric: "odoo_server_info", label: "series", kind: "deploy", says: "Odoo answers as version {value}"},
		{metric: "odoo_info", label: "version", kind: "schema", says: "the database is one of version {value}"},
	}
	for _, setting := range []string{
		"autovacuum", "fsync", "full_page_writes", "max_connections", "max_wal_senders", "max_wal_size_bytes", "shared_buffers_bytes", "work_mem_bytes",
	} {
		out = append(out, watched{metric: "pg_settings_" + setting, kind: "configuration", says: "setting " + setting + " is now {value}"})
	}
	return out
}

// A noticer remembers watched values. The first sight of a value is no change.
type noticer struct{ last map[string]string } // by metric, environment, component and labels

// notice returns what is different from what was seen before, in a fixed order.
func (n *noticer) notice(at time.Time, s signal.Published) []Change {
	if n.last == nil {
		n.last = map[string]string{}
	}
	var out []Change
	for _, w := range changesWatched() {
		for _, x := range s(w.metric) {
			key, value := w.read(x)
			before, known := n.last[key]
			n.last[key] = value
			if !known || before == value || len(out) == maxNoticed {
				continue
			}
			c := Change{
				At: at.Truncate(time.Second), Kind: w.kind, Environment: x.Labels["environment"], Component: x.Labels["component"], What: w.words(x, value), By: noticedBy,
			}
			c.ID = c.id()
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// read returns the identity of a watched value and the value.
func (w watched) read(x signal.Sample) (key, value string) {
	value = strconv.FormatFloat(x.Value, 'g', -1, 64)
	parts := []string{w.metric}
	for _, name := range slices.Sorted(maps.Keys(x.Labels)) {
		if name == w.label {
			value = x.Labels[name]
			continue
		}
		parts = append(parts, name+"="+x.Labels[name])
	}
	return strings.Join(parts, " "), value
}

// words says what changed.
func (w watched) words(x signal.Sample, value string) string {
	pairs := []string{"{value}", value}
	if w.label == "" {
		when := signal.Unix(x.Value)
		pairs = append(pairs, "{date}", when.Format("2006-01-02"), "{time}", when.Format("15:04:05 UTC"))
	}
	for _, name := range slices.Sorted(maps.Keys(x.Labels)) {
		pairs = append(pairs, "{"+name+"}", x.Labels[name])
	}
	text := []rune(strings.NewReplacer(pairs...).Replace(w.says))
	return string(text[:min(len(text), maxWhat)])
}

// tellReload tells that the estate's file is another one than in the run before:
// what is found from now on may be found because of that.
func (a *App) tellReload(before string) {
	if before == "" || before == a.estate.Hash {
		return
	}
	c := Change{
		At: a.now().UTC().Truncate(time.Second), Kind: "configuration", Environment: a.estate.Environment,
		What: "Closewatch watches by another estate file", Reference: fmt.Sprintf("%.12s", a.estate.Hash), By: noticedBy,
	}
	c.ID = c.id()
	if err := a.inbox.add(func(t *Told) { t.Changes = append(t.Changes, c) }); err != nil {
		a.log.Warn("the change of the estate's file cannot be told as one", "err", err)
	}
}
