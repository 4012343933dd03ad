package odoo

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// A keeper keeps one thing that must outlive the process in a file. The zero
// keeper keeps nothing. What cannot be read back or written is an error that says
// so, and no more: it only makes us forget.
type keeper struct {
	path string
	what string // "the farthest lock dates"
}

// keeper returns the one of a task for its database.
func (i *instance) keeper(task, what string) keeper {
	if i.s.StateDir == "" {
		return keeper{}
	}
	name := "odoo-" + i.s.Environment + "-" + i.s.Component + "-" + url.PathEscape(i.s.Config.Database) + "." + task
	return keeper{filepath.Join(i.s.StateDir, name), what}
}

// restore reads what save wrote into v, which is left as it is when there is
// nothing.
func (k keeper) restore(v any) error {
	if k.path == "" {
		return nil
	}
	content, found, err := durable.ReadChecked(k.path)
	if err == nil && found {
		err = json.Unmarshal(content, v)
	}
	return fault.Wrap("read back "+k.what, err, "nothing: what is seen from now on is kept; what changed while this program was stopped is not noticed")
}

// save writes v so that a crash leaves it whole, or what was kept before.
func (k keeper) save(v any) error {
	if k.path == "" {
		return nil
	}
	content, err := json.Marshal(v)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(k.path), 0o700)
	}
	if err == nil {
		err = durable.WriteChecked(k.path, content)
	}
	return fault.Wrap("keep "+k.what, err, "make room and allow writing in the data directory")
}
