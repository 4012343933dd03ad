// Package delta writes tables of Go structs, time after time, as what is
// different from the time before.
//
// A Writer and a Reader of the same rows stay in step. A table begins with one
// that is whole: it says its own shape, so that a program whose type has since
// gained or lost a field reads it all the same. Every difference after it needs
// all of those before. What is written is a function of the rows alone: two
// writers that are given the same write the same bytes, which is how a decision
// is compared with one that was recorded.
//
// A missing value stays missing: nil is neither an empty list nor a pointer to
// zero. A value whose type can be written as text is, so that it keeps its
// meaning when the numbers behind the names move. Fields tagged delta:"-", and
// those that are not exported, are left out.
//
// FORMAT.md has the layout.
package delta
