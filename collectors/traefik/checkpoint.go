package traefik

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/closewatch/closewatch/internal/durable"
)

// A position is a place in a file: the beginning of the next line, or, when
// Skipping, somewhere inside a line that is too long to be read.
type position struct {
	File     identity `json:"file"`
	Offset   int64    `json:"offset"`
	Skipping bool     `json:"skipping,omitempty"`
}

// A checkpoint is a position together with everything counted up to it. The
// two are one file, so that no crash can separate them.
type checkpoint struct {
	Path     string      `json:"path"`
	Position position    `json:"position"`
	Buckets  []float64   `json:"buckets"`
	Lines    lineCounts  `json:"lines"`
	Cells    []savedCell `json:"cells"`
}

type savedCell struct {
	Tenant    string `json:"tenant"`
	Operation string `json:"operation"`
	Client    string `json:"client"`
	cell
}

// stateHeader begins the file; the checksum of the rest follows it.
const stateHeader = "closewatch-accesslog-1 "

// save copies the tally at a position.
func (t *tally) save(path string, at position) checkpoint {
	c := checkpoint{Path: path, Position: at, Buckets: Buckets(), Lines: t.lines}
	t.each(func(tenant, op, client string, counts *cell) {
		c.Cells = append(c.Cells, savedCell{tenant, op, client, *counts})
	})
	return c
}

// restore adds what a checkpoint counted. Tenants and operations the
// configuration no longer has are dropped; histograms of other buckets too.
func (t *tally) restore(c checkpoint) {
	t.lines = c.Lines
	sameBuckets := slices.Equal(c.Buckets, Buckets())
	ops := map[string]int{}
	for i, name := range t.ops.names {
		ops[name] = i
	}
	for _, saved := range c.Cells {
		tenant := slices.Index(t.tenants, saved.Tenant)
		op, known := ops[saved.Operation]
		client := slices.Index(clientNames[:], saved.Client)
		if tenant < 0 || !known || client < 0 {
			continue
		}
		counts := saved.cell
		if !sameBuckets {
			counts.Duration, counts.Origin = histogram{}, histogram{}
		}
		*t.cell(tenant, op, client) = counts
	}
}

// errCorrupt is a state file that is not what was written.
var errCorrupt = errors.New("the file is damaged")

// loadCheckpoint reads a state file. A missing one is no error: found is false.
func loadCheckpoint(file string) (c checkpoint, found bool, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	head, body, ok := bytes.Cut(b, []byte("\n"))
	if !ok || string(head) != header(body) {
		return c, false, errCorrupt
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return checkpoint{}, false, fmt.Errorf("%w: %w", errCorrupt, err)
	}
	return c, true, nil
}

// store writes a state file so that a crash leaves the old one or the new one.
func (c checkpoint) store(file string) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return durable.WriteFile(file, fmt.Appendf(nil, "%s\n%s", header(body), body))
}

func header(body []byte) string { return fmt.Sprintf("%s%016x", stateHeader, xxhash.Sum64(body)) }
