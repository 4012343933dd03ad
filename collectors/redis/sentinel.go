package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/fault"
)

var (
	bySentinel     = []string{"sentinel"}
	sentinelLabels = []string{"sentinel", "master_name", "master_address"}

	sentinelUpDesc       = prometheus.NewDesc("redis_sentinel_up", "Whether the Sentinel answered the latest question.", bySentinel, nil)
	sentinelStatusDesc   = prometheus.NewDesc("redis_sentinel_master_status", "The monitored primary, its address and state as labels.", append(sentinelLabels, "master_status"), nil)
	sentinelReplicasDesc = prometheus.NewDesc("redis_sentinel_master_slaves", "Replicas of the primary that the Sentinel knows.", sentinelLabels, nil)
	sentinelPeersDesc    = prometheus.NewDesc("redis_sentinel_master_sentinels", "Sentinels that monitor the primary, this one included.", sentinelLabels, nil)
	quorumDesc           = prometheus.NewDesc("redis_sentinel_master_quorum", "Sentinels that have to agree that the primary is down.", []string{"sentinel", "master_name"}, nil)
	usableDesc           = prometheus.NewDesc("redis_sentinel_master_ckquorum_status", "Whether enough Sentinels are reachable to agree and to begin a failover.", []string{"sentinel", "master_name", "message"}, nil)
	downOpinionDesc      = prometheus.NewDesc("redis_sentinel_master_down", "Whether the Sentinel takes the primary for down: by itself (subjective) or with its peers (objective).", []string{"sentinel", "master_name", "opinion"}, nil)

	disagreementDesc = prometheus.NewDesc("redis_sentinel_disagreement", "Addresses that Sentinels give for the primary beyond the first; 0 is agreement, absent when fewer than two answer.", []string{"master_name"}, nil)
	failoversDesc    = prometheus.NewDesc("redis_sentinel_failovers_total", "Times most Sentinels named another primary, since the watch began.", []string{"master_name"}, nil)
	primaryDesc      = prometheus.NewDesc("redis_sentinel_primary_info", "The address that most Sentinels give for the primary.", []string{"master_name", "master_address"}, nil)
)

// sentinelFields are numbers of a Sentinel's own INFO.
var sentinelFields = []struct {
	name string
	desc *prometheus.Desc
}{
	{"sentinel_masters", prometheus.NewDesc("redis_sentinel_masters", "Primaries that the Sentinel monitors.", bySentinel, nil)},
	{"sentinel_tilt", prometheus.NewDesc("redis_sentinel_tilt", "Whether the Sentinel has stopped acting because its clock or its scheduling jumped.", bySentinel, nil)},
	{"sentinel_running_scripts", prometheus.NewDesc("redis_sentinel_running_scripts", "Scripts that the Sentinel is running.", bySentinel, nil)},
	{"sentinel_scripts_queue_length", prometheus.NewDesc("redis_sentinel_scripts_queue_length", "Scripts that wait to be run.", bySentinel, nil)},
	{"sentinel_simulate_failure_flags", prometheus.NewDesc("redis_sentinel_simulate_failure_flags", "Failures that the Sentinel simulates.", bySentinel, nil)},
}

// sentinelsEvery is the cadence of asking the Sentinels. It bounds how late a
// failover is noticed.
const sentinelsEvery = 2 * time.Second

// maxPrimaries bounds the primaries published of one Sentinel.
const maxPrimaries = 16

// A monitored is a primary as one Sentinel sees it.
type monitored struct{ fields info }

func (m monitored) name() string    { return label(m.fields["name"]) }
func (m monitored) address() string { return endpoint(label(m.fields["ip"]), label(m.fields["port"])) }

func (m monitored) flagged(flag string) bool {
	return slices.Contains(strings.Split(m.fields["flags"], ","), flag)
}

// An opinion is what one Sentinel said.
type opinion struct {
	sentinel  string
	err       error
	info      info
	primaries []monitored
	usable    answer // of SENTINEL CKQUORUM
}

// sentinels watches the Sentinels of one primary. It is safe for concurrent
// use.
type sentinels struct {
	master  string
	clients []*client

	mu        sync.Mutex
	opinions  []opinion // nil until they were asked
	primary   string    // as most Sentinels have it; "" until they do
	failovers float64
}

// look asks every Sentinel at once.
func (s *sentinels) look(ctx context.Context, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	opinions := make([]opinion, len(s.clients))
	var wg sync.WaitGroup
	for n, c := range s.clients {
		wg.Go(func() { opinions[n] = askSentinel(ctx, c, s.master) })
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opinions = opinions
	if named := s.named(); named != "" {
		if s.primary != "" && s.primary != named {
			s.failovers++
		}
		s.primary = named
	}
}

func askSentinel(ctx context.Context, c *client, master string) opinion {
	o := opinion{sentinel: c.address}
	answers, err := c.ask(ctx, command{"INFO", "sentinel"}, command{"SENTINEL", "MASTERS"}, command{"SENTINEL", "CKQUORUM", master})
	if err != nil {
		o.err = err
		return o
	}
	for _, a := range answers[:2] {
		if a.err != nil {
			o.err = c.explain(a.err)
			if refusedBecause(a.err) == unknown {
				o.err = &fault.Error{Op: "ask Sentinel " + c.address, Kind: fault.Schema, Err: a.err, Hint: "list Sentinels only, on port 26379 unless configured otherwise"}
			}
			return o
		}
	}
	text, _ := answers[0].value.(string)
	o.info, o.usable = parseInfo(text), answers[2]
	for _, item := range answers[1].list() {
		m := monitored{info{}}
		words, _ := item.([]any)
		for n := 0; n+1 < len(words); n += 2 {
			m.fields[fmt.Sprint(words[n])] = fmt.Sprint(words[n+1])
		}
		if len(o.primaries) < maxPrimaries && m.fields["name"] != "" {
			o.primaries = append(o.primaries, m)
		}
	}
	return o
}

// votes counts the addresses that Sentinels give for the primary. While a
// Sentinel performs a failover it still names the old one.
func (s *sentinels) votes() map[string]int {
	votes := map[string]int{}
	for _, o := range s.opinions {
		for _, m := range o.primaries {
			if m.name() == s.master {
				votes[m.address()]++
			}
		}
	}
	return votes
}

// named is the address that more than half of the answering Sentinels give.
func (s *sentinels) named() string {
	votes, total := s.votes(), 0
	for _, n := range votes {
		total += n
	}
	for address, n := range votes {
		if 2*n > total {
			return address
		}
	}
	return ""
}

// current is the primary to watch; "" until the Sentinels named one.
func (s *sentinels) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.primary
}

// Describe implements collector.Collector.
func (s *sentinels) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range sentinelFields {
		ch <- f.desc
	}
	for _, d := range []*prometheus.Desc{
		sentinelUpDesc, sentinelStatusDesc, sentinelReplicasDesc, sentinelPeersDesc, quorumDesc, usableDesc, downOpinionDesc,
		disagreementDesc, failoversDesc, primaryDesc,
	} {
		ch <- d
	}
}

// Collect implements collector.Collector. It reads memory, never a Sentinel. Its
// error is that of the first Sentinel that did not answer.
func (s *sentinels) Collect(_ context.Context, ch chan<- prometheus.Metric) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opinions == nil {
		return nil
	}
	var failure error
	for _, o := range s.opinions {
		gauge(ch, sentinelUpDesc, truth(o.err == nil), o.sentinel)
		if o.err != nil {
			if failure == nil {
				failure = o.err
			}
			continue
		}
		o.publish(ch, s.master)
	}
	if votes := s.votes(); len(votes) > 0 {
		answering := 0
		for _, n := range votes {
			answering += n
		}
		if answering > 1 {
			gauge(ch, disagreementDesc, float64(len(votes)-1), s.master)
		}
	} else if failure == nil {
		failure = &fault.Error{Op: "find the primary " + s.master, Kind: fault.Schema, Err: errors.New("no Sentinel monitors one of that name"), Hint: "write the name that sentinel monitor gives it"}
	}
	counter(ch, failoversDesc, s.failovers, s.master)
	if s.primary != "" {
		gauge(ch, primaryDesc, 1, s.master, s.primary)
	}
	return failure
}

func (o opinion) publish(ch chan<- prometheus.Metric, master string) {
	for _, f := range sentinelFields {
		if v, ok := o.info.number(f.name); ok {
			gauge(ch, f.desc, v, o.sentinel)
		}
	}
	// INFO has the state of each primary in words: ok, sdown or odown.
	states := map[string]string{}
	for field := range maps.Keys(o.info) {
		if digits, ok := strings.CutPrefix(field, "master"); ok && digits != "" && strings.Trim(digits, "0123456789") == "" {
			m := o.info.members(field)
			states[label(m["name"])] = label(m["status"])
		}
	}
	seen := map[string]bool{}
	for _, m := range o.primaries {
		if seen[m.name()] {
			continue
		}
		seen[m.name()] = true
		labels := []string{o.sentinel, m.name(), m.address()}
		if state, ok := states[m.name()]; ok {
			gauge(ch, sentinelStatusDesc, 1, append(labels, state)...)
		}
		if v, ok := m.fields.number("num-slaves"); ok {
			gauge(ch, sentinelReplicasDesc, v, labels...)
		}
		if v, ok := m.fields.number("num-other-sentinels"); ok {
			gauge(ch, sentinelPeersDesc, v+1, labels...)
		}
		if v, ok := m.fields.number("quorum"); ok {
			gauge(ch, quorumDesc, v, o.sentinel, m.name())
		}
		gauge(ch, downOpinionDesc, truth(m.flagged("s_down")), o.sentinel, m.name(), "subjective")
		gauge(ch, downOpinionDesc, truth(m.flagged("o_down")), o.sentinel, m.name(), "objective")
	}
	if !seen[master] {
		return
	}
	message, _ := o.usable.value.(string)
	if o.usable.err != nil {
		if refusedBecause(o.usable.err) != "" {
			return
		}
		message = o.usable.err.Error()
	}
	gauge(ch, usableDesc, truth(o.usable.err == nil), o.sentinel, master, label(message[:min(len(message), 120)]))
}
