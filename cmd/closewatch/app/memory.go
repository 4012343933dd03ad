package app

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/incident"
	"github.com/closewatch/closewatch/internal/tiering"
)

// A memory is what must outlive the process: without it a restart would resolve
// what still lasts, or page for it again.
type memory struct {
	At         time.Time          `json:"at"`
	Standing   []tiering.Standing `json:"standing"`
	Incidents  incident.Memory    `json:"incidents"`
	Changes    []Change           `json:"changes,omitempty"`
	Noticed    map[string]string  `json:"noticed,omitempty"` // values whose change is one
	Config     string             `json:"config,omitempty"`  // hash of the estate's file
	Closes     []followedClose    `json:"closes,omitempty"`
	OutOfSight []outOfSight       `json:"out_of_sight,omitempty"`
	Burning    []criticalBurning  `json:"burning,omitempty"`
}

// save writes the memory, with a checksum.
func (m memory) save(path string) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return durable.WriteChecked(path, body)
}

// loadMemory reads what save wrote. found is false when there is none yet. A
// damaged file is set aside under another name, never overwritten.
func loadMemory(path string) (m memory, found bool, err error) {
	body, found, err := durable.ReadChecked(path)
	if err != nil || !found {
		return m, false, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return memory{}, false, fmt.Errorf("decode %s: %w", path, err)
	}
	return m, true, nil
}
