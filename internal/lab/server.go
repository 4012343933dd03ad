package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/closewatch/closewatch/internal/fault"
)

const (
	pollInterval = 10 * time.Millisecond
	// patience is how long to wait for a server when the caller sets no
	// deadline; attempt is how long one look at it may take.
	patience = 2 * time.Minute
	attempt  = time.Second
	// portAttempts is how often another port is tried when the chosen one was
	// taken between looking and listening.
	portAttempts = 5
)

// A Server is a real process of the lab and its descendants.
type Server struct {
	lab     *Lab
	name    string
	program string
	dir     string // working directory
	logPath string
	as      *account
	env     []string // besides ours
	quit    syscall.Signal
	args    func() []string
	ready   func(context.Context) error // one look

	turn sync.Mutex // one Start, Stop, Kill, Pause or Resume at a time
	mu   sync.Mutex
	life *life // nil until started
}

// A life is one run of a server's process.
type life struct {
	identity identity
	done     chan struct{} // closed when the process is gone
	err      error         // why, once done
}

// Name identifies the server in the lab: postgres, postgres-standby, redis and so on.
func (s *Server) Name() string { return s.name }

// LogPath is the file with what the server prints.
func (s *Server) LogPath() string { return s.logPath }

// PID is the id of the server's first process, 0 while it is not running.
func (s *Server) PID() int {
	if l := s.running(); l != nil {
		return l.identity.PID
	}
	return 0
}

// Running reports whether the process exists, paused or not.
func (s *Server) Running() bool { return s.running() != nil }

func (s *Server) running() *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life == nil {
		return nil
	}
	select {
	case <-s.life.done:
		return nil
	default:
		return s.life
	}
}

// Start runs the server and returns once it answers. It does nothing when the
// server is running. After Stop or Kill it comes back with its data on its
// port.
func (s *Server) Start(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.running() != nil {
		return nil
	}
	ctx, cancel := patiently(ctx)
	defer cancel()
	begun := time.Now()
	l, err := s.spawn()
	if err != nil {
		return fault.Wrap("start "+s.name, err, "")
	}
	if err := s.await(ctx, l); err != nil {
		_ = s.end(l)
		return &fault.Error{
			Op: "start " + s.name, Kind: fault.KindOf(err),
			Err: fmt.Errorf("%w; the end of %s:\n%s", err, s.logPath, tail(s.logPath)),
		}
	}
	s.lab.say(begun, "%s is up", s.name)
	return nil
}

// spawn starts the process and records it.
func (s *Server) spawn() (*life, error) {
	log, err := os.OpenFile(s.logPath, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(s.program, s.args()...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = s.as.attributes()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	l := &life{done: make(chan struct{})}
	id, err := identify(cmd.Process.Pid)
	if err == nil {
		id.Name = s.name
		l.identity = id
		err = s.lab.started(id)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, err
	}
	s.mu.Lock()
	s.life = l
	s.mu.Unlock()
	go func() {
		l.err = cmd.Wait()
		s.lab.ended(l.identity)
		close(l.done)
	}()
	return l, nil
}

// await polls until the server answers, ends, or ctx does.
func (s *Server) await(ctx context.Context, l *life) error {
	alive, end := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer end()
	watching.Go(func() {
		select {
		case <-l.done:
			end() // a look at a server that is gone is over
		case <-alive.Done():
		}
	})

	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := s.look(alive)
		select {
		case <-l.done:
			return &fault.Error{Op: "wait for it to answer", Kind: fault.Unavailable, Err: fmt.Errorf("the process ended: %w", orExit(l.err))}
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-alive.Done():
			if ctx.Err() != nil {
				return &fault.Error{Op: "wait for it to answer", Kind: fault.Timeout, Err: fmt.Errorf("%w: %w", ctx.Err(), err)}
			}
		}
	}
}

func (s *Server) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	return s.ready(ctx)
}

func orExit(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// Stop shuts the server down and returns when it is gone. When ctx ends first
// it is killed and ctx's error returned. Stopping a stopped server does
// nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	l := s.running()
	if l == nil {
		return nil
	}
	ctx, cancel := patiently(ctx)
	defer cancel()
	begun := time.Now()
	pids := tree(l.identity.PID)
	// The signal waits in a paused process until it goes on.
	err := syscall.Kill(l.identity.PID, s.quit)
	err = errors.Join(err, signalTree(l.identity.PID, syscall.SIGCONT))
	select {
	case <-l.done:
	case <-ctx.Done():
		return errors.Join(fault.Wrap("stop "+s.name, ctx.Err(), ""), s.end(l))
	}
	if err := awaitGone(pids); err != nil {
		return fault.Wrap("stop "+s.name, err, "")
	}
	s.lab.say(begun, "%s is stopped", s.name)
	return ignoreGone(err)
}

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// Kill ends the server and all its descendants with SIGKILL and returns when
// they are gone. Killing a stopped server does nothing.
func (s *Server) Kill() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	l := s.running()
	if l == nil {
		return nil
	}
	if err := s.end(l); err != nil {
		return fault.Wrap("kill "+s.name, err, "")
	}
	s.lab.log.Info(s.name + " was killed")
	return nil
}

func (s *Server) end(l *life) error {
	select {
	case <-l.done:
		return nil
	default:
	}
	pids := killTree(l.identity.PID)
	<-l.done
	return awaitGone(pids)
}

// Pause freezes the server and its descendants: connections stay open,
// nothing answers.
func (s *Server) Pause() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	l := s.running()
	if l == nil {
		return s.notRunning("pause")
	}
	freezeTree(l.identity.PID)
	return nil
}

// Resume lets a paused server go on. It does nothing to one that runs.
func (s *Server) Resume() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	l := s.running()
	if l == nil {
		return s.notRunning("resume")
	}
	return fault.Wrap("resume "+s.name, signalTree(l.identity.PID, syscall.SIGCONT), "")
}

func (s *Server) notRunning(what string) error {
	return &fault.Error{Op: what + " " + s.name, Kind: fault.Blocked, Err: errors.New("it is not running"), Hint: "start it first"}
}

// Ready reports whether the server answers now; nil means yes.
func (s *Server) Ready(ctx context.Context) error {
	return fault.Wrap("ask whether "+s.name+" is ready", s.look(ctx), "")
}

// patiently gives ctx a deadline when it has none.
func patiently(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}

// launch starts a new server on ports that configure is told, on others when
// one of them was snatched away, and has the lab stop it when it closes.
func (l *Lab) launch(ctx context.Context, s *Server, ports int, configure func(ports []int) error) error {
	s.lab = l
	s.logPath = filepath.Join(l.dir, s.name+".log")
	if err := l.claim(s.name + ".log"); err != nil {
		return err
	}
	if err := l.onClose(s.name, s.Stop); err != nil {
		return err
	}
	for try := 1; ; try++ {
		chosen := make([]int, ports)
		for i := range chosen {
			port, err := l.ports.next()
			if err != nil {
				return err
			}
			chosen[i] = port
		}
		if err := configure(chosen); err != nil {
			return fault.Wrap("configure "+s.name, err, "")
		}
		err := s.Start(ctx)
		if err == nil || try == portAttempts || !addressInUse(err) {
			return err
		}
		if err := os.Remove(s.logPath); err != nil {
			return err
		}
	}
}

// addressInUse recognises a taken port, from the error itself or from the
// log quoted in it.
func addressInUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || strings.Contains(strings.ToLower(err.Error()), "address already in use")
}

// run executes a program that ends by itself, such as initdb.
func (l *Lab) run(ctx context.Context, as *account, dir, program string, args ...string) error {
	ctx, cancel := patiently(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = as.attributes()
	// What it has started holds its output too: a pg_basebackup that is killed
	// alone leaves one that streams, and its end would be waited for.
	cmd.Cancel = func() error { killTree(cmd.Process.Pid); return nil }
	cmd.WaitDelay = stopTimeout
	out, err := cmd.CombinedOutput()
	if err != nil {
		const most = 2000
		text := strings.TrimSpace(string(slices.Clone(out[max(0, len(out)-most):])))
		return &fault.Error{Op: "run " + filepath.Base(program), Kind: fault.KindOf(err), Err: fmt.Errorf("%w:\n%s", err, text)}
	}
	return nil
}
