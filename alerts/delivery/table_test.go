package delivery_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/closewatch/closewatch/alerts/delivery"
	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/lab"
)

// What Alertmanager is configured to, for the table: short, because its clock is
// the real one. Each alert is a group of its own, so that each is told by itself.
// In cases of escalation the higher tier mutes the lower, as in what we generate.
const tableRoute = `{"route": {"receiver": "lab", "group_by": ["alertname", "process"], "group_wait": "200ms", "group_interval": "700ms", "repeat_interval": "1h"},
"inhibit_rules": [{"source_matchers": ["tier=business-critical", "process=~escalation.*"], "target_matchers": ["tier=degradation", "process=~escalation.*"], "equal": ["process"]}],
"receivers": [{"name": "lab", "webhook_configs": [{"url": %q, "send_resolved": true}]}]}`

// A post is a case of the table: a Delivery, the Alertmanagers it sends to, and
// what people were told.
type post struct {
	name   string
	t      *testing.T
	office *office
	fronts []*front
	dir    string
	ahead  atomic.Int64 // of our clock, in nanoseconds
	set    atomic.Int64 // how far our wall clock was set while we ran, in nanoseconds
	words  atomic.Int64 // how often Higher said something else
	disk   durable.Disk
	phones *phones // of the fallback; nil is none
	d      *delivery.Delivery
	stop   func()
}

// office is Alertmanagers with a receiver.
type office struct {
	ams  []*lab.Alertmanager
	hook *lab.Webhook
}

func newOffice(t *testing.T, members int) *office {
	t.Helper()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &office{}
	if o.hook, err = l.Webhook(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range members {
		options := lab.AlertmanagerOptions{Config: fmt.Sprintf(tableRoute, o.hook.URL), Cluster: members > 1, Peers: slices.Clone(o.ams)}
		if members > 1 {
			options.Args = []string{"--cluster.peer-timeout=2s", "--cluster.gossip-interval=50ms", "--cluster.settle-timeout=1s"}
		}
		am, err := l.Alertmanager(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		o.ams = append(o.ams, am)
	}
	return o
}

// told lists what people were told of a case, in order.
func (o *office) told(name string) []string {
	var out []string
	for _, n := range o.hook.Notifications() {
		for _, a := range n.Alerts {
			if a.Labels["process"] == name {
				out = append(out, a.Labels["alertname"]+" "+a.Status)
			}
		}
	}
	return out
}

// front stands before an Alertmanager and misbehaves.
type front struct {
	*httptest.Server
	mu     sync.Mutex
	behave misbehaviour
}

// A misbehaviour answers for an Alertmanager.
type misbehaviour func(w http.ResponseWriter, r *http.Request, alertmanager http.Handler)

func newFront(t *testing.T, to string) *front {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(u) },
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) { reset(w, r, nil) },
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		behave := f.behave
		f.mu.Unlock()
		if behave == nil {
			proxy.ServeHTTP(w, r)
		} else {
			behave(w, r, proxy)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// connect puts a front before each Alertmanager.
func (p *post) connect() {
	for _, am := range p.office.ams {
		p.fronts = append(p.fronts, newFront(p.t, am.URL))
	}
}

func (p *post) misbehave(m misbehaviour) {
	for _, f := range p.fronts {
		f.mu.Lock()
		f.behave = m
		f.mu.Unlock()
	}
}

func answers(code int) misbehaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(code) }
}

// slow passes the alerts on and answers after our patience is over.
func slow(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// half passes the alerts on and breaks the connection in the midst of the answer.
func half(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"part`)
	panic(http.ErrAbortHandler)
}

// reset breaks the connection in the midst of the request.
func reset(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.ReadFull(r.Body, make([]byte, 10))
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// refusesBad answers 400 to whatever holds the alert Bad, as Alertmanager would.
func refusesBad(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, _ := io.ReadAll(r.Body)
	if strings.Contains(string(body), `"Bad"`) {
		answers(http.StatusBadRequest)(w, r, next)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	next.ServeHTTP(w, r)
}

func (p *post) now() time.Time {
	return adjusted(time.Now().Add(time.Duration(p.ahead.Load())), time.Duration(p.set.Load()))
}

// adjusted is a reading of a clock that was set by d, in whole seconds, while the
// program runs: the wall clock jumps and the monotonic one does not. Nothing in
// package time makes one, and only the kernel's clock, which all share, would
// show one.
func adjusted(t time.Time, d time.Duration) time.Time {
	type reading struct {
		wall uint64 // of it the upper 34 bits are a flag and seconds
		_    int64
		_    *time.Location
	}
	(*reading)(unsafe.Pointer(&t)).wall += uint64(d/time.Second) << 30
	return t
}

// open runs a Delivery on the case's outbox.
func (p *post) open() {
	p.t.Helper()
	s := delivery.Settings{Dir: p.dir, Resend: 3 * time.Second, Timeout: 500 * time.Millisecond, Hold: time.Second, Now: p.now, Disk: p.disk}
	for _, f := range p.fronts {
		s.Endpoints = append(s.Endpoints, f.URL)
	}
	if p.phones != nil {
		s.Fallback, s.Timeout = fallbackTo(p.phones.hook.URL, p.phones.mail.address), ringFor
	}
	d, err := delivery.New(s)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	p.d, p.stop = d, func() { cancel(); <-done }
	p.t.Cleanup(p.stop)
}

// alert is one of the case's, at a tier by its name: a ticket, and Higher a page,
// whose words never are the same twice.
func (p *post) alert(name string) delivery.Alert {
	a := tiered(p.name, "degradation", "ticket")
	if name == "Higher" {
		a = critical(p.name)
		a.Annotations["summary"] = fmt.Sprint("said for the ", p.words.Add(1), ". time")
	}
	a.Labels["alertname"], a.Annotations["title"] = name, name
	return a
}

func (p *post) publish(names ...string) {
	var alerts []delivery.Alert
	for _, n := range names {
		alerts = append(alerts, p.alert(n))
	}
	if err := p.d.Publish(p.now(), alerts); err != nil && p.disk.Create == nil {
		p.t.Error(err)
	}
}

// await waits until people were told of all of these.
func (p *post) await(what ...string) {
	p.t.Helper()
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("told: %q, status: %+v", p.office.told(p.name), p.d.Status())
		}
	})
	eventually(p.t, strings.Join(what, ", "), func() bool {
		told := p.office.told(p.name)
		return !slices.ContainsFunc(what, func(w string) bool { return !slices.Contains(told, w) })
	})
}

// tried waits until every front was asked and did not take what it was.
func (p *post) tried() {
	p.t.Helper()
	eventually(p.t, "the fault is met", func() bool {
		return slices.ContainsFunc(p.d.Status().Endpoints, func(e delivery.EndpointStatus) bool { return !e.Answers && e.Error != "" })
	})
}

// The story of every case: a fault comes after Lower fires; Higher is raised and
// Lower ends while it lasts; then Higher ends, too.
var story = []string{"Lower firing", "Lower resolved", "Higher firing", "Higher resolved"}

// A drill is a case of the table.
type drill struct {
	small   bool // is in every run of the tests
	members int  // Alertmanagers of its own; 0 is the one that all share
	fault   func(p *post)
	play    func(p *post) row // instead of the story of every case
}

func through(m misbehaviour) func(p *post) {
	return func(p *post) {
		p.misbehave(m)
		p.publish("Lower", "Higher")
		p.tried()
		p.publish("Higher")
		p.misbehave(nil)
	}
}

var drills = map[string]drill{
	"nothing": {small: true, fault: func(p *post) { p.publish("Lower", "Higher"); p.publish("Higher") }},
	"down 4 h": {small: true, members: 1, fault: func(p *post) {
		must(p.t, p.office.ams[0].Stop(p.t.Context()))
		for hour := range 8 { // half of one, each
			p.ahead.Add(int64(30 * time.Minute))
			names := []string{"Higher"}
			if hour < 4 {
				names = append(names, "Lower")
			}
			if hour%2 == 0 {
				names = append(names, fmt.Sprint("Passing", hour))
			}
			p.publish(names...)
		}
		p.publish("Higher")
		p.tried()
		must(p.t, p.office.ams[0].Start(p.t.Context()))
	}},
	"slow":               {fault: through(slow)},
	"500":                {fault: through(answers(500))},
	"503":                {small: true, fault: through(answers(503))},
	"429":                {fault: through(answers(429))},
	"401 for a while":    {fault: through(answers(401))},
	"404 for a while":    {fault: through(answers(404))},
	"reset in a request": {fault: through(reset)},
	"reset in an answer": {small: true, fault: through(half)},
	"400 for one of a batch": {small: true, fault: func(p *post) {
		p.misbehave(refusesBad)
		p.publish("Lower", "Higher", "Bad")
		p.await("Higher firing")
		p.publish("Higher")
	}},
	"half of a cluster": {small: true, members: 2, fault: func(p *post) {
		must(p.t, p.office.ams[1].Stop(p.t.Context()))
		p.publish("Lower", "Higher")
		p.tried()
		p.publish("Higher")
		p.await("Lower resolved", "Higher firing")
		must(p.t, p.office.ams[1].Start(p.t.Context()))
	}},
	"disk full": {small: true, fault: func(p *post) {
		full := durabletest.FullAfter(0)
		p.stop()
		p.disk = full.Disk()
		p.open()
		p.publish("Lower", "Higher")
		p.publish("Higher")
		p.await("Higher firing")
		full.Free()
		p.publish("Higher")
	}},
	"disk full and killed": {fault: func(p *post) {
		p.stop()
		p.disk = durabletest.FullAfter(0).Disk()
		p.open()
		p.publish("Higher")
		p.stop()
		p.disk = durable.Disk{}
		p.open()
		p.publish("Higher")
	}},
	"clock is 2 h back":     {fault: clock(-2*time.Hour, false)},
	"clock is 2 h ahead":    {small: true, fault: clock(2*time.Hour, false)},
	"clock set back 2 h":    {small: true, fault: clock(-2*time.Hour, true)},
	"clock set forward 2 h": {fault: clock(2*time.Hour, true)},
	"clock set back, restarted": {fault: func(p *post) {
		clock(-2*time.Hour, true)(p)
		p.stop()
		p.open()
		p.publish("Higher")
	}},
	"escalation":                  {small: true, play: escalation},
	"escalation in the same tick": {play: escalationAtOnce},
	"escalation and back":         {play: deescalation},
	"two replicas":                {small: true, play: replicas(func(*post) {})},
	"two replicas, one restarted": {play: replicas(func(other *post) {
		other.stop()
		other.open()
	})},
}

// clock sets our clock: also the monotonic one as in a process that starts anew,
// or, while it runs, the wall clock alone.
func clock(step time.Duration, running bool) func(p *post) {
	return func(p *post) {
		if running {
			p.set.Add(int64(step))
		} else {
			p.ahead.Add(int64(step))
		}
		p.publish("Lower", "Higher")
		p.await("Higher firing")
		p.publish("Higher")
	}
}

// killed kills a process with the outbox at one step of Publish and of sending.
func killed(at string) func(p *post) {
	return func(p *post) {
		p.stop()
		p.kill(at, victimEndpoint+"="+p.fronts[0].URL)
		p.open()
		p.publish("Higher")
	}
}

// kill has a process go on with the outbox that kills itself at a step.
func (p *post) kill(at string, env ...string) {
	p.t.Helper()
	child := exec.CommandContext(p.t.Context(), os.Args[0])
	child.Env = append(os.Environ(), victim+"="+p.dir, victimStep+"="+at, victimCase+"="+p.name)
	child.Env = append(child.Env, env...)
	out, err := child.StdoutPipe()
	must(p.t, err)
	must(p.t, child.Start())
	said, _ := io.ReadAll(bufio.NewReader(out))
	_ = child.Wait()
	if state, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || state.Signal() != syscall.SIGKILL {
		p.t.Fatalf("the child was not killed at %q: %v %s", at, child.ProcessState, said)
	}
}

// Steps at which the child kills itself.
var steps = []string{"create", "write", "sync", "close", "request", "answer", "words", stepFull, stepFree}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDelivery tells what arrives at people, through a real Alertmanager, under
// every fault. Everything runs with CLOSEWATCH_DELIVERY=full.
func TestDelivery(t *testing.T) {
	t.Parallel()
	full := os.Getenv("CLOSEWATCH_DELIVERY") == "full"
	all := maps.Clone(drills)
	for _, at := range steps {
		all["kill -9 at "+at] = drill{small: at == "answer" || at == stepFree, fault: killed(at)}
	}
	for _, channel := range channelNames {
		for _, at := range ringSteps {
			all["kill -9 at "+channel+"'s "+at] = drill{small: channel == "email" && at == "answer", play: ringing(channel, at)}
		}
	}
	shared := newOffice(t, 1)
	table := &table{}
	t.Run("cases", func(t *testing.T) {
		for name, d := range all {
			if !full && !d.small {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := &post{name: name, t: t, office: shared, dir: t.TempDir()}
				if d.members > 0 {
					p.office = newOffice(t, d.members)
				}
				p.connect()
				if name == "down 4 h" {
					p.ahead.Store(int64(-4 * time.Hour))
				}
				table.add(p.play(d))
			})
		}
	})
	table.print(t)
}

// play tells the story of a case and counts.
func (p *post) play(d drill) row {
	if d.play != nil {
		return d.play(p)
	}
	p.open()
	p.publish("Lower")
	p.await("Lower firing")
	d.fault(p)
	p.await("Lower resolved", "Higher firing")
	p.publish()
	p.await(story...)
	p.stop()
	return p.tally(story, p.office.told(p.name))
}

// tally compares what people were told with what they are to be told.
func (p *post) tally(wanted, told []string) row {
	p.t.Helper()
	r := row{name: p.name, sent: len(wanted), arrived: len(told), order: "kept"}
	for _, want := range wanted {
		switch n := count(told, want); {
		case n == 0:
			r.lost++
		case n > 1:
			r.duplicated += n - 1
		}
		if name, over := strings.CutSuffix(want, " resolved"); over && slices.Index(told, name+" firing") > slices.Index(told, want) {
			r.order = "broken"
		}
	}
	for _, what := range told {
		if !slices.Contains(wanted, what) {
			p.t.Errorf("people were told %q", what)
		}
	}
	if r.lost > 0 || r.duplicated > 0 || r.order != "kept" {
		p.t.Errorf("%+v: %q", r, told)
	}
	return r
}

func count(list []string, what string) int {
	n := 0
	for _, x := range list {
		if x == what {
			n++
		}
	}
	return n
}

// row is a case in the table.
type row struct {
	name                            string
	sent, arrived, lost, duplicated int
	order                           string
}

type table struct {
	mu   sync.Mutex
	rows []row
}

func (x *table) add(r row) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.rows = append(x.rows, r)
}

func (x *table) print(t *testing.T) {
	t.Helper()
	slices.SortFunc(x.rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString("\n| case | sent | arrived | lost | duplicated | order |\n|---|---|---|---|---|---|\n")
	lost, duplicated := 0, 0
	for _, r := range x.rows {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %s |\n", r.name, r.sent, r.arrived, r.lost, r.duplicated, r.order)
		lost, duplicated = lost+r.lost, duplicated+r.duplicated
	}
	fmt.Fprintf(&b, "|= lost=%d duplicated=%d cases=%d", lost, duplicated, len(x.rows))
	t.Log(b.String())
}
