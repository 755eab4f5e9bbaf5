#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Minidumps that Wine's MiniDumpWriteDump wrote of python.org's builds for Windows, with the truth that the process wrote: every
# thread, frame, line, local and exception of it, from the file alone.  The files are too large for the repository; they lie
# beside it.
. "$top_srcdir/testsuite/cores/common.sh"
here=$top_srcdir/testsuite/minidump
corpus=${PYHEAP_CORPUS:-$top_srcdir/../shared/corpus}
found=
for folder in "$corpus"/wine-*; do
	[ -f "$folder/truth.txt" ] || continue
	found=yes
	name=$(basename "$folder")
	echo "$name:"
	run 0 "$CORE2PYHEAP" --redact=none --report=json -o "$work/$name.pyheap" "$folder/core.dmp.xz"
	mv "$work/out" "$work/$name.json"
	[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || skip "no Python 3 to compare with"
	run 0 "$PYTHON3" "$here/check_truth.py" "$PYHEAP" "$work/$name.json" "$work/$name.pyheap" "$folder/truth.txt"
	cat "$work/out"
	json_check 'r["image"]["kind"] == "minidump" and r["image"]["os"] == "windows"' "$work/$name.json"
	json_check 'r["image"]["complete"] and not r["damage"]' "$work/$name.json"
	case $name in
	*crash*)
		json_check 'r["image"]["signal"] == {"number": 0xc0000005, "name": "EXCEPTION_ACCESS_VIOLATION", "address": "0x0"}' \
			"$work/$name.json"
		json_check '[t["name"] for t in r["threads"] if t["crashed"]] == ["MainThread"]' "$work/$name.json"
		# their waits for a lock had ended: the GIL's condition counts 3 waiting, their locks' none
		waits=gil
		;;
	*)
		json_check 'r["image"]["signal"] is None' "$work/$name.json"
		waits=lock
		;;
	esac
	json_check '[(t["waiting_for"] or {}).get("what") for t in r["threads"]] == [None] + 3 * ["'$waits'"]' "$work/$name.json"
done
[ -n "$found" ] || skip "no corpus of Windows minidumps in $corpus"

# source lines, from a copy of the disk below --sysroot: with the drive as a folder, large or small, or without it
i=0
while [ $((i += 1)) -le 200 ]; do
	echo "    line_$i()"
done >"$work/lines"
for drive in Z z .; do
	rm -rf "$work/root"
	mkdir -p "$work/root/$drive/tmp/mdmp/prog"
	cp "$work/lines" "$work/root/$drive/tmp/mdmp/prog/target.py"
	touch -d 2001-01-01 "$work/root/$drive/tmp/mdmp/prog/target.py"
	run 0 "$CORE2PYHEAP" --no-dump --report=json --sysroot="$work/root" "$folder/core.dmp.xz"
	check "no warning" [ ! -s "$work/err" ]
	json_check '[(f["source"] or "").strip() for f in r["threads"][0]["frames"]][:2] == ["line_180()", "line_177()"]'
done
run 0 "$CORE2PYHEAP" --no-dump --report=json "$folder/core.dmp.xz"
check "no warning" [ ! -s "$work/err" ]
json_check 'not [f for t in r["threads"] for f in t["frames"] if f["source"]]'
# nothing outside of it
mv "$work/root/tmp/mdmp/prog/target.py" "$work/cwd/target.py"
ln -s "$work/cwd/target.py" "$work/root/tmp/mdmp/prog/target.py"
run 0 "$CORE2PYHEAP" --no-dump --report=json --sysroot="$work/root" "$folder/core.dmp.xz"
json_check 'not [f for t in r["threads"] for f in t["frames"] if f["source"]]'
rm -f "$work/cwd/target.py"

# one with full memory whose list of memory (Memory64List, 9) is empty
xz -dc "$folder/core.dmp.xz" >"$work/empty"
"$PYTHON3" - "$work/empty" <<'P'
import struct, sys
with open(sys.argv[1], 'r+b') as f:
    whole = f.read()
    count, directory = struct.unpack_from('<II', whole, 8)
    for at in range(directory, directory + 12 * count, 12):
        type_, size, rva = struct.unpack_from('<III', whole, at)
        if type_ == 9:
            f.seek(rva)
            f.write(bytes(8))
P
run 1 "$CORE2PYHEAP" --no-dump "$work/empty"
out_says '^  python     3\.8$'
out_says '^4 threads whose Python state could not be read:$'
out_says 'heap: is not in this minidump: no memory, .* MiniDumpWithFullMemory, whose list of memory is empty or missing$'
out_says 'heap: one that has it: the file is damaged'
finish
