#!/bin/bash
# Runs every static check, each to its end, and says what came of them. The
# last line is "lint: N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/../.."
export GOLANGCI_LINT_CACHE="$PWD/.cache/golangci-lint"

passed=0 failed=0
check() { # NAME COMMAND...
	local name=$1 start=$SECONDS
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "ok    $name ($((SECONDS - start)) s)"
	else
		failed=$((failed + 1))
		echo "FAIL  $name ($((SECONDS - start)) s)"
	fi
}

format() {
	local files
	files=$(.cache/bin/gofumpt -l -extra */) || return 1
	[ -z "$files" ] && return 0
	echo "not formatted; run .cache/bin/gofumpt -extra -w .; it changes:"
	echo "$files"
	return 1
}

check format format
check vet go vet ./...
check golangci-lint .cache/bin/golangci-lint run ./...
check go.mod go mod tidy -diff

echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
