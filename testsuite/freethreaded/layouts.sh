#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Free-threaded layouts and decoders without a free-threaded Python: process.c, compiled from the headers of ordinary builds
# with -DPy_GIL_DISABLED=1, lays such a process out in its memory and dies.  With _Py_DebugOffsets, and by the tables alone.
. "$top_srcdir/testsuite/cores/common.sh"
here=$top_srcdir/testsuite/freethreaded
: "${CC:=gcc}"
[ -n "$PYTHON3" ] && [ "$PYTHON3" != : ] || skip "no python3 here"
[ "$(uname -m)" = x86_64 ] || skip "the machine is another one"
echo 'int main(void) { return 0; }' >static.c
$CC -static static.c -o static 2>/dev/null || skip "no static libc to link with"

one() { # VERSION FLAGS...
	version=$1
	shift
	# what the runtime's initialiser names of libpython is never called
	$CC -w -g -O1 -DPy_BUILD_CORE=1 -DPy_GIL_DISABLED=1 "$@" "$here/process.c" -o process -static \
		-Wl,--unresolved-symbols=ignore-all >log 2>&1 || { checks=$((checks + 1)); fail "$version: process.c does not compile"; head -20 log; return; }
	for how in '' tables; do
		rm -rf core dump
		need_core "$work/cwd/core" "$work/cwd/process" $how
		echo "== $version $how"
		run 0 "$CORE2PYHEAP" --report=none -o dump core/core
		run 0 "$CORE2PYHEAP" --report=json --no-dump core/core
		mv "$work/out" report
		run 0 "$PYHEAP" types --json dump
		mv "$work/out" types
		run 0 "$PYHEAP" export dump
		check "$version $how: the report is another" "$PYTHON3" "$here/check_process.py" core/output report types "$work/out"
		origin=$([ "$how" = tables ] && echo table || echo debug-offsets)
		json_check "r['python']['origin'] == '$origin' and r['python']['version'].startswith('$version')" report
	done
}

python=$(need_python 3.13) && {
	include=$("$python" -I -S -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
	[ ! -d "$include/internal" ] || one 3.13 -I"$include"
}
for version in 3.14 3.15; do
	root=$("$cores/get-root" --kept $version 2>/dev/null) || continue
	include=$root/usr/include
	[ -d "$include/python$version/internal" ] && one $version -I"$include/python$version" \
		-I"$include/x86_64-linux-gnu/python$version" -idirafter "$include" -idirafter "$include/x86_64-linux-gnu"
done
[ "$checks" -gt 0 ] || skip "no internal headers of 3.13 or later"
finish
