#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Chunks in fast bins and in caches of threads are free, to the byte as malloc itself says; the sum stays the total.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failures=0 ran=0
for version in ${*:-3.8 3.12 system}; do
	python=$("$here/../find-pythons" --one "$version") || { echo "no Python $version here"; continue; }
	"$python" -c 'import ctypes; ctypes.CDLL(None).mallinfo2' 2>/dev/null || { echo "no mallinfo2() here (glibc 2.33)"; continue; }
	echo "== Python $version"
	rm -rf "$work"/*
	"$here/make-core" "$work/core" "$python" "$here/malloc_program.py" "$work/truth" || exit
	ran=$((ran + 1))
	"$CORE2PYHEAP" --report=none -o "$work/dump" "$work/core/core" "$python" 2>"$work/stderr" || { cat "$work/stderr"; exit 1; }
	"$PYHEAP" memory --json "$work/dump" >"$work/memory" || exit 1
	"$PYTHON3" - "$work/memory" "$work/truth" <<'END' || failures=$((failures + 1))
import json
import sys

memory, (fast, cached) = json.load(open(sys.argv[1])), map(int, open(sys.argv[2]).read().split())
rows = {row['what']: row['bytes'] for row in memory['rows']}
# the caches hold chunks of other sizes too: 64 bins of 7, up to 1,040 bytes, of two threads
most = fast + 2 * 7 * sum(range(32, 1041, 16))
print('in fast bins %d, in caches at least %d; found %d' % (fast, cached, rows['malloc.cached']))
assert fast >= 2 * 400 * 48, 'the program does not do what it is to do'
assert fast + cached <= rows['malloc.cached'] <= most
assert sum(rows.values()) == memory['total']
END
done
[ $ran -gt 0 ] || exit 77
[ $failures -eq 0 ]
