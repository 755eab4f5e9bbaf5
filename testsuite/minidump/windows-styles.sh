#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A C program for Windows with a Python in it (windows_embed.c) that dies of an access violation, and the minidumps that the
# styles of MiniDumpWriteDump leave of it: what is in them is told, and how one is had that has the heap.  Where the data of
# modules and private memory are there, all of the truth is.  Exported symbols come from the dump, or from the DLL below a sysroot.
. "$top_srcdir/testsuite/cores/common.sh"
here=$(cd "$top_srcdir" && pwd)/testsuite/minidump
[ -n "${PYHEAP_WINDOWS_PYTHONS-}" ] || skip "no Windows Pythons: set PYHEAP_WINDOWS_PYTHONS (get-windows-pythons fetches some)"
for program in wine x86_64-w64-mingw32-gcc; do
	command -v $program >/dev/null || skip "no $program"
done
# a 64-bit one of 3.9 or later
python=$(echo "$PYHEAP_WINDOWS_PYTHONS" | tr : '\n' | grep -E '/3\.(9|1[0-9])\.[0-9]+/' | head -n 1)
[ -f "$python" ] || skip "no 64-bit Python of 3.9 or later among PYHEAP_WINDOWS_PYTHONS"
library=$(basename "$(ls "$(dirname "$python")"/python3?*.dll | head -n 1)")

# style NUMBER: a minidump in $work/dmp, the truth beside it
style() {
	rm -f "$work/truth" "$work/dmp"
	"$here/run-windows" --embed "$work" "$python" "$here/windows_program.py" "Z:$work/truth" "Z:$work/dmp" "$1" crash \
		>"$work/said" 2>&1
	[ -s "$work/dmp" ] || skip "$python does not run: $(tail -n 1 "$work/said")"
	version=$(sed -n '1s/^# \([0-9.]*\).*/\1/p' "$work/truth")
	echo "style $1: $(stat -c %s "$work/dmp") bytes"
}

# what each report has, with the heap or without
violation() {
	json_check 'r["image"]["signal"] == {"number": 0xc0000005, "name": "EXCEPTION_ACCESS_VIOLATION", "address": "0x0"}'
	json_check 'len(r["threads"]) + len(r["native_threads"]) == 6 and r["image"]["pid"] > 0 and r["image"]["complete"]'
}

# partial WHAT FLAGS VERSION: no heap, and the report says so
partial() {
	run 1 "$CORE2PYHEAP" -o "$work/styles.pyheap" "$work/dmp"
	out_says '^EXCEPTION_ACCESS_VIOLATION: invalid memory access at 0x0, in process [0-9]+$'
	out_says "^  python     $3\$"
	out_says '^  thread     TID [0-9]+, whose Python state could not be read$'
	out_says '^  at         Z:.*\\windows_embed-x86_64\.exe\+0x'
	out_says '^  TID [0-9]+, at C:\\windows\\system32\\ntdll\.dll\+0x'
	out_says "^  heap: is not in this minidump: $1, written by MiniDumpWriteDump with $2\$"
	out_says '^  heap: one that has it: MiniDumpWriteDump with MiniDumpWithFullMemory \(procdump -ma; '
	run 1 "$CORE2PYHEAP" --no-dump --report=json "$work/dmp"
	violation
	json_check 'len(r["native_threads"]) == 6 and [n["crashed"] for n in r["native_threads"]].count(True) == 1'
	run 1 "$CORE2PYHEAP" --no-dump --report=signature "$work/dmp"
	out_says '^1:[0-9a-f]{8} EXCEPTION_ACCESS_VIOLATION in windows_embed-x86_64\.exe$'
}

# whole: everything that the process wrote down
whole() {
	run 0 "$CORE2PYHEAP" --redact=none --report=json -o "$work/pyheap" "$@" "$work/dmp"
	mv "$work/out" "$work/report"
	run 0 "$PYTHON3" "$here/check_truth.py" "$PYHEAP" "$work/report" "$work/pyheap" "$work/truth"
	tail -n 1 "$work/out"
	[ "$status" -eq 0 ] || cat "$work/out"
	cp "$work/report" "$work/out"
	violation
	json_check 'not r["damage"] and [t["name"] for t in r["threads"] if t["crashed"]] == ["MainThread"]'
	rm -f "$work/pyheap"
	run 0 "$CORE2PYHEAP" --no-dump --report=signature "$@" "$work/dmp"
	out_says '^1:[0-9a-f]{8} EXCEPTION_ACCESS_VIOLATION in windows_embed-x86_64\.exe < __main__:finish$'
}

minor=${python%/*}
minor=${minor##*/}
minor=${minor%.*}
style 0 # MiniDumpNormal
partial 'stacks only' MiniDumpNormal "$minor"
run 1 "$CORE2PYHEAP" --no-dump --explain --sysroot="$(dirname "$python")" "$work/dmp"
err_says "$library: file .*/$library, build-id [0-9a-f]+\$"
style 1
partial 'stacks and the data of modules' MiniDumpWithDataSegs "$version"
style 64
partial 'stacks and what they point at' MiniDumpWithIndirectlyReferencedMemory "$minor"
style 512
partial "private memory without the data of modules, in which Python's state begins" MiniDumpWithPrivateReadWriteMemory "$minor"

style 513 # both: without the headers of modules and what they export
whole --explain
err_says "_PyRuntime at 0x[0-9a-f]+ in $library by scanning its data\$"
whole --explain --sysroot="$(dirname "$python")"
err_says "_PyRuntime at 0x[0-9a-f]+ in $library by its symbol\$"
cp "$(dirname "$python")/$library" "$work/cwd/other.dll"
printf 'MZ' >"$work/cwd/$library" # not that file
run 0 "$CORE2PYHEAP" --no-dump --explain --report=none --sysroot="$work/cwd" "$work/dmp"
err_says "$library: no file: "
rm -f "$work/cwd/$library" "$work/cwd/other.dll"

style 2 # MiniDumpWithFullMemory: all in the dump
whole --explain
err_says "_PyRuntime at 0x[0-9a-f]+ in $library by its symbol\$"
waits='{t["name"]: t["waiting_for"] and t["waiting_for"]["what"] for t in r["threads"]}'
json_check "$waits == {'MainThread': None, 'thr-W1': 'lock', 'thr-W2': 'lock', 'thr-F1': 'lock', 'thr-B1': 'gil', 'thr-S1': None}" "$work/report"
run 0 "$CORE2PYHEAP" --no-dump "$work/dmp"
out_says '^Thread MainThread \(TID [0-9]+\), crashed, holds the GIL, most recent call last:$'
out_says '^2 threads: thr-W1 \(TID [0-9]+\), thr-W2 \(TID [0-9]+\), waiting for a lock; '
out_says '^Thread thr-B1 \(TID [0-9]+\), waiting for the GIL, most recent call last:$'
rm -f "$work/dmp"
finish
