package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// find returns the first of names that is installed.
func find(pkg string, names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", missing(names[0], pkg)
}

func missing(program, pkg string) error {
	return unavailable(program, "run make setup, or install the package "+pkg)
}

func unavailable(program, hint string) error {
	return &fault.Error{Op: "find the program " + program, Kind: fault.Unavailable, Err: exec.ErrNotFound, Hint: hint}
}

// postgresBin returns the directory with PostgreSQL's server programs: the
// one asked for, or Debian's newest, or the one on PATH.
func postgresBin(dir string) (string, error) {
	const debian = "/usr/lib/postgresql/*/bin"
	candidates := []string{dir}
	if dir == "" {
		candidates, _ = filepath.Glob(debian)
		slices.SortFunc(candidates, byVersion)
		slices.Reverse(candidates)
		if path, err := exec.LookPath("postgres"); err == nil {
			candidates = append(candidates, filepath.Dir(path))
		}
	}
	for _, c := range candidates {
		if _, err := os.Stat(filepath.Join(c, "initdb")); err == nil {
			return c, nil
		}
	}
	return "", missing("initdb", "postgresql")
}

// byVersion orders /usr/lib/postgresql/9.6/bin before …/15/bin.
func byVersion(a, b string) int {
	version := func(path string) (major, minor int) {
		_, _ = fmt.Sscanf(strings.Replace(filepath.Base(filepath.Dir(path)), ".", " ", 1), "%d %d", &major, &minor)
		return major, minor
	}
	aMajor, aMinor := version(a)
	bMajor, bMinor := version(b)
	if aMajor != bMajor {
		return aMajor - bMajor
	}
	return aMinor - bMinor
}
