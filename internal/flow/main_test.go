package flow_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/closewatch/closewatch/internal/durable/durabletest"
	"github.com/closewatch/closewatch/internal/flow"
)

// TestMain is also the process that is killed, when the environment says so.
func TestMain(m *testing.M) {
	dir := os.Getenv("CLOSEWATCH_TEST_DIR")
	switch os.Getenv("CLOSEWATCH_TEST_CHILD") {
	case "archive":
		exit(addForever(dir))
	case "limit":
		exit(addUnderLimits(dir))
	default:
		goleak.VerifyTestMain(m)
	}
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// child starts this test again as the process that is named. Its runs are
// numbered from first.
func child(t *testing.T, name, dir string, first uint64) durabletest.Child {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "CLOSEWATCH_TEST_CHILD="+name, "CLOSEWATCH_TEST_DIR="+dir, "CLOSEWATCH_TEST_FIRST="+strconv.FormatUint(first, 10))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	return durabletest.Child{Out: out, Kill: cmd.Process.Kill, Wait: cmd.Wait}
}

// addForever prints the number of each run that is on disk. Every run is of
// another day than the one before, so that segments are begun and thinned all
// the time.
func addForever(dir string) error {
	first, err := strconv.Atoi(os.Getenv("CLOSEWATCH_TEST_FIRST"))
	if err != nil {
		return err
	}
	n := first
	a, err := flow.OpenArchive(flow.ArchiveOptions{Dir: dir, Now: func() time.Time { return noon.Add(time.Duration(n) * time.Hour) }})
	if err != nil {
		return err
	}
	for ; ; n++ {
		if err := a.Add(result(n, flow.Failed, "timeout")); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// addUnderLimits adds runs while the operating system limits the size of files,
// first to what a few runs take, and then not at all.
func addUnderLimits(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	a, err := flow.OpenArchive(flow.ArchiveOptions{Dir: dir, Now: func() time.Time { return noon }})
	if err != nil {
		return err
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	refused := 0
	for n := range 40 {
		limit := was
		if n < 30 {
			limit.Cur = 4000
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		err := a.Add(result(n, flow.Failed, "timeout"))
		if err != nil {
			refused++
		}
		if n >= 30 && err != nil {
			return fmt.Errorf("add without a limit: %w", err)
		}
	}
	fmt.Println(refused)
	os.Exit(0)
	return nil
}
