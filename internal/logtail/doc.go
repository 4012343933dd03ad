// Package logtail follows a log by its name and hands each of its lines to a
// consumer once.
//
// It survives renaming, with or without a signal to the writer, truncation in
// place after a copy, a log that is created late, several rotations between
// two looks or while nobody looked, and its own death at any moment. Rotated
// files are recognised by what they begin with, never by name or size alone;
// compressed ones are not read. Where reading stopped and what the consumer
// counted until there are one checked file, written before the counts are
// published: no line is counted twice, and no published count is taken back.
// On the very first start it begins at the end of a log that is there, and at
// the beginning of one that is not there yet.
//
// # What is exact, and what is a bound
//
// Every line that a rotation by renaming leaves in a readable file is handed
// over exactly once. So is every line that copying and truncating leaves in
// the copy or in the log. What the writer adds after the copy and before the
// truncation is in neither: it is gone unless it was read in time, and nothing
// on disk tells how much it was. Counts.Truncated says how often that may have
// happened, Counts.Gap is the time such lines can have been written in, an
// upper bound, and Counts.LostBytes is what was seen written and found nowhere
// again, a lower bound. A log whose lines are numbered tells the rest to its
// consumer.
//
// Counts.Unresolved are rotations after which the old file was not found: it
// was removed, compressed at once, or may not be read.
package logtail
