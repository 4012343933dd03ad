package durable_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/closewatch/closewatch/internal/durable"
	"github.com/closewatch/closewatch/internal/durable/durabletest"
)

// sumHeader makes the checksum of a segment's header right.
func sumHeader(b []byte) {
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(slices.Concat(b[:12], b[16:headerSize]), table))
}

func contains(text, part string) bool { return strings.Contains(text, part) }

func TestWriteFileReplacesWhole(t *testing.T) {
	dir := durabletest.Dir(t)
	path := filepath.Join(dir, "file")
	for _, content := range []string{"first", "second", ""} {
		must(t, durable.WriteFile(path, []byte(content)))
		if got := string(read(t, path)); got != content {
			t.Errorf("content = %q; want %q", got, content)
		}
	}
	if err := durable.WriteFile(filepath.Join(dir, "nowhere", "file"), nil); err == nil {
		t.Error("wrote into a directory that is not there")
	}
	must(t, os.Mkdir(filepath.Join(dir, "taken"), 0o750))
	if err := durable.WriteFile(filepath.Join(dir, "taken"), nil); err == nil {
		t.Error("replaced a directory")
	}
	if left := files(t, dir, "*"); len(left) != 2 {
		t.Errorf("left behind: %v, want only file and taken", left)
	}
}

func TestSweep(t *testing.T) {
	dir := durabletest.Dir(t)
	for _, name := range []string{".new-1", ".new-22", "kept", "kept.damaged", ".hidden"} {
		write(t, filepath.Join(dir, name), nil)
	}
	must(t, os.Mkdir(filepath.Join(dir, ".new-directory"), 0o750))
	if n, err := durable.Sweep(dir); n != 2 || err != nil {
		t.Errorf("Sweep = %d, %v; want 2", n, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 4 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := durable.Sweep(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Sweep of nothing: %v", err)
	}
}

// TestCheckedFileDamaged cuts a checked file at every byte and flips a bit of
// every byte: it is set aside as it is, and the next start finds none.
func TestCheckedFileDamaged(t *testing.T) {
	path := filepath.Join(durabletest.Dir(t), "whole")
	must(t, durable.WriteChecked(path, []byte(`{"a":"b"}`)))
	whole := read(t, path)
	damaged := map[string][]byte{"not ours": []byte("hello\nworld\n"), "without a checksum": whole[65:]}
	for at := range whole {
		damaged[fmt.Sprintf("cut at %d", at)] = whole[:at]
		flipped := slices.Clone(whole)
		flipped[at] ^= 1 << (at % 8)
		damaged[fmt.Sprintf("byte %d flipped", at)] = flipped
	}
	for name, content := range damaged {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(durabletest.Dir(t), "file")
			for n, aside := range []string{".damaged", ".damaged-2"} {
				write(t, path, content)
				if _, found, err := durable.ReadChecked(path); found || !errors.Is(err, durable.ErrDamaged) || !contains(err.Error(), aside) {
					t.Fatalf("damaged for the %d. time: %v, %v", n+1, found, err)
				}
				if got := read(t, path+aside); !slices.Equal(got, content) {
					t.Errorf("set aside: %q", got)
				}
				if _, found, err := durable.ReadChecked(path); found || err != nil {
					t.Errorf("the next start: %v, %v, want a fresh one", found, err)
				}
			}
		})
	}
}

func TestCheckedFileOnAFullDisk(t *testing.T) {
	old, anew := []byte("the old content"), []byte("the new content")
	for room := range int64(65 + len(anew) + 1) {
		t.Run(fmt.Sprintf("after %d bytes", room), func(t *testing.T) {
			dir := durabletest.Dir(t)
			path := filepath.Join(dir, "file")
			must(t, durable.WriteChecked(path, old))
			disk := durabletest.FullAfter(room).Disk()
			err := disk.WriteChecked(path, anew)
			want := old
			if fits := room >= int64(65+len(anew)); fits != (err == nil) || !fits && !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("WriteChecked: %v", err)
			} else if fits {
				want = anew
			}
			if got, found, err := durable.ReadChecked(path); !found || err != nil || !slices.Equal(got, want) {
				t.Errorf("content = %q, %v, %v", got, found, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestCheckedFileSyncFails(t *testing.T) {
	path := filepath.Join(durabletest.Dir(t), "file")
	must(t, durable.WriteChecked(path, []byte("old")))
	if err := durabletest.SyncFailsAfter(0).Disk().WriteChecked(path, []byte("new")); !errors.Is(err, syscall.EIO) {
		t.Fatalf("WriteChecked: %v", err)
	}
	if got, _, err := durable.ReadChecked(path); string(got) != "old" || err != nil {
		t.Errorf("content = %q, %v", got, err)
	}
}
