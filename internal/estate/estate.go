package estate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"time"
	_ "time/tzdata" // an estate names time zones; the machine may not have them

	"github.com/closewatch/closewatch/internal/calendar"
	"github.com/closewatch/closewatch/internal/process"
	"github.com/closewatch/closewatch/internal/secret"
	"github.com/closewatch/closewatch/internal/signal"
)

// What the head of every estate file says.
const (
	APIVersion = "closewatch/v1"
	Kind       = "Estate"
)

// Production is the environment in which mistakes are not forgiven: what writes
// there needs an approval, and a superuser of a database is refused.
const Production = "production"

// Options is what an estate is checked against. An empty list of known names
// accepts any name.
type Options struct {
	LookupEnv func(string) (string, bool) // os.LookupEnv outside tests; nil finds nothing
	Kinds     []string                    // of components that can be watched
	Processes []string                    // in the catalogue of processes
	Flows     []string                    // in the catalogue of flows
	// Objectives are those each process of the catalogue has, by its name.
	Objectives map[string][]process.Objective
	// Work is what the scheduled work of each process of the catalogue says.
	Work    map[string][]string
	Signals []string // that symptoms can be seen by
	// Definitions are the signals whose limits an estate may change.
	Definitions []signal.Definition
	// Levels lists what each flow can run at; a flow that is not in it is not
	// checked.
	Levels map[string][]string
	// Thresholds are the latencies that can be told from the histograms that
	// are published.
	Thresholds []time.Duration
	// Histograms are those whose buckets are known, by metric.
	Histograms map[string]signal.Layout
	// ReadFile reads a file that the estate names, which is relative to the
	// estate's own; nil reads it from disk.
	ReadFile func(name string) ([]byte, error)
	// Offline leaves references to secrets unresolved: nothing is connected to,
	// and whatever they stand for is taken to be right.
	Offline bool
	// WebFile reads and checks the file that web.configFile names. Its error
	// says what is wrong, and its hint what to write instead. nil accepts any.
	WebFile func(file string) (WebFile, error)
}

// An Estate is everything one file declares, with defaults filled in. It is
// not changed after Load: a reload makes another.
type Estate struct {
	APIVersion    string                     `yaml:"apiVersion"`
	Kind          string                     `yaml:"kind"`
	Metadata      Metadata                   `yaml:"metadata"`
	Environment   string                     `yaml:"environment"` // of components that name none
	Timezone      Zone                       `yaml:"timezone"`
	Data          string                     `yaml:"data"` // directory of all that is kept
	Entities      []Entity                   `yaml:"entities"`
	Components    Components                 `yaml:"components"`
	Alertmanagers []secret.Value             `yaml:"alertmanagers" secret:"url"`
	Notifications Notifications              `yaml:"notifications"`
	Processes     map[string]ProcessOverride `yaml:"processes"`
	// SignalOverrides are by the names of signals.
	SignalOverrides map[string]SignalOverride `yaml:"signals"`
	Schedule        Schedule                  `yaml:"schedule"`
	Calendar        Calendar                  `yaml:"calendar"`
	Timing          Timing                    `yaml:"timing"`
	Store           Store                     `yaml:"store"`
	Web             Web                       `yaml:"web"`
	Telemetry       Telemetry                 `yaml:"telemetry"`

	File string `yaml:"-"` // as given to Load
	Hash string `yaml:"-"` // SHA-256 of the file in hex: every decision cites it

	days map[string]*calendar.Days // by name, see DayCalendars
}

// Metadata names an estate.
type Metadata struct {
	Name   string            `yaml:"name"`
	Labels map[string]string `yaml:"labels"` // told to people; never alert labels
}

// Validate implements Validator.
func (m *Metadata) Validate() []Problem {
	var ps []Problem
	if m.Name == "" {
		ps = append(ps, Missing("name", "write a short name such as acme-finance"))
	} else if p, bad := nameProblem("name", m.Name); bad {
		ps = append(ps, p)
	}
	return ps
}

// Load reads the estate in a file and parses it. The error is Mistakes, also
// when the file cannot be read.
func Load(file string, opts Options) (*Estate, error) {
	data, err := readFile(file)
	if err != nil {
		cause := err
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			cause = pe.Err
		}
		return nil, Mistakes{{
			File: file, Line: 1, Column: 1, Path: "estate",
			What:   fmt.Sprintf("cannot be read: %v", cause),
			Remedy: "name a file that the daemon's user may read",
		}}
	}
	return Parse(file, data, opts)
}

// readFile reads at most one byte more than a file may hold.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// Parse decodes and checks an estate; name stands for its file in mistakes.
// The error is Mistakes: every mistake of the base document, in the order of
// the file. Sections of components and flows are checked by their owners with
// Section.Decode; for their mistakes to be told in the same go, an Estate is
// returned beside the error when the file can be read at all. It holds the
// components of known kinds and is good for nothing else.
func Parse(name string, data []byte, opts Options) (*Estate, error) {
	data = canonical(data)
	root, mistakes := parse(name, data, "estate", "", "write apiVersion: closewatch/v1, kind: Estate, metadata and components")
	if len(mistakes) > 0 && root.entries == nil {
		return nil, mistakes // not YAML, or nothing in it
	}
	d := newDecoder(name, opts.LookupEnv)
	d.adopt(mistakes)
	return d.estate(root, hash(data), opts)
}

// estate decodes and checks the estate at a node.
func (d *decoder) estate(root node, hash string, opts Options) (*Estate, error) {
	d.kinds, d.offline = opts.Kinds, opts.Offline
	e := &Estate{File: d.file, Hash: hash}
	v := reflect.ValueOf(e).Elem()
	setDefaults(v)
	d.decode(root, v, "", "")
	e.inherit()
	e.check(d, root, opts)
	e.Components = slices.DeleteFunc(e.Components, func(c Component) bool { return c.Kind == "" })
	if found := d.found(); len(found) > 0 {
		return e, found
	}
	return e, nil
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// adopt takes over the mistakes of the parser.
func (d *decoder) adopt(ms Mistakes) {
	for _, m := range ms {
		d.mistake(position{m.Line, m.Column}, m.Path, m.What, m.Remedy)
	}
}

// SetDefaults implements Defaulter.
func (e *Estate) SetDefaults() {
	e.Environment = Production
	e.Data = "data"
}

// Validate implements Validator.
func (e *Estate) Validate() []Problem {
	var ps []Problem
	if e.APIVersion != APIVersion {
		ps = append(ps, Problem{"apiVersion", "is not " + APIVersion, "write apiVersion: " + APIVersion})
	}
	if e.Kind != Kind {
		ps = append(ps, Problem{"kind", "is not " + Kind, "write kind: " + Kind})
	}
	if e.Metadata.Name == "" {
		ps = append(ps, Missing("metadata.name", "write a short name such as acme-finance"))
	}
	if len(e.Components) == 0 {
		ps = append(ps, Missing("components", "declare what to watch, such as db: {postgres: {dsn: \"${env:CLOSEWATCH_PG_DSN}\"}}"))
	}
	if p, bad := nameProblem("environment", e.Environment); bad {
		ps = append(ps, p)
	}
	if e.Data == "" {
		ps = append(ps, Problem{"data", "is empty", "write a directory, or remove the key"})
	}
	seen := map[string]bool{}
	for i, a := range e.Alertmanagers {
		field := fmt.Sprintf("alertmanagers[%d]", i)
		if p, bad := URLProblem(field, a.Reveal()); bad {
			ps = append(ps, p)
		}
		if seen[a.Reveal()] {
			ps = append(ps, Problem{field, "is listed twice", "keep one of the two"})
		}
		seen[a.Reveal()] = true
	}
	return ps
}

// Component returns the component of that name.
func (e *Estate) Component(name string) (Component, bool) {
	i := slices.IndexFunc(e.Components, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return Component{}, false
	}
	return e.Components[i], true
}

// inherit fills in what a part takes from the whole.
func (e *Estate) inherit() {
	for i := range e.Components {
		if e.Components[i].Environment == "" {
			e.Components[i].Environment = e.Environment
		}
	}
	if e.Calendar.Timezone.IsZero() {
		e.Calendar.Timezone = e.Timezone
	}
}
