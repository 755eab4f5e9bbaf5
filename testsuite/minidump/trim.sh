#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# core2pyheap --trim: a small minidump of what the report needs.  The same report comes from it, line for line, of ELF cores
# and of minidumps, and from what is trimmed once more; --trim with -o holds what the dump needed too.
. "$top_srcdir/testsuite/cores/common.sh"

# the report is the same but for the kind of image
same() { # same WHAT FILE
	run "0 1" "$CORE2PYHEAP" --no-dump "$2"
	before=$status
	mv "$work/out" "$work/text"
	run "$before" "$CORE2PYHEAP" --no-dump --redact=none --report=json "$2"
	sed 's/"kind": *"[a-z-]*"/"kind":""/' "$work/out" >"$work/json"
	rm -f "$work/trimmed" "$work/again"
	run "$before" "$CORE2PYHEAP" --report=none --trim="$work/trimmed" "$2"
	err_says 'unredacted'
	run "$before" "$CORE2PYHEAP" --report=none --trim="$work/again" "$work/trimmed"
	for file in "$work/trimmed" "$work/again"; do
		run "$before" "$CORE2PYHEAP" --no-dump "$file"
		check "$1: the report of the trimmed file" cmp "$work/text" "$work/out"
		run "$before" "$CORE2PYHEAP" --no-dump --redact=none --report=json "$file"
		sed 's/"kind": *"[a-z-]*"/"kind":""/' "$work/out" >"$work/json.trimmed"
		check "$1: its JSON" cmp "$work/json" "$work/json.trimmed"
	done
	old=$(stat -L -c %s "$2") new=$(stat -c %s "$work/trimmed")
	echo "$1: $old bytes, trimmed $new"
	check "$1: mode of the trimmed file" [ "$(stat -c %a "$work/trimmed")" = 600 ]
}

tried=
for version in 3.11 2.7 3.8 3.14; do
	folder=$("$cores/get-core" "$version" segv 2>/dev/null) || continue
	tried=yes
	same "core of $version" "$folder/core"
	check "smaller" [ "$((new * 2))" -lt "$old" ]
done
# what is large and printed in part only is not kept whole: a table of entries, a text
if python=$(need_python system 3.11 3.12); then
	cat >"$work/large.py" <<-'END'
		import os
		table = {i: 'entry %d' % i for i in range(200000)}
		text = 'x' * 20000000
		os.abort()
	END
	need_core "$work/large" "$python" "$work/large.py"
	same "large tables" "$work/large/core"
	check "less than a twentieth of it" [ "$((new * 20))" -lt "$old" ]
	rm -rf "$work/large"
fi

# what was cut is still said, range for range, plain and of a compressed one
if [ -n "$tried" ]; then
	size=$(stat -L -c %s "$folder/core")
	head -c $((size * 9 / 10)) "$folder/core" >"$work/cut"
	same "core, cut" "$work/cut"
	run 1 "$CORE2PYHEAP" --no-dump "$work/again"
	out_says 'bytes missing, the core is cut'
	out_says '^The image is incomplete'
	gzip -1 -c "$folder/core" | head -c $((size / 20)) >"$work/cut"
	same "compressed core, cut" "$work/cut"
	rm -f "$work/cut"
fi
# other machines: as Breakpad defines their minidumps, the same report without our own stream of notes too; of s390x there are none
for file in "${PYHEAP_CORPUS:-$top_srcdir/../shared/corpus}"/*-riscv64-*/core.zst "${PYHEAP_CORPUS:-$top_srcdir/../shared/corpus}"/*-arm64-*/core.zst \
	"$("$cores/get-core" 3.13-ppc64el segv 2>/dev/null)/core"; do
	[ -f "$file" ] || continue
	same "core of another machine" "$file"
	run "0 1" "$CORE2PYHEAP" --no-dump --report=json "$work/trimmed"
	mv "$work/out" "$work/json"
	"$PYTHON3" - "$work/trimmed" <<'P'
import struct, sys
with open(sys.argv[1], 'r+b') as f:
    whole = f.read()
    count, directory = struct.unpack_from('<II', whole, 8)
    for at in range(directory, directory + 12 * count, 12):
        if struct.unpack_from('<I', whole, at) == (0x50680001,):
            f.seek(at)
            f.write(bytes(4))
P
	run "0 1" "$CORE2PYHEAP" --no-dump --report=json "$work/trimmed"
	check "the same frames by the registers of its CONTEXTs" "$PYTHON3" -c '
import json, sys
a, b = (json.load(open(path)) for path in sys.argv[1:])
def of(report):
    return [(t["name"], t["pc"], t["frames"]) for t in report["threads"]]
sys.exit(of(a) != of(b) or not of(a))' "$work/json" "$work/out"
done
for file in "${PYHEAP_CORPUS:-$top_srcdir/../shared/corpus}"/*-s390x-*/core.zst; do
	[ -f "$file" ] || continue
	run 2 "$CORE2PYHEAP" --report=none --trim="$work/none" "$file"
	one_line_error 'no minidump can be written of s390x: none is defined for this machine; -o with --heap=stacks '
	check "no file" [ ! -e "$work/none" ]
done
for file in "${PYHEAP_CORPUS:-$top_srcdir/../shared/corpus}"/wine-*crash*/core.dmp.xz; do
	[ -f "$file" ] || continue
	same "minidump of Windows" "$file"
done
[ -n "$tried" ] || skip "no core can be made here"

# with the core alone elsewhere: what came from module files is in the file
run 0 "$CORE2PYHEAP" --sysroot="$work/cwd" --no-dump --report=json "$work/trimmed"
json_check 'r["threads"] and not r["damage"]'

# what the dump of the stacks needed is in it when one was asked for
core=$folder/core
[ -f "$core" ] || core=$("$cores/get-core" 3.11 segv)/core
run 0 "$CORE2PYHEAP" --report=none --heap=stacks -o "$work/a.pyheap" --trim="$work/trimmed" "$core"
run 0 "$CORE2PYHEAP" --report=none --heap=stacks -o "$work/b.pyheap" "$work/trimmed"
if command -v unzip >/dev/null; then
	unzip -p "$work/a.pyheap" closure.jsonl >"$work/a" 2>/dev/null
	unzip -p "$work/b.pyheap" closure.jsonl >"$work/b" 2>/dev/null
	check "objects that the stacks reach" [ "$(wc -l <"$work/a")" -gt 1000 ]
	check "the same objects" cmp "$work/a" "$work/b"
fi

run 2 "$CORE2PYHEAP" --trim="$work/none" --pid=1
one_line_error 'not a process'
run 2 "$CORE2PYHEAP" --report=none --trim="$work/no/such/folder" "$work/trimmed"
check "nothing written" [ ! -e "$work/no" ]
finish
