package delivery_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/api/v2/models"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// tiered is an alert of a process at a tier, named after both.
func tiered(process, tier, severity string) delivery.Alert {
	a := named(process + "-" + tier)
	a.Labels["process"], a.Labels["tier"], a.Labels["severity"] = process, tier, severity
	return a
}

func critical(process string) delivery.Alert { return tiered(process, "business-critical", "page") }
func degraded(process string) delivery.Alert { return tiered(process, "degradation", "page") }

// withHold runs a rig whose resolves wait.
func withHold(t *testing.T, hold time.Duration) *rig {
	t.Helper()
	r := newRig(t)
	r.stop()
	r.settings.Hold = hold
	r.start(t)
	return r
}

func TestEscalationRaisesTheHigherFirstAndEndsItLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := withHold(t, 30*time.Second)
		t1, t2, other := critical("posting"), degraded("posting"), degraded("payroll")
		r.publish(t, t2)
		expect(t, "degraded", r.a.heard(), "posting-degradation firing")
		time.Sleep(45 * time.Second)
		r.publish(t, other, t2, t1)
		expect(t, "escalated", r.a.heard(), "posting-business-critical firing, payroll-degradation firing")
		time.Sleep(20 * time.Second) // the repetition of the lower one is later than that of the higher
		expect(t, "the lower one goes on", r.a.heard(), "posting-degradation firing")
		r.publish(t, other)
		for range 24 { // the lower one was sent 5 s ago
			time.Sleep(time.Second)
			if told := r.a.heard(); strings.Contains(told, "resolved") {
				t.Fatalf("resolved within the hold: %s", told)
			}
		}
		time.Sleep(2 * time.Second)
		expect(t, "both end together, the lower first", r.a.heard(), "posting-degradation resolved, posting-business-critical resolved")
	})
}

func TestHigherIsKnownBeforeTheLowerIsRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var requests []string
		r.a.set(func(_ *http.Request, posted models.PostableAlerts) (*http.Response, error) {
			var names []string
			for _, a := range posted {
				names = append(names, a.Labels["alertname"])
			}
			requests = append(requests, strings.Join(names, " "))
			return nil, nil
		})
		r.publish(t, degraded("posting"), critical("posting"), critical("payroll"), degraded("bank"))
		want := []string{"", "payroll-business-critical posting-business-critical bank-degradation", "posting-degradation"}
		if diff := cmp.Diff(want, requests); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestDeescalationRaisesTheLowerBeforeTheHigherEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.publish(t, critical("posting"))
		r.a.heard()
		r.publish(t, degraded("posting"))
		expect(t, "heard", r.a.heard(), "posting-degradation firing, posting-business-critical resolved")
	})
}

func TestResolveWaitsForTheHold(t *testing.T) {
	tests := map[string]struct {
		hold   time.Duration
		wanted time.Duration // from the resolve on, sent firing 10 s before
	}{
		"none":                              {0, 0},
		"a group_interval":                  {30 * time.Second, 20 * time.Second},
		"never until the alert ends itself": {time.Hour, 4*time.Minute - 10*time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := withHold(t, tt.hold)
				r.publish(t, named("A"))
				r.a.heard()
				time.Sleep(10 * time.Second)
				ended := time.Now()
				r.publish(t)
				for r.a.heard() != "A resolved" {
					if time.Since(ended) > time.Hour {
						t.Fatal("it never resolves")
					}
					time.Sleep(time.Second)
				}
				if got := time.Since(ended); got < tt.wanted || got > tt.wanted+2*time.Second {
					t.Errorf("resolved after %v, want %v", got, tt.wanted)
				}
				if got := time.Time(r.a.alert(t, "A").EndsAt); !got.Equal(ended) {
					t.Errorf("ends at %v, want when it ended, %v", got, ended)
				}
			})
		})
	}
}

func TestResolveThatWaitsSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := withHold(t, 30*time.Second)
		r.publish(t, named("A"))
		time.Sleep(10 * time.Second)
		r.publish(t)
		r.stop()
		r.a.heard()
		r.start(t)
		time.Sleep(29 * time.Second)
		expect(t, "within the hold", r.a.heard(), "")
		time.Sleep(2 * time.Second)
		expect(t, "after it", r.a.heard(), "A resolved")
	})
}

func TestAlertThatFiresAgainWithinTheHoldNeverResolves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := withHold(t, 30*time.Second)
		r.publish(t, named("A"))
		time.Sleep(10 * time.Second)
		r.publish(t)
		time.Sleep(10 * time.Second)
		r.publish(t, named("A"))
		time.Sleep(time.Minute)
		if told := r.a.heard(); strings.Contains(told, "resolved") {
			t.Errorf("heard %s", told)
		}
	})
}

func TestTooManyAlertsDropTheOldestInformationalOnly(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	s := delivery.Settings{Dir: t.TempDir(), Own: telemetry.NewOwn()}
	d, err := delivery.New(s)
	if err != nil {
		t.Fatal(err)
	}
	oldest := critical("posting")
	oldest.StartsAt = began.Add(-time.Hour)
	firing := []delivery.Alert{oldest}
	for i := range 10_002 {
		firing = append(firing, delivery.Alert{
			Labels: map[string]string{"alertname": fmt.Sprint("N", i), "tier": "informational"}, StartsAt: began.Add(time.Duration(i) * time.Second),
		})
	}
	for range 2 { // the second time nothing more is dropped
		if err := d.Publish(began, firing); err != nil {
			t.Fatal(err)
		}
	}
	if s := d.Status(); s.Firing != 10_000 || s.Resolved != 0 {
		t.Errorf("status = %+v", s)
	}
	if got := s.Own.Counter("closewatch_notifications_shed_total", "").Get(); got != 3 {
		t.Errorf("%d counted as shed, want 3", got)
	}
	kept, err := os.ReadFile(filepath.Join(s.Dir, "alerts.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"N0": false, "N2": false, "N3": true, "N10001": true, "posting-business-critical": true} {
		if got := strings.Contains(string(kept), `"alertname":"`+name+`"`); got != want {
			t.Errorf("%s is kept: %v, want %v", name, got, want)
		}
	}
}

// skewed runs a rig whose first Alertmanager has another clock.
func skewed(t *testing.T, ahead time.Duration) *rig {
	t.Helper()
	r := newRig(t)
	r.a.dated, r.a.ahead = true, ahead
	return r
}

func TestClocksThatDifferNeitherResolveNorKeepAnything(t *testing.T) {
	for name, ahead := range map[string]time.Duration{
		"ours is an hour behind": time.Hour, "ours is an hour ahead": -time.Hour, "they are seconds apart": 3 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := skewed(t, ahead)
				r.publish(t, named("A"))
				time.Sleep(time.Second)
				expect(t, "active", r.a.active(), "A")
				if told := r.a.heard(); strings.Contains(told, "resolved") {
					t.Errorf("heard before its clock was known: %s", told)
				}
				time.Sleep(4 * time.Minute)
				expect(t, "active later", r.a.active(), "A")
				r.publish(t)
				expect(t, "active when resolved", r.a.active(), "")
				if got, want := strings.Contains(r.log.String(), "clocks of this machine and of Alertmanager differ"), ahead.Abs() > time.Minute; got != want {
					t.Errorf("told that the clocks differ: %v, want %v\n%s", got, want, r.log)
				}
			})
		})
	}
}

// The clock of this machine is set while alerts fire.
func TestClockThatIsSetWhileAlertsFire(t *testing.T) {
	for name, step := range map[string]time.Duration{"forward": 2 * time.Hour, "back": -2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.stop()
				var ahead time.Duration
				now := func() time.Time { return time.Now().Add(ahead) }
				r.settings.Now = now
				r.a.dated = true
				r.a.set(func(_ *http.Request, posted models.PostableAlerts) (*http.Response, error) {
					for _, a := range posted { // as Alertmanager checks it
						if time.Time(a.EndsAt).Before(time.Time(a.StartsAt)) {
							return answer(http.StatusBadRequest, `"start time must be before end time"`, "application/json"), nil
						}
					}
					return nil, nil
				})
				r.start(t)
				publish := func(alerts ...delivery.Alert) {
					if err := r.Publish(now(), alerts); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				publish(named("A"))
				ahead = step
				for range 10 {
					time.Sleep(30 * time.Second)
					publish(named("A"))
					expect(t, "active", r.a.active(), "A")
				}
				if told := r.a.heard(); strings.Contains(told, "resolved") {
					t.Errorf("heard %s", told)
				}
				publish()
				expect(t, "active when resolved", r.a.active(), "")
				if got := r.counter("dropped", "endpoint", "http://a:9093"); got != 0 {
					t.Errorf("%d dropped", got)
				}
			})
		})
	}
}
