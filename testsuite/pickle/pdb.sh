#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# pyheap-pdb on a scripted stdin: every frame, line and simple local of one core a version (testsuite/cores/conformance.sh has
# them of all); as a program of each version; its commands; deep objects, long texts, generators; wrong input.
. "$top_srcdir/testsuite/cores/common.sh"
reader=$(need_python 3.8 3.9 3.10 3.11 3.12 3.13 system) || skip "no Python 3.8 or later"
program=$top_srcdir/pdb/pyheap-pdb
here=$top_srcdir/testsuite/pickle
tried=
for version in ${PYHEAP_TEST_VERSIONS:-2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13 system}; do
	python=$(need_python "$version") || continue
	core=$("$cores/get-core" "$version" segv 2>"$work/err") || skip "no cores can be made here"
	run 0 "$CORE2PYHEAP" --report=none --redact=none -o "$work/dump.pyheap" "$core/core" "$python"
	check "pyheap-pdb over $version" "$reader" "$here/check_pdb.py" "$reader" "$program" "$work/dump.pyheap" "$core/gt.json"
	# the reader is of each version too
	case $version in
	3.[89] | 3.1[0-9] | system)
		printf '%s\n' bt up 'p a_int' args ll 'pp kwargs' 'whatis l1_obj' 'p l1_obj.name' interact 'print(40 + 2, l1_list)' >"$work/script"
		last="$python pyheap-pdb"
		timeout 60 "$python" -I "$program" "$work/dump.pyheap" --thread MainThread <"$work/script" >"$work/out" 2>"$work/err"
		wanted=0
		judge
		out_says '^-> main\('
		;;
	esac
	tried="$tried $version"
done
[ -n "$tried" ] || skip "no Python"

core=$("$cores/get-core" "$version" excepthook 2>"$work/err") || skip "no cores can be made here"
run 0 "$CORE2PYHEAP" --report=none -o "$work/dump.pyheap" "$core/core" "$python"
printf '%s\n' up args 'p l1_bytes' 'p l1_dict' 'pp l1_big' 'whatis l1_obj' 'whatis uses_cell' 'p l1_obj.name' ll n threads \
	'thread thr-blocked' 'p local_str' interact 'print(local_str, 40 + 2)' >"$work/script"
wanted=0
last="pyheap-pdb, all commands"
timeout 60 "$reader" -I "$program" "$work/dump.pyheap" <"$work/script" >"$work/out" 2>"$work/err"
judge
for text in "^b_str = 'b'" "b'local .x00 bytes'" "'k': 'v'" "-1(00000){10}" "<class '__main__.Plain'>" 'Function uses_cell' "'plain77'" \
	'def level1\(a_int' '->.*@LEVEL2' 'the process is dead' 'thr-sleeper' "'local of the blocked thread'" \
	'local of the blocked thread 42'; do
	out_says "$text"
done

# ---- what lies deep, is long, or is suspended ----

python=$(need_python system "$version")
need_core "$work/deep" "$python" "$here/deep_program.py"
printf '%s\n' args up 'p deep.child.child.child.child.child.child.name' 'p nested["a"]["b"]["c"]["d"]["e"][1]["g"]' \
	'p len(text), text[-4:], len(data), data[-4:]' 'p len(long_text) > 65536, long_text[-17:]' 'p generator.gi_frame.f_locals' \
	'p coroutine.cr_frame.f_locals, coroutine.cr_frame.f_code.co_name' 'p "finished", finished.gi_frame' \
	'p kept.__traceback__.tb_frame.f_locals["nested"]["a"]["b"]["c"]' \
	'p len(one_long_list), one_long_list[-1]' 'p pair.left, pair.right, pair[1]' 'p colour.name, colour.value' 'whatis Registry' \
	'p Registry.kind, Registry.__name__, vars(registry)' 'p list(counted.items()), counted.get("z"), counted.get("no", 5), "y" in counted' >"$work/script"
for objects in 100000 200; do
	run 0 "$CORE2PYHEAP" --report=none --pickle-objects=$objects -o "$work/dump.pyheap" "$work/deep/core"
	last="pyheap-pdb, deep objects, $objects of them"
	wanted=0
	timeout 60 "$reader" -I "$program" "$work/dump.pyheap" <"$work/script" >"$work/out" 2>"$work/err"
	judge
	# an argument that is a cell: where it stood is known since 3.11
	"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && out_says '^only = 7'
	[ $objects = 200 ] || for text in "'node 293'" "'found at the end'" "\(60004, 'END1', 60004, b'END2'\)" "\(True, 'cut; 100000 in all\)'\)|100000 in all" \
		"'start': 40, 'total': 42" "'in_coroutine': 'local of a coroutine'\}, 'waits'" "\('finished', None\)" "'g': 'found at the end'" "1001, <299000 more" "\(1, 'two', 'two'\)" "\('RED', 3\)" 'Class __main__.Registry' \
		"\('registry', 'Registry', \{'name': 'r', 'child': None\}\)" "\(\[\('z', 1\), \('y', 2\)\], 1, 5, True\)"; do
		out_says "$text"
	done
done
out_says 'not in the dump|has no attribute'
if command -v unzip >/dev/null; then
	run 0 unzip -p "$work/dump.pyheap" closure.jsonl
	check "the nearest 200" [ "$(wc -l <"$work/out")" = 200 ]
fi

# lines that no dump has
for lie in 's/"pairs":\[\[/"pairs":[5,["0x1"],[/' 's/"__mro__":"0x[0-9a-f]*"/"__mro__":"0x10"/' 's/"attributes":{[^}]*}/"attributes":[1]/' \
	's/"items":\[/"items":[{},/' 's/"len":[0-9]*/"len":"x"/' 's/"repr":"/"repr":7,"x":"/'; do
	check "a dump that lies" "$reader" -c 'import re, sys, zipfile
_, old, new, pattern, text = sys.argv
with zipfile.ZipFile(old) as z, zipfile.ZipFile(new, "w") as to:
    for name in z.namelist():
        data = z.read(name)
        to.writestr(name, re.sub(pattern.encode(), text.encode(), data) if name == "closure.jsonl" else data)' \
		"$work/dump.pyheap" "$work/lies.pyheap" "$(echo "$lie" | cut -d/ -f2)" "$(echo "$lie" | cut -d/ -f3)"
	last="pyheap-pdb over a dump with $lie"
	wanted=0
	timeout 60 "$reader" -I "$program" "$work/lies.pyheap" <"$work/script" >"$work/out" 2>"$work/err"
	judge
done

run 2 "$reader" -I "$program" --thread nobody "$work/dump.pyheap"
one_line_error 'no thread nobody; there are: MainThread'
run 2 "$reader" -I "$program" "$core/core"
one_line_error 'pyheap-pdb: '
run 2 "$reader" -I "$program" "$work/nothing"
one_line_error 'No such file'
echo "tried:$tried; read with $reader"
finish
