#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# asyncio's tasks: one for each thing that a task can wait for, two loops, a task in Python, an eager one, one that runs.
. "$top_srcdir/testsuite/cores/common.sh"
seen=0
for version in system 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13; do
	python=$(need_python "$version") || continue
	seen=$((seen + 1))
	rm -rf "$work/crash"
	need_core "$work/crash" "$python" "$cores/tasks_program.py"
	core=$work/crash/core
	for how in "$python" "--sysroot=$work/cwd"; do
		run 0 "$CORE2PYHEAP" --report=json --heap=none -o "$work/dump" "$core" "$how"
		cp "$work/out" "$work/report.json"
		checks=$((checks + 1))
		"$PYTHON3" "$cores/tasks_check.py" "$work/report.json" || fail "tasks of $version, $how"
		run 0 "$PYHEAP" report --json "$work/dump"
		check "the dump's report of $version differs" cmp "$work/out" "$work/report.json"
		run 0 "$PYHEAP" tasks "$work/dump"
		out_says "^12 tasks: .*waiting for a lock; the first one's locals"
		check "a secret of a coroutine" sh -c '! grep -q hunter2 "$1"' sh "$work/out"
		run 0 "$PYHEAP" tasks --json "$work/dump"
		check "tasks --json" "$PYTHON3" -c 'import json, sys
t, r = (json.load(open(f, encoding="utf-8")) for f in sys.argv[1:])
sys.exit(t != {"tasks": r["tasks"]})' "$work/out" "$work/report.json"
	done
done
[ "$seen" -gt 0 ] || skip "no Python"
finish
