package recovery

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/closewatch/closewatch/internal/estate"
)

// Config is what an estate says about the backups of a system.
type Config struct {
	Stanza       string       `yaml:"stanza"` // pgBackRest's name of the cluster
	Repositories []Repository `yaml:"repositories"`
	// WALArchive is a directory of archived segments, for repositories that tell
	// none: those by info, and drops.
	WALArchive          string `yaml:"walArchive"`
	WALSegmentMegabytes int    `yaml:"walSegmentMegabytes"` // 16, as initdb has it
	// SystemIdentifier is PostgreSQL's, as pg_control_system() tells it; with it
	// a backup of another server is told from ours.
	SystemIdentifier string     `yaml:"systemIdentifier"`
	Drops            []DropFile `yaml:"drops"`
	RestoreTests     string     `yaml:"restoreTests"` // a directory of reports
	SignedBy         string     `yaml:"signedBy"`     // PEM file of the Ed25519 key that must have signed them
	// RecoveryPoint is archive where what came after the newest archived segment
	// is what a restore would lose: it counts beside what the standbys lack, the
	// better of both. The server's archive_timeout must be shorter than the
	// objective.
	RecoveryPoint string          `yaml:"recoveryPoint"`
	Expect        Expect          `yaml:"expect"`
	Interval      estate.Duration `yaml:"interval"` // 1m
	Timeout       estate.Duration `yaml:"timeout"`  // of reading everything; 30s
}

// A Repository of pgBackRest: its directory, or a file with what its info
// command printed.
type Repository struct {
	Name string `yaml:"name"` // becomes a label
	Path string `yaml:"path"`
	Info string `yaml:"info"`
	Key  int    `yaml:"key"` // of the repository in info; 0 is all
}

// A DropFile is where another tool says what it backed up.
type DropFile struct {
	Name string `yaml:"name"` // becomes a label
	Path string `yaml:"path"`
}

// Expect is how often something must happen.
type Expect struct {
	Full        estate.Duration `yaml:"full"`        // backup of the database; 7d
	Incremental estate.Duration `yaml:"incremental"` // or any other backup of it, and of each part; 1d
	RestoreTest estate.Duration `yaml:"restoreTest"` // that is passed; 90d
	Evidence    estate.Duration `yaml:"evidence"`    // writing of info and drops; 1d
	Parts       []part          `yaml:"parts"`       // database
	Checks      []string        `yaml:"checks"`      // that a restore test must have
}

// lateAfter is how many of its intervals something may take before it is late:
// half an interval is time to run and to be tried again.
const lateAfter = 1.5

// Bounds of what a configuration may ask for.
const (
	maxSources  = 32
	minInterval = 5 * time.Second
	maxInterval = 15 * time.Minute
	minTimeout  = 100 * time.Millisecond
	minExpected = time.Minute
)

// fromArchive is the one value of recoveryPoint.
const fromArchive = "archive"

var (
	// shortName is what may become a label value.
	shortName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)
	// stanzaName is what pgBackRest takes for one that is a directory of ours.
	stanzaName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	systemID   = regexp.MustCompile(`^[0-9]{1,20}$`)
)

// SetDefaults implements estate.Defaulter. The checks are those an auditor asks
// of a restored ledger: it has its rows, it balances, its entries are those that
// were posted, and its documents are there.
func (c *Config) SetDefaults() {
	const day = 24 * time.Hour
	c.WALSegmentMegabytes = 16
	c.Interval, c.Timeout = estate.Duration(time.Minute), estate.Duration(30*time.Second)
	c.Expect = Expect{
		Full: estate.Duration(7 * day), Incremental: estate.Duration(day),
		RestoreTest: estate.Duration(90 * day), Evidence: estate.Duration(day),
		Parts:  []part{database},
		Checks: []string{"row-counts", "trial-balance", "hash-chain", "filestore-sample"},
	}
}

// Validate implements estate.Validator.
func (c *Config) Validate() []estate.Problem {
	var ps []estate.Problem
	bad := func(is bool, field, what, remedy string) {
		if is {
			ps = append(ps, estate.Problem{Field: field, What: what, Remedy: remedy})
		}
	}
	bad(len(c.Repositories)+len(c.Drops) == 0 && c.RestoreTests == "", "repositories", "is missing",
		"write at least one, such as {name: local, path: /var/lib/pgbackrest}, or drops or restoreTests")
	bad(len(c.Repositories)+len(c.Drops) > maxSources, "repositories", fmt.Sprintf("are more than %d with the drops", maxSources), "declare another component")
	bad(len(c.Repositories) > 0 && c.Stanza == "", "stanza", "is missing", "write the name that pgbackrest info shows")
	bad(c.Stanza != "" && !stanzaName.MatchString(c.Stanza), "stanza", "is not the name of a stanza", "use letters, digits, dots, dashes and underscores")
	bad(c.SystemIdentifier != "" && !systemID.MatchString(c.SystemIdentifier), "systemIdentifier", "is not a system identifier", "write the number that SELECT system_identifier FROM pg_control_system() returns, in quotes")
	bad(c.RecoveryPoint != "" && c.RecoveryPoint != fromArchive, "recoveryPoint", "is not known", "write archive, or leave it out")
	mb := c.WALSegmentMegabytes
	bad(mb < 1 || mb > 1024 || mb&(mb-1) != 0, "walSegmentMegabytes", "is not a size of segments", "write a power of two from 1 to 1024")
	bad(c.SignedBy != "" && c.RestoreTests == "", "restoreTests", "is missing", "write the directory of the reports that are signed")
	ps = append(ps, c.repeated()...)
	for field, path := range map[string]string{"walArchive": c.WALArchive, "restoreTests": c.RestoreTests, "signedBy": c.SignedBy} {
		ps = append(ps, absolute(field, path)...)
	}
	switch interval, timeout := c.Interval.D(), c.Timeout.D(); {
	case interval < minInterval || interval > maxInterval:
		bad(true, "interval", "is out of range", "write a duration from 5s to 15m")
	case timeout < minTimeout || timeout > interval:
		bad(true, "timeout", "is out of range", "write a duration from 100ms to the interval")
	}
	return ps
}

// repeated finds names that two sources have.
func (c *Config) repeated() []estate.Problem {
	var ps []estate.Problem
	seen := map[string]bool{restoreTests: true, walArchive: true}
	once := func(field, name string) {
		if name != "" && seen[name] {
			ps = append(ps, estate.Problem{Field: field, What: "is the name of another source", Remedy: "give each source a name of its own"})
		}
		seen[name] = true
	}
	for n, r := range c.Repositories {
		once(fmt.Sprintf("repositories[%d].name", n), r.Name)
	}
	for n, d := range c.Drops {
		once(fmt.Sprintf("drops[%d].name", n), d.Name)
	}
	return ps
}

// Validate implements estate.Validator.
func (r *Repository) Validate() []estate.Problem {
	ps := named(r.Name)
	if (r.Path == "") == (r.Info == "") {
		ps = append(ps, estate.Problem{What: "is not one of path and info", Remedy: "write path: with the directory of the repository, or info: with a file of pgbackrest info --output=json"})
	}
	if r.Key < 0 || r.Key > 256 || (r.Key != 0 && r.Info == "") {
		ps = append(ps, estate.Problem{Field: "key", What: "is not that of a repository in info", Remedy: "write its number beside info, or leave it out"})
	}
	return append(append(ps, absolute("path", r.Path)...), absolute("info", r.Info)...)
}

// Validate implements estate.Validator.
func (d *DropFile) Validate() []estate.Problem {
	ps := named(d.Name)
	if d.Path == "" {
		ps = append(ps, estate.Missing("path", "write the path of the file"))
	}
	return append(ps, absolute("path", d.Path)...)
}

// Validate implements estate.Validator.
func (e *Expect) Validate() []estate.Problem {
	var ps []estate.Problem
	for _, d := range []struct {
		field string
		d     estate.Duration
	}{{"full", e.Full}, {"incremental", e.Incremental}, {"restoreTest", e.RestoreTest}, {"evidence", e.Evidence}} {
		if d.d.D() < minExpected {
			ps = append(ps, estate.Problem{Field: d.field, What: "is too short", Remedy: "write a duration of at least 1m, such as 1d"})
		}
	}
	for n, p := range e.Parts {
		field := fmt.Sprintf("parts[%d]", n)
		if problem, bad := estate.OneOf(field, p, parts...); bad {
			ps = append(ps, problem)
		} else if slices.Contains(e.Parts[:n], p) {
			ps = append(ps, estate.Problem{Field: field, What: "is there twice", Remedy: "leave it out"})
		}
	}
	for n, name := range e.Checks {
		if !shortName.MatchString(name) {
			ps = append(ps, estate.Problem{Field: fmt.Sprintf("checks[%d]", n), What: "is not a short name", Remedy: "use small letters, digits, dots and dashes, at most 63"})
		}
	}
	return ps
}

func named(name string) []estate.Problem {
	if shortName.MatchString(name) {
		return nil
	}
	return []estate.Problem{{Field: "name", What: "is not a short name", Remedy: "use small letters, digits, dots and dashes, at most 63"}}
}

func absolute(field, path string) []estate.Problem {
	if path == "" || filepath.IsAbs(path) {
		return nil
	}
	return []estate.Problem{{Field: field, What: "is not an absolute path", Remedy: "write the path from the root on"}}
}
