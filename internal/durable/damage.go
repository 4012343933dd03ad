package durable

import "fmt"

// A DamageError names bytes of a log that are not what was written. It is an error
// that wraps ErrDamaged.
type DamageError struct {
	File   string
	Offset int64
	Bytes  int64 // 0: nothing is there, but records are missing
	// The records between the numbers After and Before are lost. Before is 0
	// when no record follows: then it is not known how many were there, if any.
	After, Before uint64
	Kept          string // where the damaged bytes, or the file as it was, are kept; "" when they stay in File
}

// Lost returns how many records are lost. known is false where the newest
// segment ends in damage: the record that was being written when the program
// was killed looks the same as the last one damaged.
func (d *DamageError) Lost() (n uint64, known bool) {
	if d.Before == 0 {
		return 0, false
	}
	return d.Before - d.After - 1, true
}

func (d *DamageError) Error() string {
	s := fmt.Sprintf("%s: %d bytes at offset %d are damaged: ", d.File, d.Bytes, d.Offset)
	if d.Bytes == 0 {
		s = fmt.Sprintf("%s: at offset %d something is missing: ", d.File, d.Offset)
	}
	switch n, known := d.Lost(); {
	case !known:
		s += fmt.Sprintf("what follows record %d was cut short while it was written, or was lost", d.After)
	case n == 0:
		s += "no record is lost"
	case n == 1:
		s += fmt.Sprintf("record %d is lost", d.After+1)
	default:
		s += fmt.Sprintf("records %d to %d are lost", d.After+1, d.Before-1)
	}
	if d.Kept != "" {
		s += "; kept as " + d.Kept
	}
	return s
}

// Unwrap returns ErrDamaged.
func (d *DamageError) Unwrap() error { return ErrDamaged }
