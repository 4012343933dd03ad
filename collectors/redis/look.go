package redis

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/fault"
)

// A look is what the server said in one run of the task "info".
type look struct {
	at       time.Time // the server's clock, or ours when it does not tell
	info     info
	spikes   []spike
	slowKept *float64 // length of the slow log; nil when not known
	sizes    sizes
	cluster  info
	nodes    []node
	took     time.Duration
}

// memory is what the task "info" keeps from look to look.
type memory struct {
	rights     rights
	busy       bool     // the last look took too long: the next asks for what is cheap
	settings   settings // nil when not known
	settingsAt time.Time
	spent      map[string]distribution // nil when not known
	quantiles  info                    // of commands' times; nil when not known
	spentAt    time.Time               // when these two were asked for
	lasting    []*lasting              // what was published of them; nil when not yet
	spikes     *spikes
	slow       slowlog
	events     *events
	commands   *admission
	errs       *admission
	histograms *admission
}

func newMemory() *memory {
	return &memory{
		spikes: newSpikes(), events: newEvents(),
		commands: newAdmission(maxCommands), errs: newAdmission(maxErrors), histograms: newAdmission(maxHistograms),
	}
}

// The commands of a look by the names under which they may be refused.
const (
	infoCommandStats = "INFO COMMANDSTATS"
	infoLatencyStats = "INFO LATENCYSTATS"
	latencyLatest    = "LATENCY LATEST"
	latencyHistory   = "LATENCY HISTORY"
	latencyHistogram = "LATENCY HISTOGRAM"
	slowlogLen       = "SLOWLOG LEN"
	slowlogGet       = "SLOWLOG GET"
	configGet        = "CONFIG GET"
	clusterInfo      = "CLUSTER INFO"
	clusterNodes     = "CLUSTER NODES"
)

// A round collects commands for one round trip, each with what is to be done
// with its answer.
type round struct {
	memory   *memory
	now      time.Time
	commands []command
	take     []func(answer)
}

// add has a command sent, unless the server refused it of late. take gets its
// answer; an answer that is an error is not taken.
func (r *round) add(name string, cmd command, take func(answer)) {
	if !r.memory.rights.allowed(name, r.now) {
		return
	}
	r.commands = append(r.commands, cmd)
	r.take = append(r.take, func(a answer) {
		refused := r.memory.rights.learn(name, a.err, r.now)
		if !refused && a.err == nil {
			take(a)
		}
	})
}

// send asks all of it.
func (r *round) send(ctx context.Context, ask ask) error {
	if len(r.commands) == 0 {
		return nil
	}
	answers, err := ask(ctx, r.commands...)
	if err != nil {
		return err
	}
	for n, a := range answers {
		r.take[n](a)
	}
	return nil
}

// look asks the server: once for what is always asked, and once more when the
// answers give reason to. Its error may come with a look that is partial.
func (c *Info) look(ctx context.Context) (look, error) {
	l, ours := look{}, c.Now()
	var types []answer
	var latest []slowCommand
	var refusal error // why INFO was not answered
	first := round{memory: c.memory, now: ours}
	first.commands = append(first.commands, command{"INFO"})
	first.take = append(first.take, func(a answer) {
		l.info, refusal = info{}, a.err
		l.info.read(a)
	})
	first.add(infoCommandStats, command{"INFO", "commandstats"}, func(a answer) { l.info.read(a) })
	first.add(latencyLatest, command{"LATENCY", "LATEST"}, func(a answer) { l.spikes = parseSpikes(a.list()) })
	first.add(slowlogLen, command{"SLOWLOG", "LEN"}, func(a answer) {
		n := float64(natural(a.value))
		l.slowKept = &n
	})
	first.add(slowlogGet, command{"SLOWLOG", "GET", 1}, func(a answer) { latest = parseSlow(a.list()) })
	c.askSettings(&first)
	var reply []any
	quantiles := info{}
	asked := ours.Sub(c.memory.spentAt) >= histogramEvery && !c.memory.busy
	if asked {
		first.add(latencyHistogram, command{"LATENCY", "HISTOGRAM"}, func(a answer) { reply = a.list() })
		first.add(infoLatencyStats, command{"INFO", "latencystats"}, func(a answer) { quantiles.read(a) })
	}
	for _, key := range c.Keys {
		first.commands = append(first.commands, command{"TYPE", key})
		first.take = append(first.take, func(a answer) { types = append(types, a) })
	}
	begun := c.Now()
	if err := first.send(ctx, c.Ask); err != nil {
		return l, err
	}
	l.took = c.Now().Sub(begun)
	c.memory.busy = l.took > infoWaiting
	if refusal != nil {
		return l, c.explain(refusal)
	}
	l.at = l.info.now(ours)
	if asked {
		c.memory.spent, c.memory.quantiles, c.memory.spentAt, c.memory.lasting = nil, quantiles, ours, nil
		if reply != nil {
			of, _ := usages(l.info)
			c.memory.spent = parseHistograms(reply, of)
		}
	}
	err := c.lookCloser(ctx, &l, types, latest)
	if c.memory.events.observe(l.info, primariesOf(l.nodes)) {
		c.memory.rights.forget()
		if !asked {
			c.memory.spent, c.memory.quantiles, c.memory.lasting = nil, nil, nil // of the server before
		}
		c.memory.settings, c.memory.settingsAt, c.memory.spentAt = nil, time.Time{}, time.Time{}
	}
	return l, err
}

// askSettings adds CONFIG GET once in a while.
func (c *Info) askSettings(r *round) {
	m := c.memory
	if r.now.Sub(m.settingsAt) < settingsEvery || m.busy {
		return
	}
	m.settings, m.settingsAt = nil, r.now
	for _, parameter := range wanted {
		r.add(configGet, command{"CONFIG", "GET", parameter}, func(a answer) {
			pair := a.list()
			if len(pair) < 2 {
				return // a version without it
			}
			if m.settings == nil {
				m.settings = settings{}
			}
			m.settings[parameter], _ = pair[1].(string)
		})
	}
}

// lookCloser asks what the first answers give reason to: who is in the cluster,
// what spikes and slow commands there were, how long the named keys are.
func (c *Info) lookCloser(ctx context.Context, l *look, types []answer, latest []slowCommand) error {
	m := c.memory
	second := round{memory: m, now: c.Now()}
	if l.info["cluster_enabled"] == "1" {
		second.add(clusterInfo, command{"CLUSTER", "INFO"}, func(a answer) {
			text, _ := a.value.(string)
			l.cluster = parseInfo(text)
		})
		second.add(clusterNodes, command{"CLUSTER", "NODES"}, func(a answer) {
			text, _ := a.value.(string)
			l.nodes = parseNodes(text)
		})
	}
	histories := map[string][]any{}
	for _, event := range m.spikes.news(l.spikes) {
		second.add(latencyHistory, command{"LATENCY", "HISTORY", event}, func(a answer) { histories[event] = a.list() })
	}
	news := latest
	if n := m.slow.missed(latest); n > 1 {
		second.add(slowlogGet, command{"SLOWLOG", "GET", min(n, maxSlow)}, func(a answer) { news = parseSlow(a.list()) })
	}
	err := second.send(ctx, c.Ask)
	m.spikes.observe(l.spikes, histories)
	if l.slowKept != nil && m.rights.allowed(slowlogGet, second.now) {
		m.slow.observe(latest, news, l.at)
	}
	if len(types) == 0 || err != nil {
		return err
	}
	l.sizes, err = measure(ctx, c.Ask, c.Keys, types)
	return err
}

// explain makes a fault of an error reply to INFO.
func (c *Info) explain(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok || c.Explain == nil {
		if ok {
			return f
		}
		return err
	}
	return c.Explain(err)
}

// publish publishes a look and what is remembered of those before.
func (c *Info) publish(ch chan<- prometheus.Metric, l look) {
	i, m := l.info, c.memory
	for _, f := range fields {
		if v, ok := f.read(i, f.name); ok {
			ch <- collector.NewMetric(f.desc, f.value, v, nil)
		}
	}
	gauge(ch, tookDesc, l.took.Seconds())
	publishInstance(ch, i, l.at)
	publishKeyspace(ch, i)
	publishCommands(ch, i, m.commands, m.histograms, m.errs)
	if m.lasting == nil {
		m.lasting = keep(func(ch chan<- prometheus.Metric) {
			publishPercentiles(ch, m.quantiles, m.histograms)
			publishHistograms(ch, m.spent, m.histograms)
		})
	}
	for _, l := range m.lasting {
		ch <- l
	}
	m.spikes.publish(ch, l.spikes, l.at)
	if l.slowKept != nil {
		gauge(ch, slowLengthDesc, *l.slowKept)
		m.slow.publish(ch)
	}
	publishSettings(ch, m.settings)
	publishPersistence(ch, i, l.at)
	publishReplication(ch, i)
	publishRisks(ch, i, m.settings, c.Tolerance, l.at)
	publishCluster(ch, l.cluster, l.nodes)
	l.sizes.publish(ch, c.Database)
	m.events.publish(ch)
	m.rights.publish(ch)
	if c.Refused != nil {
		c.Refused(ch)
	}
}
