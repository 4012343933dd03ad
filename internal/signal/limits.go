package signal

import (
	"maps"
	"slices"
	"time"
)

// Limits are where the states of a signal begin and end.
type Limits struct {
	Warning  float64       // NaN: this state does not exist
	Critical float64       // NaN: this state does not exist
	Exit     float64       // the share of a threshold at which its state is left again; 0 and 1: no hysteresis
	For      time.Duration // how long a worse state must hold before it is believed
}

// An Exception is what is different about a signal at one component.
type Exception struct {
	Off    bool // it is not measured there
	Limits Limits
	Close  *Limits // in the close; nil: the same as ever
}

// base are the limits of a component outside the close.
func (d *Definition) base(component string) Limits {
	if x, special := d.At[component]; special {
		return x.Limits
	}
	return Limits{d.Warning, d.Critical, d.Exit, d.For}
}

// limits are those in force for a reading.
func (d *Definition) limits(m *memory) Limits {
	if inClose := d.closing(m.identity.Component); m.inClose && inClose != nil {
		return *inClose
	}
	return d.base(m.identity.Component)
}

// closing are the limits of a component in the close; nil: the same as ever.
func (d *Definition) closing(component string) *Limits {
	if x, special := d.At[component]; special {
		return x.Close
	}
	return d.Close
}

// Scaled returns the definition with its holds multiplied, for a demo with scaled
// windows.
func (d Definition) Scaled(f float64) Definition {
	scaled := func(x time.Duration) time.Duration { return time.Duration(float64(x) * f) }
	d.For = scaled(d.For)
	if d.Close != nil {
		c := *d.Close
		c.For = scaled(c.For)
		d.Close = &c
	}
	if len(d.At) > 0 {
		at := make(map[string]Exception, len(d.At))
		for name, x := range d.At {
			x.Limits.For = scaled(x.Limits.For)
			if x.Close != nil {
				c := *x.Close
				c.For = scaled(c.For)
				x.Close = &c
			}
			at[name] = x
		}
		d.At = at
	}
	return d
}

// Components lists those that have limits of their own, in order.
func (d Definition) Components() []string { return slices.Sorted(maps.Keys(d.At)) }
