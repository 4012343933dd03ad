package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	prefix       = "closewatch-lab-" // of temporary lab directories
	manifestName = "lab.json"
)

// A manifest is what a lab records about itself in its directory. It stays in
// one that is kept, without an owner, for the next lab to know its own.
type manifest struct {
	Temporary bool       `json:"temporary"`
	Owner     identity   `json:"owner"`
	Processes []identity `json:"processes"`
	Entries   []string   `json:"entries"` // what the lab made in its directory
}

func loadManifest(dir string) (m manifest, err error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("read %s: %w", filepath.Join(dir, manifestName), err)
	}
	return m, nil
}

// save replaces the manifest in one step, so that a reader never sees half.
func (m manifest) save(dir string) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, manifestName)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// endProcesses kills what is left of a lab: the recorded processes that are
// still the same, their descendants, and any of the lab's programs working in
// its directory, which catches children that outlived their parent.
func (m manifest) endProcesses(dir string) error {
	table, err := processes()
	if err != nil {
		return err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	var roots []int
	for _, p := range m.Processes {
		if p.alive() {
			roots = append(roots, p.PID)
		}
	}
	for pid := range table {
		if worksIn(pid, dir) {
			roots = append(roots, pid)
		}
	}
	var gone []int
	for _, pid := range roots {
		gone = append(gone, killTree(pid)...)
	}
	return awaitGone(gone)
}

// awaitGone polls until no process of pids is left, for as long as a stop may take.
func awaitGone(pids []int) error {
	deadline := time.NewTimer(stopTimeout)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		left := running(pids)
		if len(left) == 0 {
			return nil
		}
		select {
		case <-deadline.C:
			return errors.New("processes did not end: " + fmt.Sprint(left))
		case <-ticker.C:
		}
	}
}
