package delivery_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/api/v2/models"
	"pgregory.net/rapid"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/fault"
	"github.com/closewatch/closewatch/internal/telemetry"
)

// rig is a Delivery in a synctest bubble with its Alertmanagers.
type rig struct {
	*delivery.Delivery
	settings delivery.Settings
	a, b     *alertmanager
	log      *bytes.Buffer
	stop     func()
}

// newRig runs a Delivery to two Alertmanagers with the default Resend.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{a: &alertmanager{}, b: &alertmanager{}, log: &bytes.Buffer{}}
	r.settings = delivery.Settings{
		Endpoints: []string{"http://a:9093", "http://user:pa55@b:9093/"}, Dir: filepath.Join(durabletest.Dir(t), "outbox"),
		Transport: alertmanagers{"a:9093": r.a, "b:9093": r.b}, Own: telemetry.NewOwn(),
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	r.start(t)
	return r
}

// start opens and runs a Delivery on the rig's outbox.
func (r *rig) start(t *testing.T) {
	t.Helper()
	d, err := delivery.New(r.settings)
	if err != nil {
		t.Fatal(err)
	}
	r.Delivery = d
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	r.stop = func() { cancel(); <-done }
	t.Cleanup(r.stop)
}

// publish publishes alerts by name at the present and lets them be sent.
func (r *rig) publish(t *testing.T, alerts ...delivery.Alert) {
	t.Helper()
	if err := r.Publish(time.Now(), alerts); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func named(name string) delivery.Alert {
	return delivery.Alert{
		Labels:       map[string]string{"alertname": name, "process": "invoice-posting", "severity": "page"},
		Annotations:  map[string]string{"summary": "Invoices cannot be posted"},
		GeneratorURL: "http://127.0.0.1:9977/incidents/1",
	}
}

func (r *rig) counter(name string, labels ...string) uint64 {
	return r.settings.Own.Counter("closewatch_notifications_"+name+"_total", "", labels...).Get()
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestFiringIsSentAtOnceAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		began := time.Now()
		r.publish(t, named("A"))
		for _, am := range []*alertmanager{r.a, r.b} {
			got := am.alert(t, "A")
			if ends := time.Time(got.EndsAt); !ends.Equal(began.Add(5 * time.Minute)) {
				t.Errorf("ends at %v, want 5 Resends from %v", ends, began)
			}
			if !time.Time(got.StartsAt).Equal(began) || got.Annotations["summary"] == "" || got.GeneratorURL == "" {
				t.Errorf("alert = %+v", got)
			}
			expect(t, "heard", am.heard(), "A firing")
		}
		time.Sleep(59 * time.Second)
		r.publish(t, named("A"))
		expect(t, "before the Resend", r.a.heard(), "")
		time.Sleep(2 * time.Second)
		expect(t, "after the Resend", r.a.heard(), "A firing")
		if ends := time.Time(r.a.alert(t, "A").EndsAt); !ends.Equal(began.Add(6 * time.Minute)) {
			t.Errorf("sent again with end %v", ends)
		}
		if got := r.counter("sent", "endpoint", "http://a:9093"); got != 2 {
			t.Errorf("%d counted as sent, want 2", got)
		}
	})
}

func TestChangedAnnotationIsSentAtOnceWithTheSameStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		began := time.Now()
		r.publish(t, named("A"), named("B"))
		r.a.heard()
		time.Sleep(10 * time.Second)
		changed := named("A")
		changed.StartsAt = time.Now() // another start for an alert that fires is not believed
		changed.Annotations["summary"] = "Invoices cannot be posted; cut-off in 2 h"
		r.publish(t, changed, named("B"))
		expect(t, "heard", r.a.heard(), "A firing")
		got := r.a.alert(t, "A")
		if !time.Time(got.StartsAt).Equal(began) || got.Annotations["summary"] != changed.Annotations["summary"] {
			t.Errorf("alert = %+v", got)
		}
	})
}

func TestWhatIsNoLongerPublishedResolvesOnceAndSurely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.publish(t, named("A"), named("B"))
		time.Sleep(10 * time.Second)
		ended := time.Now()
		r.a.heard()
		r.publish(t, named("B"))
		expect(t, "heard", r.a.heard(), "A resolved")
		if ends := time.Time(r.a.alert(t, "A").EndsAt); !ends.Equal(ended) {
			t.Errorf("ends at %v, want %v", ends, ended)
		}
		for range 20 {
			time.Sleep(time.Minute)
			r.publish(t, named("B"))
		}
		if n := strings.Count(r.a.heard(), "A resolved"); n != 15 {
			t.Errorf("resolution repeated %d times, want 15", n)
		}
		expect(t, "active", r.a.active(), "B")
		if s := r.Status(); s.Firing != 1 || s.Resolved != 0 {
			t.Errorf("status = %+v, want A forgotten", s)
		}
	})
}

func TestAlertThatFiresAgainHasANewStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.publish(t, named("A"))
		time.Sleep(time.Minute)
		r.publish(t)
		time.Sleep(time.Minute)
		again := time.Now()
		r.publish(t, named("A"))
		if got := time.Time(r.a.alert(t, "A").StartsAt); !got.Equal(again) {
			t.Errorf("starts at %v, want %v", got, again)
		}
		expect(t, "active", r.a.active(), "A")
	})
}

func TestOutageOfHoursLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.publish(t, named("early"))
		r.a.set(down)
		r.a.heard()
		for i := range 4 * 60 { // four hours: one alert resolves, one comes, one comes and goes
			time.Sleep(time.Minute)
			firing := []delivery.Alert{named("late")}
			if i < 10 {
				firing = append(firing, named("early"))
			}
			if i > 20 && i < 30 {
				firing = append(firing, named("passing"))
			}
			r.publish(t, firing...)
		}
		expect(t, "the other one", r.b.active(), "late")
		if e := r.Status().Endpoints[0]; e.Answers || e.Kind != fault.Unreachable || e.Pending != 3 || time.Since(e.Since) < 3*time.Hour {
			t.Errorf("status = %+v", e)
		}
		r.a.set(nil)
		time.Sleep(30 * time.Second)
		expect(t, "heard when back", r.a.heard(), "late firing, early resolved, passing resolved")
		r.publish(t, named("late"))
		if s := r.Status(); !s.Endpoints[0].Answers || s.Endpoints[0].Pending != 0 || s.Resolved != 0 {
			t.Errorf("status = %+v", s)
		}
	})
}

func TestSlowAlertmanagerHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.b.set(hangs)
		r.publish(t, named("A"))
		expect(t, "the other one", r.a.heard(), "A firing")
		time.Sleep(25 * time.Second)
		if got := r.counter("failed", "endpoint", "http://b:9093/", "kind", "timeout"); got != 2 {
			t.Errorf("%d timeouts counted after 25 s with a timeout of 10 s, want 2", got)
		}
	})
}

func TestFailuresAreTriedAgainWithGrowingPauses(t *testing.T) {
	tests := map[string]struct {
		behave func(*http.Request, models.PostableAlerts) (*http.Response, error)
		kind   fault.Kind
	}{
		"down":        {down, fault.Unreachable},
		"500":         {status(500), fault.Unavailable},
		"503":         {status(503), fault.Unavailable},
		"429":         {status(429), fault.Limit},
		"408":         {status(408), fault.Timeout},
		"reset":       {resets, fault.Unavailable},
		"a web page":  {page, fault.Schema},
		"not the API": {func(*http.Request, models.PostableAlerts) (*http.Response, error) { return answer(301, "", ""), nil }, fault.Schema},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.a.set(tt.behave)
				r.publish(t, named("A"))
				time.Sleep(time.Minute)
				n := r.a.count()
				if n < 4 || n > 12 {
					t.Errorf("%d requests in a minute, want a handful", n)
				}
				if got := r.counter("failed", "endpoint", "http://a:9093", "kind", string(tt.kind)); got != uint64(n) {
					t.Errorf("%d failures of kind %s counted, want %d: %+v", got, tt.kind, n, r.Status().Endpoints[0])
				}
				if got := strings.Count(r.log.String(), "Alertmanager does not take alerts"); got != 1 {
					t.Errorf("told %d times, want once:\n%s", got, r.log)
				}
				r.a.set(nil)
				time.Sleep(31 * time.Second)
				expect(t, "active when mended", r.a.active(), "A")
				if got := r.counter("dropped", "endpoint", "http://a:9093"); got != 0 {
					t.Errorf("%d dropped", got)
				}
			})
		})
	}
}

func TestRefusedAlertIsDroppedAloneAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.a.set(refuses("N042"))
		var firing []delivery.Alert
		for i := range 100 {
			firing = append(firing, named(fmt.Sprintf("N%03d", i)))
		}
		r.publish(t, firing...)
		if got := len(strings.Fields(r.a.active())); got != 99 {
			t.Errorf("%d arrived, want 99", got)
		}
		if got := r.counter("dropped", "endpoint", "http://a:9093"); got != 1 {
			t.Errorf("%d dropped, want 1", got)
		}
		if !strings.Contains(r.log.String(), "alertname=N042") || !strings.Contains(r.log.String(), "N042 is bad") {
			t.Errorf("log does not say which and why:\n%s", r.log)
		}
		n := r.a.count()
		time.Sleep(50 * time.Second)
		if got := r.a.count(); got != n {
			t.Errorf("tried %d times again before the next turn", got-n)
		}
		if got := len(strings.Fields(r.b.active())); got != 100 {
			t.Errorf("%d arrived at the other one, want 100", got)
		}
	})
}

func TestWrongPasswordKeepsAlertsForWhenItIsRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.b.set(status(401))
		r.publish(t, named("A"))
		s := r.Status().Endpoints[1]
		if s.Answers || s.Kind != fault.Auth || s.Hint == "" || s.Pending != 1 {
			t.Errorf("status = %+v", s)
		}
		r.b.set(func(req *http.Request, _ models.PostableAlerts) (*http.Response, error) {
			if user, password, ok := req.BasicAuth(); !ok || user != "user" || password != "pa55" {
				return answer(401, "", ""), nil
			}
			return nil, nil
		})
		time.Sleep(time.Minute + time.Second)
		expect(t, "active", r.b.active(), "A")
		if all := fmt.Sprintf("%+v %s", r.Status(), r.log); strings.Contains(all, "pa55") {
			t.Errorf("the password shows: %s", all)
		}
	})
}

func TestBatchesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		largest := 0
		r.a.set(func(_ *http.Request, posted models.PostableAlerts) (*http.Response, error) {
			largest = max(largest, len(posted))
			return nil, nil
		})
		var firing []delivery.Alert
		for i := range 200 {
			firing = append(firing, named(fmt.Sprintf("N%03d", i)))
		}
		r.publish(t, firing...)
		if n := len(strings.Fields(r.a.active())); n != 200 || largest != 64 {
			t.Errorf("%d arrived, the largest batch was %d; want 200 and 64", n, largest)
		}
	})
}

func TestRestartGoesOnWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		began := time.Now()
		r.publish(t, named("A"), named("B"), named("C"))
		r.publish(t, named("A"), named("B"))
		r.stop()
		r.a.heard()
		time.Sleep(3 * time.Minute)
		r.start(t)
		synctest.Wait()
		expect(t, "heard before the first Publish", r.a.heard(), "A firing, B firing, C resolved")
		r.publish(t, named("A"))
		expect(t, "heard after it", r.a.heard(), "B resolved")
		if got := time.Time(r.a.alert(t, "A").StartsAt); !got.Equal(began) {
			t.Errorf("A starts at %v, want %v", got, began)
		}
	})
}

func TestHeartbeatStopsWhenNothingIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		watchdog := named("ClosewatchWatchdog")
		watchdog.Heartbeat = true
		r.publish(t, watchdog, named("A"))
		time.Sleep(10 * time.Minute) // the engine hangs
		expect(t, "active", r.a.active(), "A")
		r.stop()
		r.start(t)
		time.Sleep(time.Second)
		expect(t, "active after a restart", r.a.active(), "A")
		r.publish(t, watchdog, named("A"))
		time.Sleep(time.Minute)
		expect(t, "active when it publishes again", r.a.active(), "A ClosewatchWatchdog")
	})
}

func TestWhatAlertmanagerWouldNotTake(t *testing.T) {
	label := func(name, value string) delivery.Alert {
		a := named("X")
		a.Labels[name] = value
		return a
	}
	tests := map[string]struct {
		alert delivery.Alert
		err   string
		check func(*models.PostableAlert) bool
	}{
		"label name":            {label("not-a-name", "x"), `label name "not-a-name"`, nil},
		"no alertname":          {delivery.Alert{Labels: map[string]string{"process": "x"}}, "has no alertname", nil},
		"no labels":             {delivery.Alert{}, "has no alertname", nil},
		"annotation name":       {delivery.Alert{Labels: map[string]string{"alertname": "X"}, Annotations: map[string]string{"": "x"}}, `annotation name ""`, nil},
		"empty label is absent": {label("entity", ""), "", func(a *models.PostableAlert) bool { _, ok := a.Labels["entity"]; return !ok }},
		"not UTF-8 is mended":   {label("entity", "a\xffb"), "", func(a *models.PostableAlert) bool { return a.Labels["entity"] == "a\uFFFDb" }},
		"too long is cut": {label("entity", strings.Repeat("é", 4000)), "", func(a *models.PostableAlert) bool {
			return len(a.Labels["entity"]) <= 4096 && strings.HasSuffix(a.Labels["entity"], "é…")
		}},
		"link that is none": {delivery.Alert{Labels: map[string]string{"alertname": "X"}, GeneratorURL: "not a link"}, "", func(a *models.PostableAlert) bool { return a.GeneratorURL == "" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				err := r.Publish(time.Now(), []delivery.Alert{tt.alert, named("fine")})
				synctest.Wait()
				if (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("Publish = %v, want %q", err, tt.err)
				}
				if !strings.Contains(r.a.active(), "fine") {
					t.Error("the other alert did not arrive")
				}
				if tt.check != nil && !tt.check(r.a.alert(t, "X")) {
					t.Errorf("alert = %+v", r.a.alert(t, "X"))
				}
				if got, want := r.counter("invalid"), uint64(len(tt.err)); (got > 0) != (want > 0) {
					t.Errorf("%d counted as invalid", got)
				}
			})
		})
	}
}

func TestOutboxThatCannotBeWrittenIsToldAndAlertsAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if err := os.RemoveAll(r.settings.Dir); err != nil {
			t.Fatal(err)
		}
		err := r.Publish(time.Now(), []delivery.Alert{named("A")})
		if fault.HintOf(err) == "" {
			t.Errorf("Publish = %v, want a fault with a hint", err)
		}
		synctest.Wait()
		expect(t, "active", r.a.active(), "A")
		if err := os.MkdirAll(r.settings.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		r.publish(t, named("A")) // nothing changed, but the outbox is behind
		r.stop()
		r.start(t)
		if s := r.Status(); s.Firing != 1 {
			t.Errorf("%d fire after a restart, want 1", s.Firing)
		}
	})
}

func TestDamagedOutboxIsPutAside(t *testing.T) {
	tests := map[string]func([]byte) []byte{
		"cut off":       func(b []byte) []byte { return b[:len(b)-7] },
		"a bit flipped": func(b []byte) []byte { b[len(b)-20] ^= 1; return b },
		"empty":         func([]byte) []byte { return nil },
		"other file":    func([]byte) []byte { return []byte("hello\n") },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.publish(t, named("A"))
				r.stop()
				file := filepath.Join(r.settings.Dir, "alerts.json")
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, damage(b), 0o600); err != nil {
					t.Fatal(err)
				}
				r.start(t)
				if !strings.Contains(r.log.String(), "outbox was damaged") {
					t.Errorf("log:\n%s", r.log)
				}
				if _, err := os.Stat(filepath.Join(r.settings.Dir, "alerts.damaged.json")); err != nil {
					t.Error(err)
				}
				r.publish(t, named("B"))
				expect(t, "told", r.a.heard()[len("A firing, "):], "B firing")
			})
		})
	}
}

func TestInterruptedSaveLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "alerts.json.123456")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := delivery.New(delivery.Settings{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", left, err)
	}
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:9093", "ftp://am", "http://", "http://user:pa55@am:port"} {
		_, err := delivery.New(delivery.Settings{Dir: t.TempDir(), Endpoints: []string{address}})
		if fault.HintOf(err) == "" || strings.Contains(err.Error(), "pa55") {
			t.Errorf("New(%q) = %v, want a fault with a hint and without the password", address, err)
		}
	}
}

// A move is something that happens to a Delivery in a random history.
type move struct {
	restart bool
	behave  int // index into behaviours, when 0 or more
	firing  []delivery.Alert
	pause   time.Duration
}

var behaviours = []func(*http.Request, models.PostableAlerts) (*http.Response, error){down, hangs, status(500), status(401), nil}

func drawMove(t *rapid.T) move {
	m := move{behave: -1, pause: time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second}
	switch rapid.IntRange(0, 5).Draw(t, "what") {
	case 0:
		m.restart = true
	case 1:
		m.behave = rapid.IntRange(0, len(behaviours)-1).Draw(t, "behaviour")
	default:
		m.firing = []delivery.Alert{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"A", "B", "C", "D"}), rapid.ID).Draw(t, "firing") {
			a := named(name)
			a.Annotations["summary"] = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "summary")
			m.firing = append(m.firing, a)
		}
	}
	return m
}

// Whatever is published, restarted and broken, in the end every Alertmanager
// has active exactly what was published last.
func TestInTheEndAlertmanagersAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		moves := rapid.SliceOfN(rapid.Custom(drawMove), 1, 20).Draw(rt, "moves")
		var failure string
		synctest.Test(t, func(t *testing.T) { failure = disagreement(t, moves) })
		if failure != "" {
			rt.Fatal(failure)
		}
	})
}

// disagreement plays moves, mends everything and says what an Alertmanager has
// wrong then.
func disagreement(t *testing.T, moves []move) string {
	r := newRig(t)
	var last []delivery.Alert
	for _, m := range moves {
		switch {
		case m.restart:
			r.stop()
			r.start(t)
		case m.behave >= 0:
			r.a.set(behaviours[m.behave])
		default:
			last = m.firing
			r.publish(t, last...)
		}
		time.Sleep(m.pause)
	}
	r.a.set(nil)
	r.publish(t, last...)
	time.Sleep(91 * time.Second)
	defer r.stop()
	want := map[string]string{}
	for _, a := range last {
		want[a.Labels["alertname"]] = a.Annotations["summary"]
	}
	for name, am := range map[string]*alertmanager{"a": r.a, "b": r.b} {
		got := map[string]string{}
		for n := range strings.FieldsSeq(am.active()) {
			got[n] = am.alert(t, n).Annotations["summary"]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return name + " (-want +got):\n" + diff
		}
	}
	return ""
}
