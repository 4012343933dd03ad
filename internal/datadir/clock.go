package datadir

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/closewatch/closewatch/internal/durable"
)

// A clock is the content of state/clock.
type clock struct {
	Layout int       `json:"layout"`
	Used   time.Time `json:"used"`
}

// readClock returns the zero clock when there is none, or none that can be
// read: then it is set aside.
func (d *Dir) readClock() (c clock, err error) {
	path := d.Join("state", "clock")
	b, found, err := durable.ReadChecked(path)
	if errors.Is(err, durable.ErrDamaged) {
		d.find(Repaired, err.Error(), "")
		return clock{}, nil
	}
	if err != nil || !found {
		return clock{}, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		aside, moved := durable.SetAside(path)
		d.find(Repaired, fmt.Sprintf("%s is not what this program writes: %v; set aside as %s", path, err, aside), "")
		return clock{}, moved
	}
	return c, nil
}

// Touch records that the directory is used at a time of the wall clock. The
// next Open compares its own time with it: call it every few minutes.
func (d *Dir) Touch(now time.Time) error {
	b, err := json.Marshal(clock{Layout, now.UTC()})
	if err != nil {
		return err
	}
	return d.disk.WriteChecked(d.Join("state", "clock"), b)
}

// clockTolerance is how far the wall clock may be behind the last use: so much
// a clock that is kept by NTP is stepped at a start.
const clockTolerance = 2 * time.Second

// compareClock reports a wall clock that is behind the last use. Which of the
// two times is wrong cannot be told from here.
func (d *Dir) compareClock(c clock, now time.Time) {
	if c.Used.Sub(now) > clockTolerance {
		d.find(ClockBack, fmt.Sprintf("the clock says %s, but the directory was used at %s already: it was set back by %s, or was wrong then",
			now.UTC().Format(time.RFC3339), c.Used.Format(time.RFC3339), c.Used.Sub(now).Round(time.Second)), "check the synchronisation of this machine's clock")
	}
}
