package lsnclock

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// MarshalText writes the history as lines of text, without a checksum: that is
// the business of whoever keeps it.
func (c *Clock) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "lsnclock 1 %d %d %d %d %d %d\n", c.system, c.timeline, c.end, c.snapshot, len(c.cuts), len(c.entries))
	for _, cut := range c.cuts {
		fmt.Fprintf(&b, "%d %d\n", cut.timeline, cut.pos)
	}
	for _, e := range c.entries {
		fmt.Fprintf(&b, "%d %d %d\n", e.pos, e.first.UnixMicro(), e.last.UnixMicro())
	}
	return b.Bytes(), nil
}

// UnmarshalText replaces the history by what MarshalText wrote. On an error
// the clock is unchanged.
func (c *Clock) UnmarshalText(text []byte) error {
	in := bytes.NewReader(text)
	n := Clock{most: c.most}
	if n.most == 0 {
		n.most = DefaultEntries
	}
	var cuts, entries int
	if _, err := fmt.Fscanf(in, "lsnclock 1 %d %d %d %d %d %d\n", &n.system, &n.timeline, &n.end, &n.snapshot, &cuts, &entries); err != nil {
		return fmt.Errorf("read the first line of an LSN history: %w", err)
	}
	if cuts < 0 || cuts > maxCuts || entries < 0 || entries > 1<<20 {
		return errors.New("an LSN history claims an impossible size")
	}
	for i := range cuts {
		var x cut
		if _, err := fmt.Fscanf(in, "%d %d\n", &x.timeline, &x.pos); err != nil {
			return fmt.Errorf("read timeline %d of an LSN history: %w", i, err)
		}
		n.cuts = append(n.cuts, x)
	}
	for i := range entries {
		var pos uint64
		var first, last int64
		if _, err := fmt.Fscanf(in, "%d %d %d\n", &pos, &first, &last); err != nil {
			return fmt.Errorf("read stretch %d of an LSN history: %w", i, err)
		}
		e := entry{pos, time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC()}
		if k := len(n.entries); k > 0 {
			prev := n.entries[k-1]
			if e.pos <= prev.pos || e.first.Before(prev.first) || e.last.Before(prev.last) {
				return fmt.Errorf("stretch %d of an LSN history is out of order", i)
			}
		}
		n.entries = append(n.entries, e)
	}
	if n.thin(n.Last()); len(n.entries) > 0 && n.end < n.entries[len(n.entries)-1].pos {
		return errors.New("an LSN history ends before its last stretch")
	}
	*c = n
	return nil
}
