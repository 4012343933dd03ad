// Bench-accesslog measures how fast an access log is read: by the collector,
// from a file to published metrics; by mtail, with a program that counts the
// same from the same file; and by a bare split into lines, which is the floor.
//
// The file has the lines of a busy Odoo behind Traefik, headers kept: three in
// five call one of 272 methods of models. It is made anew in each run, always
// the same, and lies in the page cache when it is read. Speed is lines for one
// second of processor time, of user and system, so that other work on the
// machine counts as little as possible. Allocations and memory of ours are those
// of this process while it reads, with a checkpoint on disk every second and the
// publishing of all metrics in between.
//
// The last line is of key=value words.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/closewatch/closewatch/internal/lab"
)

func main() {
	lines := flag.Int("lines", 2_000_000, "lines of each file")
	dir := flag.String("dir", "", "where the files are made; by default where the system keeps temporary ones")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, *dir, *lines); err != nil {
		fmt.Fprintln(os.Stderr, "bench-accesslog:", err)
		os.Exit(1)
	}
}

// say tells a person who waits what is going on.
func say(format string, args ...any) { fmt.Printf("bench-accesslog: "+format+"\n", args...) }

// A result is what was measured of one format.
type result struct {
	size  int64 // of the file
	ours  reading
	floor reading
	mtail lab.Spent
}

func bench(ctx context.Context, parent string, lines int) (err error) {
	dir, err := os.MkdirTemp(parent, "closewatch-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var json, clf result
	for _, f := range []struct {
		name   string
		format format
		of     *result
	}{{"json", formatJSON, &json}, {"clf", formatCLF, &clf}} {
		say("making %d lines of %s", lines, f.name)
		file := filepath.Join(dir, f.name+".log")
		if f.of.size, err = generate(file, f.format, lines); err != nil {
			return err
		}
		if err := f.of.measure(ctx, file, f.format, lines); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	perSecond := func(r reading) float64 { return float64(lines) / r.cpu.Seconds() }
	mega := func(r result) float64 { return float64(r.size) / 1e6 / r.ours.cpu.Seconds() }
	fmt.Printf("bench-accesslog: json_lines_per_s=%.0f clf_lines_per_s=%.0f ratio_mtail=%.1f allocs_per_line=%.2f rss_mb=%.1f"+
		" json_mb_per_s=%.0f clf_mb_per_s=%.0f ratio_mtail_clf=%.1f mtail_json_lines_per_s=%.0f mtail_clf_lines_per_s=%.0f mtail_rss_mb=%.1f floor_json_lines_per_s=%.0f floor_clf_lines_per_s=%.0f\n",
		perSecond(json.ours), perSecond(clf.ours), json.mtail.CPU.Seconds()/json.ours.cpu.Seconds(), max(json.ours.allocs, clf.ours.allocs), max(json.ours.memory, clf.ours.memory),
		mega(json), mega(clf), clf.mtail.CPU.Seconds()/clf.ours.cpu.Seconds(), float64(lines)/json.mtail.CPU.Seconds(), float64(lines)/clf.mtail.CPU.Seconds(),
		float64(max(json.mtail.Memory, clf.mtail.Memory))/1e6, perSecond(json.floor), perSecond(clf.floor))
	return nil
}

// measure reads one file in the three ways, and checks that mtail and ours
// counted the same.
func (r *result) measure(ctx context.Context, file string, f format, lines int) (err error) {
	if r.floor, err = split(file, lines); err != nil {
		return err
	}
	say("floor: %.2f s", r.floor.cpu.Seconds())
	program := filepath.Join(filepath.Dir(file), "count.mtail")
	if err := os.WriteFile(program, []byte(f.mtail()), 0o600); err != nil {
		return err
	}
	metrics, spent, err := lab.Mtail(ctx, program, file)
	if err != nil {
		return err
	}
	r.mtail = spent
	say("mtail: %.2f s", spent.CPU.Seconds())
	if n := total(metrics, "requests"); n != float64(lines) {
		return fmt.Errorf("mtail counted %.0f of %d lines", n, lines)
	}
	if r.ours, err = follow(ctx, file, lines); err != nil {
		return err
	}
	say("ours: %.2f s", r.ours.cpu.Seconds())
	return nil
}
