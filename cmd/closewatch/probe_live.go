package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/flow"
)

// A liveView shows flows while they run. On a terminal the step under way is
// shown with the time it has taken; elsewhere a line is printed when a step has
// ended. It implements app.Watcher.
type liveView struct {
	out      io.Writer
	terminal bool
	colours  palette

	mu    sync.Mutex
	every time.Duration // of the flow that runs
	step  string        // under way; "" when none is
	began time.Time
	turn  int

	stop    chan struct{}
	spinner sync.WaitGroup
}

// newLiveView shows flows on out. It is closed when nothing runs any more.
func newLiveView(out io.Writer) *liveView {
	terminal := canRedraw(out)
	return startLiveView(out, terminal, terminal && os.Getenv("NO_COLOR") == "")
}

func startLiveView(out io.Writer, terminal, colour bool) *liveView {
	v := &liveView{out: out, terminal: terminal, colours: palette{on: colour}, stop: make(chan struct{})}
	if terminal {
		v.spinner.Go(v.spin)
	}
	return v
}

// canRedraw reports whether out is a terminal that can move its cursor.
func canRedraw(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && cmp.Or(os.Getenv("TERM"), "dumb") != "dumb" && isTerminal(f)
}

func (v *liveView) close() {
	close(v.stop)
	v.spinner.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
}

// spin draws the step under way, ten times a second.
func (v *liveView) spin() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-v.stop:
			return
		case <-tick.C:
			v.mu.Lock()
			v.turn++
			v.draw()
			v.mu.Unlock()
		}
	}
}

const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

// draw shows the step under way in place of what the line held. The lock is
// held.
func (v *liveView) draw() {
	if !v.terminal || v.step == "" {
		return
	}
	frame := []rune(frames)[v.turn%10]
	fmt.Fprintf(v.out, "\r\x1b[K  %c %-32s %7.1f s", frame, v.step, time.Since(v.began).Seconds())
}

// clear empties the line of the step under way. The lock is held.
func (v *liveView) clear() {
	if v.terminal && v.step != "" {
		fmt.Fprint(v.out, "\r\x1b[K")
	}
	v.step = ""
}

func (v *liveView) under(step string) {
	v.step, v.began = step, time.Now()
	v.draw()
}

// Began implements app.Watcher.
func (v *liveView) Began(s flow.Series, every time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.every = every
	fmt.Fprintln(v.out, v.colours.bold(placeOf(s)))
	v.under("wait for the lease")
}

// Step implements app.Watcher.
func (v *liveView) Step(e flow.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !e.Ended {
		v.clear()
		v.under(stepName(e.Step))
		return
	}
	v.clear()
	printStep(v.out, v.mark(e.Step), e.Step)
	v.under("go on")
}

// mark says in front of a step whether it passed.
func (v *liveView) mark(s flow.Step) string {
	switch {
	case v.terminal && s.Error == "":
		return v.colours.outcome(flow.Passed, "✓")
	case v.terminal:
		return v.colours.outcome(flow.Failed, "✗")
	case s.Error == "":
		return "ok    "
	}
	return "FAILED"
}

// Ended implements app.Watcher.
func (v *liveView) Ended(r flow.Run) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.clear()
	printVerdict(v.out, r, v.every, v.colours)
}
