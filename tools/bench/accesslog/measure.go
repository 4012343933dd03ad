package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/closewatch/closewatch/collectors/traefik"
	"github.com/closewatch/closewatch/internal/collector"
)

// A reading is what reading a file took.
type reading struct {
	cpu    time.Duration
	allocs float64 // for a line
	memory float64 // megabytes by which this process grew
}

// split finds the lines of a file and does nothing with them.
func split(file string, lines int) (r reading, err error) {
	in, err := os.Open(file)
	if err != nil {
		return r, err
	}
	defer in.Close()
	before, err := ownCPU()
	if err != nil {
		return r, err
	}
	buf := make([]byte, 512<<10)
	found := 0
	for {
		n, err := in.Read(buf)
		for b := buf[:n]; len(b) > 0; found++ {
			end := bytes.IndexByte(b, '\n')
			if end < 0 {
				break
			}
			b = b[end+1:]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r, err
		}
	}
	after, err := ownCPU()
	if found != lines {
		return r, fmt.Errorf("the file has %d lines, not %d", found, lines)
	}
	r.cpu = after - before
	return r, err
}

// follow has the collector read the file as a log that appears, until all its
// lines are published.
func follow(ctx context.Context, file string, lines int) (r reading, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(file), "follow-*")
	if err != nil {
		return r, err
	}
	log := filepath.Join(dir, "access.log")
	config := traefik.Config{AccessLog: log, Tenants: map[string]string{"erp.example.com": "prod", "erp.example.org": "test"}}
	config.SetDefaults()
	config.AccessLog = log
	i := traefik.New(traefik.Settings{Component: "ingress", Environment: "bench", Config: config, StateDir: filepath.Join(dir, "state")})
	defer i.Close()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx) }()
	defer func() { cancel(); err = errors.Join(err, <-done) }()
	c := i.Tasks()[0].Collector
	if err := until(ctx, func() bool { _, looked := counted(ctx, c); return looked }); err != nil {
		return r, err
	}
	debug.FreeOSMemory()
	began, err := observe()
	if err != nil {
		return r, err
	}
	if err := os.Rename(file, log); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.Rename(log, file)) }()
	var ended observed
	published := time.Now()
	err = until(ctx, func() bool {
		ended.memory = max(ended.memory, memory())
		if time.Since(published) < interval {
			return false
		}
		published = time.Now()
		n, _ := counted(ctx, c)
		ended.keep(observe())
		return n >= lines
	})
	if err != nil {
		return r, err
	}
	if n, _ := counted(ctx, c); n != lines {
		return r, fmt.Errorf("counted %d of %d lines", n, lines)
	}
	r.cpu = ended.cpu - began.cpu
	r.allocs = float64(ended.allocs-began.allocs) / float64(lines)
	r.memory = float64(ended.memory-began.memory) / 1e6
	return r, ended.err
}

// interval is how often the daemon publishes.
const interval = 15 * time.Second

// until asks again and again, ten times a second.
func until(ctx context.Context, condition func() bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// counted collects, as the daemon does, and returns how many lines are
// published, and whether the log was looked at.
func counted(ctx context.Context, c collector.Collector) (lines int, looked bool) {
	ch := make(chan prometheus.Metric)
	go func() {
		defer close(ch)
		_ = c.Collect(ctx, ch) // that the log is missing at first
	}()
	for m := range ch {
		var out dto.Metric
		if !strings.Contains(m.Desc().String(), `"traefik_accesslog_lines_total"`) || m.Write(&out) != nil {
			continue
		}
		looked = true
		if out.GetLabel()[0].GetValue() == "parsed" {
			lines = int(out.GetCounter().GetValue())
		}
	}
	return lines, looked
}

// observed is what this process has used. Memory is the most that was seen.
type observed struct {
	cpu    time.Duration
	allocs uint64
	memory int64
	err    error
}

func (o *observed) keep(next observed, err error) {
	next.memory = max(o.memory, next.memory)
	next.err = errors.Join(o.err, err)
	*o = next
}

func observe() (o observed, err error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	o.allocs = m.Mallocs
	if o.cpu, err = ownCPU(); err != nil {
		return o, err
	}
	o.memory = memory()
	return o, nil
}

// memory is what this process has resident, in bytes; 0 where the system does
// not tell.
func memory() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

func ownCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// total adds up the series of a metric in the text format.
func total(metrics []byte, name string) (sum float64) {
	for line := range strings.Lines(string(metrics)) {
		if !strings.HasPrefix(line, name+"{") {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
		if err == nil {
			sum += v
		}
	}
	return sum
}
