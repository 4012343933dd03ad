package delivery_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closewatch/closewatch/alerts/delivery"
)

// A child process of the test publishes to the outbox in victim, and sends to
// victimEndpoint when there is one.
const (
	victim         = "CLOSEWATCH_TEST_DELIVERY_VICTIM"
	victimEndpoint = "CLOSEWATCH_TEST_DELIVERY_ENDPOINT"
)

// publishForever publishes set after set, each of three alerts with its
// number, and prints the number of each when Publish has returned.
func publishForever(dir, endpoint string) {
	s := delivery.Settings{Dir: dir}
	if endpoint != "" {
		s.Endpoints = []string{endpoint}
	}
	d, err := delivery.New(s)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go d.Run(context.Background())
	for n := 0; ; n++ {
		if err := d.Publish(time.Now(), numbered(n)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// numbered is a set of alerts: one that always fires with n as annotation, and
// two that fire at their number only.
func numbered(n int) []delivery.Alert {
	always := named("Always")
	always.Annotations["summary"] = strconv.Itoa(n)
	return []delivery.Alert{always, named(fmt.Sprint("Once", n)), named(fmt.Sprint("Twin", n))}
}

// runVictim runs the child until it has published n sets and kills it. It
// returns the last set it told of.
func runVictim(t *testing.T, dir, endpoint string, n int) (last int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), victim+"="+dir, victimEndpoint+"="+endpoint)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { _ = child.Process.Kill() })
	defer watchdog.Stop()
	last = -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if last, err = strconv.Atoi(line); err != nil {
			t.Fatalf("child: %s", line)
		}
		if last == n {
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait()
	if last < n {
		t.Fatalf("child ended after set %d", last)
	}
	return last
}

// A kill in the midst of publishing leaves an outbox with the last set that
// was told of, or the one after it, whole.
func TestKillLosesNothingThatWasPublished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 5 {
		last := runVictim(t, dir, "", 20+round*7)
		d, err := delivery.New(delivery.Settings{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if s := d.Status(); s.Firing != 3 {
			t.Errorf("round %d: %d fire, want 3", round, s.Firing)
		}
		before := d.Status().Resolved
		// What was published last still fires, so publishing the same again
		// resolves nothing; publishing what comes after the kill resolves two.
		if err := d.Publish(time.Now(), numbered(last)); err != nil {
			t.Fatal(err)
		}
		after := d.Status().Resolved - before
		if after != 0 && after != 2 {
			t.Errorf("round %d: %d resolved by the last set that was told of, want 0 (it is there) or 2 (the next one is)", round, after)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}
