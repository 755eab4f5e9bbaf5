#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Processes that died outside of a program's ordinary life: before and during start-up, in a finalizer, in a garbage
# collection, while the interpreter shuts down and after it has gone.  What is left is reported, and the state is named.
. "$top_srcdir/testsuite/cores/common.sh"
tried=

ways() { # ways STATUS EXPRESSION...
	want=$1
	shift
	for operand in "$executable" --sysroot="$work/cwd"; do
		run "$want" "$CORE2PYHEAP" --no-dump --report=json "$operand" "$dir/core"
		[ "$want" = 3 ] && one_line_error 'died before Python had started, or after its end$'
		for expression in "$@"; do
			json_check "$expression"
		done
	done
}

stage() { # stage NAME PROGRAM-TEXT
	executable=$python dir=$work/$version-$1
	printf '%s\n' "$2" >"$work/$1.py"
	need_core "$dir" "$python" "$work/$1.py"
}

program() { # program NAME ARGUMENT...
	executable=$work/program-$version dir=$work/$version-$1
	shift
	need_core "$dir" "$executable" "$@"
}

for version in system 3.13 3.8; do
	python=$(need_python "$version") || continue
	tried=yes

	stage finalizer 'import os
class Resource:
    def __init__(self):
        self.name = "resource 7"
    def __del__(self):
        os.abort()
def use():
    resource = Resource()
    resource = None
use()'
	ways 0 '[f["function"] for f in r["threads"][0]["frames"]] == ["<module>", "use", "__del__"]' \
		'r["threads"][0]["frames"][-1]["locals"][0]["type"] == "__main__.Resource"' \
		'"state" not in r["python"] and r["interpreters"][0]["gc"]["collecting"] is False'

	stage collection 'import gc, os
class Node:
    def __init__(self):
        self.me = self
    def __del__(self):
        os.abort()
def make():
    Node()
    gc.collect()
make()'
	ways 0 '[f["function"] for f in r["threads"][0]["frames"]] == ["<module>", "make", "__del__"]' \
		'"state" not in r["python"] and r["interpreters"][0]["gc"]["collecting"] is True'
	run 0 "$CORE2PYHEAP" --no-dump "$dir/core"
	out_says 'Garbage collector: enabled, collecting'

	stage atexit 'import atexit, os, threading
def goodbye(word):
    os.abort()
atexit.register(goodbye, "so long")'
	ways 0 '[(f["function"], f["locals"][0]["repr"]) for f in r["threads"][0]["frames"]] == [("goodbye", "\"so long\"".replace(chr(34), chr(39)))]' \
		'r["python"]["state"] == "shutting down"'

	stage shutdown 'import os, sys
class Last:
    def __del__(self, abort=os.abort):
        abort()
sys.last = Last()'
	ways 1 '[f["function"] for f in r["threads"][0]["frames"]] == ["__del__"]' \
		'r["python"]["state"] == "shutting down" and r["python"]["version"].startswith("3.")' \
		'[d["where"] for d in r["damage"]] == ["python"]'
	run 1 "$CORE2PYHEAP" --no-dump "$dir/core"
	out_says '^  python +3.*, shutting down$'

	flags=$("$python" -c 'import sysconfig as s; v = s.get_config_var
print("-I" + s.get_paths()["include"], "-L" + v("LIBDIR"), "-Wl,-rpath," + v("LIBDIR"), "-lpython" + v("LDVERSION"))')
	# shellcheck disable=SC2086
	${CC:-cc} -O1 -o "$work/program-$version" "$cores/life-stages.c" $flags >"$work/cc.log" 2>&1 || {
		echo "not tried: the start and the end of $version ($(tail -n 1 "$work/cc.log"))"
		continue
	}
	program before before
	ways 3
	program early early
	ways 3
	program after after
	ways 3
	program left left
	if grep -q 'remaining subinterpreters' "$dir/output"; then
		ways 1 'r["python"]["state"] == "shutting down" and [i["id"] for i in r["interpreters"]] == [1]' \
			'r["image"]["signal"]["name"] == "SIGABRT" and not r["interpreters"][0]["main"]'
	else
		echo "not tried: a subinterpreter left over; $version ends it ($(tail -n 1 "$dir/output"))"
	fi
	program starting hook import
	ways 0 'r["python"]["state"] == "starting" and r["threads"][0]["name"] == "MainThread" and r["threads"][0]["crashed"]'
	run 0 "$CORE2PYHEAP" --no-dump "$dir/core"
	out_says '^  python +3.*, starting$'
	program clearing hook cpython.PyInterpreterState_Clear
	ways 1 'r["python"]["state"] == "shutting down" and r["threads"][0]["crashed"] and not r["threads"][0]["frames"]'
done
[ -n "$tried" ] || skip "no Python"
finish
