package world

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/closewatch/closewatch/internal/fault"
)

// A Fault is one thing that can go wrong.
type Fault struct {
	Name string
	Does string // what it does, for people
	// inject breaks it and returns how to mend it.
	inject func(ctx context.Context, w *World) (mend, error)
}

// A mend ends a fault.
type mend = func(context.Context) error

// Faults lists what can go wrong, in the order in which it is worth trying.
func Faults() []Fault {
	return slices.Concat(databaseFaults(), platformFaults(), erpFaults(), notFaults())
}

// OnProbing is told when a fault wants the daemon's flows to stop writing or to
// go on.
func (w *World) OnProbing(f func(on bool)) { w.probing = f }

// OnChange is told when a fault is a change in the estate that a pipeline would
// tell of.
func (w *World) OnChange(f func(ctx context.Context, component, what string) error) { w.changed = f }

// Inject breaks something by its name.
func (w *World) Inject(ctx context.Context, name string) error {
	faults := Faults()
	i := slices.IndexFunc(faults, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return &fault.Error{Op: "inject " + name, Kind: fault.Rejected, Err: errors.New("there is no such fault"), Hint: "use one of " + strings.Join(names(faults), ", ")}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active[name] != nil {
		return &fault.Error{Op: "inject " + name, Kind: fault.Conflict, Err: errors.New("it is active already"), Hint: "clear it first"}
	}
	again, err := faults[i].inject(ctx, w)
	if err != nil {
		return fault.Wrap("inject "+name, err, "")
	}
	w.active[name] = again
	return nil
}

func names(faults []Fault) []string {
	out := make([]string, len(faults))
	for i, f := range faults {
		out[i] = f.Name
	}
	return out
}

// Active lists the faults in effect.
func (w *World) Active() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []string{}
	for _, f := range Faults() {
		if w.active[f.Name] != nil {
			out = append(out, f.Name)
		}
	}
	return out
}

// Clear mends everything that is broken.
func (w *World) Clear(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for name, again := range w.active {
		if err := again(ctx); err != nil {
			errs = append(errs, fmt.Errorf("clear %s: %w", name, err))
			continue
		}
		delete(w.active, name)
	}
	return errors.Join(errs...)
}
