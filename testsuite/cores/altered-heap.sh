#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Cores whose heap is altered in dozens of places, drawn with a fixed seed: type pointers, lengths, heads of pools, links of
# the garbage collector, lists, dicts, anything.  Each is converted in time, 99 % of the objects are there and no more,
# and what was altered is told.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"
version=${1:-system}

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
core=$("$here/get-core" "$version" abort) || {
	[ $? -eq 77 ] && { echo "no Python $version here"; exit 77; }
	echo "FAILED: Python $version: no core"; exit 1; }
"$PYTHON3" "$here/altered_heap.py" "$core" "$CORE2PYHEAP" "$PYHEAP" "$work"
