#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Greenlets, bare ones, gevent's, and those of a coroutine: every frame of every stack as the process itself saw it.
. "$top_srcdir/testsuite/cores/common.sh"
seen=0

judge_core() { # VERSION FOLDER PYTHON
	for how in "$3" "--sysroot=$work/cwd"; do
		run 0 "$CORE2PYHEAP" --report=json --heap=none -o "$work/dump" "$2/core" "$how"
		cp "$work/out" "$work/report.json"
		checks=$((checks + 1))
		"$PYTHON3" "$cores/greenlets_check.py" "$work/report.json" "$2/gt.json" || fail "greenlets of $1, $how"
		run 0 "$PYHEAP" report --json "$work/dump"
		check "the dump's report of $1 differs" cmp "$work/out" "$work/report.json"
		run 0 "$PYHEAP" greenlets "$work/dump"
		out_says "^Greenlet main, suspended, of thread bare, most recent call last:"
		out_says "^3 greenlets: .*named.*, suspended, of thread bare; the first one's locals"
		check "a secret of a greenlet" sh -c '! grep -q hunter2 "$1"' sh "$work/out"
		run 0 "$PYHEAP" greenlets --json "$work/dump"
		check "greenlets --json" "$PYTHON3" -c 'import json, sys
t, r = (json.load(open(f, encoding="utf-8")) for f in sys.argv[1:])
sys.exit(t != {"greenlets": r["greenlets"]})' "$work/out" "$work/report.json"
	done
	seen=$((seen + 1))
}

for version in ${*:-system 2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13}; do
	python=$(need_python "$version") || continue
	site=$("$cores/get-greenlet" "$version" "$python") || continue
	rm -rf "$work/crash"
	need_core "$work/crash" env PYTHONPATH="$site" "$python" "$cores/greenlets_program.py" gt.json
	judge_core "$version" "$work/crash" "$python"
done
if [ $# -eq 0 ] && root=$("$cores/get-root" 3.14 2>/dev/null) && site=$("$cores/get-greenlet" 3.14); then
	mkdir -p "$work/root"
	cp -r "$site" "$work/root/site"
	if GT_PROGRAM=greenlets_program.py "$cores/run-in-root" "$root" /usr/bin/python3.14 "$work/root"; then
		judge_core 3.14 "$work/root" "--sysroot=$root"
	else
		fail "no core of 3.14"
	fi
fi
[ "$seen" -gt 0 ] || skip "no Python with greenlet"
finish
