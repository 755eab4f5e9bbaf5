#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The memory of a Linux core within the file format of macOS (elf2macho.py): the reader finds memory, threads, modules and
# symbols, so that the report is the same.  With the locks of macOS some members of the states would lie elsewhere, which a
# process of Linux cannot show; since 3.13 the states tell where their most telling members are.
. "$top_srcdir/testsuite/cores/common.sh"

need_python 3.13 >/dev/null || skip "no Python 3.13"
folder=$("$cores/get-core" 3.13 abort) || skip "no core of Python 3.13"

for way in x86_64:0 x86_64:1 arm64:0 arm64:1; do
	machine=${way%:*} note=${way#*:}
	MACHINE=$machine NOTE=$note run 0 "$PYTHON3" "$cores/elf2macho.py" "$folder/core" /Library/Frameworks/libpython3.13.dylib \
		"$work/macho.core"
	run 0 "$CORE2PYHEAP" --report=json --redact=none --no-dump "$work/macho.core"
	mv "$work/out" "$work/report.json"
	json_check 'r["image"]["os"] == "macos" and r["image"]["kind"] == "mach-o-core" and r["image"]["arch"] == "'"$machine"'"' \
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
