#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# One object of each of some 480 kinds that C and the standard library make, a native module's too, against sys.getsizeof and
# gc.get_referents of the process itself.  Before they are made the blocks that they get were full of addresses of objects, so that
# a member that nobody set shows.  And what Python 2 calls text is shown as that.
. "$top_srcdir/testsuite/cores/common.sh"
seen=0
judge_core() { # VERSION CORE [OPTION]
	run 0 "$CORE2PYHEAP" --report=none -o "$work/dump" ${3+"$3"} "$2/core"
	run 0 "$PYHEAP" verify "$work/dump"
	! grep -i damage "$work/out" || fail "Python $1 ${3-}: a healthy heap is said to be damaged"
	run 0 "$PYHEAP" export "$work/dump"
	rm -f "$work/dump"
	"$PYTHON3" "$cores/heap_kinds_check.py" "$work/truth" <"$work/out" >"$work/differ" || fail "Python $1 ${3-}"
	cat "$work/differ"
	seen=$((seen + 1))
}
for version in ${*:-2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13 system}; do
	python=$(need_python "$version") || continue
	rm -rf "$work/made" "$work/native"
	mkdir "$work/native"
	include=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
	native=
	if command -v cc >/dev/null && [ -e "$include/Python.h" ]; then
		check "no native module" cc -O1 -w -shared -fPIC "-I$include" -o "$work/native/heap_kinds_native.so" "$cores/heap_kinds_native.c"
		native=$work/native
	fi
	need_core "$work/made" "$python" "$cores/heap_kinds_program.py" "$work/truth" $native
	judge_core "$version" "$work/made"
done
for version in ${*:-3.14 3.15}; do
	case $version in 3.14 | 3.15) ;; *) continue ;; esac
	root=$("$cores/get-root" "$version" 2>/dev/null) || continue
	rm -rf "$work/root"
	if GT_PROGRAM=heap_kinds_program.py "$cores/run-in-root" "$root" "/usr/bin/python$version" "$work/root" || [ -s "$work/root/core" ]; then
		cp "$work/root/gt.json" "$work/truth"
		judge_core "$version" "$work/root" "--sysroot=$root"
	else
		fail "no core of $version"
	fi
done
[ "$seen" -gt 0 ] || skip "no Python"
finish
