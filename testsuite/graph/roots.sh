#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Objects that only a register, a native stack, a C global, a pending call or an audit hook holds: `roots` and `path` say so.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"
versions=${*:-2.7 3.6 3.7 3.8 3.9 3.11 3.12 3.13 system}

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
failures=0 ran=0
${CC:-cc} -O2 -g -shared -fPIC -o "$work/hold.so" "$here/roots_hold.c" || { echo "no C compiler here"; exit 77; }

for version in $versions; do
	python=$("$here/../find-pythons" --one "$version") || { echo "no Python $version here"; continue; }
	"$python" -c 'import ctypes' 2>/dev/null || { echo "Python $version has no ctypes"; continue; }
	echo "== Python $version"
	PYTHONDONTWRITEBYTECODE=1 "$here/../cores/make-core" "$work/$version" "$python" "$here/roots_program.py" \
		"$work/hold.so" "$work/$version.truth"
	status=$?
	[ $status -ne 77 ] || { echo "this machine lets no core be made"; exit 77; }
	ran=$((ran + 1))
	if [ $status -ne 0 ]; then
		echo "FAILED: no core"
		cat "$work/$version/output"
		failures=$((failures + 1))
	elif ! "$CORE2PYHEAP" --report=none -o "$work/$version.pyheap" "$work/$version/core" "$python" 2>"$work/stderr"; then
		echo "FAILED: no dump"
		cat "$work/stderr"
		failures=$((failures + 1))
	else
		"$PYTHON3" "$here/check_roots.py" "$PYHEAP" "$work/$version.pyheap" "$work/$version.truth" "$(uname -m)" "$version" ||
			{ echo "FAILED: Python $version"; failures=$((failures + 1)); }
	fi
	rm -rf "$work/$version/core"
done
[ $ran -gt 0 ] || exit 77
[ $failures -eq 0 ]
