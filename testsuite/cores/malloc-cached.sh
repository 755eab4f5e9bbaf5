#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Chunks in fast bins and in caches of threads are free, to the byte as malloc itself says; the sum stays the total.
# glibc 2.42 and later, which have no fast bins and may cache large chunks, are those of a chroot (get-root).
. "$top_srcdir/testsuite/cores/common.sh"
ran=0

one() { # PYTHON: of $work/made
	run 0 "$CORE2PYHEAP" --report=none -o "$work/dump" "$work/made/core" "$1"
	run 0 "$PYHEAP" memory --json "$work/dump"
	check "what is cached" "$PYTHON3" - "$work/out" "$work/truth" <<'END'
import json
import sys

memory, (fast, cached, count) = json.load(open(sys.argv[1])), map(int, open(sys.argv[2]).read().split())
rows = {row['what']: row['bytes'] for row in memory['rows']}
# the caches hold chunks of other sizes too: 64 bins of 7 or 16, up to 1,040 bytes, of two threads
most = fast + cached + 2 * count * sum(range(32, 1041, 16))
print('in fast bins %d, in caches at least %d; found %d' % (fast, cached, rows['malloc.cached']))
assert count > 7 or fast >= 2 * 400 * 48, 'the program does not do what it is to do'
assert fast + cached <= rows['malloc.cached'] <= most
assert sum(rows.values()) == memory['total']
END
	rm -rf "$work/dump" "$work/made" "$work/truth"
	ran=$((ran + 1))
}

for version in ${*:-3.8 3.12 system}; do
	python=$(need_python "$version") || { echo "no Python $version here"; continue; }
	"$python" -c 'import ctypes; ctypes.CDLL(None).mallinfo2' 2>/dev/null || { echo "no mallinfo2() here (glibc 2.33)"; continue; }
	echo "== Python $version"
	need_core "$work/made" "$python" "$cores/malloc_program.py" "$work/truth"
	one "$python"
done
if [ $# -eq 0 ] && root=$("$cores/get-root" 3.14) && GT_PROGRAM=malloc_program.py "$cores/run-in-root" "$root" /usr/bin/python3.14 "$work/made"; then
	echo "== Python 3.14 of a chroot: $(grep -a -o -m 1 'GNU C Library.*' "$root/lib/x86_64-linux-gnu/libc.so.6")"
	mv "$work/made/gt.json" "$work/truth"
	one "$root/usr/bin/python3.14"
fi
[ $ran -gt 0 ] || skip "no Python that this needs"
finish
