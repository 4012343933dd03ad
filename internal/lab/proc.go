package lab

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// An identity is a process that cannot be mistaken for a later one with the
// same id: the kernel's start time of it, counted since the boot named.
type identity struct {
	Name  string `json:"name,omitempty"`
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot
	Boot  string `json:"boot"`
}

// A process is a line of the kernel's table.
type process struct {
	parent int
	state  byte // 'Z' is dead but not yet collected
	start  uint64
}

// programs are the ones a lab runs, by the base name of their executable.
var programs = []string{
	"postgres", "redis-server", "redis-check-rdb", "prometheus", "prometheus-alertmanager", "alertmanager", "traefik", "pgbouncer",
	"prometheus-postgres-exporter", "prometheus-redis-exporter", "closewatch",
}

func identify(pid int) (identity, error) {
	p, err := readProcess(pid)
	if err != nil {
		return identity{}, err
	}
	boot, err := bootID()
	return identity{PID: pid, Start: p.start, Boot: boot}, err
}

// alive reports whether the very process is still running.
func (i identity) alive() bool {
	now, err := identify(i.PID)
	if err != nil || now.Start != i.Start || now.Boot != i.Boot {
		return false
	}
	return len(running([]int{i.PID})) == 1
}

func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data)), err
}

// readProcess reads /proc/<pid>/stat. The command's name stands in
// parentheses and may itself hold some, so fields are counted from the last.
func readProcess(pid int) (process, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	_, rest, ok := bytes.Cut(data[bytes.LastIndexByte(data, ')')+1:], []byte(" "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 20 {
		return process{}, fmt.Errorf("/proc/%d/stat has an unknown form", pid)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return process{}, err
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return process{parent: parent, state: fields[0][0], start: start}, err
}

// processes reads the kernel's table. A process that ends meanwhile is left
// out.
func processes() (map[int]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	table := map[int]process{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, err := readProcess(pid); err == nil {
			table[pid] = p
		}
	}
	return table, nil
}

// running returns those of pids that exist and are not dead.
func running(pids []int) []int {
	return slices.DeleteFunc(slices.Clone(pids), func(pid int) bool {
		p, err := readProcess(pid)
		return err != nil || p.state == 'Z' || p.state == 'X'
	})
}

// tree returns root and its descendants.
func tree(root int) []int {
	table, err := processes()
	if err != nil {
		return []int{root}
	}
	members := map[int]bool{root: true}
	for grown := true; grown; {
		grown = false
		for pid, p := range table {
			if members[p.parent] && !members[pid] {
				members[pid], grown = true, true
			}
		}
	}
	return slices.Sorted(maps.Keys(members))
}

// freezeTree stops root and its descendants, parents first, until no new one
// appears, and returns them.
func freezeTree(root int) []int {
	frozen := map[int]bool{}
	for {
		grown := false
		for _, pid := range tree(root) {
			if !frozen[pid] {
				_ = syscall.Kill(pid, syscall.SIGSTOP)
				frozen[pid], grown = true, true
			}
		}
		if !grown {
			return slices.Sorted(maps.Keys(frozen))
		}
	}
}

// killTree ends root and its descendants at once and returns them. They are
// frozen first, so that none escapes by forking.
func killTree(root int) []int {
	pids := freezeTree(root)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return pids
}

// signalTree sends a signal to root and its descendants.
func signalTree(root int, signal syscall.Signal) error {
	var errs []error
	for _, pid := range tree(root) {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// worksIn reports whether pid is one of the lab's programs with its working
// directory in dir.
func worksIn(pid int, dir string) bool {
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil || (cwd != dir && !strings.HasPrefix(cwd, dir+string(filepath.Separator))) {
		return false
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && slices.Contains(programs, filepath.Base(exe))
}
