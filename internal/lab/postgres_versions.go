package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/closewatch/closewatch/internal/fault"
)

// The major versions of PostgreSQL that are supported, both included.
const (
	oldestPostgres = 13
	newestPostgres = 18
)

// A PostgresVersion is one major version of PostgreSQL that is installed.
type PostgresVersion struct {
	Major  int
	BinDir string // for PostgresOptions
}

// PostgresVersions lists every supported major version, oldest first: Debian's,
// or what the set-up fetched, which has the server and initdb but no
// pg_basebackup, hence no standby. One that is missing is an error.
func PostgresVersions() ([]PostgresVersion, error) {
	cache, err := postgresCache()
	if err != nil {
		return nil, err
	}
	return postgresVersions("/usr/lib/postgresql", cache)
}

// postgresVersions looks for MAJOR/bin below each of parents, the first first.
func postgresVersions(parents ...string) ([]PostgresVersion, error) {
	var list []PostgresVersion
	for major := oldestPostgres; major <= newestPostgres; major++ {
		dir := ""
		for _, parent := range slices.Backward(parents) {
			bin := filepath.Join(parent, strconv.Itoa(major), "bin")
			if exists(filepath.Join(bin, "initdb")) {
				dir = bin
			}
		}
		if dir == "" {
			return nil, &fault.Error{
				Op: fmt.Sprintf("find PostgreSQL %d", major), Kind: fault.Unavailable, Err: exec.ErrNotFound,
				Hint: "run make setup",
			}
		}
		list = append(list, PostgresVersion{major, dir})
	}
	return list, nil
}

// postgresCache is where tools/setup/setup.sh puts the versions that the
// system's packages do not have: below the user's cache, of root elsewhere,
// because servers of root's labs run as another user.
func postgresCache() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/closewatch/postgresql", nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "closewatch", "postgresql"), err
}
