package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/fault"
)

// Bounds of the names.
const (
	maxNames = 1 << 17
	maxName  = 512 // bytes
)

// errFormat says that a file is whole but not what this program writes.
var errFormat = errors.New("it is not in a format this program knows")

// names gives every name that cells refer to, of objectives, phases and hashes,
// a number. A number is never given to another name. The names are in two files
// of the same content, because without them the cells mean little.
type names struct {
	dir    string
	disk   durable.Disk
	list   []string
	number map[string]uint64
	saved  int // so many of list are on disk, in both files
}

// namesFile is the content of both files.
type namesFile struct {
	Format int      `json:"format"`
	Names  []string `json:"names"`
}

const namesFormat = 1

func namesPaths(dir string) [2]string {
	return [2]string{filepath.Join(dir, "names"), filepath.Join(dir, "names.copy")}
}

// loadNames reads the fuller of the two files. Damaged ones are set aside and
// named.
func loadNames(dir string, disk durable.Disk) (n *names, damage []error, err error) {
	n = &names{dir: dir, disk: disk, number: map[string]uint64{}}
	same := 0
	for _, path := range namesPaths(dir) {
		list, err := readNames(path)
		switch {
		case errors.Is(err, durable.ErrDamaged):
			damage = append(damage, err)
			continue
		case err != nil:
			return nil, damage, err
		case len(list) == len(n.list):
			same++
		case len(list) > len(n.list):
			n.list, same = list, 1
		}
	}
	for i, name := range n.list {
		n.number[name] = uint64(i) //nolint:gosec // not negative
	}
	if same == len(namesPaths(dir)) {
		n.saved = len(n.list)
	}
	return n, damage, nil
}

func readNames(path string) ([]string, error) {
	b, found, err := durable.ReadChecked(path)
	if err != nil || !found {
		return nil, err
	}
	var f namesFile
	if err := json.Unmarshal(b, &f); err != nil || f.Format != namesFormat {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(errFormat, err))
	}
	return f.Names, nil
}

// add returns the number of a name and gives it one when it has none.
func (n *names) add(name string) (uint64, error) {
	if i, ok := n.number[name]; ok {
		return i, nil
	}
	if len(n.list) >= maxNames {
		return 0, &fault.Error{
			Op: "name " + name + " in the ledger", Kind: fault.Limit, Err: fmt.Errorf("there are %d names already", maxNames),
			Hint: "start a new ledger: move the directory ledger away",
		}
	}
	i := uint64(len(n.list))
	n.list = append(n.list, name)
	n.number[name] = i
	return i, nil
}

// save brings the names to disk. Cells that refer to them come after.
func (n *names) save() error {
	if n.saved == len(n.list) {
		return nil
	}
	b, err := json.Marshal(namesFile{namesFormat, n.list})
	if err != nil {
		return err
	}
	for _, path := range namesPaths(n.dir) {
		if err := n.disk.WriteChecked(path, b); err != nil {
			return err
		}
	}
	n.saved = len(n.list)
	return nil
}

// reserve makes up for names that are lost: numbers below the limit are not
// given to others.
func (n *names) reserve(limit uint64) {
	for i := uint64(len(n.list)); i < min(limit, maxNames); i++ {
		name := fmt.Sprintf("name %d is lost", i)
		n.list = append(n.list, name)
		n.number[name] = i
	}
}
