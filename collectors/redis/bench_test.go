package redis

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/closewatch/closewatch/internal/collector"
	"github.com/closewatch/closewatch/internal/lab"
)

// BenchmarkInterval is what one server costs in an interval of 15 seconds: the
// PINGs and GETs of the sampler, and a look with all that is published.
func BenchmarkInterval(b *testing.B) {
	b.Run("sampler", func(b *testing.B) { benchmark(b, true, false) })
	b.Run("look", func(b *testing.B) { benchmark(b, false, true) })
	b.Run("all", func(b *testing.B) { benchmark(b, true, true) })
}

// benchmark runs intervals. CONFIG and LATENCY HISTOGRAM come with every fourth
// look.
func benchmark(b *testing.B, sampling, looking bool) {
	b.Helper()
	l, err := lab.New(lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	r, err := l.Redis(context.Background(), lab.RedisOptions{Program: program(), Args: []string{"--enable-debug-command", "yes"}})
	if err != nil {
		b.Fatal(err)
	}
	client := newClient(secretURL(r), time.Second)
	defer client.close()
	ctx := context.Background()
	fill := []command{
		{"DEBUG", "POPULATE", 100_000, "sess", 64},
		{"GET", "k"},
		{"SET", "k", "v"},
		{"RPUSH", "l", "a"},
		{"LPOP", "l"},
		{"SADD", "s", "a"},
		{"HSET", "h", "f", "v"},
		{"EXPIRE", "k", 100},
		{"DEL", "k"},
		{"EXISTS", "k"},
		{"INCR", "n"},
	}
	if _, err := client.ask(ctx, fill...); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	var cfg Config
	cfg.SetDefaults()
	cfg.URL = secretURL(r)
	i := New(Settings{Component: "cache", Environment: "production", Config: cfg, Now: func() time.Time { return now }}).(*instance)
	defer i.Close()
	tasks := i.Tasks()
	serverCPU := func() float64 {
		answers, err := client.ask(ctx, command{"INFO", "cpu"})
		if err != nil {
			b.Fatal(err)
		}
		cpu := parseInfo(answers[0].value.(string))
		sys, _ := cpu.number("used_cpu_sys")
		user, _ := cpu.number("used_cpu_user")
		return sys + user
	}
	series := 0
	server, own := serverCPU(), ownCPU(b)
	for b.Loop() {
		now = now.Add(15 * time.Second)
		for n := range 15 {
			if !sampling {
				break
			}
			if err := i.sample(ctx, n%readEvery == 0); err != nil {
				b.Fatal(err)
			}
		}
		if !looking {
			continue
		}
		series = 0
		for _, task := range tasks {
			series += drained(b, task.Collector)
		}
	}
	b.ReportMetric((ownCPU(b)-own)*1000/float64(b.N), "own-cpu-ms/op")
	b.ReportMetric((serverCPU()-server)*1000/float64(b.N), "server-cpu-ms/op")
	b.ReportMetric(float64(series), "metrics")
	commands, _ := i.infos.cost.totals()
	b.ReportMetric(float64(commands)/float64(b.N), "look-commands/op")
}

// drained runs a collector as the daemon does, up to the metrics it sends, and
// counts them. What the daemon makes of them is measured with it.
func drained(b *testing.B, c collector.Collector) int {
	b.Helper()
	sent := make(chan prometheus.Metric, 256)
	failed := make(chan error, 1)
	go func() {
		defer close(sent)
		failed <- c.Collect(b.Context(), sent)
	}()
	n := 0
	for range sent {
		n++
	}
	if err := <-failed; err != nil {
		b.Fatal(err)
	}
	return n
}

func ownCPU(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}
