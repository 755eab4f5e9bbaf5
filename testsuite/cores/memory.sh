#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# `pyheap memory` accounts for every byte: its rows add up to what the core says was mapped; what pymalloc has in use to
# what the headers of its pools say; and of that, less than 1 % is nobody's.  Both sums are taken here from the core's bytes.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"
versions=${*:-2.7 3.6 3.9 3.12 3.13 system}

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failures=0 ran=0

for version in $versions; do
	"$here/../find-pythons" --one "$version" >/dev/null || { echo "no Python $version here"; continue; }
	core=$("$here/get-core" "$version" abort) || { echo "FAILED: Python $version: no core"; failures=$((failures + 1)); continue; }
	ran=$((ran + 1))
	echo "== Python $version"
	"$CORE2PYHEAP" --report=none -o "$work/dump" "$core/core" 2>"$work/stderr" ||
		{ echo "FAILED: core2pyheap ended with status $?"; cat "$work/stderr"; failures=$((failures + 1)); continue; }
	"$PYHEAP" memory --json "$work/dump" >"$work/memory" && "$PYHEAP" memory "$work/dump" >"$work/text" ||
		{ echo "FAILED: pyheap memory"; failures=$((failures + 1)); continue; }
	"$PYTHON3" "$here/check_memory.py" "$core/core" "$version" "$work/memory" "$work/text" || failures=$((failures + 1))
	rm -f "$work/dump"
done
[ $ran -gt 0 ] || exit 77
[ $failures -eq 0 ]
