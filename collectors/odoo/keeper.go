package odoo

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/closewatch/closewatch/internal/durable"
)

// A keeper keeps one thing that must outlive the process in a file. The zero
// keeper keeps nothing. What cannot be read or written is logged and left out:
// it only makes us forget.
type keeper struct {
	path string
	log  *slog.Logger
}

// keeper returns the one for files of that ending.
func (i *instance) keeper(ending string) keeper {
	if i.s.StateDir == "" {
		return keeper{}
	}
	return keeper{filepath.Join(i.s.StateDir, "odoo-"+i.s.Environment+"-"+i.s.Component+ending), i.s.Log}
}

// restore reads what save wrote into v, which is left as it is when there is
// nothing.
func (k keeper) restore(v any) {
	if k.path == "" {
		return
	}
	text, found, err := durable.ReadChecked(k.path)
	if err == nil && found {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		k.log.Warn("what was remembered of the books is left out", "path", k.path, "err", err)
	}
}

func (k keeper) save(v any) {
	if k.path == "" {
		return
	}
	text, err := json.Marshal(v)
	if err == nil {
		if err = os.MkdirAll(filepath.Dir(k.path), 0o700); err == nil {
			err = durable.WriteChecked(k.path, text)
		}
	}
	if err != nil {
		k.log.Warn("what must outlive this process about the books cannot be kept", "path", k.path, "err", err)
	}
}
