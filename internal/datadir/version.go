package datadir

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// Layout is the version of the directory's layout. oldest is the first one
// that can be brought up to date.
const (
	Layout = 2
	oldest = 1
)

// errVersionDamaged says that VERSION says nothing that can be believed.
var errVersionDamaged = errors.New("VERSION is damaged")

// encodeVersion is the content of VERSION.
func encodeVersion(layout int) []byte {
	text := strconv.Itoa(layout)
	return fmt.Appendf(nil, "%s crc32c=%08x\n", text, versionSum(text))
}

func versionSum(text string) uint32 {
	return crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))
}

// decodeVersion reads VERSION. Version 1 wrote the number alone, and so may a
// person.
func decodeVersion(b []byte) (layout int, err error) {
	text, sum, summed := strings.Cut(strings.TrimSpace(string(b)), " ")
	layout, err = strconv.Atoi(text)
	if err != nil || layout < oldest || strconv.Itoa(layout) != text || summed && sum != fmt.Sprintf("crc32c=%08x", versionSum(text)) {
		return 0, errVersionDamaged
	}
	return layout, nil
}

// layout returns the version of the directory, 0 when it is new. One that this
// program does not know is refused.
func (d *Dir) layout(kept clock) (int, error) {
	b, err := os.ReadFile(d.Join("VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return d.restored(kept.Layout, "VERSION was missing")
	}
	if err != nil {
		return 0, err
	}
	layout, err := decodeVersion(b)
	switch {
	case err != nil && kept.Layout == 0:
		return 0, &fault.Error{
			Op: "open data directory " + d.path, Kind: fault.Schema,
			Err:  fmt.Errorf("%w: it says %.40q", errVersionDamaged, strings.TrimSpace(string(b))),
			Hint: "restore VERSION from a backup, or write the number of the layout into it: " + strconv.Itoa(Layout) + " when this program wrote the directory",
		}
	case err != nil:
		layout, err = d.restored(kept.Layout, errVersionDamaged.Error())
		if err != nil {
			return 0, err
		}
		_, err = durable.SetAside(d.Join("VERSION"))
		return layout, err
	default:
		return layout, d.known(layout)
	}
}

// restored takes the version from its second copy.
func (d *Dir) restored(layout int, why string) (int, error) {
	if layout == 0 {
		return 0, nil
	}
	if err := d.known(layout); err != nil {
		return 0, err
	}
	d.find(Repaired, fmt.Sprintf("%s; state/clock says that the layout is version %d", why, layout), "")
	return layout, nil
}

func (d *Dir) known(layout int) error {
	if layout <= Layout {
		return nil
	}
	return &fault.Error{
		Op: "open data directory " + d.path, Kind: fault.Schema,
		Err:  fmt.Errorf("its layout is version %d, this program knows version %d", layout, Layout),
		Hint: "run the version of closewatch that wrote it, or name another directory",
	}
}

// settle writes VERSION, when it is not as this program writes it. All that the
// layout has is there.
func (d *Dir) settle(from int) error {
	if b, err := os.ReadFile(d.Join("VERSION")); err == nil && string(b) == string(encodeVersion(Layout)) {
		return nil
	}
	if err := durable.SyncDir(d.path); err != nil {
		return err
	}
	if err := d.disk.WriteFile(d.Join("VERSION"), encodeVersion(Layout)); err != nil {
		return err
	}
	if from != 0 && from != Layout {
		d.find(Migrated, fmt.Sprintf("brought the layout from version %d to version %d; earlier programs no longer open it", from, Layout), "")
	}
	return nil
}
