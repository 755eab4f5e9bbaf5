#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# PYTHONMALLOC: what is around an object in memory changes nothing of what is printed of it.  The conformance program under
# debug hooks, malloc and mimalloc, with the executable and with the core alone: report and objects, N of N.
#
# usage: allocators.sh [VERSION=ALLOCATOR...]
# shellcheck source=/dev/null
. "$top_srcdir/testsuite/cores/common.sh"
"$PYTHON3" -c pass 2>/dev/null || skip "no python3"
mkdir "$work/empty"

hold() { # hold WHAT CHECKER OPERAND...
	what=$1
	shift
	"$PYTHON3" "$@" >"$work/held" 2>&1
	result=$?
	check "$version with $allocator, $way: $what: $(tail -n 3 "$work/held")" [ $result -eq 0 ]
	echo "$version with $allocator, $way: $(tail -n 1 "$work/held")"
}

tried=0
for pair in ${*:-system=malloc 3.6=debug 3.9=malloc 3.12=pymalloc_debug 3.13=mimalloc 3.13=debug}; do
	version=${pair%%=*} allocator=${pair#*=}
	python=$(need_python "$version") || {
		echo "not tried: no Python $version here"
		continue
	}
	core=$work/$version-$allocator
	PYTHONMALLOC=$allocator GT_N=2000 "$cores/run" "$python" "$core" abort >"$work/out" 2>"$work/err" || {
		[ $? -eq 77 ] && skip "no cores can be made here"
		cat "$work/err"
		exit 99
	}
	tried=$((tried + 1))
	for way in executable alone; do
		alone=--alone where=--sysroot=$work/empty
		[ $way = alone ] || alone='' where=$python
		run 0 "$CORE2PYHEAP" --report=json --redact=none -o "$work/dump.pyheap" "$where" "$core/core"
		cp "$work/out" "$work/report.json"
		hold report "$cores/check_report.py" --tasks "$work/report.json" "$core/gt.json"
		# shellcheck disable=SC2086
		hold objects "$cores/check_objects.py" $alone "$PYHEAP" "$work/dump.pyheap" "$core/gt.json"
		rm -f "$work/dump.pyheap"
	done
	rm -rf "$core"
done
[ $tried -gt 0 ] || skip "none of these versions is here"
finish
