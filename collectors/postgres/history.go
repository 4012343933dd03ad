package postgres

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"time"

	"github.com/closewatch/closewatch/collectors/postgres/lsnclock"
	"github.com/closewatch/closewatch/internal/durable"
)

// A history is what outlives the daemon: the clock, how the source's time
// relates to ours, and where each standby was last seen.
type history struct {
	Format   int          `json:"format"`
	Server   time.Time    `json:"server"` // the source's time…
	Ours     time.Time    `json:"ours"`   // …at this time of ours
	Standbys []lastSeen   `json:"standbys"`
	Clock    historyClock `json:"clock"`
}

type lastSeen struct {
	Name        string    `json:"name"`
	Declared    bool      `json:"declared,omitempty"`
	Application string    `json:"application,omitempty"`
	Slot        string    `json:"slot,omitempty"`
	At          time.Time `json:"at"`
	Timeline    uint32    `json:"timeline"`
	Written     *uint64   `json:"written,omitempty"`
	Flushed     *uint64   `json:"flushed,omitempty"`
	Replayed    *uint64   `json:"replayed,omitempty"`
}

type historyClock struct{ *lsnclock.Clock }

// historyFormat is the version of the file this code writes and reads.
const historyFormat = 1

// dump writes what is to be kept; nil when there is nothing.
func (c *cluster) dump() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.Len() == 0 {
		return nil, nil
	}
	h := history{Format: historyFormat, Server: c.sync.server, Ours: c.sync.ours, Clock: historyClock{c.clock}}
	for _, s := range c.sorted() {
		p := s.best()
		h.Standbys = append(h.Standbys, lastSeen{s.name, s.declared, s.application, s.slot, p.at, p.timeline, p.written, p.flushed, p.replayed})
	}
	return json.Marshal(h)
}

// restore takes up what dump wrote.
func (c *cluster) restore(text []byte) error {
	h := history{Clock: historyClock{lsnclock.New(0)}}
	if err := json.Unmarshal(text, &h); err != nil {
		return err
	}
	if h.Format != historyFormat {
		return fmt.Errorf("format %d is not known", h.Format)
	}
	if h.Clock.Clock == nil || len(h.Standbys) > maxRecords {
		return errors.New("its contents are impossible")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock, c.sync = h.Clock.Clock, synced{h.Server, h.Ours}
	for _, l := range h.Standbys {
		_, known := c.members[l.Name]
		if l.Declared && !known {
			continue // no longer declared
		}
		p := positions{l.At, l.Timeline, l.Written, l.Flushed, l.Replayed}
		c.standbys[l.Name] = &standby{name: l.Name, declared: l.Declared, application: l.Application, slot: l.Slot, seen: l.At, remote: p}
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writeChecked replaces the file at path whole with text and its checksum.
func writeChecked(path string, text []byte) error {
	return durable.WriteFile(path, fmt.Appendf(nil, "%s\ncrc32c %08x\n", text, crc32.Checksum(text, castagnoli)))
}

// readChecked returns what writeChecked wrote, or an error that is
// os.ErrNotExist when there is no file.
func readChecked(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text, line, ok := bytes.Cut(bytes.TrimSuffix(b, []byte("\n")), []byte("\ncrc32c "))
	if want := fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)); !ok || string(line) != want {
		return nil, errors.New("its checksum does not match: the file was cut short or edited")
	}
	return text, nil
}
