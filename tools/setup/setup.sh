#!/bin/bash
# Installs what the tests and the demo start: real servers and a browser. It
# looks for the programs first and does nothing when all are there. Only what
# is missing is installed, with apt, on Debian and Ubuntu; elsewhere it says
# what to install. Nothing that is installed here is started, now or at boot:
# tests and demo start their own servers, on free ports.
#
# With the argument "bench" also what benchmarks compare with.
set -euo pipefail

cd "$(dirname "$0")/../.."

# What is needed: a name, the programs any of which will do, the packages.
needs=(
	"C compiler (race detector)|gcc cc|gcc libc6-dev"
	"PostgreSQL server|postgres|postgresql"
	"PostgreSQL tools|initdb pg_basebackup|postgresql"
	"PgBouncer|pgbouncer|pgbouncer"
	"pgBackRest|pgbackrest|pgbackrest"
	"Redis|redis-server|redis-server"
	"Redis Sentinel|redis-sentinel|redis-sentinel"
	"Prometheus|prometheus|prometheus"
	"promtool|promtool|prometheus"
	"Alertmanager|prometheus-alertmanager alertmanager|prometheus-alertmanager"
	"amtool|amtool|prometheus-alertmanager"
	"Chromium|chromium chromium-browser google-chrome|chromium"
)
case ${1:-} in
"") purpose="tests and demo start" ;;
bench)
	purpose="tests, demo and benchmarks start"
	needs+=(
		"PostgreSQL exporter|prometheus-postgres-exporter|prometheus-postgres-exporter"
		"Redis exporter|prometheus-redis-exporter|prometheus-redis-exporter"
	)
	;;
*)
	echo "setup: it takes no argument, or bench" >&2
	exit 2
	;;
esac

# Debian keeps PostgreSQL's programs off the PATH.
PATH="$PATH:/usr/sbin:/sbin"
for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr); do PATH="$PATH:$dir"; done

program_of() { # PROGRAM... : the path of the first that is there
	local p
	for p in "$@"; do command -v "$p" && return 0; done
	return 1
}

missing_packages() {
	local need programs packages found=()
	for need in "${needs[@]}"; do
		IFS='|' read -r _ programs packages <<<"$need"
		# shellcheck disable=SC2086 # a list of words on purpose
		program_of $programs >/dev/null || found+=($packages)
	done
	printf '%s\n' "${found[@]:-}" | sort -u | sed '/^$/d'
}

version_of() { # PROGRAM : its first line about its version
	local line
	case $1 in
	*/chromium* | */google-chrome*) line=$("$1" --version 2>/dev/null) ;; # talks to stderr when it cannot find a desktop
	*/pgbackrest) line=$("$1" version 2>&1) ;;
	*/redis-sentinel) line=$("${1%sentinel}server" --version 2>&1) ;;
	*) line=$("$1" --version 2>&1) ;;
	esac || true
	head -n 1 <<<"${line:-version unknown}" | cut -c1-72
}

report() {
	local need name programs path
	for need in "${needs[@]}"; do
		IFS='|' read -r name programs _ <<<"$need"
		# shellcheck disable=SC2086
		path=$(program_of $programs) || { printf '  %-28s missing\n' "$name"; continue; }
		printf '  %-28s %s\n' "$name" "$(version_of "$path")"
	done
}

check_go() {
	local wanted have
	wanted=$(sed -n 's/^go //p' go.mod)
	if ! command -v go >/dev/null; then
		echo "setup: Go is not installed; install Go $wanted or newer from https://go.dev/dl and put its bin directory on the PATH" >&2
		exit 1
	fi
	if ! have=$(go env GOVERSION 2>&1) || [ "$(printf '%s\n' "$wanted" "${have#go}" | sort -V | head -n 1)" != "$wanted" ]; then
		echo "setup: Go $wanted or newer is needed, this is ${have:-unknown}; install it from https://go.dev/dl, or set GOTOOLCHAIN=auto" >&2
		exit 1
	fi
}

# --- installing ---------------------------------------------------------------

policy=/usr/sbin/policy-rc.d
marker="closewatch set-up"
root=()

become_root() {
	[ "$(id -u)" -eq 0 ] && return 0
	if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		root=(sudo)
		return 0
	fi
	echo "setup: run it as root, or with sudo: apt-get install --no-install-recommends $*" >&2
	exit 1
}

# deny_starts keeps packages from starting their services while this script
# runs. The policy asks whether the script is still alive, so that it would be
# without effect even if it were left behind. A policy of the machine's owner
# stays as it is.
deny_starts() {
	if [ -e "$policy" ] && ! grep -q "$marker" "$policy"; then
		echo "setup: $policy is there already and decides which services start"
		return 0
	fi
	"${root[@]}" tee "$policy" >/dev/null <<-EOF
		#!/bin/sh
		# $marker: denies service starts while process $$ runs; safe to delete.
		grep -qs setup.sh /proc/$$/cmdline && exit 101
		exit 0
	EOF
	trap allow_starts EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	"${root[@]}" chmod 755 "$policy"
}

allow_starts() {
	if grep -qs "$marker" "$policy"; then "${root[@]}" rm -f "$policy"; fi
}

# disable_at_boot undoes the enabling of services that were installed here.
disable_at_boot() {
	command -v systemctl >/dev/null || return 0
	local package unit
	for package in "$@"; do
		for unit in $(dpkg -L "$package" 2>/dev/null | sed -n 's#^.*/systemd/system/\([^/@]*\.service\)$#\1#p'); do
			"${root[@]}" systemctl disable --quiet "$unit" 2>/dev/null || true
		done
	done
}

install_packages() {
	local package impossible=()
	echo "setup: installing $* (a minute or two)"
	deny_starts
	export DEBIAN_FRONTEND=noninteractive
	"${root[@]}" apt-get update -q
	for package in "$@"; do
		if [ -z "$(apt-cache policy "$package" | sed -n 's/^ *Candidate: *//p' | grep -v '(none)')" ]; then
			impossible+=("$package")
		fi
	done
	if [ ${#impossible[@]} -gt 0 ]; then
		echo "setup: this system has no package for: ${impossible[*]}; install these programs by hand and run it again" >&2
		exit 1
	fi
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o Dpkg::Use-Pty=0 --no-install-recommends "$@"
	disable_at_boot "$@"
	allow_starts
}

# --- main ---------------------------------------------------------------------

check_go
echo "setup: what $purpose"
mapfile -t packages < <(missing_packages)
if [ ${#packages[@]} -eq 0 ]; then
	report
	exit 0
fi
if ! command -v apt-get >/dev/null; then
	report
	echo "setup: this is not Debian or Ubuntu; install what is missing above (on Debian: ${packages[*]}) and run it again" >&2
	exit 1
fi
become_root "${packages[@]}"
install_packages "${packages[@]}"
mapfile -t packages < <(missing_packages)
report
if [ ${#packages[@]} -gt 0 ]; then
	echo "setup: still missing after installing: ${packages[*]}" >&2
	exit 1
fi
