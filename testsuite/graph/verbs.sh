#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A program that knows which objects it holds and how dies; what the verbs of the heap say of it, from the core alone.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"
versions=${*:-3.8 3.11 3.12 3.13 system}

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
XDG_CACHE_HOME=$work/cache/with/parents # which are made
export XDG_CACHE_HOME
failures=0 ran=0

make_dump() { # NAME PYTHON [MORE]
	PYTHONDONTWRITEBYTECODE=1 "$here/../cores/make-core" "$work/$1" "$2" "$here/program.py" "$work/$1.truth" ${3+"$3"}
	status=$?
	[ $status -eq 0 ] || return $status
	timeout 120 "$CORE2PYHEAP" --report=none -o "$work/$1.pyheap" "$work/$1/core" "$2" 2>"$work/stderr" || {
		cat "$work/stderr"
		return 1
	}
	rm -f "$work/$1/core"
}

for version in $versions; do
	python=$("$here/../find-pythons" --one "$version") || { echo "no Python $version here"; continue; }
	"$python" -c 'import ctypes' 2>/dev/null || { echo "Python $version has no ctypes"; continue; }
	echo "== Python $version"
	rm -rf "$work"/*.pyheap "$work/cache"
	make_dump base "$python" && make_dump bigger "$python" 500
	status=$?
	[ $status -ne 77 ] || { echo "this machine lets no core be made"; exit 77; }
	ran=$((ran + 1))
	[ $status -eq 0 ] || { echo "FAILED: Python $version: no dump"; failures=$((failures + 1)); continue; }
	timeout 300 "$PYTHON3" "$here/check.py" "$PYHEAP" "$work/base.pyheap" "$work/base.truth" "$work/bigger.pyheap" || failures=$((failures + 1))
done
[ $ran -gt 0 ] || exit 77
[ $failures -eq 0 ]
