#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Heaps without pools, or with padded blocks: PYTHONMALLOC=malloc, debug, malloc_debug and mimalloc.  Objects are held against
# the interpreter's own word, and `pyheap memory` has them in the right rows, which add up.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${top_builddir:=$here/../..}"
: "${CORE2PYHEAP:=$top_builddir/converter/core2pyheap}" "${PYHEAP:=$top_builddir/analyzer/pyheap}" "${PYTHON3:=python3}"

"$PYTHON3" -c pass 2>/dev/null || { echo "no python3 here"; exit 77; }
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
failures=0 ran=0

one() { # VERSION ALLOCATOR ROW: the row of memory.json that most objects are in
	python=$("$here/../find-pythons" --one "$1") || { echo "no Python $1 here"; return; }
	echo "== Python $1, PYTHONMALLOC=$2"
	mkdir "$work/core"
	PYTHONMALLOC=$2 "$here/run" "$python" "$work/core" abort >"$work/log" 2>&1
	case $? in
	0) ;;
	77) rm -rf "$work/core"; return ;;
	*) echo "FAILED: no core"; cat "$work/log"; failures=$((failures + 1)); rm -rf "$work/core"; return ;;
	esac
	ran=$((ran + 1))
	"$CORE2PYHEAP" --report=none -o "$work/dump" "$work/core/core" 2>"$work/stderr" &&
		"$PYHEAP" export "$work/dump" >"$work/objects" &&
		"$PYHEAP" memory --json "$work/dump" >"$work/memory" || { echo "FAILED: no dump"; cat "$work/stderr"; failures=$((failures + 1)); }
	"$PYTHON3" "$here/check_heap.py" --core="$work/core/core" "$work/objects" "$work/core/heap.tsv" 0.9995 | tail -2
	"$PYTHON3" "$here/check_heap.py" --core="$work/core/core" "$work/objects" "$work/core/heap.tsv" 0.9995 >/dev/null ||
		{ echo "FAILED: a share is below 0.9995"; failures=$((failures + 1)); }
	"$PYTHON3" - "$work/memory" "$work/objects" "$3" <<-'END' || { echo "FAILED: memory"; failures=$((failures + 1)); }
		import json, sys
		memory = json.load(open(sys.argv[1]))
		rows = {row['what']: row for row in memory['rows']}
		objects = sum(1 for line in open(sys.argv[2]))
		assert sum(row['bytes'] for row in rows.values()) == memory['total'], 'the sum'
		row = rows[sys.argv[3]]
		print('%s: %d of %d objects, %d bytes' % (sys.argv[3], row['count'], objects, row['bytes']))
		assert row['count'] > 0.7 * objects and row['bytes'] > 20 * row['count'], row
		held = sum(t['held'] for t in memory['types'])
		owned = sum(r['bytes'] for k, r in rows.items() if k.endswith('.objects') or k.endswith('.blocks'))
		assert held == owned, (held, owned)
	END
	rm -rf "$work/core" "$work/dump"
}

one 3.9 malloc malloc.objects
one 3.12 debug pymalloc.objects
one 3.13 mimalloc mimalloc.objects
[ $ran -gt 0 ] || exit 77
[ $failures -eq 0 ]
