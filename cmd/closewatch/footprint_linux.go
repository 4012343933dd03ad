package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// releaseProgram gives the pages of the program's own file back to the kernel,
// which has them in its cache: the start touches most of the program, what follows
// half of it, and that half is mapped again at first touch. Only mappings that
// cannot be written are given back, so nothing can be lost; where it does not work
// the daemon is larger and otherwise the same.
func releaseProgram() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }() // was only read
	for _, m := range readOnly(maps, program) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED)
	}
}

// A mapping is a range of addresses.
type mapping struct{ from, to uintptr }

// readOnly lists the mappings of a file that cannot be written, from lines as
// /proc/PID/maps has them.
func readOnly(maps io.Reader, file string) []mapping {
	var out []mapping
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var m mapping
		var access string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &m.from, &m.to, &access); err != nil || strings.Contains(access, "w") {
			continue
		}
		if strings.HasSuffix(lines.Text(), " "+file) {
			out = append(out, m)
		}
	}
	return out
}
