#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The memory of a Linux core within the file format of macOS (elf2macho.py): the reader finds memory, threads, modules and
# symbols, so that the report is the same.  With the locks of macOS some members of the states would lie elsewhere, which a
# process of Linux cannot show; since 3.13 the states tell where their most telling members are.
. "$top_srcdir/testsuite/cores/common.sh"

need_python 3.13 >/dev/null || skip "no Python 3.13"
folder=$("$cores/get-core" 3.13 abort) || skip "no core of Python 3.13"
mkdir "$work/empty"

# where libpython's data and _PyRuntime are, as the reader of ELF has them: an oracle of its own is the file's symbol table
run 0 "$CORE2PYHEAP" --explain --no-dump --report=none --sysroot="$work/empty" "$folder/core"
runtime=$(sed -n 's/.*_PyRuntime at 0x\([0-9a-f]*\) in .*/\1/p' "$work/err" | head -n 1)
[ -n "$runtime" ] || { fail "no _PyRuntime"; finish; }
range=$("$PYTHON3" - "$folder/core" "$runtime" <<'P'
import struct, sys
data, runtime = open(sys.argv[1], 'rb').read(1 << 20), int(sys.argv[2], 16)
offset, count = struct.unpack_from('<Q', data, 32)[0], struct.unpack_from('<H', data, 56)[0]
for i in range(count):
    kind, flags, at, address, _, size, memory, _ = struct.unpack_from('<IIQQQQQQ', data, offset + 56 * i)
    if kind == 1 and address <= runtime < address + memory:
        print('%x %x' % (address, address + memory))
P
)
for note in 0 1; do
	# shellcheck disable=SC2086
	NOTE=$note run 0 "$PYTHON3" "$cores/elf2macho.py" "$folder/core" "_PyRuntime=$runtime" \
		/Library/Frameworks/libpython3.13.dylib $range "$work/macho.core"
	run 0 "$CORE2PYHEAP" --report=json --redact=none --no-dump "$work/macho.core"
	mv "$work/out" "$work/report.json"
	json_check 'r["image"]["os"] == "macos" and r["image"]["kind"] == "mach-o-core" and r["image"]["arch"] == "x86_64"' \
		"$work/report.json"
	run "0 1" "$PYTHON3" "$cores/check_report.py" "$work/report.json" "$folder/gt.json"
	cat "$work/out"
	# all but the names of some static types, which lie in what a core of Linux leaves out and one of macOS does not
	checks=$((checks + 1))
	awk '/^[a-z_A-Z ]+ [0-9]+ of [0-9]+$/ && $(NF - 2) != $NF && !/^local (types|values)/ { bad = 1 }
	     END { exit bad || !NR }' "$work/out" || fail "the report differs from the truth"
	checks=$((checks + 1))
	grep -Eq '^report: 45[1-9] of' "$work/out" || fail "the report differs from the truth in too much"
done
for bytes in 20 40 5000 100000; do
	head -c $bytes "$work/macho.core" >"$work/cut"
	run "0 1 3" "$CORE2PYHEAP" --no-dump "$work/cut"
done
finish
