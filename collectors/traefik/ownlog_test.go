package traefik

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/closewatch/closewatch/internal/collector/collectortest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/logtail"
)

// ownRig is Traefik's own log, followed by hand.
type ownRig struct {
	t     *testing.T
	path  string
	state string
	clock time.Time
	f     *logtail.Follower[ownCounts]
	c     *ownLog
}

func newOwnRig(t *testing.T) *ownRig {
	t.Helper()
	dir := t.TempDir()
	r := &ownRig{t: t, path: filepath.Join(dir, "traefik.log"), state: filepath.Join(dir, "state"), clock: noon()}
	r.start()
	t.Cleanup(func() { r.f.Close() })
	return r
}

func (r *ownRig) now() time.Time { return r.clock }

func (r *ownRig) start() {
	r.f = logtail.New(logtail.Options{
		Path: r.path, State: r.state, Name: "Traefik's log", Hint: "write it", Every: time.Second, Now: r.now, Log: slog.New(slog.DiscardHandler),
	}, &ownReader{now: r.now})
	r.c = &ownLog{follower: r.f, sighting: &sighting{}, now: r.now}
}

func (r *ownRig) poll() {
	r.t.Helper()
	for range 2 { // to read, and to save what was read
		r.f.Poll(r.t.Context())
		r.clock = r.clock.Add(time.Second)
	}
}

// say writes a line as Traefik 3 does, now.
func (r *ownRig) say(text string) {
	r.t.Helper()
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintf(f, "%s %s\n", r.clock.UTC().Format(time.RFC3339), text)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// scraped is what Traefik's metrics tell: when the configuration was last taken
// over and when the process began.
func (r *ownRig) scraped(reloaded, began time.Time) {
	e := exposition{series: map[string][]series{
		lastReload: {{labels.FromStrings(model.MetricNameLabel, lastReload), float64(reloaded.Unix())}},
		startTime:  {{labels.FromStrings(model.MetricNameLabel, startTime), float64(began.Unix())}},
	}}
	r.c.sighting.see(r.clock, e)
}

// told is what is published as true or false, by whom or about what.
func (r *ownRig) told() map[string]float64 {
	r.t.Helper()
	out := map[string]float64{}
	for _, family := range []string{"traefik_config_refused", "traefik_log_trouble"} {
		values, err := labelledValues(r.t, r.c, family)
		if err != nil {
			r.t.Error(err)
		}
		maps.Copy(out, values)
	}
	return out
}

func (r *ownRig) want(situation string, want map[string]float64) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.told()); diff != "" {
		r.t.Errorf("%s: -want +got:\n%s", situation, diff)
	}
}

const (
	sayRefused = `ERR Error occurred during watcher callback error="yaml: line 3" providerName=file`
	sayVersion = `INF Traefik version 3.6.12 built on 2026-10-01T10:00:00Z version=3.6.12`
)

func TestOwnLogMetrics(t *testing.T) {
	r := newOwnRig(t)
	r.poll()
	r.say(sayVersion)
	r.say(sayRefused)
	r.say(`ERR error="the service \"odoo@file\" does not exist" entryPointName=web routerName=erp@file`)
	r.poll()
	if err := collectortest.Golden(t, r.c, "ownlog"); err != nil {
		t.Error(err)
	}
}

func TestOwnLogMissing(t *testing.T) {
	r := newOwnRig(t)
	r.poll()
	if values, err := labelledValues(t, r.c, "traefik_log_readable"); fault.KindOf(err) != fault.Unreachable || values[""] != 0 {
		t.Errorf("readable = %v, err = %v, want 0 and unreachable", values, err)
	}
	if values, _ := labelledValues(t, r.c, "traefik_config_refused"); len(values) != 0 {
		t.Errorf("refused = %v of a log that cannot be read", values)
	}
}

func TestARefusedChangeIsToldUntilALaterOneIsTakenOver(t *testing.T) {
	r := newOwnRig(t)
	began := r.clock.Add(-time.Hour)
	r.poll()
	r.say("INF nothing of note")
	r.scraped(began, began)
	r.poll()
	r.want("what was before is not known", map[string]float64{})
	r.say(sayRefused)
	r.poll()
	r.want("refused", map[string]float64{toldByLog: 1})
	r.clock = r.clock.Add(time.Hour)
	r.poll()
	r.scraped(began, began)
	r.want("still so an hour later", map[string]float64{toldByLog: 1})
	r.f.Close()
	r.start()
	r.scraped(began, began)
	r.poll()
	r.want("and after our restart", map[string]float64{toldByLog: 1})
	r.scraped(r.clock, began)
	r.want("taken over", map[string]float64{toldByLog: 0})
	r.say(sayRefused)
	r.poll()
	r.want("refused again", map[string]float64{toldByLog: 1})
	r.scraped(r.clock.Add(time.Minute), r.clock.Add(time.Minute))
	r.want("restarted", map[string]float64{toldByLog: 0})
}

func TestARefusedChangeIsForgottenAfterADayOrAStart(t *testing.T) {
	r := newOwnRig(t)
	r.poll()
	r.say(sayRefused)
	r.poll()
	r.want("refused, without metrics to tell of later ones", map[string]float64{toldByLog: 1})
	r.clock = r.clock.Add(refusedFor)
	r.poll()
	r.want("a day later", map[string]float64{toldByLog: 0})
	r.say(sayRefused)
	r.poll()
	r.clock = r.clock.Add(time.Minute)
	r.say(sayVersion)
	r.poll()
	r.want("Traefik says that it was started", map[string]float64{toldByLog: 0})
}

// No later configuration brings a provider back that could not start.
func TestAProviderThatCouldNotStartStaysMissing(t *testing.T) {
	r := newOwnRig(t)
	r.poll()
	r.say(sayVersion)
	r.say(`ERR Cannot start the provider *file.Provider error="yaml: line 3"`)
	r.poll()
	r.scraped(r.clock.Add(time.Minute), noon())
	r.want("others go on", map[string]float64{toldByLog: 1})
	r.scraped(r.clock.Add(time.Minute), r.clock.Add(time.Minute))
	r.want("restarted", map[string]float64{toldByLog: 0})
}

func TestTroublesEnd(t *testing.T) {
	tests := map[string]struct {
		line, about string
		later       time.Duration // when it is over
		reload      bool          // that is told to have happened then
	}{
		"a provider that is reached again": {`ERR Provider error, retrying in 1.2s error="x" providerName=docker`, "provider", providerFor, false},
		"a certificate a day later":        {`ERR Unable to obtain ACME certificate for domains error="x" providerName=le.acme`, "certificate", certificateFor, false},
		"a route with the next change":     {`ERR error="the service does not exist" routerName=erp@file`, "router", time.Minute, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newOwnRig(t)
			r.poll()
			r.scraped(r.clock.Add(-time.Minute), r.clock.Add(-time.Hour))
			r.say(tt.line)
			r.poll()
			r.want("told", map[string]float64{tt.about: 1})
			r.clock = r.clock.Add(tt.later)
			if tt.reload {
				r.scraped(r.clock, noon().Add(-time.Hour))
			}
			r.poll()
			if got := r.told()[tt.about]; got != 0 {
				t.Errorf("%s is %v after it is over", tt.about, got)
			}
		})
	}
}

// A reload that tells what is wrong in it is no end of that.
func TestARouteStaysBrokenThroughItsOwnReload(t *testing.T) {
	r := newOwnRig(t)
	r.poll()
	r.say(`ERR error="the service does not exist" routerName=erp@file`)
	r.scraped(r.clock.Add(time.Second), noon().Add(-time.Hour))
	r.poll()
	if got := r.told()["router"]; got != 1 {
		t.Errorf("router is %v, want 1", got)
	}
}
