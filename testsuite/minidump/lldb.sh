#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# usage: lldb.sh VERSION...: minidumps that LLDB writes of a dying Python, in its three styles; full and modified-memory are held
# against what the interpreter wrote of itself, with the executable and with the file alone; stack says what is missing.
. "$top_srcdir/testsuite/cores/common.sh"
for lldb in lldb-19 lldb-20 lldb-18 lldb; do
	command -v "$lldb" >/dev/null && break
done
command -v "$lldb" >/dev/null || skip "no LLDB"

dumps() { # dumps PYTHON DIR: full, modified-memory and stack
	mkdir -p "$2"
	program=gt3.py
	[ "$("$1" -S -c 'import sys; sys.stdout.write(str(sys.version_info[0]))')" = 2 ] && program=gt2.py
	(
		cd "$2" || exit 99
		GT_OUT=$2 GT_MODE=segv GT_N=500 DEBUGINFOD_URLS=
		export GT_OUT GT_MODE GT_N DEBUGINFOD_URLS
		set -- "$lldb" -b -o "process launch -o stdout -e stderr -i /dev/null" -- "$1" "$cores/$program"
		save="process save-core --plugin-name=minidump"
		timeout -k 5 300 "$1" "$2" "$3" "$4" -k "$save --style=full full" -k \
			"$save --style=modified-memory modified" -k "$save --style=stack stack" -k kill "$5" "$6" "$7" >lldb.log 2>&1
	)
}

judge_report() { # judge_report NAME FILE TRUTH ARGUMENT
	run 0 "$CORE2PYHEAP" --no-dump --redact=none --report=json $4 "$2"
	cp "$work/out" "$work/report"
	json_check 'r["image"]["kind"] == "minidump" and r["image"]["os"] == "linux" and r["image"]["complete"]'
	json_check 'r["image"]["signal"]["name"] == "SIGSEGV" and not r["damage"]'
	run 0 "$PYTHON3" "$cores/check_report.py" --tasks "$work/report" "$3"
	echo "$1: $(tail -n 1 "$work/out")"
}

tried=
for version in "$@"; do
	python=$("$top_srcdir/testsuite/find-pythons" --one "$version" 2>/dev/null) || continue
	folder=$work/$version
	dumps "$python" "$folder"
	[ $? -ne 124 ] || {
		echo "not tried: $version: LLDB took more than 300 s"
		continue
	}
	tried="$tried $version"
	if [ ! -s "$folder/full" ] || [ ! -s "$folder/gt.json" ]; then
		tail -n 5 "$folder/lldb.log"
		skip "LLDB cannot run a program here"
	fi
	judge_report "$version full" "$folder/full" "$folder/gt.json" ""
	judge_report "$version full, alone" "$folder/full" "$folder/gt.json" "--sysroot=$work/cwd"
	judge_report "$version modified-memory" "$folder/modified" "$folder/gt.json" ""
	run 1 "$CORE2PYHEAP" -o "$work/stack.pyheap" "$folder/stack"
	out_says '^SIGSEGV'
	out_says 'heap: is not in this minidump: stacks only, written by LLDB'
	out_says 'heap: one that has it: .*--style=full'
	run 1 "$CORE2PYHEAP" --no-dump --report=json "$folder/stack"
	json_check 'r["python"]["version"].startswith("'"${version#system}"'")'
	json_check 'len(r["native_threads"]) > 3 and [t for t in r["native_threads"] if t["crashed"]]'
	json_check 'all(t["pc"]["module"] for t in r["native_threads"])'
	rm -rf "$folder"
done
[ -n "$tried" ] || skip "no Python of $*"
finish
