package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

// Options say where a lab lives and who hears about it.
type Options struct {
	// Dir is new, empty or an earlier lab's, and is kept when the lab closes;
	// "" makes a temporary directory that is removed.
	Dir string
	// Log receives starts and stops; nil discards them.
	Log *slog.Logger
	// Progress receives one sentence per step, for a person waiting.
	Progress func(string)
}

// A Lab owns a directory and the servers started in it.
type Lab struct {
	dir       string
	temporary bool
	log       *slog.Logger
	progress  func(string)
	ports     ports

	mu       sync.Mutex
	closed   bool
	manifest manifest
	closers  []closer // oldest first
	names    map[string]int

	templates sync.Mutex // one initdb at a time
}

// A closer ends something the lab started.
type closer struct {
	name  string
	close func(context.Context) error
}

// stopTimeout is how long each server has to shut down when the lab closes.
const stopTimeout = 10 * time.Second

// New makes a lab after cleaning up what labs of dead owners left behind. It
// fails when Options.Dir is in use by a lab whose owner is alive.
func New(opts Options) (*Lab, error) {
	l := &Lab{
		dir: opts.Dir, log: opts.Log, progress: opts.Progress, names: map[string]int{},
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.progress == nil {
		l.progress = func(string) {}
	}
	l.reap(filepath.Join(os.TempDir(), prefix+"*"))
	if err := l.makeDir(); err != nil {
		return nil, fault.Wrap("make the lab's directory", err, "")
	}
	owner, err := identify(os.Getpid())
	if err != nil {
		return nil, errors.Join(fault.Wrap("identify this process", err, "run the lab on Linux with /proc mounted"), l.leaveDir())
	}
	l.manifest = manifest{Temporary: l.temporary, Owner: owner}
	if err := l.manifest.save(l.dir); err != nil {
		return nil, errors.Join(fault.Wrap("record the lab's owner", err, ""), l.leaveDir())
	}
	return l, nil
}

func (l *Lab) makeDir() (err error) {
	if l.dir == "" {
		l.temporary = true
		if l.dir, err = os.MkdirTemp("", prefix); err != nil {
			return err
		}
	} else {
		if l.dir, err = filepath.Abs(l.dir); err != nil {
			return err
		}
		if err := l.takeOver(); err != nil {
			return err
		}
	}
	// PostgreSQL runs as another user and has to get in.
	return os.Chmod(l.dir, 0o755)
}

// takeOver makes the given directory this lab's: it must be new, empty, or an
// earlier lab's, of which everything is removed.
func (l *Lab) takeOver() error {
	m, err := loadManifest(l.dir)
	if errors.Is(err, os.ErrNotExist) {
		return l.takeEmpty()
	}
	if err != nil {
		return err
	}
	if !ours(l.dir) {
		return &fault.Error{
			Op: fmt.Sprintf("use %s as a lab", l.dir), Kind: fault.Denied,
			Err: errors.New("it is another user's lab"), Hint: "choose a directory of your own",
		}
	}
	if m.Owner.alive() {
		return &fault.Error{
			Op: fmt.Sprintf("use %s as a lab", l.dir), Kind: fault.Conflict,
			Err: fmt.Errorf("process %d is using it", m.Owner.PID), Hint: "stop that process or choose another directory",
		}
	}
	if err := m.endProcesses(l.dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(l.dir) // whatever the manifest says, nothing outside is removed
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for _, entry := range m.Entries {
		if err := root.RemoveAll(entry); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) takeEmpty() error {
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.dir)
	if err == nil && len(entries) > 0 {
		err = &fault.Error{
			Op: fmt.Sprintf("use %s as a lab", l.dir), Kind: fault.Conflict,
			Err: errors.New("it is neither empty nor a lab's"), Hint: "choose an empty directory",
		}
	}
	return err
}

// reap ends and removes the temporary labs of dead owners. What resists is
// logged and left for the next lab.
func (l *Lab) reap(pattern string) {
	dirs, _ := filepath.Glob(pattern)
	for _, dir := range dirs {
		if !ours(dir) {
			continue
		}
		m, err := loadManifest(dir)
		if err != nil || m.Owner.alive() {
			continue
		}
		err = m.endProcesses(dir)
		if err == nil && m.Temporary {
			err = os.RemoveAll(dir)
		}
		if err != nil {
			l.log.Warn("cannot clean up after a dead lab", "dir", dir, "err", err)
			continue
		}
		l.log.Info("cleaned up after a dead lab", "dir", dir, "owner", m.Owner.PID)
	}
}

// Dir is the lab's directory.
func (l *Lab) Dir() string { return l.dir }

// Close stops everything, newest first, and removes a temporary directory.
// Closing twice does nothing.
func (l *Lab) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	closers := slices.Clone(l.closers)
	l.mu.Unlock()

	var errs []error
	for _, c := range slices.Backward(closers) {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		if err := c.close(ctx); err != nil {
			errs = append(errs, fault.Wrap("stop "+c.name, err, ""))
		}
		cancel()
	}
	errs = append(errs, l.leaveDir())
	return errors.Join(errs...)
}

// leaveDir removes a temporary directory, and disowns one that is kept.
func (l *Lab) leaveDir() error {
	if l.temporary {
		return os.RemoveAll(l.dir)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.manifest.Owner = identity{}
	return l.manifest.save(l.dir)
}

// name makes a server's name unique in the lab: redis, redis-2 and so on.
func (l *Lab) name(base string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.names[base]++
	if n := l.names[base]; n > 1 {
		return fmt.Sprintf("%s-%d", base, n)
	}
	return base
}

// claim records that the lab makes an entry of its directory.
func (l *Lab) claim(entry string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return isClosed(entry)
	}
	if slices.Contains(l.manifest.Entries, entry) {
		return nil
	}
	l.manifest.Entries = append(l.manifest.Entries, entry)
	return l.manifest.save(l.dir)
}

// mkdir makes a directory of the lab, owned by as when that is not nil.
func (l *Lab) mkdir(as *account, perm os.FileMode, elem ...string) (string, error) {
	if err := l.claim(elem[0]); err != nil {
		return "", err
	}
	dir := filepath.Join(append([]string{l.dir}, elem...)...)
	if err := os.MkdirAll(dir, perm); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, perm); err != nil {
		return "", err
	}
	return dir, as.own(dir)
}

// FreeAddr is a host:port on which nothing listens and that this lab gives to
// nobody else, for what a test or the demo serves itself.
func (l *Lab) FreeAddr() (string, error) {
	port, err := l.ports.next()
	return loopback(port), err
}

// onClose has Close call f.
func (l *Lab) onClose(name string, f func(context.Context) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return isClosed(name)
	}
	l.closers = append(l.closers, closer{name, f})
	return nil
}

func isClosed(name string) error {
	return &fault.Error{Op: "start " + name, Kind: fault.Blocked, Err: errors.New("the lab is closed")}
}

// started records a process, so that it can be ended after a crash of ours.
func (l *Lab) started(p identity) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return isClosed(p.Name)
	}
	l.manifest.Processes = append(l.manifest.Processes, p)
	return l.manifest.save(l.dir)
}

// ended forgets a process that is gone.
func (l *Lab) ended(p identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.manifest.Processes = slices.DeleteFunc(l.manifest.Processes, func(q identity) bool { return q == p })
	if l.closed && l.temporary {
		return
	}
	if err := l.manifest.save(l.dir); err != nil {
		l.log.Warn("cannot record that a server ended", "name", p.Name, "err", err)
	}
}

// say reports a step with the time it took.
func (l *Lab) say(begun time.Time, format string, args ...any) {
	took := time.Since(begun)
	sentence := fmt.Sprintf(format, args...)
	l.log.Info(sentence, "duration_seconds", took.Seconds())
	l.progress(fmt.Sprintf("%s (%.1f s)", sentence, took.Seconds()))
}

// tail is the end of a log, for an error message.
func tail(path string) string {
	const most = 2000
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	text := strings.TrimSpace(string(data[max(0, len(data)-most):]))
	return cmp.Or(text, "(its log is empty)")
}
