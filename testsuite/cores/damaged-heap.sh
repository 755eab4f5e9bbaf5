#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A core whose heap is altered here and there: the list of free blocks of a pool, links of the garbage collector, the length of a
# list, tuple, deque, dict, set and bytearray, an object's type, rings of blocks.  Each is named in the manifest, the rest is there, and it ends in time.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"
versions=${*:-3.8 3.13 system}

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failures=0 ran=0

for version in $versions; do
	core=$("$here/get-core" "$version" abort) || {
		[ $? -eq 77 ] && { echo "no Python $version here"; continue; }
		echo "FAILED: Python $version: no core"; failures=$((failures + 1)); continue; }
	ran=$((ran + 1))
	echo "== Python $version"
	"$PYTHON3" "$here/damaged_heap.py" "$core" "$CORE2PYHEAP" "$PYHEAP" "$work" || failures=$((failures + 1))
	rm -f "$work"/*
done
[ $ran -gt 0 ] || exit 77
[ $failures -eq 0 ]
