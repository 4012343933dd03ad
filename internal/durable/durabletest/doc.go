// Package durabletest is what packages that keep files are tested with: disks
// that fill up and break, and processes that are killed while they append.
//
// Every combination of a writer and a fault is a subtest of its own. A part of
// them runs with every test; all of them run with CLOSEWATCH_TORTURE=full.
package durabletest

import "os"

// Full reports whether all combinations are asked for.
func Full() bool { return os.Getenv("CLOSEWATCH_TORTURE") == "full" }

// Some returns n, or all when all combinations are asked for.
func Some(n, all int) int {
	if Full() {
		return all
	}
	return min(n, all)
}

// Stride returns the distance of the points to try so that of total points
// about n are tried, or every one when all combinations are asked for.
func Stride(n, total int) int { return max(1, total/max(1, Some(n, total))) }
