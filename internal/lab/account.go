package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/closewatch/closewatch/internal/fault"
)

// An account is the user a server runs as; nil is the user we are.
type account struct {
	name     string
	uid, gid uint32
}

// postgresAccount is the user PostgreSQL runs as: it refuses root.
func postgresAccount() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, &fault.Error{
			Op: "find the user postgres", Kind: fault.Unavailable, Err: err,
			Hint: "run make setup, or install the package postgresql, or do not run as root",
		}
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	return &account{name: u.Username, uid: uint32(uid), gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

// own gives path to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// attributes start a process as the account and in a group of its own, so
// that a terminal's interrupt reaches us and not it.
func (a *account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: []uint32{a.gid}}
	}
	return attr
}

// reach checks that the account may enter dir and every directory above.
func (a *account) reach(dir string) error {
	if a == nil {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 && ownerOf(info) != int(a.uid) {
			return &fault.Error{
				Op: "run a server as " + a.name, Kind: fault.Denied,
				Err:  fmt.Errorf("%s may not enter %s", a.name, dir),
				Hint: "put the lab's directory where every user may enter, such as below the temporary directory",
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// ours reports whether dir is a real directory that belongs to the user we
// are: what others leave in a shared temporary directory is not to be trusted.
func ours(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && ownerOf(info) == os.Geteuid()
}

func ownerOf(info fs.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(stat.Uid)
}
