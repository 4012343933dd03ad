package evidence

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// victim names the directory a child process of the test appends to.
const victim = "CLOSEWATCH_TEST_EVIDENCE_VICTIM"

// appendForever appends from two goroutines and prints the sequence number and
// hash of each record when it was acknowledged, until the process is killed.
// Its days are a second long, so that segments and anchors come often.
func appendForever(dir string) {
	began := time.Now()
	l, err := Open(Settings{
		Dir: filepath.Join(dir, "evidence"), KeyFile: filepath.Join(dir, "key"), SegmentBytes: 4000,
		Now: func() time.Time { return began.Add(time.Since(began) * 86400 / 2) },
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for worker := range 2 {
		all.Go(func() {
			for n := 0; ; n++ {
				r, err := l.Append(context.Background(), Entry{Class: Flow, Action: "flow-ran", Refs: map[string]string{"count": strconv.Itoa(n), "flow": "worker-" + strconv.Itoa(worker)}})
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(r.Seq, r.Hash)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// killed runs the child until it has told of n records, kills it at a random
// moment after, and returns all it told of.
func killed(t *testing.T, dir string, n int) map[uint64]string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), victim+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(time.Minute, func() { _ = child.Process.Kill() })
	defer watchdog.Stop()
	told := map[uint64]string{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		seq, hash, _ := strings.Cut(lines.Text(), " ")
		number, err := strconv.ParseUint(seq, 10, 64)
		if err != nil {
			t.Fatalf("child: %s", lines.Text())
		}
		told[number] = hash
		if len(told) == n {
			time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Wait()
	if len(told) < n {
		t.Fatalf("child ended after %d records", len(told))
	}
	return told
}

// A process killed while it appends loses no record that was acknowledged; the
// chain verifies as it is, and after the next start.
func TestKillLosesNothingThatWasAcknowledged(t *testing.T) {
	rounds := 6
	if torture() {
		rounds = 60
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "evidence")
	told := map[uint64]string{}
	for round := range rounds {
		for seq, hash := range killed(t, dir, 5+rand.IntN(120)) {
			if told[seq] != "" {
				t.Fatalf("round %d: record %d was given twice", round, seq)
			}
			told[seq] = hash
		}
		wantIntact(t, log)
		there := map[uint64]string{}
		v := newVerifier(os.DirFS(log))
		v.each = func(r Record, _ error) bool {
			there[r.Seq] = v.report.LastHash
			return true
		}
		if err := v.run(Options{}); err != nil {
			t.Fatal(err)
		}
		for seq, hash := range told {
			if there[seq] != hash {
				t.Fatalf("round %d: record %d was acknowledged with hash %s, and is there with %q", round, seq, hash, there[seq])
			}
		}
	}
	l := mustOpen(t, Settings{Dir: log, KeyFile: filepath.Join(dir, "key")})
	mustAppend(t, l, Entry{Class: System, Action: Start})
	wantIntact(t, log)
}
