#!/bin/bash
# Reads the output of the calendar's benchmarks, shows it, and ends with one
# line: what a lookup takes, beside finding the place afresh each time and
# beside the bare search in a sorted list, all from the same run.
set -euo pipefail
awk '
	{ print }
	/ns\/op/ {
		name = $1
		sub(/-[0-9]+$/, "", name)
		ns[name] = $3
		for (i = 4; i <= NF; i++) if ($i == "allocs/op") allocs[name] = $(i - 1)
	}
	END {
		found = ns["BenchmarkLookup/compiled"]; afresh = ns["BenchmarkLookup/afresh"]; floor = ns["BenchmarkLookup/floor"]
		if (!found || !afresh || !floor) { print "bench-calendar: failed"; exit 1 }
		printf "bench-calendar: lookup_ns=%.1f allocs=%d floor_ns=%.1f times_floor=%.2f afresh_ns=%.0f times_faster=%.0f deadlines_ns=%.0f compile_20_entities_ms=%.1f\n",
			found, allocs["BenchmarkLookup/compiled"], floor, found / floor, afresh, afresh / found, ns["BenchmarkDeadlines"], ns["BenchmarkCompile"] / 1e6
		if (found > 100) { print "a lookup takes more than 100 ns" > "/dev/stderr"; exit 1 }
	}'
