#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The interpreter as the oracle of the whole heap on machines of 32 bits, where objects in static memory are aligned to 4 bytes:
# every object, its type, size and referents, at least 0.9995 each, with the module files and without; what pymalloc and malloc have in use is
# all that objects hold and less than a hundredth that is nobody's.
. "$top_srcdir/testsuite/cores/common.sh"
tried=
for version in 3.11-i386 3.11-armhf; do
	core=$("$cores/get-core" "$version" abort 2>"$work/why") || {
		echo "not tried: $version: $(tail -n 1 "$work/why")"
		continue
	}
	tried=yes
	run 0 "$CORE2PYHEAP" --report=none --sysroot="$(cat "$core/root")" -o "$work/whole" "$core/core"
	"$PYHEAP" export --format=jsonl "$work/whole" >"$work/objects"
	run 0 "$PYTHON3" "$cores/check_heap.py" --core="$core/core" "$work/objects" "$core/heap.tsv" 0.9995
	echo "$version: $(tail -n 1 "$work/out")"
	run 0 "$CORE2PYHEAP" --report=none --sysroot="$work/cwd" -o "$work/pyheap" "$core/core"
	"$PYHEAP" export --format=jsonl "$work/pyheap" >"$work/objects"
	run 0 "$PYTHON3" "$cores/check_heap.py" "$work/objects" "$core/heap.tsv" 0.9995
	echo "$version, the core alone: $(tail -n 1 "$work/out")"
	# what is in the static memory of the interpreter: True and False, the empty tuple
	check "$version: True" grep -q "\"type\":\"bool\".*\"value\":\"1\"" "$work/objects"
	"$PYHEAP" memory --json "$work/pyheap" >"$work/memory"
	"$PYTHON3" - "$work/memory" <<-'END' || fail "$version: memory"
		import json, sys
		memory = json.load(open(sys.argv[1]))
		rows = {row['what']: row['bytes'] for row in memory['rows']}
		assert sum(rows.values()) == memory['total'], 'the sum'
		owned = sum(v for k, v in rows.items() if k.endswith('.objects') or k.endswith('.blocks'))
		held = sum(t['held'] for t in memory['types'])
		assert owned == held, (owned, held)
		for kind in 'pymalloc', 'malloc':
		    used = sum(rows[kind + '.' + k] for k in ('objects', 'blocks', 'interpreter', 'unattributed'))
		    print('%s: %d bytes in use, %.4f unattributed' % (kind, used, rows[kind + '.unattributed'] / used))
		    assert rows[kind + '.objects'] > 1 << 19 and rows[kind + '.unattributed'] < used / 100, kind
		assert rows['unattributed'] < 1 << 16, rows
	END
done
[ -n "$tried" ] || skip "no chroot of a machine of 32 bits"
finish
