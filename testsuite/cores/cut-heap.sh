#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The heap of a core that was cut: core2pyheap and every verb that answers from the heap say that it was, and how much
# is missing; verify tells the dump's file from its core; a dump without a heap says why it has none.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"
version=${1:-system}

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME
core=$("$here/get-core" "$version" abort) || {
	[ $? -eq 77 ] && { echo "no Python $version here"; exit 77; }
	echo "FAILED: Python $version: no core"; exit 1; }
"$PYTHON3" "$here/cut_heap.py" "$core" "$CORE2PYHEAP" "$PYHEAP" "$work"
