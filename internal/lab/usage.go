package lab

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU time in /proc: proc(5) has it from
// sysconf(_SC_CLK_TCK), which is 100 for programs on Linux whatever the kernel's
// own rate.
const clockTick = 10 * time.Millisecond

// CPU is the processor time that the server and its descendants have used since
// they started, those that have ended included. It is 0 while the server is not
// running.
func (s *Server) CPU() (time.Duration, error) {
	l := s.running()
	if l == nil {
		return 0, nil
	}
	total := time.Duration(0)
	for _, pid := range tree(l.identity.PID) {
		own, ended, err := cpuOf(pid)
		if err != nil {
			if pid == l.identity.PID {
				return 0, err
			}
			continue // it has ended meanwhile: its parent has its time
		}
		total += own + ended
	}
	return total, nil
}

// cpuOf is what a process has used itself, and what its children that have ended
// had. The kernel tells the latter, and of a process as a whole, in ticks; of each
// thread that lives, in nanoseconds.
func cpuOf(pid int) (own, ended time.Duration, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 15 {
		return 0, 0, fmt.Errorf("/proc/%d/stat has an unknown form", pid)
	}
	var ticks [4]time.Duration // utime, stime, cutime, cstime: fields 14 to 17 of proc(5)
	for i := range ticks {
		n, err := strconv.ParseInt(fields[11+i], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		ticks[i] = time.Duration(n) * clockTick
	}
	return max(ticks[0]+ticks[1], cpuOfThreads(pid)), ticks[2] + ticks[3], nil
}

// cpuOfThreads is what the living threads of a process have used; 0 where the
// kernel does not tell.
func cpuOfThreads(pid int) time.Duration {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	total := time.Duration(0)
	for _, path := range threads {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(data), " ")
		ns, _ := strconv.ParseInt(first, 10, 64)
		total += time.Duration(ns)
	}
	return total
}

// Memory is the resident memory of the server's first process in bytes, 0 while
// it is not running.
func (s *Server) Memory() (int64, error) {
	l := s.running()
	if l == nil {
		return 0, nil
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", l.identity.PID))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm has an unknown form", l.identity.PID)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
