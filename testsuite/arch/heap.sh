#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The interpreter as the oracle of the whole heap on machines of 32 bits, where objects in static memory are aligned to 4 bytes:
# every object, its type, size and referents, at least 0.998 each, the core alone.
. "$top_srcdir/testsuite/cores/common.sh"
tried=
for version in 3.11-i386 3.11-armhf; do
	core=$("$cores/get-core" "$version" abort 2>"$work/why") || {
		echo "not tried: $version: $(tail -n 1 "$work/why")"
		continue
	}
	tried=yes
	run 0 "$CORE2PYHEAP" --report=none --sysroot="$work/cwd" -o "$work/pyheap" "$core/core"
	"$PYHEAP" export --format=jsonl "$work/pyheap" >"$work/objects"
	run 0 "$PYTHON3" "$cores/check_heap.py" "$work/objects" "$core/heap.tsv" 0.998
	echo "$version: $(tail -n 1 "$work/out")"
	# what is in the static memory of the interpreter: True and False, the empty tuple
	check "$version: True" grep -q "\"type\":\"bool\".*\"value\":\"1\"" "$work/objects"
done
[ -n "$tried" ] || skip "no chroot of a machine of 32 bits"
finish
